package socket

import (
	"syscall"
	"unsafe"
)

// Direct says that sockets may be read and written without net.Conn.
const Direct = true

// Read and Write are the system calls without a word to Go's scheduler, which
// is there for calls that may block. These cannot, on a socket of a net.Conn,
// and on a busy machine what the scheduler does about them costs as much as
// they do: it takes the processor of a thread that it finds in a call away.
func Read(fd uintptr, b []byte) (int, error) {
	return call(syscall.SYS_READ, fd, b)
}

func Write(fd uintptr, b []byte) (int, error) {
	return call(syscall.SYS_WRITE, fd, b)
}

// call returns 0 and an error, or the number of bytes. b is not empty.
func call(number, fd uintptr, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
