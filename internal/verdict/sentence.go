package verdict

import (
	"fmt"
	"math"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// Fails says that the row fails a gate: a gating regression that nobody has
// acknowledged, or no longer.
func (r *Row) Fails() bool {
	return r.Gate && r.Verdict == Regressed && (r.Acknowledged == nil || r.Acknowledged.Expired)
}

// ID is the row's [MetricID].
func (r *Row) ID() string { return MetricID(r.Benchmark, r.Params, r.Metric) }

// Exit is the exit code that the comparison asks for: 0, 1 for a failed gate
// (a regression, or a budget of head), 4 for a gating metric that is invalid,
// or without a verdict where the policy does not let that pass.
func (c *Comparison) Exit(p Policy) int {
	for i := range c.Rows {
		if c.Rows[i].Fails() {
			return 1
		}
	}
	for _, b := range c.Budgets {
		if b.Gate && b.Verdict == Missed {
			return 1
		}
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		if !r.Gate {
			continue
		}
		switch r.Verdict {
		case Invalid:
			return 4
		case Inconclusive:
			if p.Inconclusive == FailIt {
				return 4
			}
		case New, Missing, Incomparable:
			if p.Uncompared == FailIt {
				return 4
			}
		}
	}
	return 0
}

// namedInSentence is how many rows of a kind the sentence spells out.
const namedInSentence = 3

func (c *Comparison) sentence() string {
	var failing, accepted, lost []*Row
	informational := 0
	for i := range c.Rows {
		r := &c.Rows[i]
		switch {
		case r.Fails():
			failing = append(failing, r)
		case r.Gate && r.Verdict == Regressed:
			accepted = append(accepted, r)
		case r.Verdict == Regressed:
			informational++
		case r.Gate && r.Verdict == Missing:
			lost = append(lost, r)
		}
	}
	var tail []string
	if n := len(accepted); n > 0 {
		tail = append(tail, fmt.Sprintf("%d acknowledged", n))
	}
	if informational > 0 {
		tail = append(tail, fmt.Sprintf("%d informational worse", informational))
	}
	for _, part := range []struct {
		v    Verdict
		word string
	}{
		{Inconclusive, "undecided"}, {Invalid, "invalid"}, {Incomparable, "incomparable"}, {New, "new"}, {Missing, "missing"},
	} {
		n := c.Counts[part.v]
		if part.v == Missing {
			n -= len(lost) // they are named
		}
		if n > 0 {
			tail = append(tail, fmt.Sprintf("%d %s", n, part.word))
		}
	}
	begin := c.begin(failing, informational > 0)
	if len(lost) > 0 {
		words := fmt.Sprintf("%s missing: %s", plural(len(lost), "gating metric"), named(lost, (*Row).id))
		if len(failing) == 0 { // nobody is to read on from "No regression"
			begin = words + "; " + lowered(begin)
		} else {
			tail = append(tail, words)
		}
	}
	if missed, gate := c.missedBudgets(); missed > 0 {
		words := plural(missed, "budget") + " missed"
		if gate && len(failing) == 0 { // this is what fails
			begin = words + ": " + lowered(begin)
		} else {
			tail = append(tail, words)
		}
	}
	return strings.Join(append([]string{begin}, tail...), ", ")
}

// begin says what became of the rows.
func (c *Comparison) begin(failing []*Row, othersWorse bool) string {
	if len(failing) > 0 {
		return plural(len(failing), "regression") + ": " + named(failing, (*Row).words)
	}
	decided := 0
	for _, v := range []Verdict{Regressed, Improved, Slower, Faster, Unchanged} {
		decided += c.Counts[v]
	}
	none := "No regression"
	if othersWorse {
		none = "No gating regression"
	}
	switch n := len(c.Rows); {
	case n == 0:
		return "Nothing to compare: no metric"
	case c.Counts[New] == n:
		return "Nothing to compare with"
	case decided == 0:
		return fmt.Sprintf("No verdict on any of %s", plural(n, "metric"))
	case decided == n:
		return fmt.Sprintf("%s in %s", none, plural(n, "metric"))
	default:
		return fmt.Sprintf("%s in %d of %s", none, decided, plural(n, "metric"))
	}
}

// named spells out the first rows.
func named(rows []*Row, words func(*Row) string) string {
	var out []string
	for _, r := range rows[:min(len(rows), namedInSentence)] {
		out = append(out, words(r))
	}
	s := strings.Join(out, "; ")
	if more := len(rows) - len(out); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func lowered(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// missedBudgets counts those that were missed; gate says that one of them
// fails the run.
func (c *Comparison) missedBudgets() (n int, gate bool) {
	for _, b := range c.Budgets {
		if b.Verdict == Missed {
			n++
			gate = gate || b.Gate
		}
	}
	return n, gate
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (r *Row) id() string { return result.Printable(r.ID(), 120) }

// words is the row as the sentence says it: api/search latency_p99 +14.2%
// [+11.0, +17.5].
func (r *Row) words() string {
	s := r.id()
	if r.Change == nil {
		return s
	}
	unit := "%"
	if r.Scale == "absolute" {
		unit = " points"
	}
	s += " " + hundredths(*r.Change) + unit
	if r.Low != nil && r.High != nil {
		s += fmt.Sprintf(" [%s, %s]", hundredths(*r.Low), hundredths(*r.High))
	}
	return s
}

// hundredths is a change as percent or points. What would fill a line with
// digits is rounded.
func hundredths(x float64) string {
	if x = finite(100 * x); math.Abs(x) >= 1e6 {
		return fmt.Sprintf("%+.2g", x)
	}
	return fmt.Sprintf("%+.1f", x)
}
