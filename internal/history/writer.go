package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/benchharness/harness/internal/result"
)

// writer changes the index within one transaction. It keeps the first error.
type writer struct {
	ctx    context.Context
	tx     *sql.Tx
	series map[string]int64
	err    error
}

func (w *writer) exec(query string, args ...any) int64 {
	if w.err != nil {
		return 0
	}
	r, err := w.tx.ExecContext(w.ctx, query, args...)
	if err != nil {
		w.err = err
		return 0
	}
	id, err := r.LastInsertId()
	w.err = err
	return id
}

// remove takes out the run that came from a file.
func (w *writer) remove(name string) {
	w.exec(`DELETE FROM points WHERE run IN (SELECT seq FROM runs WHERE file = ?)`, name)
	w.exec(`DELETE FROM runs WHERE file = ?`, name)
}

// add takes a run in. The error is about the document and harms no other.
func (w *writer) add(run *result.Run, f file) error {
	if w.err != nil {
		return nil
	}
	// Another process may have taken the same file in meanwhile.
	w.remove(f.name)
	var other string
	switch err := w.tx.QueryRowContext(w.ctx, `SELECT file FROM runs WHERE id = ?`, run.ID).Scan(&other); {
	case err == nil:
		return fmt.Errorf("is the same run as %s", other)
	case !errors.Is(err, sql.ErrNoRows):
		w.err = err
		return nil
	}
	measured := 0
	for i := range run.Benchmarks {
		if len(run.Benchmarks[i].Rounds) > 0 {
			measured++
		}
	}
	started := run.Started.UnixMicro()
	seq := w.exec(`INSERT INTO runs (id, file, size, mtime, started, machine, suite, profile, commit_id, benchmarks, complete)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		run.ID, f.name, f.size, f.mtime, started, run.MachineID, run.Plan.Suite, run.Plan.Profile, run.Harness.Commit, measured, run.Complete)
	_, runInvalid := run.InvalidReason()
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		_, invalid := b.InvalidReason()
		for _, m := range b.Metrics {
			if m.Value != nil {
				w.exec(`INSERT INTO points (series, started, run, value, invalid) VALUES (?, ?, ?, ?, ?)`,
					w.seriesOf(b, m), started, seq, *m.Value, invalid || runInvalid)
			}
		}
	}
	return nil
}

// seriesOf is the series of a metric, made when it is new.
func (w *writer) seriesOf(b *result.Benchmark, m result.Metric) int64 {
	params := canonical(b.Params)
	key := b.ID + "\x00" + params + "\x00" + m.Name + "\x00" + b.WorkloadDigest
	if id, ok := w.series[key]; ok || w.err != nil {
		return id
	}
	var id int64
	err := w.tx.QueryRowContext(w.ctx, `SELECT id FROM series WHERE benchmark = ? AND params = ? AND metric = ? AND workload = ?`,
		b.ID, params, m.Name, b.WorkloadDigest).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		id = w.exec(`INSERT INTO series (benchmark, params, metric, workload, unit, better, scale, gate) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			b.ID, params, m.Name, b.WorkloadDigest, m.Unit, m.Better, m.Scale, m.Gate)
	case err != nil:
		w.err = err
	}
	w.series[key] = id
	return id
}
