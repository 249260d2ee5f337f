package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testedBlock is a fenced sh block under the mark that has it run here, where
// the program that the mark names is there. Its commands are the lines that
// begin with "$ ".
var testedBlock = regexp.MustCompile("(?m)^<!-- tested(?: with (\\S+))? -->\n```sh\n((?:.*\n)*?)```$")

// TestDocsRunAsWritten runs the marked commands of README and docs, those of
// one document one after the other in one place.
func TestDocsRunAsWritten(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range append(docs, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		commands := testedCommands(string(text))
		if found += len(commands); len(commands) == 0 {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			p := newPlace(t)
			p.asCheckout(root)
			for _, c := range commands {
				if _, err := exec.LookPath(c.with); c.with != "" && err != nil {
					t.Run(c.text, func(t *testing.T) { absent(t, "needs "+c.with+": install it") })
					continue
				}
				p.shell(c.text)
			}
		})
	}
	if found < 20 {
		t.Errorf("the documents have only %d commands that are marked as tested", found)
	}
}

// TestDocsQuoteFilesWhole keeps what a document shows the same as the file
// that is built or loaded.
func TestDocsQuoteFilesWhole(t *testing.T) {
	for doc, file := range map[string]string{
		"docs/writing-a-plugin.md": "examples/plugins/hash/main.go",
		"docs/configuration.md":    "docs/examples/harness.yaml",
	} {
		text, err := os.ReadFile(filepath.Join("../..", doc))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n"+string(want)+"```\n") {
			t.Errorf("%s does not show %s as it is", doc, file)
		}
	}
}

// docCommand is a command of a document.
type docCommand struct{ text, with string }

func testedCommands(text string) []docCommand {
	var out []docCommand
	for _, block := range testedBlock.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[2]) {
			if c, ok := strings.CutPrefix(line, "$ "); ok {
				out = append(out, docCommand{strings.TrimSpace(c), block[1]})
			}
		}
	}
	return out
}

// asCheckout makes the place look like a checkout, in which harness is on the
// PATH and `go build` works.
func (p *place) asCheckout(root string) {
	p.t.Helper()
	bin := filepath.Join(filepath.Dir(p.dir), "bin")
	exe, err := filepath.Abs(binary)
	if err == nil {
		err = os.Mkdir(bin, 0o755)
	}
	if err == nil {
		err = os.Symlink(exe, filepath.Join(bin, "harness"))
	}
	for _, name := range []string{"go.mod", "go.sum", "docs", "examples", "plugins", "sdk"} {
		if err == nil {
			err = os.Symlink(filepath.Join(root, name), filepath.Join(p.dir, name))
		}
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.env[0] = "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY").Output()
	values := strings.Split(string(out), "\n")
	if err != nil || len(values) < 3 {
		p.t.Fatalf("go env: %v", err)
	}
	p.env = append(p.env, "GOCACHE="+values[0], "GOMODCACHE="+values[1], "GOPROXY="+values[2])
}

// shell runs a command of a document, which has to succeed.
func (p *place) shell(command string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", command)
	cmd.Dir, cmd.Env = p.dir, p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Errorf("$ %s\n%v\n%s", command, err, out)
	}
}
