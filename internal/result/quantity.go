package result

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/sdk/loop"
)

// Quantity is one number of a benchmark, or the reason why there is none.
type Quantity struct {
	Unit   string
	Value  *float64
	Reason string // when Value is nil
}

// NotRecorded is the reason of a quantity that the benchmark does not have.
const NotRecorded = "not recorded"

// Lookup finds a benchmark's metric, else the average over its rounds of a
// resource, else a figure of its set-up, by that name. A resource of which
// there are several, such as a GPU, is found by its name without the number:
// "gpu.util" is the mean of "gpu.0.util" and "gpu.1.util".
func (b *Benchmark) Lookup(name string) Quantity {
	if q, ok := b.metric(name); ok {
		return q
	}
	if q, ok := b.resource(name); ok {
		return q
	}
	for _, f := range b.Figures {
		if f.Name == name {
			return Quantity{Unit: f.Unit, Value: &f.Value}
		}
	}
	return Quantity{Reason: NotRecorded}
}

func (b *Benchmark) metric(name string) (Quantity, bool) {
	i := slices.IndexFunc(b.Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Quantity{}, false
	}
	m := b.Metrics[i]
	q := Quantity{Unit: m.Unit, Value: m.Value}
	if m.Value == nil {
		q.Reason = "no round has a value"
		if name == CapacityMetric && b.Capacity != nil {
			q.Reason = b.Capacity.reason()
		}
		if quantile, ok := latencyQuantiles[name]; ok {
			q.Reason = fmt.Sprintf("too few samples: a round needs %d ops", loop.SamplesFor(quantile))
		}
	}
	return q, true
}

var latencyQuantiles = map[string]float64{"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}

func (b *Benchmark) resource(name string) (Quantity, bool) {
	if q, ok := b.resources(func(n string) bool { return n == name }); ok {
		return q, true
	}
	return b.resources(func(n string) bool { return withoutNumber(n) == name })
}

func (b *Benchmark) resources(match func(name string) bool) (q Quantity, found bool) {
	var sum float64
	var n int
	for _, r := range b.Rounds {
		for _, res := range r.Resources {
			if !match(res.Name) {
				continue
			}
			found, q.Unit = true, res.Unit
			if res.Average != nil {
				sum += *res.Average
				n++
			} else if q.Reason == "" {
				q.Reason = "unavailable: " + res.Unavailable
			}
		}
	}
	if n > 0 {
		mean := sum / float64(n)
		q.Value, q.Reason = &mean, ""
	}
	return q, found
}

// withoutNumber removes the number of a device: "gpu.0.util" is "gpu.util".
func withoutNumber(name string) string {
	parts := strings.Split(name, ".")
	if len(parts) == 3 && parts[1] != "" && strings.Trim(parts[1], "0123456789") == "" {
		return parts[0] + "." + parts[2]
	}
	return name
}

// InvalidReason returns why the benchmark's numbers can neither pass nor
// improve anything. ok is false when there is no such reason.
func (b *Benchmark) InvalidReason() (reason string, ok bool) { return firstInvalid(b.Validity) }

// InvalidReason returns why no number of the run can pass or improve
// anything. ok is false when there is no such reason.
func (r *Run) InvalidReason() (reason string, ok bool) { return firstInvalid(r.Validity) }

func firstInvalid(fs []Finding) (string, bool) {
	if i := slices.IndexFunc(fs, Finding.invalid); i >= 0 {
		return fs[i].Message, true
	}
	return "", false
}

func (f Finding) invalid() bool { return f.Level == string(loop.Invalid) }
