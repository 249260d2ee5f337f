package runner

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// ending says after which round a scenario ends: after a fixed number, or by a
// rule that looks at what the rounds gave.
type ending struct {
	load     suite.Load
	declared []sdk.Metric
	doc      *result.Benchmark
	search   *SearchState // of a search for a capacity
}

// most is how many rounds there are at most.
func (e ending) most() int {
	if e.load.Until.Asked() {
		return e.load.Until.MaxRounds
	}
	return e.load.Rounds
}

// more says whether another round is to follow n of them.
func (e ending) more(n int) bool {
	u := e.load.Until
	if !u.Asked() {
		return n < e.load.Rounds
	}
	if e.doc.Until == nil {
		e.doc.Until = &result.Until{Metric: u.Metric, Within: u.Within, MaxRounds: u.MaxRounds, Ended: result.UntilStopped}
	}
	if n < suite.MinUntilRounds {
		return true
	}
	result.Summarise(e.doc, e.declared)
	rule := stats.Until{Within: u.Within, Min: suite.MinUntilRounds, Max: u.MaxRounds}
	var values []float64
	if i := slices.IndexFunc(e.doc.Metrics, func(m result.Metric) bool { return m.Name == u.Metric }); i >= 0 {
		rule.Absolute = e.doc.Metrics[i].Scale == string(sdk.Absolute)
		for _, x := range e.doc.Metrics[i].PerRound {
			if x != nil {
				values = append(values, *x)
			}
		}
	}
	if half, err := rule.HalfWidth(values); err == nil {
		e.doc.Until.HalfWidth = &half
	}
	switch {
	case len(values) == 0:
		e.end(result.UntilAbsent, "%s has no value in any of %d rounds, so that they could not go on until it is known: %s", u.Metric, n, e.doc.Lookup(u.Metric).Reason)
		return false
	case rule.Reached(values):
		e.doc.Until.Ended = result.UntilReached
		return false
	case n >= u.MaxRounds:
		e.end(result.UntilBound, "after %d rounds %s is %s: allow more rounds (max_rounds), make them longer, or quieten the machine", n, u.Metric, e.known(rule, values))
		return false
	}
	return true
}

// known says how well the metric is known, beside how well it was to be.
func (e ending) known(rule stats.Until, values []float64) string {
	if len(values) < 2 {
		return fmt.Sprintf("not known, because %d of them gave it a value", len(values))
	}
	if _, err := rule.HalfWidth(values); err != nil {
		return fmt.Sprintf("not known (%v)", err)
	}
	u, unit := e.doc.Until, "%"
	if rule.Absolute {
		unit = " points"
	}
	text := func(x float64) string { return strconv.FormatFloat(100*x, 'g', 3, 64) + unit }
	return "known to ±" + text(*u.HalfWidth) + " and not to ±" + text(u.Within)
}

func (e ending) end(how, format string, args ...any) {
	e.doc.Until.Ended = how
	e.doc.Validity = append(e.doc.Validity, result.Finding{Level: string(loop.Caution), Code: "until_" + how, Message: fmt.Sprintf(format, args...)})
}

// settle makes the load of the document the total of the rounds that there
// were, each as long as it was to be.
func (e ending) settle() {
	n := len(e.doc.Rounds)
	if !e.load.Until.Asked() || n == 0 {
		return
	}
	e.doc.Load.Rounds = n
	e.doc.Load.Duration = e.load.Duration.Seconds() / float64(e.load.Rounds) * float64(n)
	e.doc.Load.Operations = e.load.Ops * uint64(n) / uint64(e.load.Rounds)
}
