package stats

import "math"

// Interval is a confidence or prediction interval, in the unit of the estimate.
// Bounds may be infinite. Both are NaN when the level asked for is not between
// 0 and 1.
type Interval struct {
	Lo, Hi float64
	Level  float64 // nominal coverage, 0.95 for 95%
}

// Effect is an estimated difference with what is needed to judge it: its p
// values and intervals come from Student's t distribution with DF degrees of
// freedom.
//
// Its questions take the hypothetical difference as an argument, so that one
// Effect answers both "is there a difference" (0) and "is it as large as the
// threshold" (log 1.1).
type Effect struct {
	// N is the number of independent observations behind it: pairs of rounds,
	// the rounds of both sides together, or the base runs.
	N int
	// Estimate is the difference: of logarithms, log(head/base).
	Estimate float64
	// SE is the standard error of Estimate, in its unit.
	SE float64
	// DF are the degrees of freedom, not always a whole number. 0 when Exact.
	DF float64
	// Exact says that the variance was zero, so that there is no distribution:
	// Estimate is compared as an exact number, every p value is 0 or 1, and the
	// intervals are one point. With few rounds of a coarse clock that can be
	// chance: a verdict needs a floor on the estimate beside it.
	Exact bool
}

// Negate is the same effect seen from the other side: the sign turned round.
func (e Effect) Negate() Effect {
	e.Estimate = -e.Estimate
	return e
}

// Greater is the one-sided p value against "the true difference is at most h":
// small when the difference is really greater than h.
func (e Effect) Greater(h float64) float64 {
	if e.Exact {
		return zeroOrOne(e.Estimate > h, h)
	}
	return tUpper((e.Estimate-h)/e.SE, e.DF)
}

// Less is the one-sided p value against "the true difference is at least h":
// small when the difference is really less than h.
func (e Effect) Less(h float64) float64 {
	if e.Exact {
		return zeroOrOne(e.Estimate < h, h)
	}
	return tUpper((h-e.Estimate)/e.SE, e.DF)
}

// TwoSided is the p value against "the true difference is h".
func (e Effect) TwoSided(h float64) float64 {
	if e.Exact {
		return zeroOrOne(e.Estimate != h, h)
	}
	return min(1, 2*tUpper(math.Abs(e.Estimate-h)/e.SE, e.DF))
}

// Interval is the two-sided confidence interval at a level such as 0.95.
func (e Effect) Interval(level float64) Interval {
	half := math.NaN()
	if level > 0 {
		half = e.margin((1 - level) / 2)
	}
	return Interval{Lo: e.Estimate - half, Hi: e.Estimate + half, Level: level}
}

// LowerBound is the one-sided lower confidence bound: the true difference lies
// below it with probability alpha at most. [Effect.Greater](h) < alpha exactly
// when it is above h. NaN when alpha is not between 0 and 1.
func (e Effect) LowerBound(alpha float64) float64 { return e.Estimate - e.margin(alpha) }

// UpperBound is the mirror of [Effect.LowerBound].
func (e Effect) UpperBound(alpha float64) float64 { return e.Estimate + e.margin(alpha) }

// margin is the distance from the estimate to a bound with one-sided error
// alpha.
func (e Effect) margin(alpha float64) float64 {
	switch {
	case !(alpha > 0 && alpha < 1):
		return math.NaN()
	case e.Exact:
		return 0
	}
	return e.SE * tQuantileUpper(alpha, e.DF)
}

// newEffect joins an estimate to its standard error. A standard error of zero
// makes it exact.
func newEffect(n int, estimate, se, df float64) (Effect, error) {
	if math.IsInf(estimate, 0) || math.IsNaN(estimate) || math.IsInf(se, 0) || math.IsNaN(se) {
		return Effect{}, ErrOverflow
	}
	if se == 0 {
		return Effect{N: n, Estimate: estimate, Exact: true}, nil
	}
	return Effect{N: n, Estimate: estimate, SE: se, DF: df}, nil
}

func zeroOrOne(reject bool, h float64) float64 {
	switch {
	case math.IsNaN(h):
		return math.NaN()
	case reject:
		return 0
	}
	return 1
}
