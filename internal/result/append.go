package result

import (
	"fmt"
	"maps"
	"slices"
)

// Append adds a scenario's rounds to those that the run has of it, and the
// scenario itself if it has none. Metrics are summarised anew over all rounds.
// It is an error when the two did different work.
func (r *Run) Append(b Benchmark) error {
	i := slices.IndexFunc(r.Benchmarks, func(have Benchmark) bool {
		return have.ID == b.ID && maps.Equal(have.Params, b.Params)
	})
	if i < 0 {
		r.Benchmarks = append(r.Benchmarks, b)
		return nil
	}
	have := &r.Benchmarks[i]
	if have.WorkloadDigest != b.WorkloadDigest {
		return fmt.Errorf("rounds of %s did different work (digests %s and %s) and cannot be put together", b.ID, have.WorkloadDigest, b.WorkloadDigest)
	}
	n := len(have.Rounds)
	have.Rounds = append(have.Rounds, b.Rounds...)
	have.Load.Rounds = len(have.Rounds)
	have.Load.Duration += b.Load.Duration // totals over all rounds
	have.Load.Operations += b.Load.Operations
	have.appendMetrics(b.Metrics, n, len(b.Rounds))
	have.Validity = carryOver(have.Validity, have.Rounds)
	if b.Status != Measured {
		have.Status, have.Reason, have.Remedy = b.Status, b.Reason, b.Remedy
	}
	return nil
}

// appendMetrics adds the values of more rounds to those of had rounds. A metric
// that one part lacks has no value in its rounds.
func (b *Benchmark) appendMetrics(metrics []Metric, had, more int) {
	for i := range b.Metrics {
		m := &b.Metrics[i]
		k := slices.IndexFunc(metrics, func(o Metric) bool { return o.Name == m.Name })
		if k >= 0 {
			m.PerRound = append(m.PerRound, metrics[k].PerRound...)
		} else {
			m.PerRound = append(m.PerRound, make([]*float64, more)...)
		}
		m.Value = nil
		m.summarise()
	}
	for _, m := range metrics {
		if !slices.ContainsFunc(b.Metrics, func(o Metric) bool { return o.Name == m.Name }) {
			m.PerRound = append(make([]*float64, had), m.PerRound...)
			b.Metrics = append(b.Metrics, m)
		}
	}
}

// Part is the scenario as if only rounds from up to, but not including, to had
// been measured.
func (b Benchmark) Part(from, to int) Benchmark {
	b.Rounds = b.Rounds[from:to:to]
	b.Load.Rounds = len(b.Rounds)
	b.Until = nil // it chose another number of rounds
	b.Metrics = slices.Clone(b.Metrics)
	for i := range b.Metrics {
		m := &b.Metrics[i]
		m.PerRound, m.Value = m.PerRound[from:to:to], nil
		m.summarise()
	}
	b.Validity = carryOver(b.Validity, b.Rounds)
	return b
}
