package verdict

import (
	"math"

	"github.com/benchharness/harness/internal/stats"
)

// tolerance is the relative rounding that a number at its limit is allowed.
const tolerance = 1e-9

func atLeast(x, limit float64) bool { return x >= limit*(1-tolerance) }

// family collects the p values of the open metrics that are gating, or not, in
// one direction.
func (s *set) family(skip map[string]bool, gate bool, direction func(stats.Effect) float64) []float64 {
	p := make([]float64, len(s.metrics))
	for i, c := range s.metrics {
		p[i] = math.NaN()
		if c.open && c.row.Gate == gate && !skip[c.id] {
			p[i] = direction(c.effect)
		}
	}
	return p
}

// decide gives every open metric its verdict, except those that are flagged:
// the repeat judges them. level is the one-sided error of the gating family;
// informational metrics go by the policy's.
//
// Each direction is a family of its own, so that to swap base and head mirrors
// the verdicts.
func (s *set) decide(flagged []string, level float64) {
	skip := setOf(flagged)
	worse := func(e stats.Effect) float64 { return e.Greater(0) }
	better := func(e stats.Effect) float64 { return e.Less(0) }
	for _, gate := range []bool{true, false} {
		correct, at := stats.Holm, level
		if !gate {
			correct, at = stats.BenjaminiHochberg, s.policy.Alpha
		}
		up, down := s.family(skip, gate, worse), s.family(skip, gate, better)
		upAdj, downAdj := correct(up), correct(down)
		n := 0
		for i := range up {
			if !math.IsNaN(up[i]) {
				n++
			}
		}
		for i, c := range s.metrics {
			if !c.open || c.row.Gate != gate || skip[c.id] {
				continue
			}
			if c.effect.Estimate < 0 {
				c.judge(down[i], downAdj[i], at, s.policy, n)
			} else {
				c.judge(up[i], upAdj[i], at, s.policy, n)
			}
		}
	}
	for _, c := range s.metrics {
		c.show(s.policy.Alpha)
	}
}

// judge applies the rules to an effect, in their order. family is the number
// of metrics that the correction is for.
func (c *candidate) judge(p, adjusted, level float64, policy Policy, family int) {
	c.open = false
	c.level = level
	c.row.P, c.row.PAdj = &p, &adjusted
	estimate := c.effect.Estimate
	size := math.Abs(estimate)
	significant := adjusted < level
	switch {
	case significant && estimate > 0 && atLeast(estimate, c.threshold):
		c.row.Verdict = Regressed
	case significant && estimate < 0 && atLeast(size, c.threshold):
		c.row.Verdict = Improved
	case significant && estimate > 0 && atLeast(size, c.floor):
		c.row.Verdict = Slower
	case significant && estimate < 0 && atLeast(size, c.floor):
		c.row.Verdict = Faster
	case c.within(policy.Alpha):
		c.row.Verdict = Unchanged
	default:
		c.row.Verdict = Inconclusive
		c.ask(level, family)
	}
}

// within says that both unadjusted bounds lie inside of the threshold.
func (c *candidate) within(alpha float64) bool {
	return c.effect.UpperBound(alpha) < c.threshold && c.effect.LowerBound(alpha) > -c.threshold
}

// certain says that a change in the direction of the estimate is significant
// by itself.
func (c *candidate) certain(alpha float64) bool {
	return min(c.effect.Greater(0), c.effect.Less(0)) < alpha
}

// ask works out how many rounds would decide.
func (c *candidate) ask(level float64, family int) {
	size := math.Abs(c.effect.Estimate)
	switch {
	case c.design == StoredMany && c.plan.SD == 0:
		c.row.Reason = "the base runs differ too much from each other: more of them, or interleaved rounds (harness ab), would decide"
		return
	case c.effect.Exact:
		return
	}
	plan := c.plan
	plan.Power = 0.8
	if atLeast(size, c.threshold) {
		plan.Effect, plan.Alpha = size, level/float64(max(1, family))
	} else {
		plan.Effect, plan.Alpha = c.threshold-size, level
	}
	n, ok := roundsFor(plan)
	if !ok {
		c.row.Reason = "the estimate lies at the threshold: more rounds would not decide"
		return
	}
	c.row.RoundsNeeded = n
}

// show writes the effect into the row in the units that people read.
func (c *candidate) show(alpha float64) {
	e := c.effect
	if c.row.Change != nil || e.N == 0 || c.row.Verdict == Incomparable && !c.absolute && e.SE == 0 && !e.Exact {
		return
	}
	change := c.change(e.Estimate)
	worse := change
	if c.higher {
		worse = -change
	}
	lo, hi := c.change(e.LowerBound(alpha)), c.change(e.UpperBound(alpha))
	if lo > hi {
		lo, hi = hi, lo
	}
	c.row.Change, c.row.Worse = &change, &worse
	if !math.IsNaN(lo) && !math.IsNaN(hi) {
		c.row.Low, c.row.High = &lo, &hi
	}
}

func setOf(ids []string) map[string]bool {
	m := make(map[string]bool, len(ids))
	for _, id := range ids {
		m[id] = true
	}
	return m
}
