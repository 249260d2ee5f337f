package history

import (
	"errors"
	"fmt"
	"path/filepath"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Kind says what is wrong with an index.
type Kind string

// Kinds of an [IndexError].
const (
	Locked   Kind = "locked"    // by another process
	ReadOnly Kind = "read-only" // and has to be written
	Newer    Kind = "newer"     // made by a later version
	Foreign  Kind = "foreign"   // an SQLite database of something else
	Damaged  Kind = "damaged"   // or no database at all
	Full     Kind = "full"      // the disk is
)

// IndexError says what is wrong with an index and what to do.
type IndexError struct {
	Path string
	Kind Kind
	Err  error // may be nil
}

func (e *IndexError) Error() string {
	const rebuild = "harness history rebuild makes it anew from the run documents"
	said := map[Kind]string{
		Locked:   "is in use by another process: wait for it to end, and try again",
		ReadOnly: fmt.Sprintf("cannot be written to: make %s writable, or name a copy of it with --history", filepath.Dir(e.Path)),
		Newer:    "was made by a newer harness: upgrade this one; or " + rebuild,
		Foreign:  "is a database of another program: name another folder with --history",
		Damaged:  "is damaged: " + rebuild,
		Full:     fmt.Sprintf("cannot grow: the disk of %s is full; free some space", filepath.Dir(e.Path)),
	}[e.Kind]
	if e.Err != nil {
		return fmt.Sprintf("the history's index %s %s (%v)", e.Path, said, e.Err)
	}
	return fmt.Sprintf("the history's index %s %s", e.Path, said)
}

func (e *IndexError) Unwrap() error { return e.Err }

func (h *History) explain(err error) error { return explain(filepath.Join(h.dir, IndexName), err) }

func (h *History) damaged(err error) error {
	return &IndexError{Path: filepath.Join(h.dir, IndexName), Kind: Damaged, Err: err}
}

// explain puts an error of SQLite into words, with the remedy.
func explain(path string, err error) error {
	var in *sqlite.Error
	if !errors.As(err, &in) {
		return err
	}
	kinds := map[int]Kind{
		lib.SQLITE_BUSY: Locked, lib.SQLITE_LOCKED: Locked,
		lib.SQLITE_READONLY: ReadOnly, lib.SQLITE_CANTOPEN: ReadOnly, lib.SQLITE_PERM: ReadOnly, lib.SQLITE_AUTH: ReadOnly,
		lib.SQLITE_CORRUPT: Damaged, lib.SQLITE_NOTADB: Damaged, lib.SQLITE_ERROR: Damaged, lib.SQLITE_CONSTRAINT: Damaged, lib.SQLITE_MISMATCH: Damaged,
		lib.SQLITE_FULL: Full,
	}
	if kind, ok := kinds[in.Code()&0xff]; ok { // the rest of the code is detail
		return &IndexError{Path: path, Kind: kind, Err: err}
	}
	return fmt.Errorf("history's index %s: %w", path, err)
}
