package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// LockName is the file that holds a folder's lock.
const LockName = ".harness.lock"

// LockedError says that another process holds a folder's lock.
type LockedError struct {
	Dir string
	PID int // 0 when it could not be read
}

func (e *LockedError) Error() string {
	who := "another run"
	if e.PID > 0 {
		who = fmt.Sprintf("another run (pid %d)", e.PID)
	}
	return fmt.Sprintf("%s is writing in %s; wait for it, or choose another folder", who, e.Dir)
}

// FolderLock is a held lock.
type FolderLock struct {
	f    *os.File
	path string
}

// Lock takes the advisory lock of a folder, which has to exist, without
// waiting. When another process has it, the error is a [*LockedError]. The
// kernel releases the lock when the process ends, however it ends; a file
// left behind by a killed process locks nothing.
func Lock(dir string) (*FolderLock, error) { return lockFile(filepath.Join(dir, LockName)) }

func lockFile(path string) (*FolderLock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, explain("lock", path, err)
		}
		if err := flock(f); err != nil {
			pid := readPID(f)
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, &LockedError{Dir: filepath.Dir(path), PID: pid}
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !current(f, path) {
			// The holder before removed the file between our open and our
			// lock: we hold the lock of a file that nobody else will find.
			f.Close()
			continue
		}
		if err := writePID(f); err != nil {
			f.Close()
			return nil, explain("lock", path, err)
		}
		return &FolderLock{f: f, path: path}, nil
	}
}

// lockPatience is how long a writer waits for another one. Writing takes
// milliseconds.
var lockPatience = 10 * time.Second

// lockPatiently waits for a lock that is held for moments only, by who writes
// the file named what.
func lockPatiently(path, what string) (*FolderLock, error) {
	deadline := time.After(lockPatience)
	for {
		l, err := lockFile(path)
		var held *LockedError
		if !errors.As(err, &held) {
			return l, err
		}
		select {
		case <-deadline:
			return nil, fmt.Errorf("write %s: another process (pid %d) is writing it; end that, or wait and try again", what, held.PID)
		case <-time.After(10 * time.Millisecond): // a file lock tells nobody that it is free
		}
	}
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func current(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(f *os.File) int {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 1 {
		return 0
	}
	return pid
}

// Unlock releases the lock and removes its file. Later calls do nothing.
func (l *FolderLock) Unlock() error {
	if l.f == nil {
		return nil
	}
	// Removed while it is still locked, so that nobody can hold a lock on a
	// file that is about to go; see the check in Lock.
	err := os.Remove(l.path)
	if cerr := l.f.Close(); err == nil {
		err = cerr
	}
	l.f = nil
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}
