// Package leftovers removes what runs that died left behind, by their
// journals: processes, folders, and objects on targets.
//
// A journal belongs to a run that lives as long as its process holds the lock
// on it. The package touches only what a dead run's journal names, a folder
// only when the run's own marker is in it, and objects on a target only
// through the Clean of the plugin that made them.
package leftovers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchharness/harness/internal/proc"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
)

// KindFolder is the kind of a journalled folder.
const KindFolder = "folder"

// MarkerName is the file that a folder made by a run has in it.
const MarkerName = ".harness-owner"

// marker is the content of [MarkerName].
type marker struct {
	RunID string `json:"run_id"`
}

// Journal is the journal of this run, locked.
type Journal struct {
	*journal.File
	Path string
	lock *os.File
}

// Create starts the journal of a run in the folder dir and locks it. It gets
// the name under which a sweep finds it when it is locked, so that no sweep
// takes it for that of a dead run.
func Create(dir string, run journal.Run) (*Journal, error) {
	path := filepath.Join(dir, run.ID+extension)
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("create journal %s: it exists", path)
	}
	f, err := journal.Create(path+unlocked, run)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(path + unlocked)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := os.Rename(path+unlocked, path); err != nil {
		return nil, errors.Join(fmt.Errorf("create journal: %w", err), f.Close(), lock.Close())
	}
	return &Journal{File: f, Path: path, lock: lock}, nil
}

// The names of journals: one that is not locked yet has both endings.
const (
	extension = ".jsonl"
	unlocked  = ".new"
)

// Close ends the journal. It is removed when nothing in it is left, and kept
// for the next sweep otherwise.
func (j *Journal) Close() error {
	err := j.File.Close()
	if c, rerr := journal.ReadFile(j.Path); rerr == nil && !slices.ContainsFunc(c.Left, outlives) {
		err = errors.Join(err, os.Remove(j.Path))
	}
	return errors.Join(err, j.lock.Close())
}

// outlives says whether an object can outlive its run. What the reference stack
// held is gone with the stack's processes.
func outlives(e journal.Entry) bool { return e.Target != "reference" }

// lockFile takes the lock of a journal without waiting. The kernel drops it
// when the process ends, however that happens. Descriptors are close-on-exec,
// so no child keeps it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("lock journal: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock journal %s: %w", path, err)
	}
	return f, nil
}

// Scratch makes a private folder for a run, journalled and marked. Its mode
// lets other users pass through, not look: a database server that has to run
// as another user keeps its folder in it.
func Scratch(base, runID string, j sdk.Journal) (string, error) {
	dir := filepath.Join(base, "harness-"+runID)
	if err := j.Record(sdk.Object{Kind: KindFolder, Name: dir, Attrs: map[string]string{"run": runID}}); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o711); err != nil {
		return "", errors.Join(fmt.Errorf("make the run's scratch folder: %w", err), j.Forget(sdk.Object{Kind: KindFolder, Name: dir}))
	}
	b, err := json.Marshal(marker{RunID: runID})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, MarkerName), b, 0o644)
	}
	if err != nil {
		// Without its marker no sweep would touch it.
		return "", errors.Join(fmt.Errorf("mark the run's scratch folder: %w", err), RemoveScratch(dir, j))
	}
	return dir, nil
}

// RemoveScratch removes that folder again.
func RemoveScratch(dir string, j sdk.Journal) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the run's scratch folder: %w", err)
	}
	return j.Forget(sdk.Object{Kind: KindFolder, Name: dir})
}

// Hooks are what a sweep needs from outside.
type Hooks struct {
	// Clean has objects on a target removed by the plugin that owns them.
	Clean func(ctx context.Context, run journal.Run, owner, target string, objects []sdk.Object) error
	// Kept asks to remove what a run left on targets on purpose, too.
	Kept bool
	// Removed is told of everything that was removed.
	Removed func(run, what string)
}

