package variant

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repo makes a repository with two commits, of which the second changes a.txt.
func repo(t *testing.T) *Repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git: install it with the system's package manager")
	}
	for k, v := range map[string]string{
		"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
		"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(k, v)
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if _, err := git(t.Context(), dir, args...); err != nil {
			t.Fatalf("git %s: %v", strings.Join(args, " "), err)
		}
	}
	run("init", "--quiet", "--initial-branch=main")
	if err := os.Mkdir(filepath.Join(dir, "svc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(dir, "svc", "a.txt"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		run("add", ".")
		run("commit", "--quiet", "-m", content)
	}
	r, err := OpenRepo(t.Context(), filepath.Join(dir, "svc"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func scratch(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "harness-run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (r *Repo) count(t *testing.T) int {
	t.Helper()
	trees, err := r.trees(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(trees)
}

func TestARefIsCheckedOutAndRemovedAgain(t *testing.T) {
	r := repo(t)
	if r.Prefix != "svc/" {
		t.Errorf("the prefix is %q", r.Prefix)
	}
	hook := filepath.Join(r.Top, ".git", "hooks", "post-checkout")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntouch "+r.Top+"/hooked\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	commit, err := r.Commit(t.Context(), "HEAD~1")
	if err != nil || len(commit) != 40 {
		t.Fatalf("commit %q, %v", commit, err)
	}
	tree, err := r.AddTree(t.Context(), scratch(t), "base", commit)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(tree, r.Prefix, "a.txt")); err != nil || string(b) != "one" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	// What a build leaves there goes too.
	if err := os.WriteFile(filepath.Join(tree, "built"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveTree(tree); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tree); err == nil || r.count(t) != 1 {
		t.Errorf("the worktree is still there; %d are listed", r.count(t))
	}
	if _, err := os.Stat(filepath.Join(r.Top, "hooked")); err == nil {
		t.Error("a hook ran")
	}
	if err := r.RemoveTree(tree); err != nil {
		t.Errorf("removing it again: %v", err)
	}
}

func TestWorktreesOfAKilledHarnessAreForgottenAndNoOthers(t *testing.T) {
	r := repo(t)
	mine, other := scratch(t), filepath.Join(t.TempDir(), "other")
	tree, err := r.AddTree(t.Context(), mine, "base", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := git(t.Context(), r.Top, "worktree", "add", "--detach", "--quiet", other, "HEAD"); err != nil {
		t.Fatal(err)
	}
	if err := r.Forget(t.Context()); err != nil || r.count(t) != 3 {
		t.Fatalf("%d worktrees, %v; want all 3 while their folders are there", r.count(t), err)
	}
	for _, dir := range []string{tree, other} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Forget(t.Context()); err != nil || r.count(t) != 2 {
		t.Errorf("%d worktrees, %v; want the repository's own and the user's", r.count(t), err)
	}
}

func TestARefThatIsNoneAndAFolderInNoRepository(t *testing.T) {
	r := repo(t)
	for _, ref := range []string{"nowhere", "--all", "", "HEAD:svc/a.txt"} {
		if c, err := r.Commit(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "names no commit") {
			t.Errorf("%q is commit %q, %v", ref, c, err)
		}
	}
	if _, err := OpenRepo(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "refs need a git repository") {
		t.Errorf("the error is %v", err)
	}
}

func TestOnlyChangesOfTrackedFilesAreDirt(t *testing.T) {
	r := repo(t)
	for _, c := range []struct {
		file  string
		dirty bool
	}{{"new.txt", false}, {"svc/a.txt", true}} {
		if err := os.WriteFile(filepath.Join(r.Top, c.file), []byte("changed"), 0o644); err != nil {
			t.Fatal(err)
		}
		if dirty, err := r.Dirty(t.Context()); err != nil || dirty != c.dirty {
			t.Errorf("after a change of %s dirty is %v, %v", c.file, dirty, err)
		}
	}
}

func TestAVariableOfAHookDoesNotLeadGitElsewhere(t *testing.T) {
	r := repo(t)
	t.Setenv("GIT_DIR", "/nowhere")
	if _, err := r.Commit(t.Context(), "HEAD"); err != nil {
		t.Error(err)
	}
}
