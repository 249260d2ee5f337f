// Package actiontest tests what GitHub runs and Go does not compile: the
// action, the workflows and the script that records a history. It has no code
// of its own, and it needs git, bash and curl, as the runners have them.
package actiontest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the harness under test: HARNESS_BIN, or built here. Its folder has
// nothing else in it.
var binary string

func TestMain(m *testing.M) {
	code := func() int {
		dir, err := os.MkdirTemp("", "harness-bin")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "harness")
		if built := os.Getenv("HARNESS_BIN"); built != "" {
			if err := os.Symlink(built, binary); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			return m.Run()
		}
		if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/harness").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build harness: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}()
	os.Exit(code)
}

// peers skips where a program is missing, or fails where everything has to be
// there.
func peers(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatalf("needs %s: install it", p)
		}
		t.Skipf("needs %s: install it", p)
	}
}

// short is a temporary folder with a short path, for sockets.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ha")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}

// run runs a program in a folder and returns what it printed, and its error.
func run(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// git runs git in a folder; it has to succeed.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := run(t, dir, gitEnv(), append([]string{"git"}, args...)...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// gitEnv keeps the configuration of whoever runs the tests out of them.
func gitEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com"}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(content), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
