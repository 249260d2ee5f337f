package body

import (
	"fmt"
	"strings"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// style is how the sentence shows what comes from documents.
type style struct {
	name  func(string) string // of a benchmark or metric
	prose func(string) string
}

var (
	plainStyle    = style{plain, plain}
	markdownStyle = style{Code, Prose}
)

const (
	// namedInSentence is how many rows the sentence spells out.
	namedInSentence = 2
	// maxReason is the length in characters of a reason in it.
	maxReason = 120
)

// Sentence is the verdict in one line of plain text, without markup: an icon,
// whether it blocks, and what failed. Whoever shows it as markdown escapes it
// with [Prose].
func Sentence(legs []Leg) string {
	j := judge(legs)
	return j.icon() + " " + j.sentence(plainStyle)
}

// icon shows the conclusion at a glance.
func (j *judgement) icon() string {
	switch {
	case j.blocks:
		return "❌"
	case j.count(failing...) > 0:
		return "⚠️"
	case j.conclusion() == Neutral:
		return "⚪"
	}
	return "✅"
}

// sentence is the verdict without the icon.
func (j *judgement) sentence(st style) string {
	if len(j.problems()) > 0 {
		return j.headline() + ": " + j.examples(st)
	}
	out := j.headline()
	if why := j.problem(); why != "" {
		out += ": " + st.prose(shorten(why, 2*maxReason))
	}
	return out
}

// headline is the sentence without names and reasons.
func (j *judgement) headline() string {
	effect := " (does not block)"
	if j.blocks {
		effect = " (blocks merge)"
	}
	if parts := j.problems(); len(parts) > 0 {
		return strings.Join(parts, ", ") + j.where() + effect
	}
	parts := append([]string{j.without()}, j.tail()...)
	switch {
	case j.interrupted:
		parts[0] = "Interrupted" + effect + ", " + lower(parts[0])
	case j.blocks:
		parts = []string{"Not judged" + effect}
	}
	return strings.Join(parts, ", ")
}

// problems count what fails, the gravest first.
func (j *judgement) problems() []string {
	var out []string
	for _, k := range failing {
		n := j.count(k)
		if n == 0 {
			continue
		}
		switch k {
		case regressed:
			out = append(out, plural(n, "regression"))
		case missed:
			out = append(out, plural(n, "budget")+" missed")
		case stopped:
			out = append(out, plural(n, "benchmark")+" could not run")
		case untrusted:
			out = append(out, plural(n, "gating metric")+" invalid")
		case unjudged:
			out = append(out, plural(n, "gating metric")+" without a verdict")
		}
	}
	return out
}

// where says how many of several legs have a problem.
func (j *judgement) where() string {
	if !j.several() {
		return ""
	}
	legs := map[int]bool{}
	for _, k := range failing {
		for _, i := range j.items[k] {
			legs[i.leg] = true
		}
	}
	return fmt.Sprintf(" in %d of %d legs", len(legs), len(j.legs))
}

// examples name the worst rows of the gravest problem.
func (j *judgement) examples(st style) string {
	for _, k := range failing {
		items := j.items[k]
		if len(items) == 0 {
			continue
		}
		var named []string
		for _, i := range items[:min(len(items), namedInSentence)] {
			named = append(named, j.example(i, st))
		}
		s := strings.Join(named, "; ")
		if more := len(items) - len(named); more > 0 {
			s += fmt.Sprintf(" and %s more", number(more))
		}
		return s
	}
	return ""
}

func (j *judgement) example(i item, st style) string {
	names := j.names[i.leg]
	leg := ""
	if j.several() {
		leg = st.name(j.legName(i.leg)) + " "
	}
	switch {
	case i.budget != nil:
		return leg + st.name(names.budget(i.budget)) + " " + st.name(i.budget.Metric) + " " + st.prose(valueOf(i.budget)+", limit "+report.Limit(*i.budget))
	case i.bench != nil:
		return leg + st.name(names.bench(i.bench)) + ": " + st.prose(shorten(plain(i.why), maxReason))
	case i.row.Verdict == verdict.Regressed:
		return leg + st.name(names.row(i.row)) + " " + st.name(i.row.Metric) + " " + changeWords(i.row)
	}
	out := leg + st.name(names.row(i.row)) + " " + st.name(i.row.Metric)
	if i.row.Reason != "" {
		out += ": " + st.prose(shorten(plain(i.row.Reason), maxReason))
	}
	return out
}

// legName is what a leg is called.
func (j *judgement) legName(leg int) string {
	if name := plain(j.legs[leg].Name); name != "" {
		return name
	}
	return fmt.Sprintf("leg %d", leg+1)
}

// without is the sentence's beginning where nothing failed.
func (j *judgement) without() string {
	none := "No regression"
	if j.count(worse) > 0 {
		none = "No gating regression"
	}
	fresh := j.count(fresh)
	switch {
	case j.metrics == 0:
		return "Nothing to compare with"
	case fresh == j.metrics:
		return fmt.Sprintf("Nothing to compare with: %s new", are(fresh, "metric"))
	case j.decided == 0:
		return "No verdict on any of " + plural(j.metrics, "metric")
	case j.decided == j.metrics:
		return none + " in " + plural(j.metrics, "metric")
	}
	return fmt.Sprintf("%s in %s of %s", none, number(j.decided), plural(j.metrics, "metric"))
}

// problem is why a leg has no comparison, of the first that says so.
func (j *judgement) problem() string {
	for i, l := range j.legs {
		if l.Problem == "" {
			continue
		}
		if j.several() {
			return j.legName(i) + ": " + plain(l.Problem)
		}
		return plain(l.Problem)
	}
	return ""
}

// tail counts what a sentence about nothing that failed has to say besides.
func (j *judgement) tail() []string {
	var out []string
	add := func(n int, what string) {
		if n > 0 {
			out = append(out, number(n)+" "+what)
		}
	}
	gates := 0
	for _, i := range j.items[missing] {
		if !informational(i) {
			gates++
		}
	}
	if gates > 0 {
		out = append(out, plural(gates, "gating metric")+" missing")
	}
	add(j.count(accepted), "acknowledged")
	add(j.count(worse), "informational worse")
	add(j.count(improved), "improved")
	add(j.count(undecided), "undecided")
	add(j.count(invalid), "informational invalid")
	add(j.count(incomparable), "incomparable")
	add(j.count(missing)-gates, "missing")
	if n := j.count(fresh); n < j.metrics {
		add(n, "new")
	}
	if j.unmeasured > 0 {
		out = append(out, plural(j.unmeasured, "budget")+" not measured")
	}
	return out
}

// changeWords is a change with its interval: "+14.2% [+11.0, +17.5]". Nothing
// in it comes from a document but numbers, so that it is safe in markdown.
func changeWords(r *verdict.Row) string {
	if r.Change == nil {
		return "n/a"
	}
	s := report.Change(*r.Change, r.Scale)
	if r.Low == nil || r.High == nil {
		return s
	}
	low, high := report.Change(*r.Low, r.Scale), report.Change(*r.High, r.Scale)
	for _, unit := range []string{"%", " points"} {
		if a, ok := strings.CutSuffix(low, unit); ok && strings.HasSuffix(high, unit) && strings.HasSuffix(s, unit) {
			low, high = a, strings.TrimSuffix(high, unit)
		}
	}
	return s + " [" + low + ", " + high + "]"
}

func valueOf(b *result.Budget) string {
	if b.Value == nil {
		return "n/a"
	}
	return report.Quantity(*b.Value, b.Unit)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return plural(n, what) + " are"
}

// number groups thousands.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }
