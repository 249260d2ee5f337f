package system

import (
	"os"
	"syscall"
)

// openDirect opens a file past the page cache, with O_DIRECT.
func openDirect(name string, flags int) (*os.File, error) {
	return os.OpenFile(name, flags|syscall.O_DIRECT, 0o600)
}
