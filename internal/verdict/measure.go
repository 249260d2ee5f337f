package verdict

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

// measure turns the values of both sides into an effect, or settles the
// metric.
func (s *set) measure(c *candidate, base []result.Metric, head result.Metric) {
	if m := head.Value; !number(m) || !number(base[len(base)-1].Value) {
		c.settle(Invalid, "its value is not a finite number")
		return
	}
	s.showBase(c, base)
	s.limits(c)
	var e stats.Effect
	var err error
	switch {
	case s.design == Interleaved:
		e, err = s.paired(c, base[len(base)-1].PerRound, head.PerRound)
	case s.design == StoredMany && len(base) >= minBaseRuns:
		e, err = s.predicted(c, base, head)
	default:
		s.widen(c, len(base))
		e, err = s.welch(c, base, head.PerRound)
	}
	var few *stats.TooFewError
	var undefined *noRatioError
	switch {
	case errors.As(err, &few):
		c.tooFew(few)
		return
	case errors.As(err, &undefined):
		c.settle(Incomparable, undefined.Error())
		return
	case err != nil:
		c.settle(Invalid, err.Error())
		return
	}
	if c.higher {
		e = e.Negate()
	}
	c.effect, c.margin, c.open = e, e.UpperBound(c.alpha)-e.Estimate, true
}

// showBase makes the row's base of several base runs: each run's value where
// the spread between runs is known, else all their rounds.
func (s *set) showBase(c *candidate, base []result.Metric) {
	if len(base) == 1 {
		return
	}
	shown := pooled(base)
	if s.design == StoredMany && len(base) >= minBaseRuns {
		shown = runValues(base)
	}
	c.row.Base, c.row.BasePerRound = c.centre(shown), pointers(shown)
}

func runValues(base []result.Metric) []float64 {
	out := make([]float64, len(base))
	for i, m := range base {
		out[i] = *m.Value
	}
	return out
}

func pooled(base []result.Metric) []float64 {
	var out []float64
	for _, m := range base {
		out = append(out, values(m.PerRound)...)
	}
	return out
}

// tooFew settles a metric whose spread is not known.
func (c *candidate) tooFew(few *stats.TooFewError) {
	c.settle(Inconclusive, fmt.Sprintf("%s with a value: the spread between rounds takes two at least, better %d", plural(few.N, "round"), usefulRounds))
	c.row.RoundsNeeded = usefulRounds
}

// usefulRounds is what to ask for when nothing is known of the spread.
const usefulRounds = 5

// limits fills in threshold and floor before any widening. A floor that was
// measured raises the threshold: below it nothing is called a difference.
func (s *set) limits(c *candidate) {
	t := s.policy.threshold(c.row.Benchmark, c.row.Metric)
	size := max(0, t.MaxRegression)
	c.machine = s.measuredFloor(c)
	measured := c.machine.Rounds
	floor := max(min(s.policy.FloorMin, size), measured)
	c.threshold, c.floor = c.in(size), c.in(floor)
	if measured > size {
		c.threshold = c.floor
		c.row.Cautions = append(c.row.Cautions, "the threshold is raised to what this machine differs from itself by between rounds")
	}
	c.threshold = max(c.threshold, c.minAbsolute(t.MinAbsolute))
	c.showLimits()
}

// measuredFloor is the metric's, unless it was measured with other work.
func (s *set) measuredFloor(c *candidate) Floor {
	f := s.policy.Floors[c.id]
	if f.Workload != "" && f.Workload != c.workload {
		c.row.Cautions = append(c.row.Cautions, "its floor on this machine was measured with another workload and is not used: measure it anew with harness aa")
		return Floor{}
	}
	return f
}

func (c *candidate) showLimits() {
	c.row.Threshold, c.row.Floor = c.out(c.threshold), c.out(c.floor)
}

// minAbsolute is a difference in the metric's unit as tested. Taken from the
// smaller value it is exact in both directions: max/min ≥ 1+m/min is the same
// as max−min ≥ m.
func (c *candidate) minAbsolute(m float64) float64 {
	if !(m > 0) {
		return 0
	}
	if c.absolute {
		return m
	}
	if c.row.Base == nil {
		return 0
	}
	if smaller := min(*c.row.Base, *c.row.Head); smaller > 0 {
		return math.Log1p(m / smaller)
	}
	return 0
}

