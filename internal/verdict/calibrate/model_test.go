package main

import (
	"math"
	"testing"
)

func TestTheDriftHasTheSpreadAndTheMemoryItIsSaidToHave(t *testing.T) {
	for _, m := range models() {
		next := newWorld(m, 1).walk()
		const n = 200_000
		var square, product float64
		before := next()
		for range n {
			now := next()
			square += now * now
			product += before * now
			before = now
		}
		if sd := math.Sqrt(square / n); math.Abs(sd/m.drift-1) > 0.03 {
			t.Errorf("%s: the drift spreads by %.4f, want %.4f", m.name, sd, m.drift)
		}
		if r := product / square; math.Abs(r-m.memory) > 0.02 {
			t.Errorf("%s: neighbours correlate by %.3f, want %.1f", m.name, r, m.memory)
		}
	}
}

func TestAKnownChangeIsCountedAsFoundAndNothingElseAsFalse(t *testing.T) {
	quiet := model{name: "quiet", machine: 0.08, drift: 0.001, process: 0.001}
	for _, m := range methods()[:4] {
		r, err := simulate(m, quiet, 0.2, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		if r.suites != 2 || r.found != 2*affected || r.changed != 2*affected || r.falseMetrics != 0 || r.unchanged != 2*(metrics-affected) {
			t.Errorf("%s: %+v", m.name, r)
		}
	}
}

func TestDaysAreCutIntoSidesThatTakeTurns(t *testing.T) {
	d := day{machine: "m", name: "d", samples: map[string][]float64{"a": nil}}
	for i := range processes {
		d.samples["a"] = append(d.samples["a"], 1e9*float64(i+1))
	}
	p := pairs([]day{d}, 4, false, same)
	base, head := numbers(&p.Base.Benchmarks[0]), numbers(&p.Head.Benchmarks[0])
	for i, want := range [][2]float64{{1, 2}, {4, 3}, {5, 6}, {8, 7}} {
		if math.Abs(base[i]-want[0]) > 1e-9 || math.Abs(head[i]-want[1]) > 1e-9 {
			t.Errorf("pair %d is rounds %v and %v, want %v", i, base[i], head[i], want)
		}
	}
}

func TestStoppingByTheIntervalCoversLessThanItsLevelAndWithinReason(t *testing.T) {
	m := model{name: "noisy", drift: 0.06, process: 0.03}
	s := newWorld(m, 1).coverage(0.05, 4000)
	if s.reached < 0.99 || s.covered < 0.90 || s.covered > 0.955 {
		t.Errorf("without memory: %+v", s)
	}
	if s.steadily < 0.935 || s.steadily > 0.965 {
		t.Errorf("a fixed number of independent rounds covers %.3f, want 0.95", s.steadily)
	}
	m.memory = 0.9
	if lasting := newWorld(m, 1).coverage(0.05, 4000); lasting.covered > s.covered-0.2 {
		t.Errorf("drift that lasts hides in the interval: %.3f beside %.3f", lasting.covered, s.covered)
	}
}
