package vector

import (
	"context"
	"errors"
	"math"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/plugins/internal/clustered"
)

// farness is a plain restatement of the four distances, less is nearer.
func farness(d qdrant.Distance, a, b []float32) float64 {
	var dot, aa, bb, squares, absolutes float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
		squares, absolutes = squares+(x-y)*(x-y), absolutes+math.Abs(x-y)
	}
	switch d {
	case qdrant.Distance_Cosine:
		return -dot / math.Sqrt(aa*bb)
	case qdrant.Distance_Dot:
		return -dot
	case qdrant.Distance_Euclid:
		return math.Sqrt(squares)
	}
	return absolutes
}

func byNumber(i int32) pointID { return pointID{number: uint64(i)} }

func members(tr truth) []pointID {
	all := slices.Concat(tr.strict, tr.tied)
	slices.SortFunc(all, pointID.compare)
	return all
}

func TestExactSearchAgreesWithAPlainSort(t *testing.T) {
	set, err := clustered.Generate(clustered.Spec{Seed: 3, N: 3000, Queries: 7, Dim: 33})
	if err != nil {
		t.Fatal(err)
	}
	const k = 25
	for _, d := range []qdrant.Distance{qdrant.Distance_Cosine, qdrant.Distance_Dot, qdrant.Distance_Euclid, qdrant.Distance_Manhattan} {
		for _, step := range []int{3000, 701, 1} {
			search := newExactSearch(d, k, set.Queries)
			for part := range slices.Chunk(set.Base, step) {
				if err := search.add(t.Context(), part); err != nil {
					t.Fatal(err)
				}
			}
			truths, err := search.truths(byNumber)
			if err != nil {
				t.Fatal(err)
			}
			for q, query := range set.Queries {
				far := make([]float64, len(set.Base))
				order := make([]int, len(set.Base))
				for i, v := range set.Base {
					far[i], order[i] = farness(d, query, v), i
				}
				sort.Slice(order, func(a, b int) bool { return far[order[a]] < far[order[b]] })
				var want []pointID
				for _, i := range order[:k] {
					want = append(want, pointID{number: uint64(i)})
				}
				slices.SortFunc(want, pointID.compare)
				if got := truths[q]; got.recall(want) != 1 || got.size != k || len(members(got)) > k+2 {
					t.Errorf("%v in steps of %d, query %d: %v, want %v", d, step, q, members(got), want)
				}
			}
		}
	}
}

func TestPointsThatAreEquallyNearAreTied(t *testing.T) {
	query := [][]float32{{0, 0}}
	vectors := [][]float32{{3, 4}, {1, 0}, {0, 5}, {-5, 0}, {0, 2}, {9, 9}, {-4, 3 + 1e-7}}
	for _, c := range []struct {
		name         string
		k            int
		strict, tied []pointID
	}{
		{"a tie at the last place", 3, numbers(1, 4), numbers(0, 2, 3, 6)},
		{"a tie that fits", 6, numbers(1, 4), numbers(0, 2, 3, 6)},
		{"no tie", 2, numbers(1), numbers(4)},
		{"as many as there are", 7, numbers(0, 1, 2, 3, 4, 6), numbers(5)},
		{"more than there are", 8, numbers(0, 1, 2, 3, 4, 5, 6), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			search := newExactSearch(qdrant.Distance_Euclid, c.k, query)
			if err := search.add(t.Context(), vectors); err != nil {
				t.Fatal(err)
			}
			truths, err := search.truths(byNumber)
			if err != nil {
				t.Fatal(err)
			}
			got := truths[0]
			if !slices.Equal(got.strict, c.strict) || !slices.Equal(got.tied, c.tied) || got.size != min(c.k, len(vectors)) {
				t.Errorf("got %+v, want strict %v and tied %v", got, c.strict, c.tied)
			}
		})
	}
}

func TestTheZeroVectorIsAsFarFromEverything(t *testing.T) {
	search := newExactSearch(qdrant.Distance_Cosine, 1, [][]float32{{1, 0}, {0, 0}})
	if err := search.add(t.Context(), [][]float32{{0, 0}, {2, 1}, {-1, 0}}); err != nil {
		t.Fatal(err)
	}
	truths, err := search.truths(byNumber)
	if err != nil {
		t.Fatal(err)
	}
	if got := members(truths[0]); !slices.Equal(got, numbers(1)) {
		t.Errorf("nearest to (1,0) is %v, want point 1", got)
	}
	if got := members(truths[1]); !slices.Equal(got, numbers(0, 1, 2)) {
		t.Errorf("nearest to (0,0) is %v, want all", got)
	}
}

func TestACollectionOfEqualVectorsHasNoRightAnswer(t *testing.T) {
	search := newExactSearch(qdrant.Distance_Euclid, 10, [][]float32{{1}})
	same := make([][]float32, maxTies+1000)
	for i := range same {
		same[i] = []float32{5}
	}
	if err := search.add(t.Context(), same); err != nil {
		t.Fatal(err)
	}
	if _, err := search.truths(byNumber); err == nil || !strings.Contains(err.Error(), "equally near") {
		t.Errorf("got %v, want an error about points equally near", err)
	}
}

func TestAnExactSearchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	search := newExactSearch(qdrant.Distance_Dot, 1, [][]float32{{1}})
	if err := search.add(ctx, [][]float32{{1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it cancelled", err)
	}
}