// Sweep removes what the dead runs with a journal in dir left behind, and
// their journals. What could not be removed stays in its journal, and is in
// the error.
func Sweep(ctx context.Context, dir string, h Hooks) error {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for journals: %w", err)
	}
	var paths []string // sorted: ids begin with the time
	var errs []error
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		switch {
		case strings.HasSuffix(path, extension):
			paths = append(paths, path)
		case strings.HasSuffix(path, extension+unlocked) && stale(f):
			// Its run died before it could have made anything.
			errs = append(errs, os.Remove(path))
		}
	}
	for _, path := range paths {
		if err := sweepOne(ctx, path, h); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// stale says whether a file is older than the moment between its creation and
// its renaming can be.
func stale(f fs.DirEntry) bool {
	info, err := f.Info()
	return err == nil && time.Since(info.ModTime()) > time.Hour
}

func sweepOne(ctx context.Context, path string, h Hooks) error {
	lock, err := lockFile(path)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
		return nil // its run lives, or has just cleaned up
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	c, err := journal.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its run cleaned up and ended between the two lines above
	}
	if info, serr := os.Stat(path); err != nil && serr == nil && info.Size() == 0 {
		return os.Remove(path) // a crash of the system took its content
	}
	if err != nil {
		return fmt.Errorf("%w: nothing of it was touched; look at it, remove by hand what it names, then remove it", err)
	}
	s := sweep{Hooks: h, run: c.Run}
	spare := c.Run.Keep && !h.Kept
	if err := s.all(ctx, c.Left, spare); err != nil {
		return fmt.Errorf("clean up after run %s: %w", c.Run.ID, err)
	}
	if spare && len(onTargets(c.Left)) > 0 {
		return nil // the journal is how they are found one day
	}
	return os.Remove(path)
}

type sweep struct {
	Hooks
	run journal.Run
}

// all removes what is left; what is on targets only if it is not to be spared.
func (s sweep) all(ctx context.Context, left []journal.Entry, spare bool) error {
	// Processes first: they may hold or make the rest.
	var tokens []string
	for _, e := range left {
		if e.Object.Kind == proc.Kind {
			tokens = append(tokens, e.Object.Name)
		}
	}
	killed, err := proc.Sweep(tokens)
	for _, pid := range killed {
		s.removed("process %d", pid)
	}
	errs := []error{err}
	for _, g := range onTargets(left) {
		if spare {
			break
		}
		if err := s.Clean(ctx, s.run, g.owner, g.target, g.objects); err != nil {
			errs = append(errs, err)
			continue
		}
		for _, o := range g.objects {
			s.removed("%s %s on %s", o.Kind, o.Name, g.target)
		}
	}
	// Folders last, the newest first: a later one may be inside an earlier one.
	for i := len(left) - 1; i >= 0; i-- {
		if left[i].Object.Kind == KindFolder {
			errs = append(errs, s.folder(left[i].Object.Name))
		}
	}
	return errors.Join(errs...)
}

func (s sweep) removed(format string, args ...any) {
	if s.Removed != nil {
		s.Removed(s.run.ID, fmt.Sprintf(format, args...))
	}
}

type group struct {
	owner, target string
	objects       []sdk.Object
}

// onTargets gathers the objects on targets by owner and target, the newest
// object first.
func onTargets(left []journal.Entry) []group {
	var out []group
	for i := len(left) - 1; i >= 0; i-- {
		e := left[i]
		if e.Object.Kind == proc.Kind || e.Object.Kind == KindFolder || !outlives(e) {
			continue
		}
		found := false
		for k := range out {
			if out[k].owner == e.Owner && out[k].target == e.Target {
				out[k].objects = append(out[k].objects, e.Object)
				found = true
			}
		}
		if !found {
			out = append(out, group{e.Owner, e.Target, []sdk.Object{e.Object}})
		}
	}
	return out
}

// folder removes a folder that the run made: one with the run's marker, or an
// empty one that it was killed too early to mark.
func (s sweep) folder(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.IsDir() || !filepath.IsAbs(dir) || !strings.Contains(filepath.Base(dir), "harness") {
		return fmt.Errorf("folder %s is not one of harness's: left alone", dir)
	}
	if os.Remove(dir) == nil { // empty
		s.removed("folder %s", dir)
		return nil
	}
	b, err := os.ReadFile(filepath.Join(dir, MarkerName))
	var m marker
	if err != nil || json.Unmarshal(b, &m) != nil || m.RunID != s.run.ID {
		return fmt.Errorf("folder %s does not carry the marker of this run: left alone; remove it by hand", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove folder %s: %w", dir, err)
	}
	s.removed("folder %s", dir)
	return nil
}
