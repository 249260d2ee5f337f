package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// applicationID marks an SQLite file as an index of harness: "harn".
const applicationID = 0x6861726e

// migrations make an index of one version into one of the next; the version
// is how many were applied. What was released is never changed.
var migrations = []string{
	`CREATE TABLE runs (
		seq INTEGER PRIMARY KEY,
		id TEXT NOT NULL UNIQUE,
		file TEXT NOT NULL UNIQUE, -- in the folder, with size and mtime to see that it changed
		size INTEGER NOT NULL,
		mtime INTEGER NOT NULL, -- ns
		started INTEGER NOT NULL, -- µs
		machine TEXT NOT NULL,
		suite TEXT NOT NULL,
		profile TEXT NOT NULL,
		commit_id TEXT NOT NULL,
		benchmarks INTEGER NOT NULL,
		complete INTEGER NOT NULL
	);
	CREATE TABLE series (
		id INTEGER PRIMARY KEY,
		benchmark TEXT NOT NULL,
		params TEXT NOT NULL, -- JSON, sorted by key
		metric TEXT NOT NULL,
		workload TEXT NOT NULL, -- digest: different work is another series
		unit TEXT NOT NULL,
		better TEXT NOT NULL,
		scale TEXT NOT NULL,
		gate INTEGER NOT NULL,
		UNIQUE (benchmark, params, metric, workload)
	);
	CREATE TABLE points (
		series INTEGER NOT NULL,
		started INTEGER NOT NULL,
		run INTEGER NOT NULL,
		value REAL NOT NULL,
		invalid INTEGER NOT NULL,
		PRIMARY KEY (series, started, run)
	) WITHOUT ROWID;
	CREATE INDEX points_run ON points (run);`,

	// Values in another unit or another scale, or of which others are better,
	// are another series. The documents are read again.
	`DROP TABLE points;
	DROP TABLE series;
	DELETE FROM runs;
	CREATE TABLE series (
		id INTEGER PRIMARY KEY,
		benchmark TEXT NOT NULL,
		params TEXT NOT NULL, -- JSON, sorted by key
		metric TEXT NOT NULL,
		workload TEXT NOT NULL, -- digest: different work is another series
		unit TEXT NOT NULL,
		better TEXT NOT NULL,
		scale TEXT NOT NULL,
		gate INTEGER NOT NULL, -- in the newest run
		UNIQUE (benchmark, params, metric, workload, unit, better, scale)
	);
	CREATE TABLE points (
		series INTEGER NOT NULL,
		started INTEGER NOT NULL,
		run INTEGER NOT NULL,
		value REAL NOT NULL,
		invalid INTEGER NOT NULL,
		PRIMARY KEY (series, started, run)
	) WITHOUT ROWID;
	CREATE INDEX points_run ON points (run);`,
}

// openIndex opens an index, makes it where there is none and brings an old one
// to the present version.
func openIndex(ctx context.Context, path string) (*sql.DB, error) {
	db, err := connect(path)
	if err == nil {
		if err = migrate(ctx, db, path); err != nil {
			err = errors.Join(explain(path, err), db.Close())
		}
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// patience is how long a query waits for another process, in ms.
const patience = 3000

func connect(path string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the history's index: %w", err)
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", patience), "synchronous(NORMAL)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: abs}).EscapedPath()+"?"+query.Encode())
	if err != nil {
		return nil, explain(path, err)
	}
	db.SetMaxOpenConns(1) // a second one could only wait for the first
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB, path string) error {
	var version, id, tables int
	for into, query := range map[*int]string{
		&version: "PRAGMA user_version", &id: "PRAGMA application_id", &tables: "SELECT count(*) FROM sqlite_master",
	} {
		if err := db.QueryRowContext(ctx, query).Scan(into); err != nil {
			return err
		}
	}
	switch {
	case tables > 0 && id != applicationID:
		return &IndexError{Path: path, Kind: Foreign}
	case version > len(migrations):
		return &IndexError{Path: path, Kind: Newer, Err: fmt.Errorf("version %d, this harness knows up to %d", version, len(migrations))}
	case version == len(migrations):
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	// Another process may have done it between the look and the lock.
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	for ; version < len(migrations); version++ {
		if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version)); err != nil {
		return err
	}
	return tx.Commit()
}

// removable says whether an index may be taken away: it is harness's own, or
// no database at all, and no other process is writing in it.
func removable(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return nil // there is nothing to remove
	}
	db, err := connect(path)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		var in *IndexError
		if err = explain(path, err); errors.As(err, &in) && in.Kind == Locked {
			return err
		}
		return nil // it is no database, or cannot be written to: removing it will tell
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return checkOwner(ctx, tx, path)
}

// checkOwner says whether the database is an index of harness, or empty.
func checkOwner(ctx context.Context, tx *sql.Tx, path string) error {
	var tables, id int
	if tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables) != nil ||
		tx.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id) != nil {
		return ctx.Err() // too damaged to be anything
	}
	if tables > 0 && id != applicationID {
		return &IndexError{Path: path, Kind: Foreign}
	}
	return nil
}

// file is a run document as the folder shows it.
type file struct {
	name        string
	size, mtime int64
}

// sync makes the index follow the folder.
func (h *History) sync(ctx context.Context) error {
	present, err := h.files()
	if err != nil {
		return err
	}
	known := map[string]file{}
	rows, err := h.db.QueryContext(ctx, `SELECT file, size, mtime FROM runs`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f file
		if err := rows.Scan(&f.name, &f.size, &f.mtime); err != nil {
			return err
		}
		known[f.name] = f
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	var fresh []file
	for _, f := range present {
		if known[f.name] != f {
			fresh = append(fresh, f)
		} else {
			delete(known, f.name)
		}
	}
	h.Skipped = nil
	if len(fresh) == 0 && len(known) == 0 {
		return nil
	}
	return h.update(ctx, known, fresh)
}

func (h *History) files() ([]file, error) {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, fmt.Errorf("read history %s: %w", h.dir, err)
	}
	var out []file
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ending) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(h.dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went meanwhile
		} else if err != nil {
			return nil, fmt.Errorf("read history %s: %w", h.dir, err)
		}
		if info.Mode().IsRegular() {
			out = append(out, file{e.Name(), info.Size(), info.ModTime().UnixNano()})
		}
	}
	return out, nil
}

// update takes out what is stale, which are files that changed or are gone,
// and takes in what is fresh. The documents are read before the index is
// locked.
func (h *History) update(ctx context.Context, stale map[string]file, fresh []file) error {
	var runs []*result.Run
	var from []file
	for _, f := range fresh {
		if err := ctx.Err(); err != nil {
			return err
		}
		run, err := store.ReadRunUnopened(filepath.Join(h.dir, f.name))
		if err != nil {
			h.Skipped = append(h.Skipped, Skipped{f.name, err})
			continue
		}
		runs, from = append(runs, run), append(from, f)
	}
	if len(runs) == 0 && len(stale) == 0 {
		return nil // nothing but files that are skipped each time
	}
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	w := writer{ctx: ctx, tx: tx, series: map[string]known{}}
	for name := range stale {
		w.remove(name)
	}
	for i, run := range runs {
		if err := w.add(run, from[i]); err != nil {
			h.Skipped = append(h.Skipped, Skipped{from[i].name, err})
		}
	}
	if w.err != nil {
		return w.err
	}
	return tx.Commit()
}
