package result

import (
	"math"
	"testing"
)

func part(digest string, rounds int, metrics ...Metric) Benchmark {
	return Benchmark{ID: "api/x", Params: map[string]string{"concurrent_users": "1"}, WorkloadDigest: digest,
		Status: Measured, Load: Load{Rounds: rounds, Duration: 2, Operations: 10}, Rounds: make([]Round, rounds), Metrics: metrics}
}

func values(name string, xs ...float64) Metric {
	m := Metric{Name: name, Scale: "ratio"}
	for _, x := range xs {
		m.PerRound = append(m.PerRound, &x)
	}
	return m
}

func TestRoundsOfOneScenarioComeTogether(t *testing.T) {
	run := &Run{}
	for _, b := range []Benchmark{
		part("d", 1, values("latency_mean", 1)),
		part("d", 1, values("latency_mean", 4), values("recall", 0.5)),
	} {
		if err := run.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	b := run.Benchmarks[0]
	if len(run.Benchmarks) != 1 || len(b.Rounds) != 2 || b.Load.Rounds != 2 || b.Load.Duration != 4 || b.Load.Operations != 20 || len(b.Metrics) != 2 {
		t.Fatalf("got %d scenarios, %d rounds, %d metrics", len(run.Benchmarks), len(b.Rounds), len(b.Metrics))
	}
	if m := b.Metrics[0]; len(m.PerRound) != 2 || m.Value == nil || math.Abs(*m.Value-2) > 1e-12 {
		t.Errorf("latency_mean is %v over %d rounds, want the geometric mean 2 over 2", m.Value, len(m.PerRound))
	}
	if m := b.Metrics[1]; len(m.PerRound) != 2 || m.PerRound[0] != nil || *m.PerRound[1] != 0.5 {
		t.Errorf("recall per round is %v, want nothing in the first", m.PerRound)
	}
	if err := run.Append(part("other", 1)); err == nil {
		t.Error("rounds that did different work were put together")
	}
}

func TestAPartHasTheValuesOfItsRounds(t *testing.T) {
	whole := part("d", 3, values("latency_mean", 1, 4, 9))
	p := whole.Part(0, 2)
	if len(p.Rounds) != 2 || p.Load.Rounds != 2 || p.Metrics[0].Value == nil || math.Abs(*p.Metrics[0].Value-2) > 1e-12 {
		t.Errorf("got %d rounds and a mean of %v, want 2 and 2", len(p.Rounds), p.Metrics[0].Value)
	}
	if len(whole.Metrics[0].PerRound) != 3 || whole.Metrics[0].Value != nil {
		t.Error("the whole was changed")
	}
}
