package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/benchharness/harness/internal/result"
)

// model is where the differences between rounds of one and the same program
// come from, as standard deviations of logarithms.
type model struct {
	name    string
	machine float64 // between runs: another virtual machine of the same type
	drift   float64 // of the machine over time, first-order autoregressive
	memory  float64 // correlation of the drift between one round and the next
	process float64 // between processes
}

// models are those that the goals are stated for. How long a drift lasts is
// not known of any machine in advance, so each comes with three memories.
func models() []model {
	var out []model
	for _, m := range []model{
		{name: "hosted", machine: 0.08, drift: 0.03, process: 0.015},
		{name: "noisy", machine: 0.12, drift: 0.06, process: 0.03},
	} {
		for _, m.memory = range []float64{0, 0.5, 0.9} {
			out = append(out, m)
		}
	}
	return out
}

// world draws rounds. Every benchmark has a drift of its own, because its
// rounds have their own hours; the machine is one for all of a run.
type world struct {
	model
	*rand.Rand
}

func newWorld(m model, seed uint64) world {
	return world{m, rand.New(rand.NewPCG(seed, math.Float64bits(m.memory*7+m.drift)))}
}

// walk returns a function that gives the drift of one round after another.
func (w world) walk() func() float64 {
	at := w.drift * w.NormFloat64()
	fresh := w.drift * math.Sqrt(1-w.memory*w.memory)
	return func() float64 {
		now := at
		at = w.memory*at + fresh*w.NormFloat64()
		return now
	}
}

const typical = 0.010 // s

// pairs are suites of base and head that were measured in turn, ABBA, on one
// machine. factor is head's truth, for each benchmark.
func (w world) pairs(rounds int, factor []float64) (base, head *result.Run) {
	machine := w.machine * w.NormFloat64()
	b, h := make([][]float64, len(factor)), make([][]float64, len(factor))
	for i, f := range factor {
		next := w.walk()
		one := func(factor float64) float64 {
			return typical * factor * math.Exp(machine+next()+w.process*w.NormFloat64())
		}
		for k := range rounds {
			if k%2 == 0 {
				b[i] = append(b[i], one(1))
				h[i] = append(h[i], one(f))
			} else {
				h[i] = append(h[i], one(f))
				b[i] = append(b[i], one(1))
			}
		}
	}
	return suite(b), suite(h)
}

// stored is a suite that was measured by itself.
func (w world) stored(rounds int, factor []float64) *result.Run {
	machine := w.machine * w.NormFloat64()
	x := make([][]float64, len(factor))
	for i, f := range factor {
		next := w.walk()
		for range rounds {
			x[i] = append(x[i], typical*f*math.Exp(machine+next()+w.process*w.NormFloat64()))
		}
	}
	return suite(x)
}

// suite is a run document with one gating metric for each benchmark.
func suite(benchmarks [][]float64) *result.Run {
	run := &result.Run{Schema: result.Schema, ID: "simulated", Started: time.Unix(0, 0).UTC(), MachineID: "simulated"}
	for i, xs := range benchmarks {
		run.Benchmarks = append(run.Benchmarks, benchmark(fmt.Sprintf("simulated/b%03d", i), xs))
	}
	return run
}

func benchmark(id string, xs []float64) result.Benchmark {
	m := result.Metric{Name: "latency_p95", Unit: "s", Better: "lower", Scale: "ratio", Gate: true}
	sum := 0.0
	for _, x := range xs {
		m.PerRound = append(m.PerRound, &x)
		sum += math.Log(x)
	}
	value := math.Exp(sum / float64(len(xs)))
	m.Value = &value
	return result.Benchmark{
		ID: id, Plugin: "simulated", Status: result.Measured, Params: map[string]string{},
		Load:    result.Load{Rounds: len(xs)},
		Rounds:  noRounds[:len(xs)],
		Metrics: []result.Metric{m},
	}
}

// noRounds stand in for rounds: a comparison counts them and reads no more.
var noRounds [64]result.Round
