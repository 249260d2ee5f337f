// Package install puts plugins into a plugins folder and takes them out again:
// from a path, an https address or a GitHub release.
//
// What comes from elsewhere is checked against a digest from its publisher
// before it is unpacked, unpacked so that nothing of it can land outside its
// own folder, and put in place in one step. Nothing that is installed is ever
// executed here.
package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/store"
)

// Options say what to install where.
type Options struct {
	Dir    string // plugins folder; made if it is not there
	Source Source
	// SHA256 is the digest in hexadecimal that the fetched file has to have, or
	// the program at a path; "" takes what its publisher says.
	SHA256 string
	// Pin is what the lockfile says of the plugin Name; nil pins nothing.
	Pin  *lockfile.Pin
	Name string // that it has to have; "" is any
	// RequireSignature refuses what has no signature that could be checked.
	RequireSignature bool
	Reserved         []string // names that are taken by built-in plugins
	Network          Network
	Cosign           string // program that checks sigstore bundles; "" looks for cosign in PATH
	Say              func(format string, args ...any)
}

// Receipt is what was installed, and stays beside it.
type Receipt struct {
	Name      string        `json:"name"`
	Version   string        `json:"version,omitempty"` // as the manifest or the release says
	Source    string        `json:"source"`            // as [Source.String] has it, with the release's tag
	Kind      manifest.Kind `json:"kind"`
	SHA256    string        `json:"sha256"`   // of the program
	Verified  string        `json:"verified"` // how it was checked
	Installed time.Time     `json:"installed"`

	Path     string   `json:"-"` // of the program
	Replaced *Receipt `json:"-"` // what was there before
}

// Install installs one plugin. It takes the place of one that was installed
// before, and of nothing else; in between there is always one of the two.
func Install(ctx context.Context, o Options) (*Receipt, error) {
	r, err := install(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("install %s: %w", o.Source, err)
	}
	return r, nil
}

func install(ctx context.Context, o Options) (*Receipt, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the plugins folder: %w; choose another with --global, or change its owner", err)
	}
	unlock, err := lock(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	sweep(o.Dir)
	work, err := os.MkdirTemp(o.Dir, staging)
	if err != nil {
		return nil, fmt.Errorf("make a folder to unpack in: %w", err)
	}
	defer os.RemoveAll(work)
	got, err := o.obtain(ctx, work)
	if err != nil {
		return nil, err
	}
	p, err := arrange(got.tree, filepath.Join(work, "plugin"))
	if err != nil {
		return nil, err
	}
	if err := o.check(p, got); err != nil {
		return nil, err
	}
	r := &Receipt{
		Name: p.name, Version: p.version(got.tag), Source: got.source, Kind: p.kind, SHA256: p.digest,
		Verified: strings.Join(got.verified, ", "), Installed: time.Now().UTC().Truncate(time.Second),
	}
	if err := writeReceipt(p.dir, r); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	target := filepath.Join(o.Dir, p.name)
	if r.Replaced, err = place(p.dir, target); err != nil {
		return nil, err
	}
	r.Path = filepath.Join(target, p.file)
	return r, nil
}

// check holds what was unpacked against what was asked for.
func (o Options) check(p *arranged, got *obtained) error {
	switch {
	case slices.Contains(o.Reserved, p.name):
		return fmt.Errorf("it calls itself %s, which is a built-in plugin that would always win over it", p.name)
	case o.Name != "" && p.name != o.Name:
		return fmt.Errorf("it calls itself %s, want %s", p.name, o.Name)
	case got.program && o.SHA256 != "" && p.digest != o.SHA256:
		return fmt.Errorf("its sha256 is %s, want %s by --sha256", p.digest, o.SHA256)
	case o.Pin == nil:
		return nil
	}
	lock := lockfile.File{Plugins: map[string]lockfile.Pin{p.name: *o.Pin}}
	return lock.Check(lockfile.FileName, lockfile.Found{Name: p.name, Path: o.Source.String(), Kind: p.kind, Digest: p.digest, Platform: manifest.Platform()})
}

// staging begins the names of folders in which plugins are unpacked. A
// catalog passes over names that begin with a dot.
const staging = ".staging-"

// patience is how long another installation into the same folder is waited for.
const patience = 5 * time.Minute

// lock keeps other installations out of the folder.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		l, err := store.Lock(dir)
		var held *store.LockedError
		if err == nil {
			return func() { _ = l.Unlock() }, nil // the kernel drops it with the process
		} else if !errors.As(err, &held) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another process (pid %d) installs into %s for minutes; end it, or try again later", held.PID, dir)
		case <-time.After(20 * time.Millisecond): // a file lock tells nobody that it is free
		}
	}
}

// sweep removes what installations that were killed left behind: the lock is
// held, so none of it is in use.
func sweep(dir string) {
	left, err := filepath.Glob(filepath.Join(dir, staging+"*"))
	if err != nil {
		return
	}
	for _, path := range left {
		os.RemoveAll(path)
	}
}

// place puts a folder where the plugin belongs, in one step, and returns the
// receipt of what it replaced.
func place(from, to string) (*Receipt, error) {
	if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
		return nil, os.Rename(from, to)
	}
	old, err := readReceipt(to)
	if err != nil {
		return nil, fmt.Errorf("%s is there and was not installed by harness (%w); move it away", to, err)
	}
	if err := exchange(from, to); err != nil {
		return nil, fmt.Errorf("replace %s: %w", to, err)
	}
	return old, nil // it is now in the staging folder, which goes
}

// Remove takes out an installed plugin, in one step. It touches nothing that
// harness did not install.
func Remove(ctx context.Context, dir, name string) (*Receipt, error) {
	unlock, err := lock(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("remove plugin %s: %w", name, err)
	}
	defer unlock()
	sweep(dir)
	path := filepath.Join(dir, name)
	r, err := readReceipt(path)
	if err != nil {
		return nil, fmt.Errorf("remove plugin %s: %w", name, err)
	}
	work, err := os.MkdirTemp(dir, staging)
	if err != nil {
		return nil, fmt.Errorf("remove plugin %s: %w", name, err)
	}
	if err := os.Rename(path, filepath.Join(work, name)); err != nil {
		os.Remove(work)
		return nil, fmt.Errorf("remove plugin %s: %w", name, err)
	}
	if err := os.RemoveAll(work); err != nil {
		return nil, fmt.Errorf("remove plugin %s: it is out of use, and some of it is left in %s: %w", name, work, err)
	}
	return r, nil
}
