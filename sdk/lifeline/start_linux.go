package lifeline

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func setParentDeathSignal(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// awaitExit waits for the child pid to exit and leaves it unreaped. False means
// that the system cannot tell, and that the child may still run.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
