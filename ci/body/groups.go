package body

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// group is a folded table of rows.
type group struct {
	kind    kind
	rank    int    // see [table]
	title   string // after the number
	what    string // in the line about what was left out
	columns columns
}

// columns is what is shown of the rows of a group.
type columns int

const (
	judged    columns = iota // base, head, change
	openEnded                // and the rounds that it would take
	excused                  // and until when it is accepted, and why
	reasons                  // base, head, why
	limits                   // of budgets
)

// groups are in the order of reading.
var groups = []group{
	{accepted, 2, "acknowledged", "acknowledged", excused},
	{worse, 3, "worse, for information", "informational worse", judged},
	{improved, 5, "improved", "improved", judged},
	{slower, 7, "slower, under the threshold", "slower", judged},
	{faster, 8, "faster, under the threshold", "faster", judged},
	{undecided, 4, "inconclusive", "inconclusive", openEnded},
	{invalid, 6, "invalid, for information", "invalid", reasons},
	{incomparable, 6, "incomparable", "incomparable", reasons},
	{missing, 6, "missing: the base has them, the head has not", "missing", reasons},
	{fresh, 9, "new: nothing to compare with", "new", reasons},
	{other, 9, "of verdicts that this version does not know", "other", reasons},
	{budgets, 11, "budgets", "budgets", limits},
	{unchanged, 14, "unchanged", "unchanged", judged},
}

// Ranks of what is no group.
const (
	legsRank        = 1
	environmentRank = 10
	resourcesRank   = 12
	areasRank       = 13
	clocksRank      = 15
)

func (j *judgement) group(g group) *table {
	items := j.items[g.kind]
	if len(items) == 0 {
		return nil
	}
	t := &table{rank: g.rank, what: g.what, n: len(items), open: folded(number(len(items)) + " " + g.title)}
	titles := j.titles(g)
	t.open += head(titles...)
	t.row = func(i int) string { return j.groupRow(g, items[i]) }
	if slices.ContainsFunc(items, informational) && slices.ContainsFunc(items, func(i item) bool { return !informational(i) }) {
		t.close = "\n*info*: shown for information, does not gate\n"
	}
	t.close += foldedEnd
	return t
}

func (j *judgement) titles(g group) []string {
	var out []string
	if j.several() {
		out = append(out, "Leg")
	}
	if g.columns == limits {
		return append(out, "Benchmark", "Metric", "Measured:", "Limit:", "Budget", "Verdict")
	}
	out = append(out, "Benchmark", "Metric", "Base:", "Head:")
	switch g.columns {
	case openEnded:
		return append(out, "Change:", "Rounds needed:")
	case excused:
		return append(out, "Change:", "Until", "Why")
	case reasons:
		return append(out, "Why")
	}
	return append(out, "Change:")
}

func (j *judgement) groupRow(g group, i item) string {
	var cells []string
	if j.several() {
		cells = append(cells, Code(j.legName(i.leg)))
	}
	metric := Code(metricOf(i))
	if informational(i) && g.kind != worse && g.kind != invalid {
		metric += " *info*"
	}
	cells = append(cells, Code(j.subject(i)), metric)
	if g.columns == limits {
		b := i.budget
		return row(append(cells, Prose(valueOf(b)), Prose(report.Limit(*b)), Code(b.ID), budgetVerdict(b))...)
	}
	r := i.row
	cells = append(cells, value(r.Base, r.Unit), value(r.Head, r.Unit))
	switch g.columns {
	case openEnded:
		cells = append(cells, changeWords(r), rounds(r))
	case excused:
		cells = append(cells, changeCell(r), until(r.Acknowledged), Prose(acknowledged(r)))
	case reasons:
		cells = append(cells, dash(Prose(r.Reason)))
	default:
		cells = append(cells, changeWords(r))
	}
	return row(cells...)
}

func until(a *verdict.Acknowledgement) string {
	if a == nil || a.Until.IsZero() {
		return "–"
	}
	return a.Until.UTC().Format(time.DateOnly)
}

func acknowledged(r *verdict.Row) string {
	if r.Acknowledged == nil {
		return ""
	}
	return r.Acknowledged.Reason
}

func budgetVerdict(b *result.Budget) string {
	word := strings.ReplaceAll(b.Verdict, "_", " ")
	if b.Verdict == verdict.Missed {
		word = "missed, does not gate"
	}
	if b.Reason != "" {
		return Prose(word + ": " + b.Reason)
	}
	return Prose(word)
}

// areas are the tables of what was measured, of every leg with its head.
func (j *judgement) areas(limit int) []*table {
	return j.sections(limit, areasRank, "results", report.Areas)
}

