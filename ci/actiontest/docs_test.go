package actiontest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources is the text of everything that a job on GitHub may print.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{"../../cmd/harness", "../../ci", "../../internal/variant"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.ReplaceAll(all.String(), `\"`, `"`)
}

// Messages that docs/ci.md explains are quoted, with … for what varies.
func TestTheMessagesThatTheDocsExplainAreThoseThatArePrinted(t *testing.T) {
	doc, all := read(t, "../../docs/ci.md"), sources(t)
	_, table, _ := strings.Cut(doc, "## When something is wrong")
	table, _, _ = strings.Cut(table, "\n## ")
	quoted := 0
	for _, m := range regexp.MustCompile("(?m)^\\| `(.*?)` \\|").FindAllStringSubmatch(table, -1) {
		for _, part := range regexp.MustCompile(`…|0\.1\.0|""|GitHub answered|403: `).Split(m[1], -1) {
			if part = strings.TrimSpace(part); len(part) < 6 {
				continue
			}
			quoted++
			if !strings.Contains(all, part) && part != "Resource not accessible by integration; give the job" {
				t.Errorf("%q: nothing prints %q", m[1], part)
			}
		}
	}
	if quoted < 15 {
		t.Errorf("only %d pieces of messages are quoted", quoted)
	}
}

func TestTheDocsNameEveryInputAndWorkflow(t *testing.T) {
	doc := read(t, "../../docs/ci.md")
	a := readAction(t)
	for name := range a.Inputs {
		if !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("docs/ci.md does not name the input %s", name)
		}
	}
	for name := range a.Outputs {
		if !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("docs/ci.md does not name the output %s", name)
		}
	}
	files, err := filepath.Glob("../workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("workflows: %q, %v", files, err)
	}
	for _, f := range files {
		if !strings.Contains(doc, "`"+filepath.Base(f)+"`") {
			t.Errorf("docs/ci.md does not name %s", f)
		}
	}
}

// The config file that a newcomer copies first, and this repository's own.
func TestTheConfigFilesAreValid(t *testing.T) {
	_, config, _ := strings.Cut(read(t, "../../docs/ci.md"), "```yaml\n")
	config, _, _ = strings.Cut(config, "```")
	dir := short(t)
	write(t, filepath.Join(dir, "harness.yaml"), config)
	own, err := filepath.Abs("../../.github/harness.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(dir, "harness.yaml"), own} {
		if out, err := run(t, dir, append(gitEnv(), "HOME="+dir), binary, "config", "--config", file); err != nil || !strings.Contains(out, "file") {
			t.Errorf("harness config --config %s: %v\n%s", file, err, out)
		}
	}
}
