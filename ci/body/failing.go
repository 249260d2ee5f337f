package body

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/verdict"
)

// level is how much is said about rows that fail.
type level int

const (
	full  level = iota // every column, and notes
	brief              // what and by how much, names of 48 characters
	bare               // a list, names of 24 characters
)

// nameLimit is how long names are, in characters.
func (v level) nameLimit() int { return [...]int{maxName, 48, 24}[v] }

// failing shows every row that fails, as fully as there is room for in bytes:
// every column, else only the change, else one short line each. Only where
// even those lines do not fit are rows left out, the least bad first, and
// counted.
func (j *judgement) failing(room int, more string) string {
	for v := full; v <= bare; v++ {
		if s, rows := j.failingAt(v, room); rows == j.count(failing...) {
			return s
		}
	}
	total := j.count(failing...)
	note := func(shown int) string {
		return fmt.Sprintf("\n**%s of %s failing rows do not fit here.** Shown are the worst%s\n", number(total-shown), number(total), more)
	}
	s, rows := j.failingAt(bare, room-len(note(0)))
	return s + note(rows)
}

// failingAt is the rows in one form, and how many of them were within room.
func (j *judgement) failingAt(v level, room int) (s string, rows int) {
	var b strings.Builder
	titles := 0
	for _, k := range failing {
		if j.count(k) > 0 {
			titles++
		}
	}
	for _, k := range failing {
		items := j.items[k]
		if len(items) == 0 {
			continue
		}
		open := "\n"
		if titles > 1 || k == unjudged {
			open += "**" + failingTitle(k, len(items)) + "**\n\n"
		}
		f := j.form(k, v)
		open += f.head
		if b.Len()+len(open) > room {
			break
		}
		b.WriteString(open)
		for _, i := range items {
			line := f.row(i)
			if b.Len()+len(line) > room {
				return b.String(), rows
			}
			b.WriteString(line)
			rows++
		}
	}
	return b.String(), rows
}

func failingTitle(k kind, n int) string {
	switch k {
	case regressed:
		return plural(n, "regression")
	case missed:
		return plural(n, "budget") + " missed"
	case stopped:
		return plural(n, "benchmark") + " could not run"
	case untrusted:
		return plural(n, "gating metric") + " invalid: the measurement failed, not the code"
	}
	return plural(n, "gating metric") + " without a verdict, which the policy fails"
}

// form is how the rows of a kind are laid out.
type form struct {
	head string
	row  func(item) string
}

func (j *judgement) form(k kind, v level) form {
	if v == bare {
		return form{row: j.bareRow}
	}
	leg := func(i item, cells ...string) []string {
		if j.several() {
			return append([]string{code(j.legName(i.leg), v.nameLimit()/3)}, cells...)
		}
		return cells
	}
	titles := func(titles ...string) string {
		if j.several() {
			titles = append([]string{"Leg"}, titles...)
		}
		return head(titles...)
	}
	name := func(i item) []string {
		return []string{code(j.subject(i), v.nameLimit()), code(metricOf(i), v.nameLimit())}
	}
	switch k {
	case regressed:
		return j.regressedForm(v, leg, titles, name)
	case missed:
		return form{titles("Benchmark", "Metric", "Measured:", "Limit:", "Budget"), func(i item) string {
			return row(leg(i, append(name(i), "**"+Prose(valueOf(i.budget))+"**", Prose(report.Limit(*i.budget)), code(plain(i.budget.ID), v.nameLimit()))...)...)
		}}
	case stopped:
		return form{titles("Benchmark", "Why", "What to do"), func(i item) string {
			return row(leg(i, code(j.subject(i), v.nameLimit()), j.reason(i.why, v), j.reason(i.bench.Remedy, v))...)
		}}
	case unjudged:
		return form{titles("Benchmark", "Metric", "Verdict", "Why", "Rounds needed:"), func(i item) string {
			return row(leg(i, append(name(i), Prose(string(i.row.Verdict)), j.reason(i.row.Reason, v), rounds(i.row))...)...)
		}}
	}
	return form{titles("Benchmark", "Metric", "Why"), func(i item) string {
		return row(leg(i, append(name(i), j.reason(i.row.Reason, v))...)...)
	}}
}