// clocks are the four clocks and the validity of the same.
func (j *judgement) clocks(limit int) []*table {
	return j.sections(limit, clocksRank, "rows of clocks", report.Clocks)
}

func (j *judgement) sections(limit, rank int, what string, of func(run *result.Run, rows int) []report.Section) []*table {
	var out []*table
	left := limit / 20 // no row of a table is shorter
	for leg, l := range j.legs {
		if l.Head == nil {
			continue
		}
		for _, s := range of(l.Head, left) {
			left -= len(s.Rows)
			t := sectionTable(s, rank, what)
			t.open = "\n" + j.sectionTitle(leg, s.Title) + t.open
			out = append(out, t)
		}
	}
	return out
}

func (j *judgement) sectionTitle(leg int, title string) string {
	if j.several() {
		return "**" + Code(j.legName(leg)) + "** " + Prose(title) + "\n"
	}
	return "**" + dash(bold(title)) + "**\n"
}

// bold is text that may stand between the marks of strong emphasis.
func bold(s string) string {
	s = plain(s)
	if strings.IndexFunc(s, func(r rune) bool { return !word(r) && r != ' ' }) < 0 {
		return Prose(s)
	}
	return Code(s)
}

// resources are what the machines did.
func (j *judgement) resources() []*table {
	var out []*table
	for leg, l := range j.legs {
		if l.Head == nil {
			continue
		}
		if s, ok := report.Utilisation(l.Head); ok {
			t := sectionTable(s, resourcesRank, "resources")
			if j.several() {
				t.open = "\n" + j.sectionTitle(leg, "") + t.open
			}
			out = append(out, t)
		}
	}
	return out
}

func sectionTable(s report.Section, rank int, what string) *table {
	t := &table{rank: rank, what: what, n: len(s.Rows), beyond: s.More}
	titles := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		titles[i] = dash(Prose(strings.TrimRight(plain(c), ":")))
		if i < len(s.Right) && s.Right[i] {
			titles[i] += ":"
		}
	}
	t.open = "\n" + head(titles...)
	t.row = func(i int) string {
		r := s.Rows[i]
		var cells []string
		for c, text := range r.Cells {
			if c == 0 && rank != resourcesRank { // names of the document
				cells = append(cells, Code(text))
				continue
			}
			cells = append(cells, dash(Prose(text)))
		}
		if r.Span != "" {
			cells = append(cells, Prose(r.Span))
		}
		for len(cells) < len(titles) {
			cells = append(cells, "")
		}
		return row(cells[:len(titles)]...)
	}
	for _, n := range s.Notes {
		t.close += "\n" + Prose(n) + "\n"
	}
	return t
}

// environment is the machine, the method and what limits trust.
func (j *judgement) environment(trust []string) *table {
	var rows []string
	for leg, l := range j.legs {
		prefix := ""
		if j.several() {
			prefix = Code(j.legName(leg)) + " "
		}
		add := func(name, value string) {
			if value != "" {
				rows = append(rows, row(prefix+name, value))
			}
		}
		if c := l.Comparison; c != nil {
			add("Base", sideWords(&c.Base))
			add("Head", sideWords(&c.Head))
			add("Method", methodWords(c.Method))
		}
		if l.Head == nil {
			continue
		}
		facts, _ := report.Environment(l.Head)
		for _, f := range facts {
			add(Prose(f.Name), Prose(f.Value))
		}
	}
	for _, s := range trust {
		rows = append(rows, row("Trust", s))
	}
	if len(rows) == 0 {
		return nil
	}
	return &table{
		rank: environmentRank, what: "facts of the environment", n: len(rows), row: func(i int) string { return rows[i] },
		open: folded("Environment and method") + head("Fact", "Value"), close: foldedEnd,
	}
}

func sideWords(s *verdict.Side) string {
	parts := []string{Code(s.Label)}
	for _, id := range s.RunIDs[:min(len(s.RunIDs), 2)] {
		parts = append(parts, "run "+Code(id))
	}
	if n := len(s.RunIDs) - 2; n > 0 {
		parts = append(parts, number(n)+" more runs")
	}
	if !s.Started.IsZero() {
		parts = append(parts, s.Started.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if s.Harness != "" {
		parts = append(parts, "harness "+Code(s.Harness))
	}
	if s.MachineID != "" {
		parts = append(parts, "machine "+Code(s.MachineID))
	}
	return strings.Join(parts, " · ")
}

func methodWords(m verdict.Method) string {
	parts := []string{Prose(strings.ReplaceAll(string(m.Design), "_", " "))}
	if m.Alpha > 0 {
		parts = append(parts, fmt.Sprintf("one-sided α %.3g", m.Alpha))
	}
	if m.Correction != "" {
		parts = append(parts, Prose(m.Correction))
	}
	return strings.Join(parts, " · ")
}
