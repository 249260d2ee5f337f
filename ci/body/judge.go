package body

import (
	"cmp"
	"math"
	"slices"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// item is a row of some leg: a metric's, a budget's or a benchmark's.
type item struct {
	leg    int
	row    *verdict.Row
	budget *result.Budget
	bench  *result.Benchmark
	why    string  // of a benchmark
	size   float64 // of a change, in thresholds
}

// kind is which table a row belongs to.
type kind int

const (
	// These are shown first, and in full: they fail, or would if they were to
	// block.
	regressed kind = iota
	missed         // budgets
	stopped        // benchmarks that could not run
	untrusted      // gating and invalid
	unjudged       // gating, without a verdict, and the policy fails that
	accepted       // regressed, but acknowledged
	worse          // regressed, for information
	undecided      // inconclusive
	improved
	slower
	faster
	incomparable
	missing
	invalid // for information
	fresh
	budgets // that were not missed, or do not gate
	unchanged
	other // verdicts of a later harness
	kinds
)

// failing are the kinds that are never dropped.
var failing = []kind{regressed, missed, stopped, untrusted, unjudged}

// judgement is what the legs say together.
type judgement struct {
	legs  []Leg
	alone []*judgement // of each leg, for counting
	items [kinds][]item
	names []namer
	// cautions are how many rows of a leg have each.
	cautions []map[string]int
	// metrics and decided are numbers of rows; unknown are the gating ones of which
	// nobody knows whether they are worse, open those of them that are
	// inconclusive.
	metrics, decided, unknown int
	open                      int
	unmeasured                int  // gating budgets without a value
	interrupted               bool // some leg
	blocks                    bool // some leg
}

func judge(legs []Leg) *judgement {
	j := &judgement{legs: legs}
	for i := range legs {
		one := &judgement{legs: legs[i : i+1]}
		one.take(i, &legs[i])
		j.merge(one)
		j.names = append(j.names, newNamer(legs[i].Comparison))
		j.cautions = append(j.cautions, countCautions(legs[i].Comparison))
	}
	for k := range j.items {
		if kind(k) != unchanged { // they are many, and all alike
			sortWorst(j.items[k])
		}
	}
	return j
}

func (j *judgement) take(leg int, l *Leg) {
	j.blocks = l.Exit != 0
	j.interrupted = l.Exit == exitInterrupted || l.Head != nil && l.Head.Interrupted
	j.benchmarks(leg, l.Head)
	if l.Comparison != nil {
		j.rows(leg, l)
		j.budgets(leg, l.Comparison.Budgets)
	} else if l.Head != nil {
		j.budgets(leg, l.Head.Budgets)
	}
}

func (j *judgement) merge(one *judgement) {
	j.alone = append(j.alone, one)
	for k, items := range one.items {
		j.items[k] = append(j.items[k], items...)
	}
	j.metrics += one.metrics
	j.decided += one.decided
	j.unknown += one.unknown
	j.open += one.open
	j.unmeasured += one.unmeasured
	j.interrupted = j.interrupted || one.interrupted
	j.blocks = j.blocks || one.blocks
}

// exitInterrupted is the exit code of a run that a signal ended.
const exitInterrupted = 130

// sortWorst puts what gates first, and then what changed most.
func sortWorst(items []item) {
	slices.SortStableFunc(items, func(a, b item) int {
		if x, y := informational(a), informational(b); x != y {
			if x {
				return 1
			}
			return -1
		}
		return cmp.Compare(b.size, a.size)
	})
}

func informational(i item) bool { return i.row != nil && !i.row.Gate }

func (j *judgement) add(k kind, i item) { j.items[k] = append(j.items[k], i) }

func (j *judgement) benchmarks(leg int, run *result.Run) {
	if run == nil {
		return
	}
	for i := range run.Benchmarks {
		if why, ok := report.Failed(run, &run.Benchmarks[i]); ok {
			j.add(stopped, item{leg: leg, bench: &run.Benchmarks[i], why: why})
		}
	}
}

func (j *judgement) rows(leg int, l *Leg) {
	c := l.Comparison
	// Which of the two the policy fails, inconclusive or uncompared, is not in the
	// documents: both are shown where neither regression nor invalid explains a 4.
	byPolicy := l.Exit == 4 && !slices.ContainsFunc(c.Rows, func(r verdict.Row) bool { return r.Gate && r.Verdict == verdict.Invalid })
	for i := range c.Rows {
		r := &c.Rows[i]
		k := kindOf(r)
		j.metrics++
		switch k {
		case regressed, accepted, worse, improved, slower, faster, unchanged:
			j.decided++
		}
		if r.Gate && (k == undecided || k == incomparable || k == missing) {
			j.unknown++
			if k == undecided {
				j.open++
			}
		}
		if byPolicy && r.Gate && (k == undecided || k == incomparable || k == missing || k == fresh) {
			k = unjudged
		}
		j.add(k, item{leg: leg, row: r, size: size(r)})
	}
}

func kindOf(r *verdict.Row) kind {
	switch r.Verdict {
	case verdict.Regressed:
		switch {
		case r.Fails():
			return regressed
		case r.Gate:
			return accepted
		}
		return worse
	case verdict.Invalid:
		if r.Gate {
			return untrusted
		}
		return invalid
	case verdict.Improved:
		return improved
	case verdict.Slower:
		return slower
	case verdict.Faster:
		return faster
	case verdict.Unchanged:
		return unchanged
	case verdict.Inconclusive:
		return undecided
	case verdict.New:
		return fresh
	case verdict.Missing:
		return missing
	case verdict.Incomparable:
		return incomparable
	}
	return other
}

// size of a change, in thresholds where there is one, so that percents and
// points can be held against each other.
func size(r *verdict.Row) float64 {
	switch {
	case r.Change == nil:
		return 0
	case r.Threshold > 0:
		return math.Abs(*r.Change) / r.Threshold
	}
	return math.Abs(*r.Change)
}

func (j *judgement) budgets(leg int, bs []result.Budget) {
	for i := range bs {
		b := &bs[i]
		switch {
		case b.Gate && b.Verdict == verdict.Missed:
			j.add(missed, item{leg: leg, budget: b, size: overrun(b)})
			continue
		case b.Gate && b.Verdict == verdict.NotMeasured:
			j.unmeasured++
		}
		j.add(budgets, item{leg: leg, budget: b})
	}
}

// overrun is by how much of its limit a budget was missed.
func overrun(b *result.Budget) float64 {
	out := 0.0
	if b.Value == nil {
		return out
	}
	for _, limit := range []*float64{b.Min, b.Max} {
		if limit != nil && *limit != 0 {
			out = max(out, math.Abs(*b.Value / *limit - 1))
		}
	}
	return out
}

func (j *judgement) count(ks ...kind) int {
	n := 0
	for _, k := range ks {
		n += len(j.items[k])
	}
	return n
}

// conclusion is that of the check, see the constants.
func (j *judgement) conclusion() string {
	switch {
	case j.blocks && j.interrupted && j.count(failing...) == 0:
		return Cancelled
	case j.blocks:
		return Failure
	case j.count(failing...) > 0, j.unknown > 0, j.unmeasured > 0, j.interrupted, !j.compared():
		return Neutral
	}
	return Success
}

// compared says that at least one metric has a verdict in every leg.
func (j *judgement) compared() bool {
	for _, l := range j.legs {
		if l.Comparison == nil || len(l.Comparison.Rows) == l.Comparison.Counts[verdict.New] {
			return false
		}
	}
	return len(j.legs) > 0 && j.decided > 0
}

// several says that rows have to name their leg.
func (j *judgement) several() bool { return len(j.legs) > 1 }
