package lifeline

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// These systems have no parent death signal, see [Supervise].
func setParentDeathSignal(*syscall.SysProcAttr, syscall.Signal) {}

// awaitExit waits for the child pid to exit and leaves it unreaped. False means
// that the system cannot tell, and that the child may still run.
func awaitExit(pid int) bool {
	queue, err := unix.Kqueue()
	if err != nil {
		return false
	}
	defer unix.Close(queue)
	unix.CloseOnExec(queue)
	watch := make([]unix.Kevent_t, 1)
	unix.SetKevent(&watch[0], pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	watch[0].Fflags = unix.NOTE_EXIT
	events := make([]unix.Kevent_t, 1)
	for {
		n, err := unix.Kevent(queue, watch, events, nil)
		if err == unix.EINTR {
			continue
		}
		if err == unix.ESRCH { // exited before the question was asked
			return true
		}
		if err != nil {
			return false
		}
		if n > 0 {
			return true
		}
	}
}
