//go:build linux || darwin

package lifeline

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Process is a started child, waited for by a goroutine of its own.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // set before done is closed
}

// Start starts cmd as the leader of its own process group and waits for it in
// the background. When the child ends, what is left of its group is killed.
//
// On Linux, sig is sent to the child by the kernel when this process dies; 0
// asks for no signal. Elsewhere sig has no effect: use [Attach] or [Supervise].
// The signal reaches the child alone, not its group, and not what the child
// started. A child that watches a line should get 0, or a signal it survives,
// so that it lives to take its group with it.
//
// Why this exists: PR_SET_PDEATHSIG is tied to the thread that forked, not to
// the process. The Go runtime starts a child from whatever thread the calling
// goroutine is on, and that thread ends early if some goroutine locked to it
// returns; the child would be killed although its parent is well. So Start
// forks from a goroutine locked to its thread, and that goroutine stays, in
// Wait, until the child has exited. The request also survives only because the
// runtime sets it after changing credentials; a set-user-ID program loses it.
//
// cmd.Wait must not be called; cancelling a context given to
// [exec.CommandContext] works as usual.
func Start(cmd *exec.Cmd, sig syscall.Signal) (*Process, error) {
	return start(cmd, Options{Signal: sig}, nil)
}

// Options say how a child is started.
type Options struct {
	Signal syscall.Signal // see [Start]
	// Thread, if not nil, is called on the thread that is about to fork, for what
	// a child inherits of it, such as its CPUs. undo is called on the same thread
	// when the child runs, or could not be started.
	Thread func() (undo func(), err error)
}

// StartWith is [Start] with options.
func StartWith(cmd *exec.Cmd, o Options) (*Process, error) { return start(cmd, o, nil) }

// StartForeign starts a program that does not know of lifelines so that it gets
// sig when this process dies: through [Start] on Linux, through [Supervise]
// elsewhere.
func StartForeign(cmd *exec.Cmd, sig syscall.Signal) (*Process, error) {
	if runtime.GOOS == "linux" {
		return Start(cmd, sig)
	}
	return Supervise(cmd, sig)
}

func start(cmd *exec.Cmd, o Options, line *Line) (*Process, error) {
	OwnGroup(cmd)
	setParentDeathSignal(cmd.SysProcAttr, o.Signal)
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := startOn(cmd, o.Thread)
		if line != nil {
			line.Release()
		}
		started <- err
		if err != nil {
			return
		}
		// Between the exit of the leader and its reaping the group id cannot
		// be reused, so this is the moment to kill what is left of the group.
		if awaitExit(cmd.Process.Pid) {
			_ = KillGroup(cmd.Process.Pid, syscall.SIGKILL)
		}
		p.err = cmd.Wait()
		if line != nil {
			line.Close()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		if line != nil {
			line.Close()
		}
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// startOn starts cmd from this thread as thread prepares it.
func startOn(cmd *exec.Cmd, thread func() (func(), error)) error {
	if thread != nil {
		undo, err := thread()
		if err != nil {
			return err
		}
		defer undo()
	}
	return cmd.Start()
}

// PID is the process id of the child, and of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has exited and has been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the child to exit and returns what [exec.Cmd.Wait] returned.
// It may be called any number of times, from any goroutine.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Signal sends sig to the child alone. After its end the error is [os.ErrProcessDone].
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Kill kills the child; the rest of its group follows when the child is reaped.
func (p *Process) Kill() error { return p.Signal(syscall.SIGKILL) }
