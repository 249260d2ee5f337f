package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// writer changes the index within one transaction. It keeps the first error.
type writer struct {
	ctx    context.Context
	tx     *sql.Tx
	series map[string]known
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
					w.seriesOf(b, m, started), started, seq, *m.Value, invalid || runInvalid)
			}
		}
	}
	return nil
}

// seriesOf is the series of a metric, made when it is new. It gates if the
// metric does in the newest run.
func (w *writer) seriesOf(b *result.Benchmark, m result.Metric, started int64) int64 {
	if w.err != nil {
		return 0
	}
	params := canonical(b.Params)
	key := strings.Join([]string{b.ID, params, m.Name, b.WorkloadDigest, m.Unit, m.Better, m.Scale}, "\x00")
	have, ok := w.series[key]
	if !ok {
		err := w.tx.QueryRowContext(w.ctx, `SELECT id, gate, coalesce((SELECT max(started) FROM points WHERE series = id), 0) FROM series
			WHERE benchmark = ? AND params = ? AND metric = ? AND workload = ? AND unit = ? AND better = ? AND scale = ?`,
			b.ID, params, m.Name, b.WorkloadDigest, m.Unit, m.Better, m.Scale).Scan(&have.id, &have.gate, &have.newest)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			have = known{gate: m.Gate, newest: started}
			have.id = w.exec(`INSERT INTO series (benchmark, params, metric, workload, unit, better, scale, gate) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				b.ID, params, m.Name, b.WorkloadDigest, m.Unit, m.Better, m.Scale, m.Gate)
		case err != nil:
			w.err = err
		}
	}
	if started >= have.newest {
		if have.newest = started; have.gate != m.Gate {
			have.gate = m.Gate
			w.exec(`UPDATE series SET gate = ? WHERE id = ?`, m.Gate, have.id)
		}
	}
	w.series[key] = have
	return have.id
}

// known is a series that the writer has seen.
type known struct {
	id     int64
	gate   bool
	newest int64 // µs, when the newest run that has it was started
}
