package verdict

import (
	"math"

	"github.com/benchharness/harness/internal/stats"
)

// tolerance is the relative rounding that a number at its limit is allowed.
const tolerance = 1e-9

func atLeast(x, limit float64) bool { return x >= limit*(1-tolerance) }

// decision is how the open metrics of a set are judged.
type decision struct {
	// level is the one-sided error of the gating family at a number of rounds.
	// Informational metrics go by the policy's.
	level func(rounds int) float64
	// skip are flagged metrics, which the repeat judges.
	skip map[string]bool
	// screened says that nothing can be regressed or improved here: what is,
	// has been flagged.
	screened bool
}

// decide gives the open metrics their verdicts. Each direction is a family of
// its own, so that to swap base and head mirrors the verdicts.
func (s *set) decide(d decision) {
	for _, gate := range []bool{true, false} {
		var family []*candidate
		for _, c := range s.metrics {
			if c.open && c.row.Gate == gate && !d.skip[c.id] {
				family = append(family, c)
			}
		}
		worse, better := make([]float64, len(family)), make([]float64, len(family))
		for i, c := range family {
			worse[i], better[i] = c.tails()
		}
		correct := stats.BenjaminiHochberg
		if gate {
			correct = stats.Holm
		}
		worseAdjusted, betterAdjusted := correct(worse), correct(better)
		for i, c := range family {
			level := c.alpha
			if gate {
				level = d.level(c.rounds)
			}
			p, adjusted := worse[i], worseAdjusted[i]
			if c.effect.Estimate < 0 {
				p, adjusted = better[i], betterAdjusted[i]
			}
			c.row.P, c.row.PAdj = &p, &adjusted
			c.judge(adjusted < level, gate && d.screened)
			if c.row.Verdict == Inconclusive {
				c.ask(level / float64(len(family)))
			}
		}
	}
}

// tails are the p values in both directions. Only the smaller one needs its
// accuracy, the other is what is left.
func (c *candidate) tails() (worse, better float64) {
	switch e := c.effect; {
	case e.Exact:
		return e.Greater(0), e.Less(0)
	case e.Estimate < 0:
		better = e.Less(0)
		return 1 - better, better
	default:
		worse = e.Greater(0)
		return worse, 1 - worse
	}
}

// judge applies the rules to an effect, in their order.
func (c *candidate) judge(significant, screened bool) {
	c.open = false
	estimate := c.effect.Estimate
	size := math.Abs(estimate)
	big := atLeast(size, c.threshold)
	switch {
	case significant && big && screened:
		c.row.Verdict = Inconclusive
	case significant && big && estimate > 0:
		c.row.Verdict = Regressed
	case significant && big && estimate < 0:
		c.row.Verdict = Improved
	case significant && atLeast(size, c.floor) && estimate > 0:
		c.row.Verdict = Slower
	case significant && atLeast(size, c.floor) && estimate < 0:
		c.row.Verdict = Faster
	case c.within():
		c.row.Verdict = Unchanged
	default:
		c.row.Verdict = Inconclusive
	}
	c.show()
}

// within says that both unadjusted bounds lie inside of the threshold. No
// difference at all is within any.
func (c *candidate) within() bool {
	if c.effect.Exact && c.effect.Estimate == 0 {
		return true
	}
	return math.Abs(c.effect.Estimate)+c.margin < c.threshold
}

// certain says that a change in the direction of the estimate is significant
// by itself.
func (c *candidate) certain(level float64) bool {
	worse, better := c.tails()
	return min(worse, better) < level
}

// power is the chance to decide that a number of rounds is asked for with.
const power = 0.8

// ask works out how many rounds would decide: enough to show a change that
// looks as large as the threshold, or to show that it is smaller.
func (c *candidate) ask(level float64) {
	if c.spread.SD == 0 && c.spread.HeadSD == 0 {
		if c.design == StoredMany {
			c.row.Reason = "the base runs differ too much from each other: more of them would decide, or interleaved rounds (harness ab)"
		}
		return
	}
	plan, size := c.spread, math.Abs(c.effect.Estimate)
	plan.Power, plan.Alpha, plan.Effect = power, c.alpha, c.threshold-size
	if atLeast(size, c.threshold) {
		plan.Alpha, plan.Effect = level, size
	}
	n, ok, err := stats.RequiredRounds(plan)
	if err != nil || !ok {
		c.row.Reason = "the estimate lies so close to the threshold that more rounds would hardly decide"
		return
	}
	c.row.RoundsNeeded = n
}

// show writes the effect into the row in the units that people read.
func (c *candidate) show() {
	e := c.effect
	change := c.change(e.Estimate)
	worse := change
	if c.higher {
		worse = -change
	}
	lo, hi := c.change(e.Estimate-c.margin), c.change(e.Estimate+c.margin)
	if lo > hi {
		lo, hi = hi, lo
	}
	c.row.Change, c.row.Worse = &change, &worse
	if number(&lo) && number(&hi) {
		c.row.Low, c.row.High = &lo, &hi
	}
}
