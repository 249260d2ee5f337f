// Package ab measures two sides on one machine, interleaved, so that whatever
// happens to the machine happens to both.
//
// A round of a side is a pass of its own: its target and its plugin are
// started for it and stopped after it, so that nothing of the other side runs
// meanwhile and no luck of a process's start lasts longer than a round. Rounds
// come in pairs, base and head in turns first: ABBA. The package judges
// nothing; it makes two run documents whose rounds pair up.
package ab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
)

// Side is one of the two.
type Side struct {
	Label string
	Plan  suite.Plan
	// Run gathers the side's rounds. Its head is filled in by the caller.
	Run *result.Run
	// Pass measures a plan once, with everything started for it and stopped
	// after it, and appends what comes out to run. round is the number of the
	// pair, from 0.
	Pass func(ctx context.Context, plan suite.Plan, round int, run *result.Run) []error
}

// Duel is two sides that measure the same benchmarks.
type Duel struct {
	Base, Head *Side
	// Paired is called after each pair of rounds of a benchmark; may be nil.
	Paired func(benchmark string, pair int)

	position int // of the next round in the run
}

// Check says why the sides cannot be paired.
func (d *Duel) Check() error {
	b, h := d.Base.Plan.Benchmarks, d.Head.Plan.Benchmarks
	if len(b) != len(h) {
		return fmt.Errorf("base has %d benchmarks and head has %d: both must measure the same", len(b), len(h))
	}
	for i := range b {
		if b[i].ID != h[i].ID || len(b[i].Scenarios) != len(h[i].Scenarios) {
			return fmt.Errorf("benchmark %d is %s with %d scenarios in base and %s with %d in head: both must measure the same",
				i+1, b[i].ID, len(b[i].Scenarios), h[i].ID, len(h[i].Scenarios))
		}
	}
	return nil
}

// Pairs adds the pairs of rounds from number from on, up to but not including
// to, for benchmark i of the plans. It stops at the first pair in which a side
// could not be measured: a pair with one side is none.
func (d *Duel) Pairs(ctx context.Context, i, from, to int) error {
	for k := from; k < to; k++ {
		order := []*Side{d.Base, d.Head}
		if k%2 == 1 {
			order[0], order[1] = order[1], order[0]
		}
		passes := make([]*result.Run, 2)
		for n, s := range order {
			one, err := d.pass(ctx, s, i, k)
			if err != nil {
				return fmt.Errorf("%s, pair %d, %s: %w", s.Plan.Benchmarks[i].ID, k+1, s.Label, err)
			}
			passes[n] = one
		}
		for n, s := range order {
			if err := gather(s.Run, passes[n]); err != nil {
				return err
			}
		}
		if d.Rounds(d.Base.Plan.Benchmarks[i].ID) == 0 {
			return nil // not measured here, and no further round will change that
		}
		if d.Paired != nil {
			d.Paired(d.Base.Plan.Benchmarks[i].ID, k)
		}
	}
	return nil
}

// Rounds is how many pairs of rounds there are of a benchmark.
func (d *Duel) Rounds(benchmark string) int {
	n := -1
	for _, s := range []*Side{d.Base, d.Head} {
		for _, b := range s.Run.Benchmarks {
			if b.ID == benchmark && (n < 0 || len(b.Rounds) < n) {
				n = len(b.Rounds)
			}
		}
	}
	return max(n, 0)
}

// Finished is when the last round of either side ended.
func (d *Duel) Finished() time.Time {
	var last time.Time
	for _, s := range []*Side{d.Base, d.Head} {
		for _, b := range s.Run.Benchmarks {
			for _, r := range b.Rounds {
				if end := r.Started.Add(time.Duration(r.Elapsed * float64(time.Second))); end.After(last) {
					last = end
				}
			}
		}
	}
	return last
}

// pass measures one round of one benchmark on one side.
func (d *Duel) pass(ctx context.Context, s *Side, i, k int) (*result.Run, error) {
	plan := s.Plan
	plan.Benchmarks = []suite.Benchmark{oneRound(s.Plan.Benchmarks[i])}
	one := &result.Run{ID: s.Run.ID}
	if err := errors.Join(s.Pass(ctx, plan, k, one)...); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for j := range one.Benchmarks {
		for r := range one.Benchmarks[j].Rounds {
			one.Benchmarks[j].Rounds[r].Position = d.position
			d.position++
		}
	}
	return one, nil
}

// oneRound is a benchmark with one round's share of its loads, each warmed up:
// every round begins with cold processes.
func oneRound(b suite.Benchmark) suite.Benchmark {
	scenarios := make([]suite.Scenario, len(b.Scenarios))
	for i, s := range b.Scenarios {
		n := max(s.Load.Rounds, 1)
		s.Load.Duration /= time.Duration(n)
		if s.Load.Ops > 0 {
			s.Load.Ops = max(1, s.Load.Ops/uint64(n))
		}
		s.Load.Rounds = 1
		s.Load.Until = suite.Until{} // how many rounds there are is the comparison's to say
		scenarios[i] = s
	}
	b.Scenarios = scenarios
	return b
}

// gather appends a pass's rounds to the side's run.
func gather(run, one *result.Run) error {
	for _, p := range one.Plugins {
		if !hasPlugin(run, p.Name) {
			run.Plugins = append(run.Plugins, p)
		}
	}
	for _, b := range one.Benchmarks {
		if err := run.Append(b); err != nil {
			return err
		}
	}
	return nil
}

func hasPlugin(run *result.Run, name string) bool {
	for _, p := range run.Plugins {
		if p.Name == name {
			return true
		}
	}
	return false
}
