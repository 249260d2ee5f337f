package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/benchharness/harness/internal/result"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// runOf is a run of measured benchmarks on machine m1.
func runOf(benches ...result.Benchmark) *result.Run {
	return &result.Run{Schema: result.Schema, ID: "run", Started: day, Complete: true, MachineID: "m1", Benchmarks: benches}
}

// benchOf is a benchmark with as many rounds as its metrics have values.
func benchOf(id string, metrics ...result.Metric) result.Benchmark {
	b := result.Benchmark{
		ID: id, Plugin: "api", Status: result.Measured, Params: map[string]string{},
		WorkloadDigest: "w1", PluginDigest: "p1", Metrics: metrics,
	}
	if len(metrics) > 0 {
		b.Rounds = make([]result.Round, len(metrics[0].PerRound))
	}
	b.Load = result.Load{Model: "closed", Workers: 4, Duration: float64(len(b.Rounds)), Rounds: len(b.Rounds)}
	return b
}

func metricFrom(name string, xs []float64) result.Metric {
	m := result.Metric{Name: name, Unit: "s", Better: "lower", Scale: "ratio", Gate: true}
	switch name {
	case "throughput":
		m.Unit, m.Better = "1/s", "higher"
	case "success_ratio", "recall":
		m.Unit, m.Better, m.Scale, m.Gate = "ratio", "higher", "absolute", false
	}
	sum := 0.0
	for _, x := range xs {
		m.PerRound = append(m.PerRound, &x)
		if m.Scale == "ratio" {
			sum += math.Log(x)
		} else {
			sum += x
		}
	}
	if len(xs) > 0 {
		v := sum / float64(len(xs))
		if m.Scale == "ratio" {
			v = math.Exp(v)
		}
		m.Value = &v
	}
	return m
}

// spread is n values about a centre, with a small pattern of a given relative
// size whose logarithms add up to nothing where n is even.
func spread(centre, size float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		sign := float64(1 - 2*(i%2))
		out[i] = centre * math.Exp(sign*size*(1+float64(i/2%3))/2)
	}
	return out
}

func informational(m result.Metric) result.Metric { m.Gate = false; return m }

// noise makes values with independent log-normal noise.
type noise struct{ *rand.Rand }

func newNoise(seed uint64) noise { return noise{rand.New(rand.NewPCG(seed, 1))} }

func (r noise) values(centre, sd float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = centre * math.Exp(sd*r.NormFloat64())
	}
	return out
}

// suite is a pair of runs with n benchmarks whose latency changes by factor.
func (r noise) pair(n, rounds int, sd, factor float64) (base, head *result.Run) {
	base, head = runOf(), runOf()
	for i := range n {
		id := fmt.Sprintf("api/b%d", i)
		base.Benchmarks = append(base.Benchmarks, benchOf(id, metricFrom("latency_p95", r.values(0.01, sd, rounds))))
		head.Benchmarks = append(head.Benchmarks, benchOf(id, metricFrom("latency_p95", r.values(0.01*factor, sd, rounds))))
	}
	return base, head
}

func rowOf(c *Comparison, metric string) *Row {
	for i := range c.Rows {
		if c.Rows[i].Metric == metric {
			return &c.Rows[i]
		}
	}
	return nil
}
