package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// filled is an index of runs×series points, written without documents, which
// is what there is to be measured.
func filled(b *testing.B, runs, series int) *History {
	b.Helper()
	dir := b.TempDir()
	db, err := openIndex(b.Context(), filepath.Join(dir, IndexName))
	if err != nil {
		b.Fatal(err)
	}
	h := &History{dir: dir, db: db}
	b.Cleanup(func() { h.Close() })
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	w := writer{ctx: context.Background(), tx: tx, series: map[string]known{}}
	for n := range runs {
		r := run(n, 1+0.001*float64(n%7))
		r.ID = fmt.Sprintf("run-%06d", n)
		r.Benchmarks = r.Benchmarks[1:]
		metrics := r.Benchmarks[0].Metrics[:1]
		for k := 1; k < series; k++ {
			m := metrics[0]
			m.Name = fmt.Sprintf("metric_%d", k)
			metrics = append(metrics, m)
		}
		r.Benchmarks[0].Metrics = metrics
		if err := w.add(r, file{name: r.ID}); err != nil || w.err != nil {
			b.Fatal(err, w.err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return h
}

// BenchmarkSeries queries an index of 100,000 points: for one metric of a
// thousand runs, and for all points at once, in one metric of 100,000 runs.
func BenchmarkSeries(b *testing.B) {
	for _, c := range []struct{ runs, series int }{{1000, 100}, {100_000, 1}} {
		b.Run(fmt.Sprintf("%d_of_100000_points", c.runs), func(b *testing.B) {
			h := filled(b, c.runs, c.series)
			for b.Loop() {
				points, err := h.Series(b.Context(), "api/search", eight, "latency_mean")
				if err != nil || len(points) != c.runs {
					b.Fatalf("%d points, %v", len(points), err)
				}
			}
		})
	}
}

// BenchmarkTrends finds the changes in 100 metrics of a thousand runs.
func BenchmarkTrends(b *testing.B) {
	h := filled(b, 1000, 100)
	for b.Loop() {
		if _, err := h.Trends(b.Context(), "api/search", func(Series) bool { return true }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRebuild reads the documents of 100 runs.
func BenchmarkRebuild(b *testing.B) {
	dir := b.TempDir()
	for n := range 100 {
		write(b, dir, run(n, 1))
	}
	for b.Loop() {
		h, err := Rebuild(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		h.Close()
	}
	if info, err := os.Stat(filepath.Join(dir, IndexName)); err == nil {
		b.ReportMetric(float64(info.Size()), "B/index")
	}
}
