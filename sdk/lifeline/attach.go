//go:build linux || darwin

package lifeline

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Line is the parent's side of a lifeline.
type Line struct {
	mu    sync.Mutex
	read  *os.File // nil once released
	write *os.File // nil once closed
}

// An *os.File closes itself when it is collected. A Line that a caller forgot
// would then end a healthy child at some random time, so open ones are kept.
var (
	openMu sync.Mutex
	open   = map[*Line]struct{}{}
)

// Attach gives cmd, which must not have been started, a lifeline: it appends
// the read end of a pipe to cmd.ExtraFiles and sets [EnvFD] in cmd.Env (a nil
// Env first becomes a copy of this process's). Append nothing to the front of
// ExtraFiles afterwards.
//
// The caller calls [Line.Release] after cmd.Start, whether it succeeded or not,
// and [Line.Close] when the child has exited or has to. The child must be a
// program that watches the line; see [Watch].
func Attach(cmd *exec.Cmd) (*Line, error) {
	if cmd.Process != nil {
		return nil, fmt.Errorf("attach lifeline to %s: it is already started", cmd.Path)
	}
	read, write, err := os.Pipe() // both close-on-exec: only this child gets an end, and only the read end
	if err != nil {
		return nil, fmt.Errorf("attach lifeline to %s: %w", cmd.Path, err)
	}
	env := cmd.Env
	if env == nil {
		env = os.Environ()
	}
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, EnvFD+"=") })
	cmd.ExtraFiles = append(cmd.ExtraFiles, read)
	cmd.Env = append(env, EnvFD+"="+strconv.Itoa(2+len(cmd.ExtraFiles)))
	line := &Line{read: read, write: write}
	openMu.Lock()
	open[line] = struct{}{}
	openMu.Unlock()
	return line, nil
}

// Release closes the child's end in this process. Further calls do nothing.
func (l *Line) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read != nil {
		l.read.Close()
		l.read = nil
	}
}

// Close cuts the line: a child that still runs sees its parent as gone.
// Further calls do nothing.
func (l *Line) Close() {
	l.Release()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.write != nil {
		l.write.Close()
		l.write = nil
	}
	openMu.Lock()
	delete(open, l)
	openMu.Unlock()
}

// OwnGroup makes cmd, which must not have been started, the leader of a process
// group of its own, so that a terminal's Ctrl-C does not reach it and
// [KillGroup] reaches it and what it starts.
func OwnGroup(cmd *exec.Cmd) {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Setpgid, attr.Pgid = true, 0
	cmd.SysProcAttr = &attr
}

// KillGroup sends sig to every process in the group that pid leads. A group
// that is gone is no error. The caller makes sure that pid is not reused: it is
// an unreaped child, or some member of the group is known to live.
func KillGroup(pid int, sig syscall.Signal) error {
	if pid <= 1 {
		return fmt.Errorf("signal process group %d: not the id of a child", pid)
	}
	if err := syscall.Kill(-pid, sig); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("signal process group %d with %s: %w", pid, sig, err)
	}
	return nil
}
