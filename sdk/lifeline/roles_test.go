//go:build linux || darwin

package lifeline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const roleEnv = "LIFELINE_TEST_ROLE"

// roles are the programs that this test binary can be started as.
var roles = map[string]func() error{
	// A bare select would be called a deadlock where no other goroutine waits.
	"sleeper": func() error { <-time.After(time.Hour); return nil },
	// A plugin: watches, starts something that does not, and reports both.
	"watcher": func() error {
		ctx, cancel, err := Context(context.Background(), 0)
		if err != nil {
			return err
		}
		defer cancel()
		grandchild := roleCommand("sleeper")
		if err := grandchild.Start(); err != nil {
			return err
		}
		report("watcher", os.Getpid())
		report("grandchild", grandchild.Process.Pid)
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), ErrParentGone) {
			return fmt.Errorf("cause is %w", context.Cause(ctx))
		}
		select {} // a tear-down that hangs: the end must come from the grace
	},
	// Starts a child that exits at once and leaves a process in its group.
	"deserter": func() error {
		left := roleCommand("sleeper")
		if err := left.Start(); err != nil {
			return err
		}
		report("left", left.Process.Pid)
		return nil
	},
	"parent of an attached watcher": func() error {
		cmd := roleCommand("watcher")
		cmd.ExtraFiles = []*os.File{os.Stderr} // the line is not always descriptor 3
		if _, err := Attach(cmd); err != nil {
			return err
		}
		if _, err := Start(cmd, 0); err != nil {
			return err
		}
		runtime.GC() // a forgotten Line must not be collected
		runtime.GC()
		select {}
	},
	"parent of a started sleeper": func() error {
		child, err := Start(roleCommand("sleeper"), syscall.SIGKILL)
		if err != nil {
			return err
		}
		// End threads by the dozen. One of them would be the thread that
		// forked, had Start not kept it.
		for range 64 {
			ended := make(chan struct{})
			go func() { defer close(ended); runtime.LockOSThread() }()
			<-ended
		}
		if err := child.Signal(syscall.Signal(0)); err != nil {
			return fmt.Errorf("child ended with a thread: %w", err)
		}
		report("child", child.PID())
		select {}
	},
	"parent of a supervised program": func() error {
		cmd := exec.Command("/bin/sh", "-c", `echo child=$$; sleep 1000 & echo grandchild=$!; wait`)
		cmd.Stdout = os.Stdout
		child, err := Supervise(cmd, syscall.SIGTERM)
		if err != nil {
			return err
		}
		report("started", child.PID())
		select {}
	},
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// roleCommand is this binary in a role; its reports go to the same stdout.
func roleCommand(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

func report(name string, pid int) { fmt.Printf("%s=%d\n", name, pid) }

// startRole starts a role and returns it with the pids it reports under names.
func startRole(t *testing.T, role string, names ...string) (*exec.Cmd, map[string]int) {
	t.Helper()
	cmd := roleCommand(role)
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, readPIDs(t, out, names...)
}

func readPIDs(t *testing.T, out io.Reader, names ...string) map[string]int {
	t.Helper()
	found := make(chan map[string]int, 1)
	go func() {
		pids := map[string]int{}
		for lines := bufio.NewScanner(out); len(pids) < len(names) && lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), "="); ok {
				pids[name], _ = strconv.Atoi(value)
			}
		}
		found <- pids
	}()
	select {
	case pids := <-found:
		for _, name := range names {
			pid := pids[name]
			if pid <= 1 {
				t.Fatalf("the role reported %v, not %q", pids, name)
			}
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		}
		return pids
	case <-time.After(30 * time.Second):
		t.Fatalf("no report of %v within 30 s", names)
		return nil
	}
}

// alive reports whether pid runs. A zombie whose new parent has not reaped it
// yet does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func waitGone(t *testing.T, what string, pid int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("%s (pid %d) still runs 30 s later", what, pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
