package hnsw

import (
	"context"
	"fmt"
	"testing"

	"github.com/benchharness/harness/plugins/internal/clustered"
)

// BenchmarkSearch reports what the index is asked for: recall@10 of at least
// 0.98 at 5,000 queries a second and more, on one thread, for 20,000 clustered
// vectors of 128 components.
func BenchmarkSearch(b *testing.B) {
	set, truth, x := benchIndex(b, 20_000, 128)
	for _, ef := range []int{10, 20, 40, 80, 160} {
		b.Run(fmt.Sprintf("20kx128/ef=%d", ef), func(b *testing.B) {
			var hits []Hit
			found, i := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				q := i % len(set.Queries)
				hits, _ = x.Search(hits[:0], set.Queries[q], Query{K: 10, Ef: ef})
				found += overlap(hits, truth[q])
				i++
			}
			b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "queries/s")
			b.ReportMetric(float64(found)/float64(10*i), "recall@10")
		})
	}
	b.Run("20kx128/exact", func(b *testing.B) {
		var hits []Hit
		i := 0
		for b.Loop() {
			hits, _ = x.Exact(hits[:0], set.Queries[i%len(set.Queries)], Query{K: 10})
			i++
		}
		b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "queries/s")
	})
}

// BenchmarkBuild is the bulk load of the sizes that the reference stack uses,
// on every processor.
func BenchmarkBuild(b *testing.B) {
	for _, size := range []struct{ n, dim int }{{20_000, 128}, {10_000, 384}, {3_000, 3072}, {3_000, 4096}} {
		b.Run(fmt.Sprintf("%dx%d", size.n, size.dim), func(b *testing.B) {
			set, err := clustered.Generate(clustered.Spec{Seed: 1, N: size.n, Dim: size.dim})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				load(b, Config{Dim: size.dim, Seed: 1}, set.Base)
			}
			b.ReportMetric(float64(size.n*b.N)/b.Elapsed().Seconds(), "vectors/s")
		})
	}
}

func benchIndex(tb testing.TB, n, dim int) (clustered.Set, [][]Hit, *Index) {
	tb.Helper()
	set, err := clustered.Generate(clustered.Spec{Seed: 1, N: n, Queries: 1000, Dim: dim})
	if err != nil {
		tb.Fatal(err)
	}
	x := load(tb, Config{Dim: dim, Seed: 1}, set.Base)
	return set, groundTruth(tb, x, set.Queries, 10), x
}

func load(tb testing.TB, cfg Config, vectors [][]float32) *Index {
	tb.Helper()
	x, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	for i, v := range vectors {
		if err := x.Store(uint64(i), v); err != nil {
			tb.Fatal(err)
		}
	}
	if err := x.Build(context.Background(), 0); err != nil {
		tb.Fatal(err)
	}
	return x
}

func groundTruth(tb testing.TB, x *Index, queries [][]float32, k int) [][]Hit {
	tb.Helper()
	truth := make([][]Hit, len(queries))
	for i, q := range queries {
		var err error
		if truth[i], err = x.Exact(nil, q, Query{K: k}); err != nil {
			tb.Fatal(err)
		}
	}
	return truth
}

// overlap is how many of want are in got.
func overlap(got, want []Hit) int {
	n := 0
	for _, w := range want {
		for _, g := range got {
			if g.ID == w.ID {
				n++
			}
		}
	}
	return n
}
