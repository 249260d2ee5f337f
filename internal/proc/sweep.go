package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sweepLimit is how long killed processes may take to be gone.
const sweepLimit = 5 * time.Second

// Sweep kills the processes that carry one of the tokens, children of a dead
// harness and what they started, and returns when they are gone: what they
// held can be removed then. It returns the ids of those it killed. Processes
// of other users cannot be looked into and are left alone.
func Sweep(tokens []string) ([]int, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	var killed []int
	for deadline := time.Now().Add(sweepLimit); ; {
		// Again and again: a process may be started while others are looked at.
		pids, err := marked(tokens)
		if err != nil {
			return killed, fmt.Errorf("find left-over processes: %w", err)
		}
		pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == os.Getpid() })
		if len(pids) == 0 {
			return killed, nil
		}
		if time.Now().After(deadline) {
			return killed, fmt.Errorf("left-over processes %v were killed and are still there after %v", pids, sweepLimit)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return killed, fmt.Errorf("kill left-over process %d: %w", pid, err)
			}
			if !slices.Contains(killed, pid) {
				killed = append(killed, pid)
			}
		}
		time.Sleep(sweepPause)
	}
}

// sweepPause is the time between two looks at the processes: nothing tells
// when a process that is not a child has ended.
const sweepPause = 10 * time.Millisecond

func marked(tokens []string) ([]int, error) {
	if runtime.GOOS == "linux" {
		return markedLinux(tokens)
	}
	return markedByPS(tokens)
}

func markedLinux(tokens []string) ([]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, path := range paths {
		env, err := os.ReadFile(path)
		if err != nil {
			continue // gone, or another user's
		}
		for _, kv := range bytes.Split(env, []byte{0}) {
			if hasToken(string(kv), tokens) {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids, nil
}

// markedByPS asks ps, which on BSD systems appends the environment to the
// command.
func markedByPS(tokens []string) ([]int, error) {
	out, err := exec.Command("ps", "-axEww", "-o", "pid=,command=").Output()
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		for _, f := range fields {
			if hasToken(f, tokens) {
				if pid, err := strconv.Atoi(fields[0]); err == nil {
					pids = append(pids, pid)
				}
				break
			}
		}
	}
	return pids, nil
}

func hasToken(kv string, tokens []string) bool {
	v, ok := strings.CutPrefix(kv, EnvToken+"=")
	if !ok {
		return false
	}
	for _, t := range tokens {
		if t != "" && v == t {
			return true
		}
	}
	return false
}
