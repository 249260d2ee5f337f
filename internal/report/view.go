package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/result"
)

// view is a run as text: what every renderer shows, in the order of reading.
type view struct {
	Title     string
	Suite     string // "suite default · profile quick"
	When      string
	Took      string
	Machine   string   // one line
	Summary   []string // sentences
	Alarms    []string // why the run as a whole is not to be trusted, or not complete
	Cautions  []string // about the machine during the run
	Tally     []tally
	Budgets   *table
	GateNote  string
	Plugins   []section
	Legend    string // of the clocks
	Resources *table // utilisation
	Gauges    *table // every other gauge
	Figures   *table
	Until     *table // how well metrics are known that rounds were added for
	Clocks    *table
	Capacity  *table // searches for a capacity
	Probes    *table // their rounds
	Missing   []missing
	Facts     []fact // environment
	Settings  *table
	Measured  *table // provenance: target, what it really was, benchmarks
	Reproduce string
	Footer    string
}

// section is one plugin's results.
type section struct {
	Table  table
	Clocks *clockSection
	Charts []chart
}

// state says how a row or a word is to be marked.
type state string

const (
	fine    state = ""
	good    state = "good"
	bad     state = "bad"
	invalid state = "invalid"
	partial state = "partial"
	absent  state = "absent"
)

type column struct {
	Title  string
	Group  string // what this column and its neighbours are of, in a heading above their titles
	Number bool   // aligned right
	Key    bool   // tells rows apart, is not a result
	Spare  int    // where there is no room for all columns, those with more of it go first; 0 never goes
}

// fullTitle stands for a column whose group has no heading of its own.
func (c column) fullTitle() string { return strings.TrimSpace(c.Group + " " + c.Title) }

type cell struct {
	Text  string // with a line end where a format may have lines
	After string // follows the text, unmarked
	Title string // more to say about it, where a format can
	State state
	Plot  *rowPlot // beside the text, where a format can
}

type row struct {
	Cells []cell
	// Span, if set, stands in place of all cells after those there are.
	Span  string
	State state
	Notes []string
}

// result says whether a column's cells are numbers that were measured.
func (c column) result() bool { return c.Number && !c.Key }

type table struct {
	ID        string // unique in the report, for anchors
	Title     string
	Columns   []column
	Rows      []row
	Footnotes []string
	Judged    bool // a column of it says what the states of rows are
}

type fact struct{ Name, Value string }

// tally is a number in the report's head.
type tally struct {
	Number, Of string
	What       string
	State      state
}

type missing struct {
	Benchmark string
	What      string // "not measured", "failed", "not complete", "invalid", or what of it
	Why       string
	Remedy    string
	State     state
}

func texts(ss ...string) []cell {
	out := make([]cell, len(ss))
	for i, s := range ss {
		out[i].Text = s
	}
	return out
}

func newView(run *result.Run) *view {
	pools := poolClocks(run)
	v := &view{
		Title:     "Benchmark results",
		Suite:     fmt.Sprintf("suite %s · profile %s", orNone(run.Plan.Suite), orNone(run.Plan.Profile)),
		When:      run.Started.UTC().Format("2006-01-02 15:04:05 UTC"),
		Took:      took(run),
		Budgets:   budgetTable(run.Budgets),
		Plugins:   pluginSections(run, pools),
		Resources: utilisationTable(run.Resources),
		Gauges:    gaugeTable(run.Resources),
		Figures:   figureTable(run),
		Until:     untilTable(run),
		Clocks:    clockTable(run, pools),
		Capacity:  capacityTable(run),
		Probes:    probeTable(run),
		Missing:   missingList(run),
		Settings:  settingsTable(run),
		Measured:  provenanceTable(run),
		Reproduce: reproduce(run),
	}
	if v.Budgets != nil && !run.Plan.Gating {
		v.GateNote = "These budgets are shown and do not gate: the run does not fail when one is missed."
	}
	v.Legend = clockLegend(v.Plugins)
	v.Facts, v.Machine = environment(run)
	v.Alarms, v.Cautions = findings(run)
	v.Tally = tallies(run)
	v.Summary = summary(run, v)
	v.Footer = fmt.Sprintf("harness %s · run %s · %s", orNone(run.Harness.Version), clean(run.ID), clean(run.Checksum))
	return v
}

func orNone(s string) string {
	if s = clean(s); s == "" {
		return "–"
	}
	return s
}

func took(run *result.Run) string {
	d := run.Finished.Sub(run.Started)
	if run.Finished.IsZero() || d < 0 {
		return ""
	}
	if d < 2*time.Minute {
		return Quantity(d.Seconds(), "s")
	}
	return d.Round(time.Second).String()
}

// findings splits what is known about the whole run.
func findings(run *result.Run) (alarms, cautions []string) {
	switch {
	case run.Interrupted:
		alarms = append(alarms, "The run was interrupted. It holds the rounds that were finished.")
	case !run.Complete:
		alarms = append(alarms, "The run is not complete: it was killed or is still going on. It holds the rounds that were finished.")
	}
	for _, f := range run.Validity {
		if f.Level == "invalid" {
			alarms = append(alarms, "No number of this run can be trusted: "+clean(f.Message))
		} else {
			cautions = append(cautions, clean(f.Message))
		}
	}
	return alarms, cautions
}

