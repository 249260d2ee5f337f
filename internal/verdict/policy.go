package verdict

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// Defaults of a [Policy].
const (
	DefaultThreshold   = 0.10
	DefaultFloor       = 0.02
	DefaultAlpha       = 0.025 // one-sided: two bounds make a 95% interval
	DefaultScreenAlpha = 0.01
	DefaultSuccessDrop = 0.01 // points
	// DefaultRunFloor stands in for the floor between runs of a machine that
	// nobody has measured: about what runs on hosted machines of one type differ
	// by, docs/verdicts.md has the figures.
	DefaultRunFloor = 0.20
	// DefaultRunFloorPoints is the same for metrics in points, such as recall:
	// how fast a machine is does not change those.
	DefaultRunFloorPoints = 0.02
)

// Action is what becomes of a gating metric without a verdict.
type Action string

// Actions; the zero value passes.
const (
	PassIt Action = "pass"
	FailIt Action = "fail"
)

// Policy is what counts as a regression. The zero value is the default.
type Policy struct {
	// Thresholds in order; the last that matches wins, and [DefaultThreshold]
	// is behind them.
	Thresholds []Threshold
	// Floors are what this machine differs from itself by, by [MetricID].
	Floors map[string]Floor
	// FloorMin is the floor of metrics without a measured one; 0 means
	// [DefaultFloor]. A smaller threshold takes it down with it.
	FloorMin float64
	// RunFloor is the floor between runs where none was measured; 0 means
	// [DefaultRunFloor]. That of a metric in points is [DefaultRunFloorPoints].
	RunFloor float64
	// Alpha is the one-sided error of a family of metrics and of each bound of
	// an interval; 0 means [DefaultAlpha].
	Alpha float64
	// ScreenAlpha is the one-sided level of the screen of interleaved rounds; 0
	// means [DefaultScreenAlpha].
	ScreenAlpha float64
	// SuccessDrop is the limit of the success ratio, in points, where no
	// threshold names success_ratio; 0 means [DefaultSuccessDrop].
	SuccessDrop float64
	// Inconclusive and Uncompared (new, missing, incomparable) say what becomes
	// of gating metrics with these verdicts.
	Inconclusive, Uncompared Action
	Acknowledgements         []Acknowledgement
	// Match says whether a pattern matches a benchmark's id or a metric's name.
	// nil matches equal text and "*" only.
	Match func(pattern, name string) bool
	// Now decides which acknowledgements have expired and dates the document;
	// zero means when head was started.
	Now time.Time
	// AllowOtherMachine compares runs of different machines, with a caution.
	AllowOtherMachine bool
}

// Threshold is how much worse a metric may become.
type Threshold struct {
	Benchmark, Metric string  // patterns
	MaxRegression     float64 // ratio − 1, 0.1 is 10%; points for scale absolute
	MinAbsolute       float64 // in the metric's unit: a smaller difference never matters; 0 = none
}

// Floor is what a machine differs from itself by, as ratio − 1 or points. 0 is
// unknown.
type Floor struct {
	Rounds   float64 // between interleaved rounds
	Runs     float64 // between runs
	Workload string  // digest of the work that it was measured with; "" is not known
}

// MetricID names one metric of one scenario: "vector/docs/ef=64 latency_p99".
func MetricID(benchmark string, params map[string]string, metric string) string {
	return scenarioID(benchmark, params) + " " + metric
}

func scenarioID(benchmark string, params map[string]string) string {
	var b strings.Builder
	b.WriteString(benchmark)
	keys := make([]string, 0, len(params))
	for k := range params {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		b.WriteString("/" + k + "=" + params[k])
	}
	return b.String()
}

// scenarioKey tells scenarios apart even where their ids read the same.
func scenarioKey(benchmark string, params map[string]string) string {
	return fmt.Sprintf("%q %q", benchmark, params) // fmt sorts maps
}

func (p Policy) withDefaults() Policy {
	for _, d := range []struct {
		v         *float64
		otherwise float64
	}{
		{&p.FloorMin, DefaultFloor}, {&p.RunFloor, DefaultRunFloor}, {&p.Alpha, DefaultAlpha},
		{&p.ScreenAlpha, DefaultScreenAlpha}, {&p.SuccessDrop, DefaultSuccessDrop},
	} {
		if !(*d.v > 0) {
			*d.v = d.otherwise
		}
	}
	p.Alpha, p.ScreenAlpha = min(p.Alpha, 0.5), min(p.ScreenAlpha, 0.5)
	if p.Match == nil {
		p.Match = func(pattern, name string) bool { return pattern == "*" || pattern == name }
	}
	return p
}

// threshold is the one for a metric.
func (p Policy) threshold(benchmark, metric string) Threshold {
	for _, t := range slices.Backward(p.Thresholds) {
		if p.Match(t.Benchmark, benchmark) && p.Match(t.Metric, metric) {
			return t
		}
	}
	return Threshold{MaxRegression: DefaultThreshold}
}

// successLimit is how many points the success ratio may drop. A threshold for
// every metric is not about it: one failure in ten would pass.
func (p Policy) successLimit(benchmark string) float64 {
	for _, t := range slices.Backward(p.Thresholds) {
		if t.Metric != "*" && p.Match(t.Metric, successRatio) && p.Match(t.Benchmark, benchmark) {
			return t.MaxRegression
		}
	}
	return p.SuccessDrop
}

// scale converts between what people read (ratio − 1, points) and the numbers
// that are tested (logarithms, points), oriented so that worse is positive.
type scale struct{ absolute, higher bool }

// in is a relative size of a change for the worse as tested. A throughput 10%
// worse is 0.9 times the base, a latency 1.1 times.
func (s scale) in(x float64) float64 {
	switch {
	case s.absolute:
		return x
	case !s.higher:
		return math.Log1p(x)
	case x >= 1:
		return math.Inf(1)
	}
	return -math.Log1p(-x)
}

// out undoes in.
func (s scale) out(x float64) float64 {
	switch {
	case s.absolute:
		return finite(x)
	case s.higher:
		return finite(-math.Expm1(-x))
	}
	return finite(math.Expm1(x))
}

// change is a tested number as head against base, whatever is better.
func (s scale) change(worse float64) float64 {
	if s.higher {
		worse = -worse
	}
	if s.absolute {
		return finite(worse)
	}
	return finite(math.Expm1(worse))
}

// finite keeps a number within what JSON can hold.
func finite(x float64) float64 {
	return max(-math.MaxFloat64, min(math.MaxFloat64, x))
}
