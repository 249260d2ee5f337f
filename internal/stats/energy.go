package stats

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// energy evaluates the energy distance between the two sides of every cut of a
// segment. Values are known by their rank, so that a sum of distances to all
// values left of a point is two prefix sums in a Fenwick tree (Fenwick, "A new
// data structure for cumulative frequency tables", Software: Practice and
// Experience 24, 1994) instead of a pass over them.
type energy struct {
	sorted []float64 // less the smallest
	rank   []int     // the segment in its order, as places in sorted
	toAll  []float64 // for each rank, the sum of distances to the whole segment
	tree   []fenwick // places 1…n; emptied by bestCut
}

// negligible is the share of all distances below which a statistic is nothing
// but rounding: one outlier among equal values makes it exactly 0 on paper.
const negligible = 1e-9

type fenwick struct {
	count int
	sum   float64
}

func newEnergy(x []float64) *energy {
	n := len(x)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	e := &energy{sorted: make([]float64, n), rank: make([]int, n), toAll: make([]float64, n), tree: make([]fenwick, n+1)}
	var all float64
	for k, i := range order {
		// From the smallest value: what rounding loses is then small beside the
		// segment's own spread, however small that is in the whole history.
		e.sorted[k], e.rank[i] = x[i]-x[order[0]], k
		all += e.sorted[k]
	}
	var below float64
	for k, v := range e.sorted {
		e.toAll[k] = v*float64(2*k-n) + all - 2*below
		below += v
	}
	return e
}

// shuffle puts the segment's points into a random order.
func (e *energy) shuffle(random *rand.Rand) {
	random.Shuffle(len(e.rank), func(i, j int) { e.rank[i], e.rank[j] = e.rank[j], e.rank[i] })
}

// bestCut returns the cut with the largest statistic, as the index of the first
// point to the right, with at least smallest points on either side. The
// statistic is 0 when there is no such cut or no difference at all.
//
// For m points left and k right it is m·k/(m+k) times
// 2·mean|x−y| across − mean|x−x'| left − mean|y−y'| right (Matteson & James
// 2014, equations 5 and 6, with exponent 1).
func (e *energy) bestCut(smallest int) (cut int, q float64) {
	n := len(e.rank)
	if n < 2*smallest || e.sorted[0] == e.sorted[n-1] {
		return 0, 0
	}
	var total float64 // over all pairs, each once
	for _, d := range e.toAll {
		total += d / 2
	}
	clear(e.tree)
	q = negligible * total
	var left, right float64 = 0, total
	var sum float64 // of the values to the left
	for i, rank := range e.rank {
		v := e.sorted[rank]
		below := e.prefix(rank)
		toLeft := v*float64(2*below.count-i) + sum - 2*below.sum
		left += toLeft
		right -= e.toAll[rank] - toLeft
		e.add(rank, v)
		sum += v
		m, k := float64(i+1), float64(n-i-1)
		if i+1 < smallest || n-i-1 < smallest {
			continue
		}
		across := total - left - right
		value := m * k / (m + k) * (2*across/(m*k) - 2*left/(m*(m-1)) - 2*right/(k*(k-1)))
		if value > q {
			cut, q = i+1, value
		}
	}
	if cut == 0 {
		return 0, 0
	}
	return cut, q
}

// prefix counts and adds up the values in the tree below a rank.
func (e *energy) prefix(rank int) (p fenwick) {
	for i := rank; i > 0; i &= i - 1 {
		p.count += e.tree[i].count
		p.sum += e.tree[i].sum
	}
	return p
}

func (e *energy) add(rank int, v float64) {
	for i := rank + 1; i < len(e.tree); i += i & -i {
		e.tree[i].count++
		e.tree[i].sum += v
	}
}
