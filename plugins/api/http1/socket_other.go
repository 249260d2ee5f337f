//go:build !linux

package http1

import (
	"errors"
	"runtime"
	"syscall"
)

// direct says that sockets may be read and written without net.Conn.
const direct = runtime.GOOS == "darwin"

func read(fd uintptr, b []byte) (int, error) {
	for {
		if n, err := syscall.Read(int(fd), b); !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

func write(fd uintptr, b []byte) (int, error) {
	for {
		if n, err := syscall.Write(int(fd), b); !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}
