package result

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// maxGates is how many metrics of a benchmark may fail a comparison. More
// would make a false alarm among them likely.
const maxGates = 2

// defaultGates are the gating metrics of a benchmark that declares none, the
// one to keep longest first.
var defaultGates = []string{"latency_p95", "throughput"}

// Summarise fills in b.Metrics from b.Rounds: the standard metrics, then the
// declared ones. It also carries the rounds' findings over to b.Validity. It
// can be called again after each round.
//
//   - latency_mean, latency_p50, latency_p95, latency_p99, latency_max are of
//     the response clock, in seconds.
//   - throughput is ok ops per second of the measured part; a round without
//     any scheduled op has none.
//   - success_ratio is ok ÷ (ok + failed + timed out): of the ops that were
//     sent, the share that succeeded. Skipped ops are not in it, because the
//     target never saw them; they are counted, and show in the response clock
//     and in the round's validity.
//   - A declared metric is made of its recorded values by its Aggregate.
//
// A metric's value is the geometric mean of its rounds, the arithmetic mean
// for absolute scale; rounds without a value of it (too few samples, or
// nothing recorded) are left out, and it is null when no round has one. A
// ratio-scaled metric that was negative in some round, or zero in some and not
// in others, has no geometric mean: its value is null and a caution says so.
//
// Where the machine has a GPU, gpu_util is the average of the resource gpu.util
// in each round.
//
// A benchmark whose rate was searched for has the metric capacity, see
// [Capacity].
//
// At most two metrics gate. Declared gates come first, in the order declared;
// latency_p95 and then throughput take the places that are left.
func Summarise(b *Benchmark, declared []sdk.Metric) {
	b.Metrics = standardMetrics(b.Rounds)
	for _, d := range declared {
		b.Metrics = append(b.Metrics, declaredMetric(d, b.Rounds))
	}
	if m, ok := gpuMetric(b.Rounds); ok && !slices.ContainsFunc(declared, func(d sdk.Metric) bool { return d.Name == m.Name }) {
		b.Metrics = append(b.Metrics, m)
	}
	if m, ok := b.capacityMetric(); ok && !slices.ContainsFunc(declared, func(d sdk.Metric) bool { return d.Name == m.Name }) {
		b.Metrics = append(b.Metrics, m)
	}
	setGates(b.Metrics, declared)
	b.Validity = carryOver(b.Validity, b.Rounds)
	for i := range b.Metrics {
		if m := &b.Metrics[i]; !m.summarise() {
			b.Validity = append(b.Validity, Finding{
				Level: string(loop.Caution), Code: negativeRatio,
				Message: fmt.Sprintf("%s was zero or negative in some round, so it has no mean by ratio; declare its scale as absolute", m.Name),
			})
		}
	}
}

const negativeRatio = "negative_ratio"

// gpuMetric is the utilisation of the GPUs, if any round knows it.
func gpuMetric(rounds []Round) (Metric, bool) {
	m := newMetric("gpu_util", "ratio", sdk.Higher, sdk.Absolute, rounds, func(r *Round) *float64 {
		for _, g := range r.Resources {
			if g.Name == "gpu.util" {
				return g.Average
			}
		}
		return nil
	})
	return m, slices.ContainsFunc(m.PerRound, func(x *float64) bool { return x != nil })
}

func standardMetrics(rounds []Round) []Metric {
	latency := func(name string, of func(*Histogram) *float64) Metric {
		return newMetric(name, "s", sdk.Lower, sdk.Ratio, rounds, func(r *Round) *float64 { return of(&r.Clocks.Response) })
	}
	return []Metric{
		latency("latency_mean", func(h *Histogram) *float64 { return h.Mean }),
		latency("latency_p50", func(h *Histogram) *float64 { return h.P50 }),
		latency("latency_p95", func(h *Histogram) *float64 { return h.P95 }),
		latency("latency_p99", func(h *Histogram) *float64 { return h.P99 }),
		latency("latency_max", func(h *Histogram) *float64 { return h.Max }),
		newMetric("throughput", "1/s", sdk.Higher, sdk.Ratio, rounds, func(r *Round) *float64 {
			if r.Counts.Scheduled == 0 {
				return nil
			}
			return quotient(float64(r.Counts.OK), r.Elapsed)
		}),
		newMetric("success_ratio", "ratio", sdk.Higher, sdk.Absolute, rounds, func(r *Round) *float64 {
			return quotient(float64(r.Counts.OK), float64(r.Counts.OK+r.Counts.Failed+r.Counts.TimedOut))
		}),
	}
}

