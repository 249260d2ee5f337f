package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// comparisonView is a comparison as text: what every renderer of it shows, in
// the order of reading.
type comparisonView struct {
	Sentence string // the verdict
	State    state  // of the whole
	Sides    string // "base main → head HEAD"
	When     string
	Facts    []fact
	Alarms   []string // why no verdict is to be trusted
	Cautions []string // what limits trust
	Tally    []tally
	Groups   []rowGroup
	Footer   string
}

// rowGroup is a table of rows with one verdict, or that of the budgets.
type rowGroup struct {
	Table  table
	Lead   string // what the verdict means
	Folded bool   // nothing that a reader has to look at
}

// verdictGroup says how the rows of one verdict are shown.
type verdictGroup struct {
	verdict verdict.Verdict
	title   string
	lead    string
	what    string // in the tally
	state   state
	columns rowColumns
	worst   bool // ordered by the size of the change
}

// verdictGroups are in the order of reading. The table of missed budgets
// comes after the first.
var verdictGroups = []verdictGroup{
	{verdict.Regressed, "Regressed", "Worse by at least the threshold, and beyond what chance explains.", "regressed", bad, judged, true},
	{verdict.Invalid, "Invalid", "A number of one side cannot be trusted, so it can neither pass nor fail.", "invalid", invalid, values, false},
	{verdict.Improved, "Improved", "Better by at least the threshold, and beyond what chance explains.", "improved", good, judged, true},
	{verdict.Slower, "Slower, under the threshold", "A real change for the worse, too small to count.", "slower", partial, judged, true},
	{verdict.Faster, "Faster, under the threshold", "A real change for the better, too small to count.", "faster", good, judged, true},
	{verdict.Inconclusive, "Inconclusive", "The interval is too wide to say; more rounds would decide.", "inconclusive", partial, undecided, false},
	{verdict.Unchanged, "Unchanged", "The whole interval lies within the threshold.", "unchanged", fine, judged, false},
	{verdict.New, "New", "Nothing to compare with yet.", "new", fine, headOnly, false},
	{verdict.Missing, "Missing", "The base has these, the head has not.", "missing", partial, baseOnly, false},
	{verdict.Incomparable, "Incomparable", "The two sides differ in more than what is under test: no verdict.", "incomparable", absent, values, false},
}

func newComparisonView(c *verdict.Comparison) *comparisonView {
	v := &comparisonView{
		Sentence: orNone(c.Sentence),
		State:    comparisonState(c),
		Sides:    fmt.Sprintf("base %s → head %s", orNone(c.Base.Label), orNone(c.Head.Label)),
		When:     utc(c.Created),
		Footer:   strings.TrimSuffix(fmt.Sprintf("%s · %s", orNone(c.Schema), clean(c.Checksum)), " · "),
	}
	rows := newRowWriter(c)
	v.Facts = comparisonFacts(c, rows.threshold)
	v.Groups = comparisonGroups(c, rows)
	for _, f := range c.Validity {
		if f.Level == "invalid" {
			v.Alarms = append(v.Alarms, "No verdict of this comparison can be trusted: "+clean(f.Message))
		} else {
			v.Cautions = append(v.Cautions, clean(f.Message))
		}
	}
	v.Cautions = append(v.Cautions, rows.sharedTexts()...)
	v.Tally = comparisonTally(c)
	return v
}

func comparisonGroups(c *verdict.Comparison, w *rowWriter) []rowGroup {
	by := map[verdict.Verdict][]*verdict.Row{}
	for i := range c.Rows {
		by[c.Rows[i].Verdict] = append(by[c.Rows[i].Verdict], &c.Rows[i])
	}
	var out []rowGroup
	for i, g := range verdictGroups {
		if rows := by[g.verdict]; len(rows) > 0 {
			out = append(out, w.group(g, rows))
		}
		delete(by, g.verdict)
		if i == 0 && budgetVerdicts(c)[verdict.Missed] > 0 {
			out = append(out, budgetGroup(c))
		}
	}
	// A verdict of a later harness is shown under its own name.
	for _, k := range slices.Sorted(maps.Keys(by)) {
		out = append(out, w.group(unknownGroup(k), by[k]))
	}
	if len(c.Budgets) > 0 && budgetVerdicts(c)[verdict.Missed] == 0 {
		out = append(out, budgetGroup(c))
	}
	for i := range out {
		if t := &out[i].Table; t.ID == "" {
			t.ID = fmt.Sprintf("group-%d", i+1)
		}
	}
	return out
}

func unknownGroup(v verdict.Verdict) verdictGroup {
	return verdictGroup{verdict: v, title: orNone(label(string(v))), what: orNone(string(v)), columns: judged}
}

