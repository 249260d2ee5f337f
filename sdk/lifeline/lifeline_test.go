//go:build linux || darwin

package lifeline

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAKilledParentTakesItsChildrenWithIt(t *testing.T) {
	for _, test := range []struct {
		name, parent string
		children     []string
		only         string // GOOS
	}{
		{"a watching child and its grandchild", "parent of an attached watcher", []string{"watcher", "grandchild"}, ""},
		{"a child with a parent death signal", "parent of a started sleeper", []string{"child"}, "linux"},
		{"a supervised program and its grandchild", "parent of a supervised program", []string{"started", "child", "grandchild"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.only != "" && test.only != runtime.GOOS {
				t.Skipf("needs %s, where the kernel has it", test.only)
			}
			parent, pids := startRole(t, test.parent, test.children...)
			for name, pid := range pids {
				if !alive(pid) {
					t.Fatalf("%s (pid %d) is gone before its parent", name, pid)
				}
			}
			if err := parent.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for name, pid := range pids {
				waitGone(t, name, pid)
			}
		})
	}
}

func TestASupervisedProgramKeepsItsProcessIDAndExitStatus(t *testing.T) {
	var out strings.Builder
	cmd := exec.Command("/bin/sh", "-c", `echo $$ "$1" ${`+EnvFD+`+set}; exit 7`, "sh", "one 'arg' $x")
	cmd.Stdout = &out
	child, err := Supervise(cmd, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Fatalf("Wait = %v, want exit status 7", err)
	}
	if want := strconv.Itoa(child.PID()) + " one 'arg' $x"; !strings.HasPrefix(out.String(), want) {
		t.Fatalf("the program printed %q, want %q", out.String(), want)
	}
}

func TestTheEndOfAChildEndsItsGroup(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := roleCommand("deserter")
	cmd.Stdout = write
	child, err := Start(cmd, syscall.SIGKILL)
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	pids := readPIDs(t, read, "left")
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	waitGone(t, "what the child left", pids["left"])
	if err := child.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("Signal after the end = %v, want ErrProcessDone", err)
	}
}

func TestClosingTheLineEndsTheChild(t *testing.T) {
	cmd := roleCommand("watcher")
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	line, err := Attach(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	child, err := Start(cmd, 0)
	line.Release()
	if err != nil {
		t.Fatal(err)
	}
	pids := readPIDs(t, out, "watcher", "grandchild")
	line.Close()
	line.Close()
	waitGone(t, "the grandchild", pids["grandchild"])
	_ = child.Wait()
}

func TestStartOfAMissingProgramNamesIt(t *testing.T) {
	for name, start := range map[string]func(*exec.Cmd, syscall.Signal) (*Process, error){
		"Start": Start, "Supervise": Supervise,
	} {
		_, err := start(exec.Command("no-such-program-anywhere"), syscall.SIGKILL)
		if err == nil || !strings.Contains(err.Error(), "no-such-program-anywhere") {
			t.Errorf("%s = %v, want an error that names the program", name, err)
		}
	}
}

func TestAttachReplacesAnInheritedLine(t *testing.T) {
	cmd := exec.Command("x")
	cmd.Env = []string{"A=1", EnvFD + "=9", "B=2"}
	line, err := Attach(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	if want := []string{"A=1", "B=2", EnvFD + "=3"}; !slices.Equal(cmd.Env, want) {
		t.Fatalf("Env = %v, want %v", cmd.Env, want)
	}
}

func TestWatchWithoutALineNeverEnds(t *testing.T) {
	if gone, err := watch(""); gone != nil || err != nil {
		t.Fatalf("watch = %v, %v, want a nil channel and no error", gone, err)
	}
}

func TestWatchRefusesWhatIsNoPipe(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, value := range map[string]string{
		"a word":            "three",
		"standard output":   "1",
		"a negative number": "-1",
		"a closed number":   "1000000",
		"a plain file":      strconv.Itoa(int(file.Fd())),
	} {
		if _, err := watch(value); err == nil || !strings.Contains(err.Error(), EnvFD) {
			t.Errorf("%s: watch(%q) = %v, want an error that names %s", name, value, err, EnvFD)
		}
	}
}

func TestWatchIgnoresBytesAndEndsWithThePipe(t *testing.T) {
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil { // raw: watch takes the descriptor over
		t.Fatal(err)
	}
	gone, err := watch(strconv.Itoa(ends[0]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Write(ends[1], []byte("noise")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
		t.Fatal("bytes ended the line")
	default:
	}
	if err := syscall.Close(ends[1]); err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		t.Fatal("the end of the pipe was not noticed within 30 s")
	}
}

func TestAContextEndsWithItsParentContext(t *testing.T) {
	parent, stop := context.WithCancel(context.Background())
	ctx, cancel, err := Context(parent, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	stop()
	<-ctx.Done()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Fatalf("Err = %v", ctx.Err())
	}
}

func TestKillGroupRefusesWhatIsNoChild(t *testing.T) {
	for _, pid := range []int{-5, 0, 1} {
		if err := KillGroup(pid, 0); err == nil {
			t.Errorf("KillGroup(%d) did not fail", pid)
		}
	}
}