func declaredMetric(d sdk.Metric, rounds []Round) Metric {
	better, scale := d.Better, d.Scale
	if better == "" {
		better = sdk.Lower
	}
	if scale == "" {
		scale = sdk.Ratio
	}
	return newMetric(d.Name, d.Unit, better, scale, rounds, func(r *Round) *float64 {
		v, ok := r.Values[d.Name]
		if !ok || v.Count == 0 {
			return nil
		}
		switch d.Aggregate {
		case sdk.Rate:
			return quotient(v.Sum, r.Elapsed)
		case sdk.Sum:
			return &v.Sum
		default:
			return quotient(v.Sum, float64(v.Count))
		}
	})
}

func quotient(a, b float64) *float64 {
	if q := a / b; b > 0 && finite(q) {
		return &q
	}
	return nil
}

func newMetric(name, unit string, better sdk.Better, scale sdk.Scale, rounds []Round, of func(*Round) *float64) Metric {
	m := Metric{Name: name, Unit: unit, Better: string(better), Scale: string(scale), PerRound: make([]*float64, len(rounds))}
	for i := range rounds {
		m.PerRound[i] = of(&rounds[i])
	}
	return m
}

// summarise fills in the value; it returns false when the values have no mean
// of the metric's scale.
func (m *Metric) summarise() bool {
	var n, zeros, sum float64
	for _, x := range m.PerRound {
		switch {
		case x == nil:
			continue
		case m.Scale == string(sdk.Absolute):
			sum += *x
		case *x < 0:
			return false
		case *x == 0:
			zeros++
		default:
			sum += math.Log(*x)
		}
		n++
	}
	if n == 0 {
		return true
	}
	if zeros > 0 && zeros < n {
		return false // one zero would make the mean of all zero
	}
	mean := sum / n
	if zeros == 0 && m.Scale != string(sdk.Absolute) {
		mean = math.Exp(mean)
	}
	m.Value = &mean
	return true
}

func setGates(ms []Metric, declared []sdk.Metric) {
	var gates []string
	for _, d := range declared {
		if d.Gate {
			gates = append(gates, d.Name)
		}
	}
	gates = append(gates, defaultGates...)
	gates = gates[:maxGates]
	for i := range ms {
		ms[i].Gate = slices.Contains(gates, ms[i].Name)
	}
}

// carryOver returns a benchmark's own findings followed by those of its
// rounds, one for each level and code. Findings carried over by an earlier
// call are replaced.
func carryOver(own []Finding, rounds []Round) []Finding {
	out := []Finding{}
	for _, f := range own {
		if !f.carried() {
			out = append(out, f)
		}
	}
	type key struct{ level, code string }
	type group struct {
		key
		message string
		rounds  []string
	}
	var groups []*group
	byKey := map[key]*group{}
	for i, r := range rounds {
		for _, f := range r.Validity {
			k := key{f.Level, f.Code}
			g := byKey[k]
			if g == nil {
				g = &group{key: k, message: f.Message}
				byKey[k] = g
				groups = append(groups, g)
			}
			if n := strconv.Itoa(i + 1); !slices.Contains(g.rounds, n) {
				g.rounds = append(g.rounds, n)
			}
		}
	}
	// The reason not to trust a number comes before the reasons to be careful.
	slices.SortStableFunc(groups, func(a, b *group) int { return rank(a.level) - rank(b.level) })
	for _, g := range groups {
		out = append(out, Finding{Level: g.level, Code: g.code, Message: roundsPrefix(g.rounds, len(rounds)) + g.message})
	}
	return out
}

func rank(level string) int {
	if level == string(loop.Invalid) {
		return 0
	}
	return 1
}

func roundsPrefix(which []string, of int) string {
	switch {
	case of == 1:
		return "the round: "
	case len(which) == of:
		return fmt.Sprintf("all %d rounds: ", of)
	case len(which) == 1:
		return fmt.Sprintf("round %s of %d: ", which[0], of)
	}
	return fmt.Sprintf("rounds %s of %d: ", strings.Join(which, ", "), of)
}

// carriedMessage matches the messages that roundsPrefix begins.
var carriedMessage = regexp.MustCompile(`^(the round|round \d+ of \d+|rounds [\d, ]+ of \d+|all \d+ rounds): `)

// carried says whether the finding is one that Summarise made.
func (f Finding) carried() bool {
	return f.Code == negativeRatio || carriedMessage.MatchString(f.Message)
}
