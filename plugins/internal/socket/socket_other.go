//go:build !linux

package socket

import (
	"errors"
	"runtime"
	"syscall"
)

// Direct says that sockets may be read and written without net.Conn.
const Direct = runtime.GOOS == "darwin"

// Read is one read; 0 and no error is the other side's end. b is not empty.
func Read(fd uintptr, b []byte) (int, error) {
	for {
		if n, err := syscall.Read(int(fd), b); !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

// Write is one write, which may be of a part. b is not empty.
func Write(fd uintptr, b []byte) (int, error) {
	for {
		if n, err := syscall.Write(int(fd), b); !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}
