package report

import (
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// Section is one table of the results document as text, for whoever lays it out
// in another way. Numbers have units and every name is printable; nothing is
// escaped for any format.
type Section struct {
	Title   string
	Columns []string
	Right   []bool // columns that are aligned right
	Rows    []SectionRow
	Notes   []string // below the table
	More    int      // rows that were left out
}

// SectionRow is a row of a Section.
type SectionRow struct {
	Cells []string
	// Span, if set, stands in place of all cells after those there are: why
	// there are no numbers.
	Span  string
	Notes []string // what limits trust in the row
}

// Fact is something about the environment of a run.
type Fact struct{ Name, Value string }

// Areas are the tables of what was measured, one for each plugin in the order
// of the run, with at most rows rows together.
func Areas(run *result.Run, rows int) []Section {
	var out []Section
	for _, g := range pluginGroups(run) {
		bs := g.benchmarks[:min(len(g.benchmarks), max(rows, 0))]
		rows -= len(bs)
		s := sectionOf(pluginTable(run, g.plugin, bs))
		s.More = len(g.benchmarks) - len(bs)
		out = append(out, s)
	}
	return out
}

// Clocks are the four clocks and the validity of what Areas shows, table by
// table. What the words in them mean is below the last.
func Clocks(run *result.Run, rows int) []Section {
	pools := poolClocks(run)
	var tables []Section
	var shown []section
	for _, g := range pluginGroups(run) {
		bs := g.benchmarks[:min(len(g.benchmarks), max(rows, 0))]
		rows -= len(bs)
		domain := pluginTable(run, g.plugin, bs)
		c := newClockSection(run, pools, &domain, bs)
		s := sectionOf(*c.Scrolled())
		s.Title = domain.Title
		s.More = len(g.benchmarks) - len(bs)
		tables = append(tables, s)
		shown = append(shown, section{Clocks: c})
	}
	if legend := clockLegend(shown); legend != "" {
		last := &tables[len(tables)-1]
		last.Notes = append(slices.Clone(last.Notes), legend)
	}
	return tables
}

// Utilisation is what the machine did over the whole run. ok is false when
// nothing was sampled.
func Utilisation(run *result.Run) (s Section, ok bool) {
	t := utilisationTable(run.Resources)
	if t == nil {
		return Section{}, false
	}
	return sectionOf(*t), true
}

// Environment returns the facts of machine, harness and plugins, and the
// machine in one line.
func Environment(run *result.Run) (facts []Fact, machine string) {
	fs, machine := environment(run)
	for _, f := range fs {
		facts = append(facts, Fact(f))
	}
	return facts, machine
}

// Change writes a change with its sign: a ratio − 1 in percent, or hundredths
// for the scale absolute.
func Change(x float64, scale string) string { return changeText(x, scale) }

// ScenarioName is a benchmark's id with some of its parameters, by which its
// scenarios differ.
func ScenarioName(benchmark string, params map[string]string, keys []string) string {
	return nameWith(&result.Benchmark{ID: benchmark, Params: params}, keys)
}

// Limit writes the limits of a budget: "≤ 10.0 ms".
func Limit(b result.Budget) string { return limit(b) }

// Failed says why there are no numbers of a benchmark that was meant to give
// some; ok is false when it gave them, or was not measured on purpose.
func Failed(run *result.Run, b *result.Benchmark) (why string, ok bool) {
	s, _, why := outcome(run, b)
	return why, s == bad
}

func sectionOf(t table) Section {
	s := Section{Title: t.Title, Notes: t.Footnotes}
	for _, c := range t.Columns {
		s.Columns = append(s.Columns, c.fullTitle())
		s.Right = append(s.Right, c.Number)
	}
	for _, r := range t.Rows {
		out := SectionRow{Span: r.Span, Notes: r.Notes}
		for _, c := range r.Cells {
			out.Cells = append(out.Cells, strings.TrimSpace(c.Text+" "+c.After))
		}
		s.Rows = append(s.Rows, out)
	}
	return s
}