func (j *judgement) regressedForm(v level, leg func(item, ...string) []string, titles func(...string) string, name func(item) []string) form {
	if v != full {
		return form{titles("Benchmark", "Metric", "Change:"), func(i item) string {
			return row(leg(i, append(name(i), changeCell(i.row))...)...)
		}}
	}
	columns := []string{"Benchmark", "Metric", "Base:", "Head:", "Change:"}
	allowed := !j.sameThreshold(j.items[regressed])
	notes := slices.ContainsFunc(j.items[regressed], func(i item) bool { return j.notes(i) != "" })
	if allowed {
		columns = append(columns, "Allowed:")
	}
	if notes {
		columns = append(columns, "Note")
	}
	return form{titles(columns...), func(i item) string {
		cells := append(name(i), value(i.row.Base, i.row.Unit), value(i.row.Head, i.row.Unit), changeCell(i.row))
		if allowed {
			cells = append(cells, thresholdWords(i.row.Threshold, i.row.Scale))
		}
		if notes {
			cells = append(cells, j.notes(i))
		}
		return row(leg(i, cells...)...)
	}}
}

// bareRow is the least that can be said about a row.
func (j *judgement) bareRow(i item) string {
	s := "- "
	if j.several() {
		s += code(j.legName(i.leg), bare.nameLimit()/2) + " "
	}
	s += code(j.subject(i), bare.nameLimit())
	switch {
	case i.bench != nil:
		return s + " could not run\n"
	case i.budget != nil:
		return s + " " + code(metricOf(i), bare.nameLimit()) + " " + Prose(valueOf(i.budget)) + "\n"
	case i.row.Verdict == verdict.Regressed && i.row.Change != nil:
		return s + " " + code(metricOf(i), bare.nameLimit()) + " " + report.Change(*i.row.Change, i.row.Scale) + "\n"
	}
	return s + " " + code(metricOf(i), bare.nameLimit()) + " " + Prose(string(i.row.Verdict)) + "\n"
}

// subject is the scenario of a row, as plain text.
func (j *judgement) subject(i item) string {
	n := j.names[i.leg]
	switch {
	case i.budget != nil:
		return n.budget(i.budget)
	case i.bench != nil:
		return n.bench(i.bench)
	}
	return n.row(i.row)
}

func metricOf(i item) string {
	if i.budget != nil {
		return plain(i.budget.Metric)
	}
	return plain(i.row.Metric)
}

// reason writes why, in a cell.
func (j *judgement) reason(why string, v level) string {
	if v != full {
		return dash(Prose(shorten(plain(why), v.nameLimit())))
	}
	return dash(Prose(why))
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func value(x *float64, unit string) string {
	if x == nil {
		return "n/a"
	}
	return Prose(report.Quantity(*x, unit))
}

// changeCell is a change, with its interval beside it.
func changeCell(r *verdict.Row) string {
	change, interval, found := strings.Cut(changeWords(r), " [")
	if !found {
		return "**" + change + "**"
	}
	return "**" + change + "** [" + interval
}

func thresholdWords(x float64, scale string) string {
	if x <= 0 {
		return "–"
	}
	s := strings.TrimPrefix(report.Change(x, scale), "+")
	return strings.Replace(s, ".0%", "%", 1)
}

// sameThreshold says that one line can tell the threshold of all rows.
func (j *judgement) sameThreshold(items []item) bool {
	return !slices.ContainsFunc(items, func(i item) bool {
		return i.row.Threshold != items[0].row.Threshold || i.row.Scale != items[0].row.Scale
	})
}

// notes are what else is to be known about a row, without what is said of many.
func (j *judgement) notes(i item) string {
	var out []string
	if i.row.Reason != "" {
		out = append(out, Prose(i.row.Reason))
	}
	for _, c := range i.row.Cautions {
		if !j.shared(i.leg, c) {
			out = append(out, Prose(c))
		}
	}
	return strings.Join(out, "; ")
}

func rounds(r *verdict.Row) string {
	if r.RoundsNeeded <= 0 {
		return "–"
	}
	return number(r.RoundsNeeded)
}
