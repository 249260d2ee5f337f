package verdict

import (
	"fmt"
	"math"
	"strings"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

const (
	successRatio = "success_ratio"
	latencies    = "latency_" // prefix of those of the response clock
)

// candidate is a metric on its way to a verdict.
type candidate struct {
	id  string
	row Row
	scale
	design Design
	rounds int // of head
	alpha  float64
	// open says that effect is to be judged; otherwise the row has its verdict.
	open   bool
	effect stats.Effect // oriented: positive is worse
	margin float64      // from the estimate to either bound
	spread stats.RoundsPlan
	// threshold and floor are in the unit of the effect.
	threshold, floor float64
	bySuccess        bool // the success ratio's own limit has decided
	besideSuccess    bool // it is incomparable because of the success ratio
}

// newRow begins the row of a metric.
func newRow(b *result.Benchmark, m result.Metric) Row {
	params := b.Params
	if params == nil {
		params = map[string]string{}
	}
	return Row{
		Benchmark: b.ID, Params: params, Plugin: b.Plugin,
		Metric: m.Name, Unit: m.Unit, Better: m.Better, Scale: m.Scale, Gate: m.Gate,
	}
}

func (s *set) begin(b *result.Benchmark, m result.Metric) *candidate {
	c := &candidate{
		id: MetricID(b.ID, b.Params, m.Name), row: newRow(b, m), design: s.design,
		rounds: len(b.Rounds), alpha: s.policy.Alpha,
		scale: scale{absolute: m.Scale == "absolute", higher: m.Better == "higher"},
	}
	c.row.Threshold = s.policy.threshold(b.ID, m.Name).MaxRegression
	c.row.Floor = s.policy.FloorMin
	return c
}

// lone is a metric that one side has.
func (s *set) lone(b *result.Benchmark, m result.Metric, v Verdict, reason string) *candidate {
	c := s.begin(b, m)
	if v == Missing {
		c.row.Base, c.row.BasePerRound = m.Value, m.PerRound
	} else {
		c.row.Head, c.row.HeadPerRound = m.Value, m.PerRound
	}
	return c.settle(v, reason)
}

func (c *candidate) settle(v Verdict, reason string) *candidate {
	c.row.Verdict, c.row.Reason, c.open = v, reason, false
	return c
}

// candidate compares a metric of head with the same of the base runs. It is
// nil for an informational metric that neither side could measure.
func (s *set) candidate(head *result.Benchmark, m result.Metric, found selection) *candidate {
	c := s.begin(head, m)
	var base []result.Metric
	var problem string
	for _, b := range found.base {
		bm, ok := metricOf(b.bench, m.Name)
		switch {
		case !ok || bm.Value == nil:
		case bm.Unit != m.Unit || bm.Better != m.Better || bm.Scale != m.Scale:
			problem = fmt.Sprintf("the metric is another one: %s, %s is better, %s in base; %s, %s, %s in head",
				name(bm.Unit), bm.Better, bm.Scale, name(m.Unit), m.Better, m.Scale)
		default:
			base = append(base, bm)
		}
	}
	c.row.Head, c.row.HeadPerRound = m.Value, m.PerRound
	if len(base) > 0 {
		c.row.Base, c.row.BasePerRound = base[len(base)-1].Value, base[len(base)-1].PerRound
	}
	c.row.Cautions = append(c.row.Cautions, found.cautions...)
	if n := len(base); n > 0 && base[n-1].Gate && !m.Gate {
		c.row.Cautions = append(c.row.Cautions, "it gates in base and not in head")
	}
	switch {
	case m.Value == nil && len(base) == 0 && problem == "" && !m.Gate:
		return nil
	case found.verdict != "":
		return c.settle(found.verdict, found.reason)
	case len(base) == 0 && problem != "":
		return c.settle(Incomparable, problem)
	case m.Value == nil && len(base) == 0:
		return c.settle(Inconclusive, "neither side: "+head.Lookup(m.Name).Reason)
	case len(base) == 0:
		return c.settle(New, "base: "+found.base[len(found.base)-1].bench.Lookup(m.Name).Reason)
	case m.Value == nil:
		return c.settle(Missing, "head: "+head.Lookup(m.Name).Reason)
	}
	s.measure(c, base, m)
	return c
}

func metricOf(b *result.Benchmark, name string) (result.Metric, bool) {
	for _, m := range b.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return result.Metric{}, false
}

// weighSuccess settles the success ratio, which is judged by its own limit, and
// what a change of it beyond that limit makes incomparable: a target that
// fails fast is not a fast one.
func (s *set) weighSuccess(scenario []*candidate) {
	for _, c := range scenario {
		if c.row.Metric != successRatio || !c.absolute || !c.higher {
			continue
		}
		limit := s.policy.successLimit(c.row.Benchmark)
		worse, ok := c.successChange()
		if !ok || !atLeast(math.Abs(worse), limit) {
			return
		}
		v, word := Regressed, "dropped"
		if worse < 0 {
			v, word = Improved, "rose"
		}
		c.threshold, c.floor, c.bySuccess = limit, min(c.floor, limit), true
		c.showLimits()
		c.row.Gate, c.row.RoundsNeeded, c.row.Cautions = true, 0, nil
		c.settle(v, fmt.Sprintf("the success ratio %s by %.3g points, its limit is %.3g", word, 100*math.Abs(worse), 100*limit))
		c.show()
		for _, other := range scenario {
			if strings.HasPrefix(other.row.Metric, latencies) && other.comparable() {
				other.settle(Incomparable, "the success ratio "+word+" beyond its limit: other ops were answered")
				other.row.RoundsNeeded, other.besideSuccess = 0, true
			}
		}
		return
	}
}

// comparable says that nothing stands in the way of a comparison but perhaps a
// lack of rounds.
func (c *candidate) comparable() bool { return c.open || c.row.Verdict == Inconclusive }

// successChange is how far the success ratio fell, and whether that is sure:
// significant by itself, or one side had no failure at all. Thousands of ops
// stand behind such a side, so that one round of it is enough.
func (c *candidate) successChange() (worse float64, sure bool) {
	if !c.comparable() || c.row.Base == nil || c.row.Head == nil {
		return 0, false
	}
	if !c.open && c.effect.N == 0 {
		worse = *c.row.Base - *c.row.Head
		c.effect = stats.Effect{N: 2, Estimate: worse, Exact: true}
	}
	worse = c.effect.Estimate
	return worse, *c.row.Base == 1 || *c.row.Head == 1 || c.open && c.certain(c.alpha)
}