// widen adds the floor between runs to the threshold of a comparison that
// cannot see it.
func (s *set) widen(c *candidate, runs int) {
	between := c.machine.Runs
	known := between > 0
	switch {
	case known:
	case c.absolute:
		between = DefaultRunFloorPoints
	default:
		between = s.policy.RunFloor
	}
	c.threshold += c.in(between)
	c.floor = max(c.floor, c.in(between))
	c.showLimits()
	what := "one base run does"
	if runs > 1 {
		what = fmt.Sprintf("%d base runs do", runs)
	}
	how := "as measured by harness aa"
	if !known {
		how = "assumed: measure it with harness aa"
	}
	unit := "%"
	if c.absolute {
		unit = " points"
	}
	c.row.Cautions = append(c.row.Cautions, fmt.Sprintf(
		"%s not show how runs differ: the threshold is widened by the floor between runs, %.3g%s (%s)", what, 100*between, unit, how))
}

// noRatioError says that a metric on a ratio scale has a value without
// logarithm.
type noRatioError struct{ value float64 }

func (e *noRatioError) Error() string {
	return fmt.Sprintf("a round has the value %v, which has no ratio to another; a metric that can be zero needs scale absolute", e.value)
}

// transform takes logarithms of values on a ratio scale.
func (c *candidate) transform(values []float64) ([]float64, error) {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("a round has the value %v", v)
		}
		if v <= 0 && !c.absolute {
			return nil, &noRatioError{v}
		}
	}
	if c.absolute {
		return values, nil
	}
	return stats.Logs(values)
}

// paired compares rounds that were measured in turn. A pair counts when both
// rounds have a value.
func (s *set) paired(c *candidate, base, head []*float64) (stats.Effect, error) {
	var b, h []float64
	for i := range min(len(base), len(head)) {
		if base[i] != nil && head[i] != nil {
			b, h = append(b, *base[i]), append(h, *head[i])
		}
	}
	if e, ok := identical(b, h); ok {
		return e, nil
	}
	b, err := c.transform(b)
	if err != nil {
		return stats.Effect{}, err
	}
	if h, err = c.transform(h); err != nil {
		return stats.Effect{}, err
	}
	d, err := stats.Differences(b, h)
	if err != nil {
		return stats.Effect{}, err
	}
	e, err := stats.PairedT(d)
	c.spread.SD = e.SE * math.Sqrt(float64(len(d)))
	return e, err
}

// welch compares rounds that were made at different times.
func (s *set) welch(c *candidate, base []result.Metric, head []*float64) (stats.Effect, error) {
	b := pooled(base)
	h := values(head)
	if e, ok := identical(b, h); ok {
		return e, nil
	}
	b, err := c.transform(b)
	if err != nil {
		return stats.Effect{}, err
	}
	if h, err = c.transform(h); err != nil {
		return stats.Effect{}, err
	}
	e, err := stats.Welch(b, h)
	if err == nil && !e.Exact {
		c.spread.SD, c.spread.HeadSD = math.Sqrt(stats.Variance(b)), math.Sqrt(stats.Variance(h))
	}
	return e, err
}

// predicted compares one run with what earlier runs let expect.
func (s *set) predicted(c *candidate, base []result.Metric, head result.Metric) (stats.Effect, error) {
	b := runValues(base)
	h := []float64{*head.Value}
	if e, ok := identical(b, h); ok {
		return e, nil
	}
	b, err := c.transform(b)
	if err != nil {
		return stats.Effect{}, err
	}
	if h, err = c.transform(h); err != nil {
		return stats.Effect{}, err
	}
	p, err := stats.Predict(b)
	if err != nil {
		return stats.Effect{}, err
	}
	return p.Effect(h[0])
}

// centre is the mean of base runs by the metric's scale.
func (c *candidate) centre(runs []float64) *float64 {
	mean := stats.GeometricMean(runs)
	if c.absolute {
		mean = stats.Mean(runs)
	}
	if math.IsNaN(mean) || math.IsInf(mean, 0) {
		return nil
	}
	return &mean
}

// identical finds values that are the same on both sides, all of them or round
// for round: that is no difference on any scale, zero included.
func identical(b, h []float64) (stats.Effect, bool) {
	if len(b) == 0 || len(h) == 0 || len(b)+len(h) < 4 {
		return stats.Effect{}, false
	}
	if !slices.Equal(b, h) && !slices.Equal(slices.Compact(slices.Concat(b, h)), b[:1]) {
		return stats.Effect{}, false
	}
	if slices.ContainsFunc(b, func(v float64) bool { return math.IsInf(v, 0) }) {
		return stats.Effect{}, false
	}
	return stats.Effect{N: len(b) + len(h), Exact: true}, true
}

// values are those of the rounds that have one.
func values(per []*float64) []float64 {
	out := make([]float64, 0, len(per))
	for _, v := range per {
		if v != nil {
			out = append(out, *v)
		}
	}
	return out
}

func pointers(xs []float64) []*float64 {
	out := make([]*float64, len(xs))
	for i := range xs {
		out[i] = &xs[i]
	}
	return out
}
