package hnsw

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestASettingOutOfRangeIsRefusedByName(t *testing.T) {
	for _, tc := range []struct {
		want string
		cfg  Config
	}{
		{"dim", Config{}},
		{"metric", Config{Dim: 1, Metric: 9}},
		{"m is 1", Config{Dim: 1, M: 1}},
		{"m is 257", Config{Dim: 1, M: 257}},
		{"ef_construction", Config{Dim: 1, EfConstruction: -1}},
	} {
		if _, err := New(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: error is %v, want one about %s", tc.cfg, err, tc.want)
		}
	}
}

func TestBadVectorsAreRefusedWithATypedError(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x, err := New(Config{Dim: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		v    []float32
		want error
	}{
		{"too short", []float32{1, 2}, &DimensionError{Want: 3, Got: 2}},
		{"too long", []float32{1, 2, 3, 4}, &DimensionError{Want: 3, Got: 4}},
		{"empty", nil, &DimensionError{Want: 3, Got: 0}},
		{"NaN", []float32{1, nan, 3}, &ValueError{Component: 1}},
		{"infinite", []float32{1, 2, inf}, &ValueError{Component: 2}},
		{"square too large", []float32{1, -3e30, 2e30}, &ValueError{Component: 1}},
	} {
		_, searchErr := x.Search(nil, tc.v, Query{K: 1})
		_, exactErr := x.Exact(nil, tc.v, Query{K: 1})
		for call, err := range map[string]error{
			"upsert": x.Upsert(1, tc.v), "store": x.Store(1, tc.v), "search": searchErr, "exact": exactErr,
		} {
			var dim *DimensionError
			var value *ValueError
			switch want := tc.want.(type) {
			case *DimensionError:
				if !errors.As(err, &dim) || *dim != *want {
					t.Errorf("%s, %s: error is %v, want %v", tc.name, call, err, want)
				}
			case *ValueError:
				if !errors.As(err, &value) || value.Component != want.Component {
					t.Errorf("%s, %s: error is %v, want one about component %d", tc.name, call, err, want.Component)
				}
			}
		}
	}
	if x.Len() != 0 {
		t.Errorf("the index holds %d vectors after refusing all", x.Len())
	}
}

func TestKBelowOneIsRefused(t *testing.T) {
	x, _ := New(Config{Dim: 1})
	if _, err := x.Search(nil, []float32{1}, Query{}); err == nil {
		t.Error("a search for 0 vectors was accepted")
	}
}

func TestScoresAreWhatTheMetricSays(t *testing.T) {
	a, b := []float32{3, 4}, []float32{4, -3.5}
	for metric, want := range map[Metric]float32{Cosine: -2. / (5 * 5.315072906), Dot: -2, Euclid: 7.566372975} {
		x, err := New(Config{Dim: 2, Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Upsert(1, a); err != nil {
			t.Fatal(err)
		}
		hits, err := x.Search(nil, b, Query{K: 3})
		if err != nil || len(hits) != 1 || math.Abs(float64(hits[0].Score-want)) > 1e-5 {
			t.Errorf("%v: %v, %v, want one hit scoring %v", metric, hits, err, want)
		}
	}
}

func TestCosineKeepsVectorsAtLengthOne(t *testing.T) {
	x, _ := New(Config{Dim: 2})
	for id, v := range [][]float32{{3, 4}, {3e-25, 4e-25}, {3e18, 4e18}} {
		if err := x.Upsert(uint64(id), v); err != nil {
			t.Fatal(err)
		}
		got, ok := x.Vector(nil, uint64(id))
		if !ok || math.Abs(float64(got[0])-0.6) > 1e-6 || math.Abs(float64(got[1])-0.8) > 1e-6 {
			t.Errorf("%v is kept as %v, want 0.6, 0.8", v, got)
		}
	}
	if err := x.Upsert(9, []float32{0, 0}); err != nil {
		t.Fatal(err)
	}
	if got, _ := x.Vector(nil, 9); !slices.Equal(got, []float32{0, 0}) {
		t.Errorf("the zero vector is kept as %v", got)
	}
}

func TestPortableLoopsAgreeWithTheAcceleratedOnes(t *testing.T) {
	set := clusters(t, 40, 1, 131)
	for dim := 1; dim <= 131; dim++ {
		for i := 1; i < 40; i++ {
			a, b := set.Base[i-1][:dim], set.Base[i][:dim]
			if got, want := -portableDot(a, b), Dot.distance(a, b); math.Abs(float64(got-want)) > 1e-4 {
				t.Fatalf("dim %d: dot is %v, want %v", dim, got, want)
			}
			if got, want := portableDistance(a, b), Euclid.distance(a, b); math.Abs(float64(got-want)) > 1e-4 {
				t.Fatalf("dim %d: distance is %v, want %v", dim, got, want)
			}
		}
	}
}

func TestStoredVectorsAreFoundBeforeTheyAreLinked(t *testing.T) {
	set := clusters(t, 600, 50, 16)
	x := load(t, Config{Dim: 16, Seed: 1}, set.Base[:300])
	for i, v := range set.Base[300:] {
		if err := x.Store(uint64(300+i), v); err != nil {
			t.Fatal(err)
		}
	}
	if x.Pending() != 300 {
		t.Fatalf("%d vectors are pending, want 300", x.Pending())
	}
	truth := groundTruth(t, x, set.Queries, 10)
	if got := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 100}); got < 0.99 {
		t.Errorf("recall@10 with half the vectors pending is %.4f, want at least 0.99", got)
	}
	hits, err := x.Search(nil, set.Queries[0], Query{K: 600, Ef: 600, LinkedOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		if h.ID >= 300 {
			t.Fatalf("vector %d is pending and was found by a search of linked ones only", h.ID)
		}
	}
}

func TestACancelledBuildGoesOnWhereItStopped(t *testing.T) {
	set := clusters(t, 1500, 50, 16)
	x, _ := New(Config{Dim: 16, Seed: 1})
	for i, v := range set.Base {
		if err := x.Store(uint64(i), v); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := x.Build(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled build gave %v", err)
	}
	if x.Pending() != 1500 {
		t.Fatalf("%d pending after a build cancelled at once, want 1500", x.Pending())
	}
	if err := x.Build(context.Background(), 2); err != nil || x.Pending() != 0 {
		t.Fatalf("build: %v, %d pending", err, x.Pending())
	}
	truth := groundTruth(t, x, set.Queries, 10)
	if got := recall(t, x, set.Queries, truth, Query{K: 10, Ef: 64}); got < 0.99 {
		t.Errorf("recall@10 is %.4f, want at least 0.99", got)
	}
}

func TestOneThreadAndOneSeedGiveTheSameGraph(t *testing.T) {
	set := clusters(t, 1500, 100, 16)
	search := func(seed uint64) (all []Hit) {
		x, _ := New(Config{Dim: 16, Seed: seed, M: 4, EfConstruction: 8})
		for i, v := range set.Base {
			if err := x.Upsert(uint64(i), v); err != nil {
				t.Fatal(err)
			}
		}
		for _, q := range set.Queries {
			all, _ = x.Search(all, q, Query{K: 5, Ef: 5})
		}
		return all
	}
	first := search(1)
	if !slices.Equal(first, search(1)) {
		t.Error("two builds with seed 1 answer differently")
	}
	if slices.Equal(first, search(2)) {
		t.Error("seeds 1 and 2 answer the same: the seed decides nothing")
	}
}

func TestTheSameVectorAgainCostsNoTombstone(t *testing.T) {
	x, _ := New(Config{Dim: 2})
	for range 3 {
		if err := x.Upsert(1, []float32{1, 2}); err != nil {
			t.Fatal(err)
		}
	}
	if x.Tombstones() != 0 {
		t.Errorf("%d tombstones", x.Tombstones())
	}
}

func TestASteadySearchAllocatesNothing(t *testing.T) {
	set := clusters(t, 2000, 1, 32)
	x := load(t, Config{Dim: 32, Seed: 1}, set.Base)
	hits := make([]Hit, 0, 10)
	n := testing.AllocsPerRun(200, func() {
		hits, _ = x.Search(hits[:0], set.Queries[0], Query{K: 10, Ef: 64})
	})
	// The pool may be emptied by a collection in between; that is averaged away.
	if n >= 1 && !raceEnabled {
		t.Errorf("a search allocates %.1f times, want none", n)
	}
}
