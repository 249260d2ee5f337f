package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// MaxBaselineRuns is the number of runs that a baseline holds at most: adding
// one more drops the oldest.
const MaxBaselineRuns = 20

var baselineName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Baselines is the folder of the baselines that have a name.
func (f Folders) Baselines() string { return filepath.Join(f.Data, "baselines") }

// IsBaselinePath says whether a baseline is named by the path of its file: it
// has a separator in it or ends in .json. Anything else is a name.
func IsBaselinePath(name string) bool {
	return strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".json")
}

// BaselinePath returns the file of a baseline, given by name or by path. It
// need not exist.
func BaselinePath(dirs Folders, name string) (string, error) {
	if IsBaselinePath(name) {
		return name, nil
	}
	if !baselineName.MatchString(name) {
		return "", fmt.Errorf("%q cannot be the name of a baseline: use letters, digits, '.', '_' and '-', up to 100 and a letter or digit first, or the path of a file",
			result.Printable(name, 80))
	}
	return filepath.Join(dirs.Baselines(), name+".json"), nil
}

// ReadBaseline reads the runs of a baseline, oldest first. One that is not
// there is an [fs.ErrNotExist], one that cannot be trusted a [*CorruptError].
func ReadBaseline(dirs Folders, name string) ([]*result.Run, error) {
	path, err := BaselinePath(dirs, name)
	if err != nil {
		return nil, err
	}
	info, serr := os.Stat(path)
	odd := serr == nil && !info.Mode().IsRegular()
	if odd && !IsBaselinePath(name) {
		return nil, fmt.Errorf("read %s: it is not a plain file, which a baseline is; remove it", path)
	}
	runs, err := ReadRuns(path)
	if err != nil && odd {
		return nil, err // there is nothing to be corrupt
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return runs, err
	}
	return nil, &CorruptError{Path: path, Backup: newestIntact(path), Err: err}
}

// CorruptError says that a baseline's file is not what was saved.
type CorruptError struct {
	Path   string
	Backup string // the newest one that is intact, or ""
	Err    error
}

func (e *CorruptError) Error() string {
	if e.Backup == "" {
		return fmt.Sprintf("%v; there is no intact backup of it: save the baseline anew", e.Err)
	}
	return fmt.Sprintf("%v; its newest intact backup is %s: copy that over it, or save the baseline anew", e.Err, e.Backup)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// SaveBaseline makes a run the baseline of that name, in place of what was. The
// file that it replaces is kept, whatever is in it, and its new path returned;
// the newest five of those are kept.
func SaveBaseline(dirs Folders, name string, run *result.Run) (backup string, err error) {
	err = changeBaseline(dirs, name, func(path string) error {
		backup, err = replaceRuns(path, []*result.Run{run})
		return err
	})
	return backup, err
}

// AddToBaseline adds a run to those of a baseline, which is made when it is
// not there, and returns how many there are then. From five on a comparison
// judges by the spread between them. A backup is made only when the oldest run
// has to go.
func AddToBaseline(dirs Folders, name string, run *result.Run) (runs int, backup string, err error) {
	err = changeBaseline(dirs, name, func(path string) error {
		have, err := ReadBaseline(dirs, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if slices.ContainsFunc(have, func(r *result.Run) bool { return r.ID == run.ID }) {
			return fmt.Errorf("run %s is in the baseline already", run.ID)
		}
		have = append(have, run)
		runs = min(len(have), MaxBaselineRuns)
		if len(have) > MaxBaselineRuns {
			backup, err = replaceRuns(path, have[len(have)-MaxBaselineRuns:])
			return err
		}
		return WriteRuns(path, have)
	})
	return runs, backup, err
}

// RemoveBaseline removes a baseline and returns the backup that is left of it.
func RemoveBaseline(dirs Folders, name string) (backup string, err error) {
	err = changeBaseline(dirs, name, func(path string) error {
		if _, err := os.Stat(path); err != nil {
			return explain("read", path, err)
		}
		if backup, err = keepBackup(path); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return explain("remove", path, err)
		}
		pruneBackups(path)
		return nil
	})
	return backup, err
}

// changeBaseline holds the lock of a baseline's file during change.
func changeBaseline(dirs Folders, name string, change func(path string) error) error {
	path, err := BaselinePath(dirs, name)
	if err != nil {
		return err
	}
	if !IsBaselinePath(name) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return explain("write", path, err)
		}
	}
	// A link is followed, so that two savers of one file share its lock and
	// backups lie beside the file.
	if path, err = resolve(path); err != nil {
		return explain("write", path, err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write %s: it is not a plain file; name a file", path)
	}
	l, err := lockPatiently(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"), path)
	if err != nil {
		return err
	}
	err = change(path)
	if uerr := l.Unlock(); err == nil {
		err = uerr
	}
	return err
}

// replaceRuns keeps what is at path as a backup and writes the runs.
func replaceRuns(path string, runs []*result.Run) (backup string, err error) {
	if _, err := os.Stat(path); err == nil {
		if backup, err = keepBackup(path); err != nil {
			return "", err
		}
	}
	if err := WriteRuns(path, runs); err != nil {
		if backup != "" {
			os.Remove(backup) // it is the same file under a second name
		}
		return "", err
	}
	pruneBackups(path)
	return backup, nil
}

// WriteRuns writes run documents one after the other into one file, which is
// replaced atomically.
func WriteRuns(path string, runs []*result.Run) error {
	return WriteFile(path, 0o644, func(w io.Writer) error {
		for _, r := range runs {
			if err := result.Encode(w, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// Baseline is what a list shows of a baseline that has a name.
type Baseline struct {
	Name    string
	Path    string
	Runs    []*result.Run // oldest first; nil with Err
	Backups int
	Err     error // why it cannot be used
}

// ListBaselines returns the baselines that have a name, in its order.
func ListBaselines(dirs Folders) ([]Baseline, error) {
	entries, err := os.ReadDir(dirs.Baselines())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("list baselines: %w", err)
	}
	var out []Baseline
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !baselineName.MatchString(name) {
			continue
		}
		b := Baseline{Name: name, Path: filepath.Join(dirs.Baselines(), e.Name())}
		if info, err := os.Stat(b.Path); err == nil && !info.Mode().IsRegular() {
			continue // to read a pipe would be to wait for ever
		}
		b.Runs, b.Err = ReadBaseline(dirs, name)
		b.Backups = len(Backups(b.Path))
		out = append(out, b)
	}
	return out, nil
}
