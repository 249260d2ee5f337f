// Package history is what runs measured over time: a folder of run documents,
// which are the truth, and an SQLite index beside them that answers questions
// about one metric without reading them all.
//
// The index holds nothing that is not in the documents. It follows the folder
// by itself when documents come or go, and [Rebuild] makes it anew. The package
// judges nothing: it finds where a series changed, not whether that matters.
package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// IndexName is the index in a history's folder. It can be left out of version
// control.
const IndexName = "index.sqlite"

// ending is that of the run documents in the folder.
const ending = ".json"

// fileID is what a run's id has to look like to become the name of a file: a
// document may come from anywhere.
var fileID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// History is an open folder of runs.
type History struct {
	dir string
	db  *sql.DB
	// Skipped are the files of the folder that are no run documents, or not
	// intact. They are in no series.
	Skipped []Skipped
}

// Skipped is a file that could not be taken in, and why.
type Skipped struct {
	File string
	Err  error
}

// Run is what the index knows of a run.
type Run struct {
	ID         string
	File       string // path
	Started    time.Time
	Machine    string // its id
	Suite      string
	Profile    string
	Commit     string // of the harness that measured
	Benchmarks int    // scenarios with numbers
	Complete   bool
}

// Series is one metric of one scenario, doing one kind of work, in one unit and
// on one scale.
type Series struct {
	Benchmark string
	Params    map[string]string
	Metric    string
	Unit      string
	Better    string
	Scale     string
	Gate      bool   // in the newest run
	Workload  string // digest
	Points    int
	newest    int64 // µs, when the run of the newest point was started
}

// Point is a run's value in a [Series], in the metric's SI base unit.
type Point struct {
	Run      string // id
	Started  time.Time
	Machine  string
	Workload string
	Value    float64
	Invalid  bool // the value was marked as not to be trusted
	// What the value is: points that differ in it cannot be compared.
	Unit, Better, Scale string
	Gate                bool
}

// Open opens the history in a folder and brings its index up to date. The
// folder has to exist.
func Open(ctx context.Context, dir string) (*History, error) {
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no history in %s yet: harness history add RUN makes one (%w)", dir, fs.ErrNotExist)
	} else if err != nil {
		return nil, fmt.Errorf("open history %s: %w", dir, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("open history %s: it is a file; name a folder of run documents", dir)
	}
	db, err := openIndex(ctx, filepath.Join(dir, IndexName))
	if err != nil {
		return nil, err
	}
	h := &History{dir: dir, db: db}
	if err := h.sync(ctx); err != nil {
		return nil, errors.Join(h.explain(err), db.Close())
	}
	return h, nil
}

// Close closes the index.
func (h *History) Close() error { return h.db.Close() }

// Create makes the folder of a history where there is none, and opens it.
func Create(ctx context.Context, dir string) (*History, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the history folder %s: %w; name another with --history", dir, err)
	}
	return Open(ctx, dir)
}

// Add puts a run's document into the folder and the index. added is false when
// it was there. A different document of the same id is an error.
func (h *History) Add(ctx context.Context, run *result.Run) (file string, added bool, err error) {
	if !fileID.MatchString(run.ID) {
		return "", false, fmt.Errorf("add to history: the run's id %q cannot be the name of a file", result.Printable(run.ID, 80))
	}
	file = filepath.Join(h.dir, run.ID+ending)
	switch have, err := store.ReadRunUnopened(file); {
	case err == nil && have.Checksum == run.Checksum:
		return file, false, nil
	case err == nil:
		return "", false, fmt.Errorf("add to history: %s is another document of the same run; remove the one that is wrong", file)
	case !errors.Is(err, fs.ErrNotExist):
		return "", false, fmt.Errorf("add to history: %w; remove it to put the run in its place", err)
	}
	if err := store.WriteRun(file, run); err != nil {
		return "", false, fmt.Errorf("add to history: %w", err)
	}
	if err := h.sync(ctx); err != nil {
		return "", false, fmt.Errorf("%s is written, but not in the index: %w", file, h.explain(err))
	}
	return file, true, nil
}

// Rebuild makes the index of a folder anew, whatever state it is in, and
// returns the open history.
func Rebuild(ctx context.Context, dir string) (*History, error) {
	path := filepath.Join(dir, IndexName)
	if err := removable(ctx, path); err != nil {
		return nil, err
	}
	// The journal goes first: it would be played back into the new index.
	for _, p := range []string{path + "-journal", path + "-wal", path + "-shm", path} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("rebuild the history's index: %w; make the folder writable, or copy it to one that is", err)
		}
	}
	return Open(ctx, dir)
}

// Runs returns the runs, oldest first.
func (h *History) Runs(ctx context.Context) ([]Run, error) {
	rows, err := h.db.QueryContext(ctx, `SELECT id, file, started, machine, suite, profile, commit_id, benchmarks, complete FROM runs ORDER BY started, id`)
	if err != nil {
		return nil, h.explain(err)
	}
	defer rows.Close()
	var out []Run
	for rows.Next() {
		var r Run
		var started int64
		if err := rows.Scan(&r.ID, &r.File, &started, &r.Machine, &r.Suite, &r.Profile, &r.Commit, &r.Benchmarks, &r.Complete); err != nil {
			return nil, h.explain(err)
		}
		r.File, r.Started = filepath.Join(h.dir, r.File), time.UnixMicro(started).UTC()
		out = append(out, r)
	}
	return out, h.explain(rows.Err())
}

