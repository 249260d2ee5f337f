package hnsw

import (
	"context"
	"testing"

	"github.com/benchharness/harness/plugins/internal/clustered"
)

func recall(t *testing.T, x *Index, queries [][]float32, truth [][]Hit, opt Query) float64 {
	t.Helper()
	found, all := 0, 0
	for i, q := range queries {
		hits, err := x.Search(nil, q, opt)
		if err != nil {
			t.Fatal(err)
		}
		found += overlap(hits, truth[i])
		all += len(truth[i])
	}
	return float64(found) / float64(all)
}

func clusters(t *testing.T, n, queries, dim int) clustered.Set {
	t.Helper()
	set, err := clustered.Generate(clustered.Spec{Seed: 42, N: n, Queries: queries, Dim: dim})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestRecallIsHighByEveryMetric(t *testing.T) {
	set := clusters(t, 2000, 100, 32)
	for _, metric := range []Metric{Cosine, Dot, Euclid} {
		t.Run(metric.String(), func(t *testing.T) {
			x := load(t, Config{Dim: 32, Metric: metric, Seed: 1}, set.Base)
			truth := groundTruth(t, x, set.Queries, 10)
			// The inner product is no distance, and graphs are known to serve it
			// less well (arXiv:1908.06887).
			want := map[Metric]float64{Cosine: 0.99, Euclid: 0.99, Dot: 0.95}[metric]
			if got := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 64}); got < want {
				t.Errorf("recall@10 at ef 64 is %.4f, want at least %.2f", got, want)
			}
		})
	}
}

func TestMoreEfFindsMore(t *testing.T) {
	set := clusters(t, 2000, 100, 32)
	x := load(t, Config{Dim: 32, Seed: 1}, set.Base)
	truth := groundTruth(t, x, set.Queries, 10)
	low := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 10})
	high := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 200})
	if low >= high || high < 0.999 {
		t.Errorf("recall@10 is %.4f at ef 10 and %.4f at ef 200, want more, and at least 0.999", low, high)
	}
}

func TestTombstonesDoNotBreakRecall(t *testing.T) {
	set := clusters(t, 2000, 100, 32)
	x := load(t, Config{Dim: 32, Seed: 1}, set.Base)
	for id := range uint64(2000) {
		if id%10 != 0 && !x.Delete(id) {
			t.Fatalf("vector %d was not there to delete", id)
		}
	}
	truth := groundTruth(t, x, set.Queries, 10)
	if got := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 64}); got < 0.99 {
		t.Errorf("recall@10 with nine in ten vectors deleted is %.4f, want at least 0.99", got)
	}
	if err := x.Compact(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	if x.Len() != 200 || x.Tombstones() != 0 || x.Pending() != 0 {
		t.Fatalf("after compaction: %d vectors, %d tombstones, %d pending, want 200, 0, 0", x.Len(), x.Tombstones(), x.Pending())
	}
	if got := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 64}); got < 0.99 {
		t.Errorf("recall@10 after compaction is %.4f, want at least 0.99", got)
	}
}

func TestARebuildAfterDeletingEverythingFindsTheNewVectors(t *testing.T) {
	set := clusters(t, 1000, 100, 16)
	x := load(t, Config{Dim: 16, Seed: 1}, set.Base[:500])
	for id := range uint64(500) {
		x.Delete(id)
	}
	if hits, err := x.Search(nil, set.Queries[0], Query{K: 5, Ef: 50}); err != nil || len(hits) != 0 {
		t.Fatalf("an emptied index gave %v, %v", hits, err)
	}
	for i, v := range set.Base[500:] {
		if err := x.Upsert(uint64(i), v); err != nil {
			t.Fatal(err)
		}
	}
	truth := groundTruth(t, x, set.Queries, 10)
	if got := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 64}); got < 0.99 {
		t.Errorf("recall@10 of vectors added over tombstones is %.4f, want at least 0.99", got)
	}
}

func TestCopiesOfOneVectorAreNoIsland(t *testing.T) {
	set := clusters(t, 2000, 100, 16)
	x, err := New(Config{Dim: 16, Metric: Euclid, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	// The copies come first, so that the way into the graph leads through them.
	for id := range uint64(500) {
		if err := x.Upsert(100_000+id, set.Base[0]); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range set.Base[1:] {
		if err := x.Upsert(uint64(i), v); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for _, q := range set.Queries {
		want, err := x.Exact(nil, q, Query{K: 10})
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Search(nil, q, Query{K: 10, Ef: 64})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range got {
			// By distance: which of the equals are named is open.
			if h.Score <= want[9].Score {
				found++
			}
		}
	}
	if share := float64(found) / 1000; share < 0.99 {
		t.Errorf("recall@10 beside 500 copies is %.4f, want at least 0.99", share)
	}
	hits, err := x.Search(nil, set.Base[0], Query{K: 20, Ef: 64})
	if err != nil || len(hits) != 20 || hits[19].Score != 0 {
		t.Errorf("20 nearest to the copied vector: %v, %v, want 20 copies", hits, err)
	}
}

func TestAFilterIsObeyedAndFindsAllItCan(t *testing.T) {
	set := clusters(t, 2000, 50, 32)
	x := load(t, Config{Dim: 32, Seed: 1}, set.Base)
	for name, modulus := range map[string]uint64{"every third id": 3, "every fiftieth": 50, "every thousandth": 1000} {
		t.Run(name, func(t *testing.T) {
			keep := func(id uint64) bool { return id%modulus == 0 }
			found, all := 0, 0
			for _, q := range set.Queries {
				want, err := x.Exact(nil, q, Query{K: 10, Filter: keep})
				if err != nil {
					t.Fatal(err)
				}
				got, err := x.Search(nil, q, Query{K: 10, Ef: 64, Filter: keep})
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range got {
					if !keep(h.ID) {
						t.Fatalf("hit %d does not pass the filter", h.ID)
					}
				}
				found += overlap(got, want)
				all += len(want)
			}
			if share := float64(found) / float64(all); share < 0.99 {
				t.Errorf("recall@10 is %.4f, want at least 0.99", share)
			}
		})
	}
}
