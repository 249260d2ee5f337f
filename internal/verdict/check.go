package verdict

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

var (
	verdicts       = []Verdict{Invalid, Incomparable, Regressed, Improved, Slower, Faster, Unchanged, Inconclusive, New, Missing}
	designs        = []Design{Interleaved, StoredOne, StoredMany}
	budgetVerdicts = []string{Pass, Missed, NotMeasured}
)

// check reports the first thing wrong with a document: names that would break
// a line or a terminal, numbers that are not finite or out of their range, and
// words that are not known.
func check(c *Comparison) error {
	if !slices.Contains(designs, c.Method.Design) {
		return fmt.Errorf("method.design: is %q, want one of %v", result.Printable(string(c.Method.Design), 40), designs)
	}
	for _, s := range []struct {
		path string
		side *Side
	}{{"base", &c.Base}, {"head", &c.Head}} {
		for _, n := range append([]string{s.side.Label, s.side.MachineID}, s.side.RunIDs...) {
			if n == "" {
				continue
			}
			if err := result.CheckName(n); err != nil {
				return fmt.Errorf("%s: %w", s.path, err)
			}
		}
	}
	if !number(&c.Method.Alpha) || c.Method.Rounds < 0 || slices.ContainsFunc(c.Method.Looks, func(n int) bool { return n < 0 }) {
		return errors.New("method: holds a number out of its range")
	}
	seen := make(map[string]bool, len(c.Rows))
	for i := range c.Rows {
		r := &c.Rows[i]
		if err := r.check(); err != nil {
			return fmt.Errorf("rows[%d]%w", i, err)
		}
		key := scenarioKey(r.Benchmark, r.Params) + r.Metric
		if seen[key] {
			return fmt.Errorf("rows[%d]: %s is in the document twice", i, result.Printable(r.ID(), 120))
		}
		seen[key] = true
	}
	for i := range c.Budgets {
		b := &c.Budgets[i]
		if !slices.Contains(budgetVerdicts, b.Verdict) || !number(b.Min) || !number(b.Max) || !number(b.Value) {
			return fmt.Errorf("budgets[%d]: is not a budget", i)
		}
	}
	return c.checkCounts()
}

func (c *Comparison) checkCounts() error {
	counts := map[Verdict]int{}
	for i := range c.Rows {
		counts[c.Rows[i].Verdict]++
	}
	for _, v := range verdicts {
		if counts[v] != c.Counts[v] {
			return fmt.Errorf("counts.%s: is %d, but %d rows are", v, c.Counts[v], counts[v])
		}
	}
	return nil
}

// check returns errors that begin with the field's path.
func (r *Row) check() error {
	names := []struct {
		path, name string
		optional   bool
	}{
		{"benchmark", r.Benchmark, false}, {"metric", r.Metric, false}, {"plugin", r.Plugin, true}, {"unit", r.Unit, true},
	}
	for k, v := range r.Params {
		names = append(names, struct {
			path, name string
			optional   bool
		}{"params", k, false}, struct {
			path, name string
			optional   bool
		}{"params", v, true})
	}
	for _, n := range names {
		if n.name == "" && n.optional {
			continue
		}
		if err := result.CheckName(n.name); err != nil {
			return fmt.Errorf(".%s: %w", n.path, err)
		}
	}
	for path, x := range map[string][]*float64{
		"base": {r.Base}, "head": {r.Head}, "base_per_round": r.BasePerRound, "head_per_round": r.HeadPerRound,
		"change": {r.Change}, "low": {r.Low}, "high": {r.High}, "worse": {r.Worse},
		"p": {r.P}, "p_adj": {r.PAdj}, "threshold": {&r.Threshold}, "floor": {&r.Floor},
	} {
		if !slices.ContainsFunc(x, func(v *float64) bool { return !number(v) }) {
			continue
		}
		return fmt.Errorf(".%s: is not a finite number", path)
	}
	switch {
	case !slices.Contains(verdicts, r.Verdict):
		return fmt.Errorf(".verdict: is %q, want one of %s", result.Printable(string(r.Verdict), 40), strings.Trim(fmt.Sprint(verdicts), "[]"))
	case r.Better != "lower" && r.Better != "higher":
		return fmt.Errorf(".better: is %q, want lower or higher", result.Printable(r.Better, 40))
	case r.Scale != "ratio" && r.Scale != "absolute":
		return fmt.Errorf(".scale: is %q, want ratio or absolute", result.Printable(r.Scale, 40))
	case r.RoundsNeeded < 0 || r.Threshold < 0 || r.Floor < 0 || outside(r.P) || outside(r.PAdj):
		return errors.New(": holds a number out of its range")
	case r.Low != nil && r.High != nil && *r.Low > *r.High:
		return errors.New(".low: is above high")
	}
	return nil
}

func number(x *float64) bool { return x == nil || !math.IsNaN(*x) && !math.IsInf(*x, 0) }

// outside says that a probability is none.
func outside(p *float64) bool { return p != nil && (*p < 0 || *p > 1) }