func budgetGroup(c *verdict.Comparison) rowGroup {
	g := rowGroup{Table: *budgetTable(c.Budgets), Lead: "Absolute limits, judged on the head."}
	if !slices.ContainsFunc(c.Budgets, func(b result.Budget) bool { return b.Gate }) {
		g.Lead += " They are shown and do not gate."
	}
	return g
}

func budgetVerdicts(c *verdict.Comparison) map[string]int {
	n := map[string]int{}
	for _, b := range c.Budgets {
		n[b.Verdict]++
	}
	return n
}

// comparisonState is the colour of the whole: that of the worst that gates.
func comparisonState(c *verdict.Comparison) state {
	out := fine
	for i := range c.Rows {
		r := &c.Rows[i]
		switch {
		case r.Fails():
			return bad
		case !r.Gate:
		case r.Verdict == verdict.Invalid:
			out = invalid
		case r.Verdict == verdict.Improved && out == fine:
			out = good
		}
	}
	for _, b := range c.Budgets {
		if b.Gate && b.Verdict == verdict.Missed {
			return bad
		}
	}
	return out
}

// accepted says whether a regression is acknowledged, for now.
func accepted(r *verdict.Row) bool { return r.Acknowledged != nil && !r.Acknowledged.Expired }

func comparisonTally(c *verdict.Comparison) []tally {
	n := map[verdict.Verdict]int{}
	for _, r := range c.Rows {
		n[r.Verdict]++
	}
	var out []tally
	for _, g := range verdictGroups {
		if n[g.verdict] > 0 {
			out = append(out, tally{Number: number(n[g.verdict]), What: g.what, State: g.state})
		}
	}
	if missed := budgetVerdicts(c)[verdict.Missed]; missed > 0 {
		out = append(out, tally{Number: number(missed), Of: number(len(c.Budgets)), What: "budgets missed", State: bad})
	}
	return out
}

// comparisonFacts say how the verdicts came about.
func comparisonFacts(c *verdict.Comparison, threshold string) []fact {
	m := c.Method
	facts := []fact{
		{"Base", sideText(&c.Base)}, {"Head", sideText(&c.Head)}, {"Machine", machineText(&c.Base, &c.Head)},
		{"Rounds", roundsText(m)}, {"Design", designText(m.Design, len(c.Base.RunIDs))}, {"Test", testText(m)}, {"Threshold", threshold},
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" })
}

func sideText(s *verdict.Side) string {
	parts := []string{orNone(s.Label)}
	switch len(s.RunIDs) {
	case 0:
	case 1:
		parts = append(parts, "run "+clean(s.RunIDs[0]))
	default:
		parts = append(parts, fmt.Sprintf("%s, the first %s", count(len(s.RunIDs), "run"), clean(s.RunIDs[0])))
	}
	if when := utc(s.Started); when != "" {
		parts = append(parts, when)
	}
	if s.Commit != "" {
		parts = append(parts, "commit "+clean(s.Commit))
	}
	if s.Harness != "" {
		parts = append(parts, "harness "+clean(s.Harness))
	}
	return strings.Join(parts, " · ")
}

func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func machineText(base, head *verdict.Side) string {
	if base.MachineID == "" && head.MachineID == "" {
		return "not named by either"
	}
	if base.MachineID == head.MachineID {
		return orNone(head.MachineID) + ", the same for both"
	}
	return fmt.Sprintf("base %s, head %s: different machines", orNone(base.MachineID), orNone(head.MachineID))
}

func roundsText(m verdict.Method) string {
	if m.Rounds == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of each side", m.Rounds)
	if m.Design != verdict.Interleaved {
		text = fmt.Sprintf("%d of the head", m.Rounds)
	}
	if len(m.Looks) > 0 {
		var looks []string
		for _, l := range m.Looks {
			looks = append(looks, fmt.Sprint(l))
		}
		text += ", looked at after " + sentence(looks)
	}
	return text
}

func designText(d verdict.Design, baseRuns int) string {
	if d == verdict.StoredOne && baseRuns > 1 {
		return fmt.Sprintf("%d stored base runs, too few to show how runs differ: the threshold is widened by what this machine differs between runs", baseRuns)
	}
	switch d {
	case verdict.Interleaved:
		return "interleaved: base and head took turns on one machine (ABBA), so drift hits both"
	case verdict.StoredOne:
		return "one stored base run: the threshold is widened by what this machine differs between runs"
	case verdict.StoredMany:
		return "several stored base runs: the head is judged against how they differ among themselves"
	}
	return clean(string(d))
}

func testText(m verdict.Method) string {
	var parts []string
	if m.Alpha > 0 {
		parts = append(parts, "one-sided α "+strconv.FormatFloat(m.Alpha, 'g', 3, 64))
	}
	if m.Correction != "" {
		parts = append(parts, clean(m.Correction))
	}
	if m.Confirmed {
		parts = append(parts, "what is flagged counts only once an independent repeat confirms it")
	}
	return strings.Join(parts, " · ")
}
