package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Backups of a file lie beside it, under its name with this and the time at
// which they were replaced, in UTC.
const (
	backupMark = ".bak-"
	backupTime = "20060102T150405.000Z"
	maxBackups = 5
)

// Backups are the backups of a file, oldest first.
func Backups(path string) []string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil // no folder, no backups
	}
	var out []string
	for _, e := range entries {
		stamp, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+backupMark)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		if _, err := time.Parse(backupTime, stamp); err == nil {
			out = append(out, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	sort.Strings(out)
	return out
}

// keepBackup gives the file at path a second name. The first one is to be
// replaced or removed by the caller, never written to.
func keepBackup(path string) (string, error) {
	for at := time.Now().UTC(); ; at = at.Add(time.Millisecond) {
		backup := path + backupMark + at.Format(backupTime)
		err := os.Link(path, backup)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			err = copyFile(path, backup) // a file system without links
		}
		if err != nil {
			return "", fmt.Errorf("keep what is replaced: %w", err)
		}
		return backup, nil
	}
}

func copyFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return explain("read", from, err)
	}
	defer f.Close()
	return WriteFile(to, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// pruneBackups removes all but the newest backups. One that cannot be removed
// does no harm.
func pruneBackups(path string) {
	all := Backups(path)
	for len(all) > maxBackups {
		os.Remove(all[0])
		all = all[1:]
	}
}

// newestIntact is the newest backup that can be read, or "".
func newestIntact(path string) string {
	if target, err := resolve(path); err == nil {
		path = target
	}
	all := Backups(path)
	for i := len(all) - 1; i >= 0; i-- {
		if _, err := ReadRuns(all[i]); err == nil {
			return all[i]
		}
	}
	return ""
}
