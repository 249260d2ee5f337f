package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// binary is the harness under test: HARNESS_BIN, or built here.
var binary string

func TestMain(m *testing.M) {
	code := func() int {
		if binary = os.Getenv("HARNESS_BIN"); binary != "" {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "harness-bin")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil { // other users run it too
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		binary = filepath.Join(dir, "harness")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build harness: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}()
	os.Exit(code)
}

// place is somewhere to run harness that shares nothing with the rest of the
// machine: working directory, HOME and TMPDIR are its own.
type place struct {
	t              *testing.T
	dir, home, tmp string
	env            []string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	// Not t.TempDir: the path must be short, for sockets, and others must be
	// able to pass through it, for a database server that is not root.
	root, err := os.MkdirTemp("/tmp", "hp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, dir: filepath.Join(root, "w"), home: filepath.Join(root, "h"), tmp: filepath.Join(root, "t")}
	for _, d := range []string{p.dir, p.home, p.tmp} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "TMPDIR=" + p.tmp, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
	return p
}

// command is a harness command in the place, ended with the test.
func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), binary, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.WaitDelay = time.Second
	return cmd
}

// outcome is what a command printed and how it ended.
type outcome struct {
	stdout, stderr string
	code           int
}

// harness runs a harness command to its end.
func (p *place) harness(args ...string) outcome {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("harness %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs a harness command that has to succeed.
func (p *place) must(args ...string) outcome {
	p.t.Helper()
	o := p.harness(args...)
	if o.code != 0 {
		p.t.Fatalf("harness %s: exit code %d\n%s%s", strings.Join(args, " "), o.code, o.stdout, o.stderr)
	}
	return o
}

// write puts a file into the place's working directory.
func (p *place) write(name, content string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// eventually waits for a condition and fails when it does not come about.
func eventually(t *testing.T, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %s", within, what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
