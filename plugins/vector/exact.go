package vector

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/qdrant/go-client/qdrant"
	"github.com/viterin/vek/vek32"
)

// exactSearch finds the nearest vectors of some queries by comparing each with
// all. Vectors are shown to it in portions and not kept, so it needs memory for
// its candidates only.
type exactSearch struct {
	distance qdrant.Distance
	k        int
	queries  [][]float32 // of length 1 for cosine
	nearest  []nearest
	seen     int
}

// portion is about how many bytes of vectors all queries of a goroutine are
// compared with before the next come: they stay in a core's cache meanwhile.
const portion = 256 << 10

func newExactSearch(distance qdrant.Distance, k int, queries [][]float32) *exactSearch {
	e := &exactSearch{distance: distance, k: k, queries: queries, nearest: make([]nearest, len(queries))}
	if distance == qdrant.Distance_Cosine {
		e.queries = make([][]float32, len(queries))
		for i, q := range queries {
			e.queries[i] = vek32.MulNumber(q, inverseLength(q))
		}
	}
	for i := range e.nearest {
		e.nearest[i] = newNearest(k)
	}
	return e
}

// add compares with more vectors. They are numbered on from the last call's.
func (e *exactSearch) add(ctx context.Context, vectors [][]float32) error {
	workers := min(runtime.GOMAXPROCS(0), len(e.queries))
	var wg sync.WaitGroup
	for w := range workers {
		from, to := w*len(e.queries)/workers, (w+1)*len(e.queries)/workers
		wg.Go(func() { e.compare(ctx, vectors, from, to) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("find the exact answers: %w", err)
	}
	e.seen += len(vectors)
	return nil
}

// compare does it for a share of the queries.
func (e *exactSearch) compare(ctx context.Context, vectors [][]float32, from, to int) {
	if len(vectors) == 0 {
		return
	}
	step := max(1, portion/(4*max(1, len(vectors[0]))))
	scales := make([]float32, step)
	for at := 0; at < len(vectors) && ctx.Err() == nil; at += step {
		block := vectors[at:min(at+step, len(vectors))]
		if e.distance == qdrant.Distance_Cosine {
			for i, v := range block {
				scales[i] = inverseLength(v)
			}
		}
		for q := from; q < to; q++ {
			e.compareOne(q, block, scales, e.seen+at)
		}
	}
}

func (e *exactSearch) compareOne(q int, block [][]float32, scales []float32, first int) {
	query, near := e.queries[q], &e.nearest[q]
	for i, v := range block {
		var d float32
		switch e.distance {
		case qdrant.Distance_Cosine:
			d = -vek32.Dot(query, v) * scales[i]
		case qdrant.Distance_Dot:
			d = -vek32.Dot(query, v)
		case qdrant.Distance_Euclid:
			d = vek32.Distance(query, v)
		default:
			d = vek32.ManhattanDistance(query, v)
		}
		near.offer(d, int32(first+i))
	}
}

// inverseLength is what makes v a vector of length 1, and 0 for the zero
// vector, which is then equally far from everything.
func inverseLength(v []float32) float32 {
	length := vek32.Norm(v)
	if length == 0 {
		return 0
	}
	return 1 / length
}

// truths are the answers. id gives the id of the vector of a number. It fails
// where so many vectors are equally near that no answer is the right one.
func (e *exactSearch) truths(id func(int32) pointID) ([]truth, error) {
	out := make([]truth, len(e.nearest))
	for i := range e.nearest {
		n := &e.nearest[i]
		n.prune()
		if n.flooded {
			return nil, fmt.Errorf("more than %d points are equally near to query %d", maxTies, i)
		}
		out[i] = n.truth(id)
	}
	return out, nil
}

// tieTolerance is how far apart, relative to distances above 1, two distances
// may be and still count as equal: rounding differs between implementations.
const tieTolerance = 1e-6

// maxTies is how many candidates more than wanted may be equally near.
const maxTies = 10_000

// nearest collects the candidates of one query: the k nearest so far, and all
// that tie with the last of them.
type nearest struct {
	k       int
	bound   float32 // anything farther is out
	next    int     // number of candidates at which to prune
	found   []candidate
	flooded bool
}

type candidate struct {
	distance float32 // less is nearer
	number   int32
}

func newNearest(k int) nearest {
	return nearest{k: k, bound: float32(math.Inf(1)), next: 2*k + 256}
}

func (n *nearest) offer(d float32, number int32) {
	if d <= n.bound && !n.flooded { // not true of NaN
		n.found = append(n.found, candidate{d, number})
		if len(n.found) >= n.next {
			n.prune()
		}
	}
}

// prune leaves out what cannot be an answer any more.
func (n *nearest) prune() {
	slices.SortFunc(n.found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.number, b.number))
	})
	if len(n.found) > n.k {
		last := n.found[n.k-1].distance
		n.bound = last + tolerance(last)
		keep := n.k
		for keep < len(n.found) && n.found[keep].distance <= n.bound {
			keep++
		}
		n.found = n.found[:keep]
		n.flooded = keep > n.k+maxTies
	}
	n.next = len(n.found) + n.k + 256
}

func tolerance(d float32) float32 {
	return tieTolerance * max(1, float32(math.Abs(float64(d))))
}

// truth is the right answer as ids.
func (n *nearest) truth(id func(int32) pointID) truth {
	t := truth{size: min(n.k, len(n.found))}
	if t.size == 0 {
		return t
	}
	last := n.found[t.size-1].distance
	for _, c := range n.found {
		if t.size == n.k && c.distance >= last-tolerance(last) {
			t.tied = append(t.tied, id(c.number))
		} else {
			t.strict = append(t.strict, id(c.number))
		}
	}
	slices.SortFunc(t.strict, pointID.compare)
	slices.SortFunc(t.tied, pointID.compare)
	return t
}
