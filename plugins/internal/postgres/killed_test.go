package postgres

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAKilledOwnerLeavesNoServerAndARemovableFolder(t *testing.T) {
	needServer(t)
	remove := func(t *testing.T, _, folder string) {
		if err := RemoveLeftover(t.Context(), folder); err != nil {
			t.Fatal(err)
		}
	}
	start := func(t *testing.T, base, _ string) { startServer(t, Options{Dir: base}) }
	for _, test := range []struct {
		name, supervised string
		clean            func(t *testing.T, base, folder string)
	}{
		{"removable by RemoveLeftover", "", remove},
		{"removable by the next Start", "", start},
		{"also where a watcher has to end the server", "yes", remove},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(supervised, test.supervised)
			base := baseFolder(t)
			owner, pid, folder := startOwner(t, base)
			if err := RemoveLeftover(t.Context(), folder); !errors.Is(err, ErrOwnerLives) {
				t.Fatalf("RemoveLeftover under a live owner = %v, want ErrOwnerLives", err)
			}
			family := append(childrenOf(t, pid), pid)
			if len(family) < 4 {
				t.Fatalf("the server has processes %v, want some background ones", family)
			}
			if err := owner.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = owner.Wait()
			for _, member := range family {
				waitGone(t, member)
			}
			if _, err := os.Stat(folder); err != nil {
				t.Fatalf("the left-over folder: %v", err)
			}
			test.clean(t, base, folder)
			if _, err := os.Lstat(folder); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left: %v", folder, err)
			}
		})
	}
}

func TestRemoveLeftoverTouchesOnlyMarkedFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), folderPrefix+"0")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := RemoveLeftover(t.Context(), dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a marker: %v, want ErrNotExist", err)
	}
	if err := os.WriteFile(filepath.Join(dir, MarkerName), []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := RemoveLeftover(t.Context(), dir); err == nil {
		t.Error("an unreadable marker was accepted")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the folder was touched: %v", err)
	}
	if err := RemoveLeftover(t.Context(), filepath.Join(dir, "none")); err != nil {
		t.Errorf("a folder that is gone: %v", err)
	}
}

func TestAnOrphanedServerIsEndedOnlyIfItIsTheServer(t *testing.T) {
	data := t.TempDir()
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), fmt.Appendln(nil, stranger.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := endOrphan(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Fatalf("a process that is no server was ended: %v", err)
	}
}

func startOwner(t *testing.T, base string) (owner *exec.Cmd, pid int, folder string) {
	t.Helper()
	owner = exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerRole+"="+base)
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Process.Kill(); _ = owner.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the owner reports no server: %v", err)
	}
	if _, err := fmt.Sscan(line, &pid, &folder); err != nil {
		t.Fatal(err)
	}
	return owner, pid, folder
}

func childrenOf(t *testing.T, pid int) (children []int) {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		t.Skipf("needs ps: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		var child, parent int
		if _, err := fmt.Sscan(line, &child, &parent); err == nil && parent == pid {
			children = append(children, child)
		}
	}
	return children
}

func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(pollEvery) {
		state, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
		if err != nil || strings.HasPrefix(string(state), "Z") { // a zombie runs no more
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d still runs 30 s after its owner was killed", pid)
		}
	}
}
