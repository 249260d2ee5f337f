package verdict

import (
	"fmt"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

// candidate is a metric on its way to a verdict.
type candidate struct {
	id  string
	row Row
	scale
	design   Design
	rounds   int    // of head
	workload string // digest
	machine  Floor  // what was measured of the machine with this work
	alpha    float64
	// open says that effect is to be judged; otherwise the row has its verdict.
	open   bool
	effect stats.Effect // oriented: positive is worse
	margin float64      // from the estimate to either bound
	spread stats.RoundsPlan
	// threshold and floor are in the unit of the effect.
	threshold, floor float64
	bySuccess        bool     // the success ratio's own limit has decided
	besideSuccess    bool     // it is incomparable because of the success ratio
	shares           [2]share // of base and head; of the success ratio only
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
		rounds: len(b.Rounds), workload: b.WorkloadDigest, alpha: s.policy.Alpha,
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
	gated := false // in the last base run that has it
	for _, b := range found.base {
		bm, ok := metricOf(b.bench, m.Name)
		if ok {
			gated = bm.Gate
		}
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
	if gated && !m.Gate {
		// What is under test must not decide that nobody looks at it.
		c.row.Gate = true
		c.row.Cautions = append(c.row.Cautions, "it gates in base and not in head: it gates")
	}
	if m.Name == successRatio {
		c.shares = shares(found.base, head)
	}
	switch {
	case m.Value == nil && len(base) == 0 && problem == "" && !c.row.Gate:
		return nil
	case found.verdict != "":
		return c.settle(found.verdict, found.reason)
	case found.apart != "" && m.Name != result.CapacityMetric:
		return c.settle(Incomparable, found.apart)
	case len(base) == 0 && problem != "":
		return c.settle(Incomparable, problem)
	case m.Value == nil && len(base) == 0:
		return c.settle(Inconclusive, "neither side: "+head.Lookup(m.Name).Reason)
	case len(base) == 0:
		return c.settle(New, "base: "+found.base[len(found.base)-1].bench.Lookup(m.Name).Reason)
	case m.Value == nil:
		return c.settle(Missing, "head: "+head.Lookup(m.Name).Reason)
	}
	if m.Name == result.CapacityMetric && head.Capacity != nil && s.design == StoredOne {
		s.capacities(c, found.base[len(found.base)-1].bench.Capacity, head.Capacity)
		return c
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