// Find returns the runs whose id begins with prefix.
func (h *History) Find(ctx context.Context, prefix string) ([]Run, error) {
	runs, err := h.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var out []Run
	for _, r := range runs {
		if r.ID == prefix {
			return []Run{r}, nil
		}
		if strings.HasPrefix(r.ID, prefix) {
			out = append(out, r)
		}
	}
	return out, nil
}

// List returns the series of a benchmark, or of all when it is "", in the
// order of their names.
func (h *History) List(ctx context.Context, benchmark string) ([]Series, error) {
	rows, err := h.db.QueryContext(ctx, `
		SELECT s.benchmark, s.params, s.metric, s.unit, s.better, s.scale, s.gate, s.workload, count(p.run), max(p.started)
		FROM series s JOIN points p ON p.series = s.id
		WHERE ?1 = '' OR s.benchmark = ?1 GROUP BY s.id ORDER BY s.benchmark, s.params, s.id`, benchmark)
	if err != nil {
		return nil, h.explain(err)
	}
	defer rows.Close()
	var out []Series
	for rows.Next() {
		var s Series
		var params string
		if err := rows.Scan(&s.Benchmark, &params, &s.Metric, &s.Unit, &s.Better, &s.Scale, &s.Gate, &s.Workload, &s.Points, &s.newest); err != nil {
			return nil, h.explain(err)
		}
		if err := json.Unmarshal([]byte(params), &s.Params); err != nil {
			return nil, h.damaged(fmt.Errorf("parameters of %s: %w", s.Benchmark, err))
		}
		out = append(out, s)
	}
	return out, h.explain(rows.Err())
}

// Series returns the points of a metric of a scenario, oldest first, of all
// machines, all kinds of work that it did and all units.
func (h *History) Series(ctx context.Context, benchmark string, params map[string]string, metric string) ([]Point, error) {
	runs, err := h.identities(ctx)
	if err != nil {
		return nil, err
	}
	kinds, err := h.kinds(ctx, benchmark, canonical(params), metric)
	if err != nil {
		return nil, err
	}
	rows, err := h.db.QueryContext(ctx, `
		SELECT p.run, p.started, p.value, p.invalid, s.id
		FROM series s JOIN points p ON p.series = s.id
		WHERE s.benchmark = ? AND s.params = ? AND s.metric = ?`, benchmark, canonical(params), metric)
	if err != nil {
		return nil, h.explain(err)
	}
	defer rows.Close()
	var out []Point
	for rows.Next() {
		var run, started, series int64
		var value float64
		var invalid bool
		if err := rows.Scan(&run, &started, &value, &invalid, &series); err != nil {
			return nil, h.explain(err)
		}
		p := kinds[series]
		p.Value, p.Invalid = value, invalid
		p.Run, p.Machine, p.Started = runs[run].id, runs[run].machine, time.UnixMicro(started).UTC()
		out = append(out, p)
	}
	// One kind of work comes in order; several lie one behind the other.
	sort.SliceStable(out, func(i, k int) bool { return out[i].Started.Before(out[k].Started) })
	return out, h.explain(rows.Err())
}

// kinds are what the points of each series of a metric have in common.
func (h *History) kinds(ctx context.Context, benchmark, params, metric string) (map[int64]Point, error) {
	rows, err := h.db.QueryContext(ctx, `SELECT id, workload, unit, better, scale, gate FROM series
		WHERE benchmark = ? AND params = ? AND metric = ?`, benchmark, params, metric)
	if err != nil {
		return nil, h.explain(err)
	}
	defer rows.Close()
	out := map[int64]Point{}
	for rows.Next() {
		var id int64
		var p Point
		if err := rows.Scan(&id, &p.Workload, &p.Unit, &p.Better, &p.Scale, &p.Gate); err != nil {
			return nil, h.explain(err)
		}
		out[id] = p
	}
	return out, h.explain(rows.Err())
}

type identity struct{ id, machine string }

func (h *History) identities(ctx context.Context) (map[int64]identity, error) {
	rows, err := h.db.QueryContext(ctx, `SELECT seq, id, machine FROM runs`)
	if err != nil {
		return nil, h.explain(err)
	}
	defer rows.Close()
	out := map[int64]identity{}
	for rows.Next() {
		var seq int64
		var who identity
		if err := rows.Scan(&seq, &who.id, &who.machine); err != nil {
			return nil, h.explain(err)
		}
		out[seq] = who
	}
	return out, h.explain(rows.Err())
}

// canonical writes parameters as the index holds them.
func canonical(params map[string]string) string {
	if params == nil {
		params = map[string]string{}
	}
	b, err := json.Marshal(params) // sorted by key
	if err != nil {
		return "{}" // strings cannot fail
	}
	return string(b)
}
