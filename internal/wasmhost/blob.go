package wasmhost

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/benchharness/harness/sdk/abi"
)

// hostBlob is blob_read.
func (in *instance) hostBlob(stack []uint64) {
	name, bad := in.small("blob_read", stack[0], stack[1])
	if bad < 0 {
		stack[0] = code(bad)
		return
	}
	offset := int64(stack[2])
	buf, bad := in.small("blob_read", stack[3], stack[4])
	switch {
	case bad < 0:
		stack[0] = code(bad)
	case offset < 0:
		stack[0] = in.refuse(abi.Invalid, "the offset is %d", offset)
	default:
		if bad := in.mayCall("blob_read"); bad < 0 {
			stack[0] = code(bad)
			return
		}
		stack[0] = in.readBlob(string(name), offset, buf)
	}
}

func (in *instance) readBlob(name string, offset int64, buf []byte) uint64 {
	defer in.stamps()()
	// The root lets no name and no link lead out of it. A file that is not a
	// regular one could block the open for ever.
	info, err := in.m.blobs.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return in.refuse(abi.Invalid, "blob %q is no file", name)
	}
	var f *os.File
	if err == nil {
		f, err = in.m.blobs.Open(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return in.refuse(abi.NotFound, "there is no blob %q", name)
	case err != nil:
		return in.refuse(abi.Invalid, "blob %q cannot be opened: %v", name, reason(err))
	}
	defer f.Close()
	n, err := f.ReadAt(buf, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return in.refuse(abi.Failed, "blob %q cannot be read: %v", name, reason(err))
	}
	return uint64(uint32(n))
}

// reason is an error without the path of the host's folder in it.
func reason(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}
