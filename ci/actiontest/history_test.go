package actiontest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// historyPlace is a bare repository and clones of it, with run documents to
// record.
type historyPlace struct {
	t            *testing.T
	dir, bare    string
	bin          string // in front of the PATH
	documents    []string
	recordScript string
}

func newHistoryPlace(t *testing.T, documents int) *historyPlace {
	t.Helper()
	peers(t, "git", "bash")
	script, err := filepath.Abs("../record-history")
	if err != nil {
		t.Fatal(err)
	}
	p := &historyPlace{t: t, dir: short(t), recordScript: script}
	p.bare, p.bin = filepath.Join(p.dir, "bare"), filepath.Dir(binary)
	git(t, p.dir, "init", "--quiet", "--bare", "--initial-branch=main", p.bare)
	first := p.clone("first")
	write(t, filepath.Join(first, "code.go"), "package code\n")
	git(t, first, "add", ".")
	git(t, first, "commit", "--quiet", "-m", "code")
	git(t, first, "push", "--quiet", "origin", "HEAD:main")

	if documents == 0 {
		return p
	}
	doc := measured(t)
	id := doc.ID
	for i := range documents {
		doc.ID = fmt.Sprintf("%s%02d", id, i)
		path := filepath.Join(p.dir, fmt.Sprintf("run%d.json", i))
		if err := store.WriteRun(path, doc); err != nil {
			t.Fatal(err)
		}
		p.documents = append(p.documents, path)
	}
	return p
}

// measuredOnce is the one run that all of these tests record copies of.
var measuredOnce sync.Once

var measuredRun []byte

func measured(t *testing.T) *result.Run {
	t.Helper()
	dir := short(t)
	path := filepath.Join(dir, "run.json")
	measuredOnce.Do(func() {
		env := append(gitEnv(), "TMPDIR="+dir, "HOME="+dir)
		if out, err := run(t, dir, env, binary, "run", "--plugins", "system", "--duration", "100ms", "--monitor-duration", "100ms", "--rounds", "1"); err != nil {
			t.Fatalf("harness run: %v\n%s", err, out)
		}
		measuredRun = []byte(read(t, path))
	})
	write(t, path, string(measuredRun))
	doc, err := store.ReadRun(path)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func (p *historyPlace) env() []string {
	return append(gitEnv(), "PATH="+p.bin+":"+os.Getenv("PATH"), "TMPDIR="+p.dir, "HOME="+p.dir)
}

func (p *historyPlace) clone(name string) string {
	p.t.Helper()
	dir := filepath.Join(p.dir, name)
	git(p.t, p.dir, "clone", "--quiet", p.bare, dir)
	return dir
}

func (p *historyPlace) record(clone string, documents ...string) (string, error) {
	return run(p.t, clone, p.env(), append([]string{"bash", p.recordScript, "harness-history"}, documents...)...)
}

// recorded are the files of the branch, and how many commits it has.
func (p *historyPlace) recorded() (files []string, commits int) {
	p.t.Helper()
	files = strings.Fields(git(p.t, p.bare, "ls-tree", "-r", "--name-only", "harness-history"))
	return files, len(strings.Fields(git(p.t, p.bare, "rev-list", "harness-history")))
}

func TestAHistoryBranchIsMadeAndHoldsDocumentsOnly(t *testing.T) {
	p := newHistoryPlace(t, 2)
	clone := p.clone("runner")
	for _, d := range p.documents {
		if out, err := p.record(clone, d); err != nil {
			t.Fatalf("record: %v\n%s", err, out)
		}
	}
	files, commits := p.recorded()
	if len(files) != 2 || commits != 2 || slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, ".json") }) {
		t.Errorf("the branch has %q in %d commits; want two documents in two", files, commits)
	}
	if root := git(t, p.bare, "rev-list", "--max-parents=0", "harness-history"); root == git(t, p.bare, "rev-list", "main") {
		t.Error("the branch begins with the code's first commit")
	}
	// The clone is as it was, so that later steps find what they expect.
	if s := git(t, clone, "status", "--porcelain", "--branch"); s != "## main...origin/main" {
		t.Errorf("git status: %s", s)
	}
	if w := git(t, clone, "worktree", "list"); strings.Contains(w, "\n") {
		t.Errorf("worktrees are left: %s", w)
	}
	if out, err := p.record(clone, p.documents[0]); err != nil || !strings.Contains(out, "already") {
		t.Errorf("recording a run again: %v, %s; want no new commit", err, out)
	}
}

func TestNoRunIsLostWhenSeveralPushAtOnce(t *testing.T) {
	p := newHistoryPlace(t, 4)
	var wg sync.WaitGroup
	for i, d := range p.documents {
		clone := p.clone(fmt.Sprint("runner", i))
		wg.Go(func() {
			if out, err := p.record(clone, d); err != nil {
				t.Errorf("record: %v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	if files, commits := p.recorded(); len(files) != 4 || commits != 4 {
		t.Errorf("the branch has %q in %d commits; want four documents in four", files, commits)
	}
}

// A wrapper of harness lets another runner push between fetch and push, once:
// on an empty branch, and on one that is there.
func TestAPushThatComesTooLateBeginsAgain(t *testing.T) {
	p := newHistoryPlace(t, 4)
	clone, other := p.clone("runner"), p.clone("other")
	plain := p.bin
	for i := range 2 {
		mine, theirs := p.documents[2*i], p.documents[2*i+1]
		p.bin = filepath.Join(p.dir, fmt.Sprint("bin", i))
		write(t, filepath.Join(p.bin, "harness"), `#!/bin/bash
set -e
if [ ! -e "`+p.bin+`/pushed" ]; then
  touch "`+p.bin+`/pushed"
  (cd "`+other+`" && PATH="`+plain+`:$PATH" bash "`+p.recordScript+`" harness-history "`+theirs+`") >&2
fi
exec "`+binary+`" "$@"
`)
		out, err := p.record(clone, mine)
		if err != nil || !strings.Contains(out, "beginning again") {
			t.Fatalf("record: %v\n%s\nwant that it begins again", err, out)
		}
		if files, commits := p.recorded(); len(files) != 2*(i+1) || commits != 2*(i+1) {
			t.Fatalf("the branch has %q in %d commits; want %d", files, commits, 2*(i+1))
		}
	}
}

func TestAPushThatIsRefusedIsNotTriedAgain(t *testing.T) {
	p := newHistoryPlace(t, 1)
	write(t, filepath.Join(p.bare, "hooks", "pre-receive"), "#!/bin/sh\nexit 1\n")
	out, err := p.record(p.clone("runner"), p.documents[0])
	if err == nil || !strings.Contains(out, "needs contents: write") || strings.Contains(out, "beginning again") {
		t.Errorf("record: %v\n%s\nwant one error that names the permission", err, out)
	}
}
