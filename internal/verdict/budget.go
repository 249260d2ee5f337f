// Package verdict is policy over numbers: which of them pass. It judges a run
// document against absolute limits, the budgets.
//
// It reads the document alone, does no I/O, and changes nothing in what it
// judges. How a number came about, and how a verdict is shown, are not its
// business.
package verdict

import (
	"fmt"
	"maps"

	"github.com/benchharness/harness/internal/result"
)

// Verdicts of a budget.
const (
	Pass        = "pass"
	Missed      = "missed"
	NotMeasured = "not_measured"
)

// FullConcurrency as [Budget.ConcurrentUsers] means, for each benchmark, the
// scenario with the most workers.
const FullConcurrency = -1

// Budget is an absolute limit on a number of some benchmarks.
type Budget struct {
	ID        string // such as "NFR-PERF-001"; may be empty
	Benchmark string // pattern over benchmark ids
	// Metric is the name of a metric, of a resource (its average over the
	// rounds) or of a figure of the set-up.
	Metric string
	// Unit is that of Min and Max, SI base. A metric in another unit is not
	// judged. "" is any unit.
	Unit string
	// Min and Max are the limits, both inclusive; at least one is set.
	Min, Max *float64
	// ConcurrentUsers limits the budget to scenarios with that many workers;
	// 0 = any, or [FullConcurrency].
	ConcurrentUsers int
}

// Judge judges budgets on the scenarios that they are about, in the order of
// the budgets and then of the run's benchmarks. match says whether a pattern
// matches a benchmark's id.
//
// Every budget gives at least one row: one that matches nothing is not
// measured. So is, whatever its value, one on a benchmark that was not
// measured completely, or whose numbers are invalid: such a number can neither
// pass nor be held against anybody.
func Judge(budgets []Budget, run *result.Run, match func(pattern, id string) bool) []result.Budget {
	out := []result.Budget{}
	for _, b := range budgets {
		out = append(out, b.judge(run, match)...)
	}
	return out
}

func (b Budget) judge(run *result.Run, match func(pattern, id string) bool) []result.Budget {
	if b.Min == nil && b.Max == nil {
		// One row is enough to say that there is nothing to judge by.
		return []result.Budget{b.unmatched(run, "no limit is set: add one under budgets in harness.yaml")}
	}
	var out []result.Budget
	matched := false
	for i := range run.Benchmarks {
		bench := &run.Benchmarks[i]
		if !match(b.Benchmark, bench.ID) {
			continue
		}
		matched = true
		if b.ConcurrentUsers != 0 && bench.Load.Workers != b.users(run, bench.ID) {
			continue
		}
		out = append(out, b.judgeScenario(run, bench))
	}
	if len(out) > 0 {
		return out
	}
	why := "no benchmark of this run has such an id"
	if matched {
		why = fmt.Sprintf("no scenario of it ran with %d concurrent users", b.ConcurrentUsers)
	}
	return []result.Budget{b.unmatched(run, why)}
}

// unmatched is the row of a budget that is judged on no scenario.
func (b Budget) unmatched(run *result.Run, why string) result.Budget {
	row := b.row(run)
	row.Benchmark, row.Params, row.Reason = b.Benchmark, map[string]string{}, why
	return row
}

// users returns the number of workers that the budget is about.
func (b Budget) users(run *result.Run, id string) int {
	if b.ConcurrentUsers != FullConcurrency {
		return b.ConcurrentUsers
	}
	most := 0
	for _, bench := range run.Benchmarks {
		if bench.ID == id {
			most = max(most, bench.Load.Workers)
		}
	}
	return most
}

func (b Budget) row(run *result.Run) result.Budget {
	return result.Budget{
		ID: b.ID, Metric: b.Metric, Unit: b.Unit, Min: b.Min, Max: b.Max,
		Verdict: NotMeasured, Gate: run.Plan.Gating,
	}
}

func (b Budget) judgeScenario(run *result.Run, bench *result.Benchmark) result.Budget {
	row := b.row(run)
	row.Benchmark, row.Params = bench.ID, maps.Clone(bench.Params)
	if row.Params == nil {
		row.Params = map[string]string{}
	}
	q := bench.Lookup(b.Metric)
	row.Value = q.Value
	if row.Unit == "" {
		row.Unit = q.Unit
	}
	if row.Reason = b.obstacle(run, bench, q); row.Reason != "" {
		return row
	}
	row.Verdict = Pass
	if b.Min != nil && *q.Value < *b.Min || b.Max != nil && *q.Value > *b.Max {
		row.Verdict = Missed
	}
	return row
}

// obstacle returns why the value cannot be judged, or "".
func (b Budget) obstacle(run *result.Run, bench *result.Benchmark, q result.Quantity) string {
	if bench.Status != result.Measured {
		return fmt.Sprintf("%s: %s", statusWords[bench.Status], bench.Reason)
	}
	if why, ok := bench.InvalidReason(); ok {
		return "invalid: " + why
	}
	if why, ok := run.InvalidReason(); ok {
		return "invalid: " + why
	}
	switch {
	case q.Value == nil:
		return fmt.Sprintf("%s: %s", b.Metric, q.Reason)
	case b.Unit != "" && b.Unit != q.Unit:
		return fmt.Sprintf("the budget is in %q, but %s is in %q", b.Unit, b.Metric, q.Unit)
	}
	return ""
}

var statusWords = map[result.Status]string{
	result.NotMeasured: "not measured",
	result.Failed:      "failed",
	result.Partial:     "not complete",
}