// outcome is what a reader has to know about a benchmark before its numbers.
func outcome(run *result.Run, b *result.Benchmark) (s state, word, why string) {
	switch b.Status {
	case result.NotMeasured:
		return absent, "not measured", clean(b.Reason)
	case result.Failed:
		return bad, "failed", clean(b.Reason)
	}
	if why := allFailed(b); why != "" {
		return bad, "failed", why
	}
	if why, ok := b.InvalidReason(); ok {
		return invalid, "invalid", clean(why)
	}
	if why, ok := run.InvalidReason(); ok {
		return invalid, "invalid", clean(why)
	}
	if b.Status == result.Partial {
		return partial, "not complete", clean(b.Reason)
	}
	return fine, "", ""
}

// allFailed says why there is nothing to show of a benchmark whose target
// answered nothing: a throughput of refused connections is no throughput.
func allFailed(b *result.Benchmark) string {
	var ok, tried uint64
	for _, r := range b.Rounds {
		ok += r.Counts.OK
		tried += r.Counts.Failed + r.Counts.TimedOut
	}
	if ok > 0 || tried == 0 {
		return ""
	}
	return "no op succeeded; " + errorNote(b)
}

// errorNote says which errors there were, or "".
func errorNote(b *result.Benchmark) string {
	classes := map[string]uint64{}
	var failed, timedOut uint64
	sample := ""
	for _, r := range b.Rounds {
		failed += r.Counts.Failed
		timedOut += r.Counts.TimedOut
		for class, n := range r.Errors {
			classes[class] += n
		}
		if sample == "" && len(r.Samples) > 0 {
			sample = clean(r.Samples[0])
		}
	}
	var parts []string
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%s failed%s", count(int(failed), "op"), classList(classes)))
	}
	if timedOut > 0 {
		parts = append(parts, count(int(timedOut), "op")+" timed out")
	}
	out := strings.Join(parts, ", ")
	if out != "" && sample != "" {
		out += "; for example: " + sample
	}
	return out
}

func tallies(run *result.Run) []tally {
	n := map[state]int{}
	for i := range run.Benchmarks {
		s, _, _ := outcome(run, &run.Benchmarks[i])
		n[s]++
	}
	total := fmt.Sprint(len(run.Benchmarks))
	out := []tally{{Number: fmt.Sprint(n[fine]), Of: total, What: "measured"}}
	for _, t := range []struct {
		s    state
		what string
	}{{absent, "not measured"}, {bad, "failed"}, {invalid, "invalid"}, {partial, "not complete"}} {
		if n[t.s] > 0 {
			out = append(out, tally{Number: fmt.Sprint(n[t.s]), What: t.what, State: t.s})
		}
	}
	verdicts := map[string]int{}
	for _, b := range run.Budgets {
		verdicts[b.Verdict]++
	}
	for _, t := range []struct {
		verdict, what string
		s             state
	}{{"pass", "budgets passed", good}, {"missed", "budgets missed", bad}, {"not_measured", "budgets not measured", absent}} {
		if verdicts[t.verdict] > 0 {
			out = append(out, tally{Number: fmt.Sprint(verdicts[t.verdict]), What: t.what, State: t.s})
		}
	}
	return out
}

// summary says in a few sentences what the report is about.
func summary(run *result.Run, v *view) []string {
	first := fmt.Sprintf("Run %s of %s, on %s", clean(run.ID), strings.ReplaceAll(v.Suite, " · ", ", "), v.Machine)
	if v.Took != "" {
		first += ", took " + v.Took
	}
	out := []string{first + "."}
	var parts, budgets []string
	for _, t := range v.Tally {
		if what, ok := strings.CutPrefix(t.What, "budgets "); ok {
			budgets = append(budgets, t.Number+" "+what)
		} else if t.Of != "" {
			parts = append(parts, fmt.Sprintf("%s of %s scenarios measured", t.Number, t.Of))
		} else {
			parts = append(parts, t.Number+" "+t.What)
		}
	}
	out = append(out, sentence(parts)+".")
	if len(budgets) > 0 {
		out = append(out, "Budgets: "+sentence(budgets)+".")
	}
	if s := targetsSentence(run); s != "" {
		out = append(out, s)
	}
	return out
}

// missingList is what is not in the tables, or not to be used: scenarios, and
// parts of the machine.
func missingList(run *result.Run) []missing {
	var out []missing
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		s, word, why := outcome(run, b)
		if s == fine {
			continue
		}
		out = append(out, missing{Benchmark: scenarioName(run, b), What: word, Why: why, Remedy: clean(b.Remedy), State: s})
	}
	if t := utilisationTable(run.Resources); t != nil {
		for _, r := range t.Rows {
			if r.Span != "" {
				out = append(out, missing{Benchmark: r.Cells[0].Text, What: "utilisation", Why: r.Span, State: r.State})
			}
		}
	}
	return out
}
