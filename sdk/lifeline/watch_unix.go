//go:build linux || darwin

package lifeline

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

var inherited = sync.OnceValues(func() (<-chan struct{}, error) {
	value := os.Getenv(EnvFD)
	// A process started from here must not read a number that means something
	// else to it, or hold a descriptor that it does not know of.
	_ = os.Unsetenv(EnvFD) // it cannot fail for a name that is well formed
	return watch(value)
})

// Watch returns a channel that is closed when the parent is gone. It returns a
// nil channel, which blocks for ever, when the process was given no lifeline.
// An error means that [EnvFD] names something that is not a pipe.
//
// Every call returns the same channel. The first one removes [EnvFD] from the
// environment and hides the descriptor from processes started later. One
// goroutine reads the pipe for the rest of the process's life.
func Watch() (<-chan struct{}, error) { return inherited() }

func watch(value string) (<-chan struct{}, error) {
	if value == "" {
		return nil, nil
	}
	fd, err := strconv.Atoi(value)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("watch lifeline: %s=%q is not a descriptor number above 2; unset it to run without a lifeline", EnvFD, value)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("watch lifeline: descriptor %d of %s is not open: %w; unset it to run without a lifeline", fd, EnvFD, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil, fmt.Errorf("watch lifeline: descriptor %d of %s is not a pipe; unset it to run without a lifeline", fd, EnvFD)
	}
	unix.CloseOnExec(fd)
	// Non-blocking, so that the wait costs no thread.
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("watch lifeline: descriptor %d of %s: %w", fd, EnvFD, err)
	}
	pipe := os.NewFile(uintptr(fd), "lifeline")
	gone := make(chan struct{})
	go func() {
		// A parent writes nothing. Whatever arrives all the same is no end.
		// A failing read counts as one: what cannot be watched must not run on.
		_, _ = io.Copy(io.Discard, pipe)
		pipe.Close()
		close(gone)
	}()
	return gone, nil
}

// killOwnGroup kills the caller and its group, if the caller leads it.
func killOwnGroup() {
	if pid := os.Getpid(); unix.Getpgrp() == pid {
		_ = KillGroup(pid, syscall.SIGKILL)
	}
}
