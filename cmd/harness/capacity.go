package main

import (
	"runtime"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/verdict"
)

// searched is the first benchmark of a plan whose capacity is searched for, or
// "".
func searched(plan suite.Plan) string {
	for _, b := range plan.Benchmarks {
		for _, s := range b.Scenarios {
			if s.Load.Capacity != nil {
				return b.ID
			}
		}
	}
	return ""
}

// criterion is what the session's budgets ask of a rate.
func (s *session) criterion(b *result.Benchmark, unloaded time.Duration) runner.Criterion {
	return verdict.NewCriterion(b, verdict.CriterionOptions{
		Budgets: budgets(s.plan.Budgets), Match: suite.Match, Run: s.run, Unloaded: unloaded.Seconds(), CPUs: generatorCPUs(s.plan),
	})
}

// generatorCPUs is how many CPUs a plugin can use up: those that it is bound to,
// else those that harness may use, of which it inherits the limits.
func generatorCPUs(plan suite.Plan) int {
	if n := len(plan.Isolation.Generator); n > 0 {
		return n
	}
	return min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
}

// capacityCode is what searches say: a gate failed where not even the lowest
// rate held, and a number is not valid that the generator limited or that no
// round confirmed. Whoever asks for a capacity wants to know that, whether
// budgets gate or not.
func capacityCode(run *result.Run) int {
	code := exitPass
	for _, b := range run.Benchmarks {
		switch c := b.Capacity; {
		case c == nil || b.Status != result.Measured:
		case c.Ended == result.SearchNone && c.LimitedBy != result.LimitGenerator:
			code = first(code, exitGate)
		case !c.Confirmed || c.LimitedBy == result.LimitGenerator:
			code = first(code, exitInvalid)
		}
	}
	return code
}
