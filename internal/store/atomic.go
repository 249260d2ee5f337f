package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"

	"github.com/benchharness/harness/internal/result"
)

// WriteFile replaces the file at path with what write produces, or leaves it
// as it was: the content goes to a temporary file in the same folder, is
// flushed to disk and renamed over path. A reader sees the old content or the
// new one, also after a crash. A symbolic link at path is followed, so that
// its target is replaced. The folder has to exist. A file that is new gets
// perm less the umask, an existing one keeps its permissions. A pipe or device
// is written to instead.
func WriteFile(path string, perm fs.FileMode, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		info = nil // it is new, or creating it will tell
	case info.IsDir():
		return fmt.Errorf("write %s: it is a folder; name a file", path)
	case !info.Mode().IsRegular():
		return writeDevice(path, write)
	}
	target, err := resolve(path)
	if err == nil {
		err = replace(target, perm, info, write)
	}
	if err != nil {
		return explain("write", path, err)
	}
	return nil
}

// writeDevice writes to a pipe or a device, such as /dev/stdout: there is
// nothing to replace.
func writeDevice(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return explain("write", path, err)
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return explain("write", path, err)
	}
	return nil
}

// replace does the atomic part. old is the file that is there, or nil.
func replace(target string, perm fs.FileMode, old fs.FileInfo, write func(io.Writer) error) (err error) {
	// Not os.CreateTemp: that ignores the umask, and the name would keep
	// its private mode.
	name := filepath.Join(filepath.Dir(target), fmt.Sprintf(".%s.%d-%08x.tmp", filepath.Base(target), os.Getpid(), rand.Uint32()))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // a second Close does no harm
			os.Remove(name)
		}
	}()
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := fill(f, write); err != nil {
		return err
	}
	if err := os.Rename(name, target); err != nil {
		return err
	}
	return syncDir(filepath.Dir(target))
}

func fill(f *os.File, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 1<<16)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// resolve follows symbolic links at path, also one whose target does not
// exist yet.
func resolve(path string) (string, error) {
	for range 40 {
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // not a link, or nothing there: both are for the caller to find out
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", syscall.ELOOP
}

// syncDir flushes a folder, so that a rename in it survives a power cut. Some
// file systems cannot do that; the content is in place all the same.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

// WriteRun writes a run document atomically. It fills in what
// [result.Encode] fills in.
func WriteRun(path string, run *result.Run) error {
	return WriteFile(path, 0o644, func(w io.Writer) error { return result.Encode(w, run) })
}

// ReadRun reads and checks a run document.
func ReadRun(path string) (*result.Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, explain("read", path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("read %s: it is a folder; name a file in it", path)
	}
	run, err := result.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return run, nil
}

// explain adds the remedy to the error of a file operation.
func explain(doing, path string, err error) error {
	dir := filepath.Dir(path)
	remedy := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = fmt.Sprintf("the disk of %s is full; free some space or choose another folder", dir)
	case errors.Is(err, syscall.EROFS):
		remedy = fmt.Sprintf("%s is on a read-only file system; choose another folder", dir)
	case errors.Is(err, fs.ErrPermission):
		remedy = fmt.Sprintf("no permission in %s; choose another folder or change its owner", dir)
	case errors.Is(err, fs.ErrNotExist) && doing == "read":
		remedy = "there is no such file; check the path"
	case errors.Is(err, fs.ErrNotExist):
		remedy = fmt.Sprintf("there is no folder %s; create it first", dir)
	case errors.Is(err, syscall.ENOTDIR):
		remedy = fmt.Sprintf("%s is not a folder; check the path", dir)
	default:
		return fmt.Errorf("%s %s: %w", doing, path, err)
	}
	if in := (*fs.PathError)(nil); errors.As(err, &in) {
		err = in.Err // the rest repeats the path
	}
	return fmt.Errorf("%s %s: %s (%w)", doing, path, remedy, err)
}
