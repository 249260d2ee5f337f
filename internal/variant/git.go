package variant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk/lifeline"
)

// Repo is the git repository that a folder is in. Of it nothing is changed but
// the list of its worktrees.
type Repo struct {
	Top string // of the working tree
	// Prefix is the folder's path below Top; "" is Top itself.
	Prefix string
}

// OpenRepo finds the repository of a folder.
func OpenRepo(ctx context.Context, dir string) (*Repo, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("refs need git, which is not there; install it, or use variants without refs")
	}
	out, err := git(ctx, dir, "rev-parse", "--show-toplevel", "--show-prefix")
	if err != nil {
		return nil, fmt.Errorf("refs need a git repository, and %s is in none that git can read (%w)", dir, err)
	}
	top, prefix, _ := strings.Cut(out, "\n")
	return &Repo{Top: top, Prefix: strings.TrimSpace(prefix)}, nil
}

// Commit is the id of the commit that a ref names.
func (r *Repo) Commit(ctx context.Context, ref string) (string, error) {
	out, err := git(ctx, r.Top, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("%q names no commit of %s; git log --oneline --all shows those there are", ref, r.Top)
	}
	return strings.TrimSpace(out), nil
}

// Dirty says whether there are changes that are in no commit.
func (r *Repo) Dirty(ctx context.Context) (bool, error) {
	out, err := git(ctx, r.Top, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
	return out != "", err
}

// treePrefix begins the name of every worktree's folder, by which those that a
// killed harness left in the list are known.
const treePrefix = "harness-tree-"

// AddTree checks a commit out into a worktree of its own in the folder dir, a
// scratch folder of a run, and returns its path. It has no branch, and no hook
// runs.
func (r *Repo) AddTree(ctx context.Context, dir, name, commit string) (string, error) {
	path := filepath.Join(dir, treePrefix+name)
	if _, err := git(ctx, r.Top, "worktree", "add", "--detach", "--quiet", path, commit); err != nil {
		err = fmt.Errorf("check out %.12s for %s: %w", commit, name, err)
		return "", errors.Join(err, r.RemoveTree(path))
	}
	return path, nil
}

// removeLimit bounds the removal of a worktree, which an interrupt does not
// stop.
const removeLimit = time.Minute

// RemoveTree removes a worktree and its entry in the list, if they are there.
func (r *Repo) RemoveTree(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), removeLimit)
	defer cancel()
	listed, err := r.trees(ctx)
	if err == nil && slices.Contains(listed, real(path)) {
		_, err = git(ctx, r.Top, "worktree", "remove", "--force", "--force", path)
	}
	if err != nil {
		err = fmt.Errorf("remove worktree %s: %w; git worktree prune takes it off the list", path, err)
	}
	return errors.Join(err, os.RemoveAll(path))
}

// Forget takes worktrees off the list whose harness was killed and whose folder
// is gone since.
func (r *Repo) Forget(ctx context.Context) error {
	listed, err := r.trees(ctx)
	for _, path := range listed {
		if !strings.HasPrefix(filepath.Base(path), treePrefix) || !strings.HasPrefix(filepath.Base(filepath.Dir(path)), "harness-") {
			continue
		}
		if _, serr := os.Lstat(path); errors.Is(serr, fs.ErrNotExist) {
			err = errors.Join(err, r.RemoveTree(path))
		}
	}
	return err
}

// trees are the paths of all worktrees.
func (r *Repo) trees(ctx context.Context) ([]string, error) {
	out, err := git(ctx, r.Top, "worktree", "list", "--porcelain")
	var paths []string
	for line := range strings.Lines(out) {
		if path, ok := strings.CutPrefix(line, "worktree "); ok {
			paths = append(paths, strings.TrimSuffix(path, "\n"))
		}
	}
	return paths, err
}

// real is a path without symbolic links, as git lists it.
func real(path string) string {
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// located are the variables by which a hook of git is told where it runs.
// Commands of ours say so themselves.
var located = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_NAMESPACE"}

// git runs git in a folder and returns what it prints. A Ctrl-C does not reach
// it but through ctx.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "core.hooksPath=/dev/null"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(located, name)
	})
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0")
	lifeline.OwnGroup(cmd)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if said := strings.Join(strings.Fields(stderr.String()), " "); err != nil && said != "" {
		err = errors.New(said)
	}
	return stdout.String(), err
}
