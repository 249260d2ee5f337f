package hnsw

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// naive is the index written the plain way.
type naive struct {
	metric  Metric
	vectors map[uint64][]float32
}

func (m naive) nearest(q []float32, k int) []Hit {
	hits := make([]Hit, 0, len(m.vectors))
	for id, v := range m.vectors {
		var dot, qq, vv, dist float64
		for i := range q {
			dot += float64(q[i]) * float64(v[i])
			qq += float64(q[i]) * float64(q[i])
			vv += float64(v[i]) * float64(v[i])
			dist += (float64(q[i]) - float64(v[i])) * (float64(q[i]) - float64(v[i]))
		}
		score := dot
		switch m.metric {
		case Cosine:
			score = dot / math.Sqrt(qq*vv)
		case Euclid:
			score = math.Sqrt(dist)
		}
		hits = append(hits, Hit{id, float32(score)})
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		if (a.Score > b.Score) == (m.metric != Euclid) {
			return -1
		}
		return 1
	})
	return hits[:min(k, len(hits))]
}

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// TestAnyHistoryAgreesWithANaiveIndex drives both through the same random
// history of insertions, replacements, deletions, builds and compactions.
func TestAnyHistoryAgreesWithANaiveIndex(t *testing.T) {
	const dim, steps = 6, 3000
	for _, metric := range []Metric{Cosine, Dot, Euclid} {
		t.Run(metric.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(metric)))
			x, err := New(Config{Dim: dim, Metric: metric, M: 6, Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			model := naive{metric, map[uint64][]float32{}}
			for step := range steps {
				takeStep(t, r, x, model, dim)
				if step%20 == 0 {
					compareOnce(t, r, x, model, dim)
				}
			}
		})
	}
}

func takeStep(t *testing.T, r *rand.Rand, x *Index, model naive, dim int) {
	t.Helper()
	id := r.Uint64N(400)
	var err error
	switch p := r.IntN(1000); {
	case p < 350:
		model.vectors[id] = randomVector(r, dim)
		err = x.Upsert(id, model.vectors[id])
	case p < 600:
		model.vectors[id] = randomVector(r, dim)
		err = x.Store(id, model.vectors[id])
	case p < 985:
		_, was := model.vectors[id]
		delete(model.vectors, id)
		if got := x.Delete(id); got != was {
			t.Fatalf("delete of %d says %v, want %v", id, got, was)
		}
	case p < 995:
		err = x.Build(context.Background(), 2)
	default:
		err = x.Compact(context.Background(), 2)
	}
	if err != nil {
		t.Fatal(err)
	}
	if x.Len() != len(model.vectors) {
		t.Fatalf("the index holds %d vectors, want %d", x.Len(), len(model.vectors))
	}
}

func compareOnce(t *testing.T, r *rand.Rand, x *Index, model naive, dim int) {
	t.Helper()
	q := randomVector(r, dim)
	want := model.nearest(q, 10)
	exact, err := x.Exact(nil, q, Query{K: 10})
	if err != nil {
		t.Fatal(err)
	}
	sameHits(t, "exact search", exact, want)
	ids := make([]uint64, 400)
	for i := range ids {
		ids[i] = uint64(i)
	}
	among, err := x.ExactAmong(nil, q, 10, ids)
	if err != nil {
		t.Fatal(err)
	}
	sameHits(t, "exact search among all ids", among, want)
	got, err := x.Search(nil, q, Query{K: 10, Ef: 400})
	if err != nil {
		t.Fatal(err)
	}
	checkHits(t, x.cfg.Metric, got)
	// At an ef of everything the graph may miss only what pruning cut off.
	if n := overlap(got, want); n < len(want)-1 {
		t.Fatalf("the graph found %d of the %d nearest", n, len(want))
	}
}

func sameHits(t *testing.T, name string, got, want []Hit) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s gave %d hits, want %d", name, len(got), len(want))
	}
	for i := range want {
		if got[i].ID != want[i].ID || math.Abs(float64(got[i].Score-want[i].Score)) > 1e-4 {
			t.Fatalf("%s: hit %d is %+v, want %+v", name, i, got[i], want[i])
		}
	}
}

// checkHits checks what must hold of any answer: in order, and no id twice.
func checkHits(t *testing.T, metric Metric, hits []Hit) {
	t.Helper()
	seen := map[uint64]bool{}
	for i, h := range hits {
		if seen[h.ID] {
			t.Errorf("id %d is there twice", h.ID)
		}
		seen[h.ID] = true
		if i > 0 && hits[i-1].Score != h.Score && (hits[i-1].Score > h.Score) != (metric != Euclid) {
			t.Errorf("hit %d scores %v after %v", i, h.Score, hits[i-1].Score)
		}
	}
}

// TestEverythingAtOnce is for the race detector, and checks on the way that a
// search never returns what was deleted before it began, or an id twice.
func TestEverythingAtOnce(t *testing.T) {
	const dim, writers, perWriter = 8, 4, 400
	x, err := New(Config{Dim: dim, M: 6, EfConstruction: 30, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var writing, reading sync.WaitGroup
	for w := range uint64(writers) {
		writing.Go(func() {
			r := rand.New(rand.NewPCG(7, w))
			for i := range uint64(perWriter) {
				id := w*perWriter + i // each id has one writer
				for range 2 {
					if err := [2]func(uint64, []float32) error{x.Upsert, x.Store}[r.IntN(2)](id, randomVector(r, dim)); err != nil {
						t.Error(err)
					}
				}
				if i%2 == 0 {
					if !x.Delete(id) {
						t.Errorf("vector %d was not there to delete", id)
					}
					if _, ok := x.Vector(nil, id); ok {
						t.Errorf("vector %d is there after its deletion", id)
					}
					hits, err := x.Search(nil, randomVector(r, dim), Query{K: 50, Ef: 50})
					if err != nil || slices.ContainsFunc(hits, func(h Hit) bool { return h.ID == id }) {
						t.Errorf("a search found %d after its deletion, or failed: %v", id, err)
					}
				}
			}
		})
	}
	for w := range uint64(3) {
		reading.Go(func() {
			r := rand.New(rand.NewPCG(8, w))
			for ctx.Err() == nil {
				hits, err := x.Search(nil, randomVector(r, dim), Query{K: 20, Ef: 40})
				if err != nil {
					t.Error(err)
				}
				checkHits(t, Cosine, hits)
				if hits, err = x.Exact(nil, randomVector(r, dim), Query{K: 20, Filter: func(id uint64) bool { return id%2 == 1 }}); err != nil {
					t.Error(err)
				}
				checkHits(t, Cosine, hits)
			}
		})
	}
	reading.Go(func() {
		for ctx.Err() == nil {
			for _, work := range []func(context.Context, int) error{x.Build, x.Compact} {
				if err := work(ctx, 2); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		}
	})
	writing.Wait()
	stop()
	reading.Wait()
	if x.Len() != writers*perWriter/2 {
		t.Errorf("the index holds %d vectors, want %d", x.Len(), writers*perWriter/2)
	}
	if err := x.Build(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	q := randomVector(rand.New(rand.NewPCG(9, 9)), dim)
	want, _ := x.Exact(nil, q, Query{K: 10})
	got, _ := x.Search(nil, q, Query{K: 10, Ef: 400})
	if overlap(got, want) < 9 {
		t.Errorf("after it all a search finds %v, want %v", got, want)
	}
}
