package verdict

import (
	"fmt"
	"math"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

// ratesApart says why the metrics of two searches beside their capacities
// cannot be compared: each was measured at its own capacity.
func ratesApart(b, h *result.Benchmark) string {
	if b.Capacity == nil || h.Capacity == nil || b.Load.Rate == h.Load.Rate {
		return ""
	}
	return fmt.Sprintf("measured at capacity, which is %.4g/s in base and %.4g/s in head: only the capacities compare", b.Load.Rate, h.Load.Rate)
}

// capacities judges two searches by their brackets. Each is a single
// observation, so that there is no spread to test with: what a search knows is
// that the lower end held again and again, and that the upper end did not. Where
// the brackets are apart, by the threshold at least, the capacity changed; where
// not even their outer ends are as far apart as the threshold, it did not; and
// between that more runs have to decide. The threshold is widened by what runs
// on this machine differ by, as for every single base run.
func (s *set) capacities(c *candidate, base, head *result.Capacity) {
	s.limits(c)
	s.widen(c, 1)
	if !(*c.row.Base > 0) || !(*c.row.Head > 0) {
		c.settle(Incomparable, "a capacity of 0 has no ratio")
		return
	}
	worse := math.Log(*c.row.Base / *c.row.Head)
	c.effect = stats.Effect{N: 2, Estimate: worse, Exact: true}
	// By how much head can be worse and better: the ends of the brackets.
	most, open := logRatio(base.Upper, head.Lower)
	least, unknown := logRatio(base.Lower, head.Upper)
	open = open || unknown
	c.margin = max(most-worse, worse-least)
	apart := !open && (least > 0 || most < 0)
	v, reason := Inconclusive, "the brackets of the two searches are too near to each other and too wide: search within less, or compare with five runs or more"
	switch {
	case apart && atLeast(math.Abs(worse), c.threshold) && worse > 0:
		v, reason = Regressed, ""
	case apart && atLeast(math.Abs(worse), c.threshold):
		v, reason = Improved, ""
	case !open && max(math.Abs(most), math.Abs(least)) < c.threshold:
		v, reason = Unchanged, ""
	case open:
		reason = "a search ended at the highest rate that was to be tried: its capacity is at least that"
		if worse == 0 {
			v, reason = Unchanged, reason+", in both runs"
		}
	}
	c.settle(v, reason)
	c.show()
}

// logRatio is of two ends of brackets; unknown when either is absent.
func logRatio(a, b *float64) (ratio float64, unknown bool) {
	if a == nil || b == nil || !(*a > 0) || !(*b > 0) {
		return 0, true
	}
	return math.Log(*a / *b), false
}
