package sdk

import (
	"fmt"
	"slices"
)

// Better says which direction of a metric is good.
type Better string

// Directions of a metric.
const (
	Lower  Better = "lower"
	Higher Better = "higher"
)

// Scale says how two values of a metric are compared.
type Scale string

// Scales of a metric: by ratio (log), or in absolute points for quantities
// such as recall and success that are themselves ratios and may be zero.
const (
	Ratio    Scale = "ratio"
	Absolute Scale = "absolute"
)

// Aggregate says how the values that ops recorded become a round's value.
type Aggregate string

// Aggregates of recorded values over the ok ops of a round.
const (
	Mean Aggregate = "mean" // sum ÷ number of values
	Rate Aggregate = "rate" // sum ÷ elapsed seconds
	Sum  Aggregate = "sum"
)

// Metric is a quantity that ops record beyond the standard ones.
type Metric struct {
	Name      string    // snake case
	Unit      string    // SI: "s", "B", "1/s", "ratio"
	Doc       string    // one sentence
	Better    Better    // default Lower
	Scale     Scale     // default Ratio
	Aggregate Aggregate // default Mean
	Gate      bool      // a regression of it fails a comparison; at most two per benchmark
}

// Validate reports the first thing wrong with the declaration.
func (m Metric) Validate() error {
	switch {
	case !namePattern.MatchString(m.Name):
		return fmt.Errorf("metric name %q is malformed", m.Name)
	case slices.Contains(StandardMetrics, m.Name):
		return fmt.Errorf("metric %q is a standard one and recorded by the harness", m.Name)
	case m.Better != "" && m.Better != Lower && m.Better != Higher:
		return fmt.Errorf("metric %q: better is %q, want lower or higher", m.Name, m.Better)
	case m.Scale != "" && m.Scale != Ratio && m.Scale != Absolute:
		return fmt.Errorf("metric %q: scale is %q, want ratio or absolute", m.Name, m.Scale)
	case m.Aggregate != "" && m.Aggregate != Mean && m.Aggregate != Rate && m.Aggregate != Sum:
		return fmt.Errorf("metric %q: aggregate is %q, want mean, rate or sum", m.Name, m.Aggregate)
	}
	return nil
}

// StandardMetrics are recorded for every benchmark by the harness.
var StandardMetrics = []string{
	"latency_mean", "latency_p50", "latency_p95", "latency_p99", "latency_max",
	"throughput", "success_ratio",
}
