package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
)

// hashName begins a digest as documents have it.
const hashName = "sha256:"

func hexOf(digest string) string { return strings.TrimPrefix(digest, hashName) }

// seal is a file's digest, and what tells without reading it again that the
// file is still the same.
type seal struct {
	digest string
	is     identity
	// young says that the file was read so soon after its last change that the
	// next one might bear the same time.
	young bool
}

// same says whether a file is surely the one that was sealed.
func (s seal) same(is identity) bool { return !s.young && is == s.is }

// tick is longer than the steps in which file systems tell the time.
const tick = 50 * time.Millisecond

// identity changes whenever a file is replaced or written to: whoever may
// write to it can set the other times, but not that of the last change.
type identity struct {
	device, inode    uint64
	size             int64
	modified, change unix.Timespec
}

func identityOf(st *unix.Stat_t) identity {
	is := identity{
		device: uint64(st.Dev), inode: st.Ino, size: st.Size, //nolint:unconvert // Dev is an int32 on macOS
		modified: st.Mtim,
	}
	if runtime.GOOS != "darwin" { // which marks programs that it starts, and so changes them
		is.change = st.Ctim
	}
	return is
}

func identify(path string) (identity, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return identityOf(&st), nil
}

// makeSeal reads a file. One that is written to meanwhile has no digest.
func makeSeal(path string) (seal, error) {
	f, err := os.Open(path)
	if err != nil {
		return seal{}, err
	}
	defer f.Close()
	begun := time.Now()
	var before, after unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &before); err != nil {
		return seal{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return seal{}, err
	}
	if err := unix.Fstat(int(f.Fd()), &after); err != nil {
		return seal{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if identityOf(&before) != identityOf(&after) {
		return seal{}, fmt.Errorf("%s was written to while it was read; try again when it is finished", path)
	}
	is := identityOf(&after)
	last := max(is.modified.Nano(), is.change.Nano())
	return seal{hashName + hex.EncodeToString(h.Sum(nil)), is, begun.UnixNano()-last < int64(tick)}, nil
}

// SHA256 is the digest of a plugin's file in hexadecimal.
func SHA256(path string) (string, error) {
	s, err := makeSeal(path)
	return hexOf(s.digest), err
}

// Digest returns the sha256 of the plugin's file as "sha256:hex"; that of
// this program for a built-in one. It is an error if the file was another when
// this catalog looked at it before.
func (c *Catalog) Digest(e Entry) (string, error) {
	s, err := c.seal(e)
	if err != nil {
		return "", fmt.Errorf("digest of plugin %s: %w", e.Name, err)
	}
	return s.digest, nil
}

func (c *Catalog) seal(e Entry) (seal, error) {
	path := e.Path
	if e.BuiltIn() {
		exe, err := os.Executable()
		if err != nil {
			return seal{}, err
		}
		path = exe
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.seals[path]
	if ok && e.BuiltIn() {
		return known, nil
	}
	if is, err := identify(path); err != nil {
		return seal{}, err
	} else if ok && known.same(is) {
		return known, nil
	}
	now, err := makeSeal(path)
	if err != nil {
		return seal{}, err
	}
	if ok && now.digest != known.digest {
		return seal{}, fmt.Errorf("%s changed since this command looked at it first: run it again", path)
	}
	c.seals[path] = now
	return now, nil
}

// Admit says whether a plugin may be started: it was found to be usable, and
// its file is what the manifest beside it, the lockfile and earlier looks at it
// say.
//
// Between this and the start of the process the file may be replaced, which no
// portable call prevents. So the caller asks still once the process runs: it
// fails if the file at the path is not the one that was admitted, or was
// written to, renamed or linked since. What gets round that: root, a file system
// that keeps no time of change, and on macOS whoever puts the first file back
// in time. What an exec plugin loads by itself is not looked at.
func (c *Catalog) Admit(e Entry) (still func() error, err error) {
	fine := func() error { return nil }
	if e.BuiltIn() {
		return fine, nil
	}
	if e.Problem != nil {
		return nil, fmt.Errorf("plugin %s cannot be used: %w", e.Name, e.Problem)
	}
	s, err := c.seal(e)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", e.Name, err)
	}
	if e.SHA256 != "" && hashName+e.SHA256 != s.digest {
		return nil, fmt.Errorf("plugin %s is refused: its manifest says that %s has sha256 %s…, and it has %s…: install it again, or have its manifest made anew",
			e.Name, e.Path, e.SHA256[:12], hexOf(s.digest)[:12])
	}
	if err := c.pinned(e, s); err != nil {
		return nil, err
	}
	return func() error {
		if err := s.still(e.Path); err != nil {
			return fmt.Errorf("plugin %s is refused: %w", e.Name, err)
		}
		return nil
	}, nil
}

// still says whether the file at path is the one that was sealed.
func (s seal) still(path string) error {
	is, err := identify(path)
	if err != nil || s.same(is) {
		return err
	}
	if is == s.is { // as far as the clock can tell
		now, err := makeSeal(path)
		if err != nil || now.digest == s.digest && now.is == is {
			return err
		}
	}
	return errors.New("its file changed while it was started")
}

// pinned holds a plugin against the lockfile.
func (c *Catalog) pinned(e Entry, s seal) error {
	if c.opts.Lock == nil {
		return nil
	}
	return c.opts.Lock.Check(c.opts.LockPath, found(e, s))
}

func found(e Entry, s seal) lockfile.Found {
	return lockfile.Found{Name: e.Name, Path: e.Path, Kind: e.Kind, Digest: hexOf(s.digest), Platform: manifest.Platform()}
}

// Find is what a plugin is to a lockfile.
func (c *Catalog) Find(e Entry) (lockfile.Found, error) {
	if e.Problem != nil {
		return lockfile.Found{}, fmt.Errorf("plugin %s cannot be used: %w", e.Name, e.Problem)
	}
	s, err := c.seal(e)
	if err != nil {
		return lockfile.Found{}, fmt.Errorf("plugin %s: %w", e.Name, err)
	}
	return found(e, s), nil
}
