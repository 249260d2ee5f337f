package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// rowColumns is which columns the rows of a verdict have.
type rowColumns int

const (
	judged    rowColumns = iota // change, interval, base and head
	undecided                   // and the rounds that it would take
	values                      // base and head, not to be held against each other
	trend                       // and how they differ all the same
	headOnly
	baseOnly
)

// rowWriter turns a comparison's rows into those of tables.
type rowWriter struct {
	names     map[string]string // by scenario
	shared    []sharedCaution   // cautions of many rows
	threshold string            // of all rows, or ""
	interval  string            // title of its column
	all       int               // rows
}

func newRowWriter(c *verdict.Comparison) *rowWriter {
	w := &rowWriter{names: scenarioNames(c), threshold: commonThreshold(c.Rows), interval: intervalTitle(c.Method.Alpha), all: len(c.Rows)}
	var remarks []remark
	for i := range c.Rows {
		for _, text := range c.Rows[i].Cautions {
			remarks = append(remarks, remark{text, clean(text), w.name(&c.Rows[i])})
		}
	}
	w.shared = share(remarks, 'a')
	return w
}

// intervalTitle has the level of intervals both bounds of which are wrong with
// the probability alpha.
func intervalTitle(alpha float64) string {
	if alpha > 0 && alpha < 0.5 {
		return strconv.FormatFloat(100*(1-2*alpha), 'g', 4, 64) + "% interval"
	}
	return "Interval"
}

// scenarioKey identifies a scenario; fmt writes maps in order.
func scenarioKey(benchmark string, params map[string]string) string {
	return fmt.Sprintf("%s %q", benchmark, params)
}

// scenarioNames name every scenario by its id and what tells it from its
// siblings.
func scenarioNames(c *verdict.Comparison) map[string]string {
	names := map[string]string{}
	siblings := map[string][]*result.Benchmark{}
	for _, r := range c.Rows {
		if key := scenarioKey(r.Benchmark, r.Params); names[key] == "" {
			names[key] = clean(r.Benchmark)
			siblings[r.Benchmark] = append(siblings[r.Benchmark], &result.Benchmark{ID: r.Benchmark, Params: r.Params})
		}
	}
	for _, bs := range siblings {
		keys := scenarioKeys(bs)
		for _, b := range bs {
			names[scenarioKey(b.ID, b.Params)] = nameWith(b, keys)
		}
	}
	return names
}

func (w *rowWriter) name(r *verdict.Row) string { return w.names[scenarioKey(r.Benchmark, r.Params)] }

// sharedTexts are the cautions that many rows have, for the head of the
// report.
func (w *rowWriter) sharedTexts() []string {
	var out []string
	for _, c := range w.shared {
		if c.rows == w.all {
			out = append(out, "in every row: "+c.example)
		} else {
			out = append(out, fmt.Sprintf("%s in %s: %s", c.mark, count(c.rows, "row"), c.example))
		}
	}
	return out
}

// group makes the table of one verdict.
func (w *rowWriter) group(g verdictGroup, rows []*verdict.Row) rowGroup {
	if g.worst {
		slices.SortStableFunc(rows, func(a, b *verdict.Row) int { return cmp.Compare(size(b), size(a)) })
	}
	slices.SortStableFunc(rows, func(a, b *verdict.Row) int { return urgency(a) - urgency(b) })
	if g.verdict == verdict.Incomparable && slices.ContainsFunc(rows, func(r *verdict.Row) bool { return r.Change != nil }) {
		g.columns = trend
	}
	t := table{Title: clean(g.title), Columns: w.columns(g.columns)}
	var reasons []remark
	for _, r := range rows {
		if r.Reason != "" {
			reasons = append(reasons, remark{r.Reason, clean(r.Reason), w.name(r)})
		}
	}
	shared := share(reasons, '1')
	if len(shared) > 9 { // marks have one digit
		shared = shared[:9]
	}
	for _, r := range rows {
		t.Rows = append(t.Rows, w.row(g, r, shared, len(rows)))
	}
	for _, c := range shared {
		if c.rows == len(rows) {
			t.footnote("All: " + c.example)
		} else {
			t.footnote(c.mark + " " + c.example)
		}
	}
	if slices.ContainsFunc(rows, func(r *verdict.Row) bool { return !r.Gate }) {
		t.footnote("(info): shown for information, does not gate")
	}
	return rowGroup{Table: t, Lead: g.lead, Folded: g.verdict == verdict.Unchanged}
}

// urgency orders the rows of a verdict: what gates first, what is accepted
// last of that.
func urgency(r *verdict.Row) int {
	switch {
	case !r.Gate:
		return 2
	case accepted(r):
		return 1
	}
	return 0
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

func (w *rowWriter) columns(c rowColumns) []column {
	out := []column{{Title: "Benchmark"}, {Title: "Metric", Key: true}}
	add := func(title string, spare int) { out = append(out, column{Title: title, Number: true, Spare: spare}) }
	switch c {
	case headOnly:
		add("Head", 0)
	case baseOnly:
		add("Base", 0)
	case values:
		add("Base", 0)
		add("Head", 0)
	case trend:
		add("Base", 2)
		add("Head", 1)
		add("Difference", 0)
	default:
		add("Change", 0)
		add(w.interval, 2)
		if w.threshold == "" {
			add("Threshold", 5)
		}
		if c == undecided {
			add("Rounds needed", 1)
		}
		add("Base", 4)
		add("Head", 3)
	}
	return out
}

func (w *rowWriter) row(g verdictGroup, r *verdict.Row, reasons []sharedCaution, of int) row {
	name, metric := w.name(r), clean(r.Metric)
	if !r.Gate {
		metric += " (info)"
	}
	var out row
	if g.verdict == verdict.Invalid {
		out.State = invalid
	}
	out.Notes = acknowledgementNotes(r)
	if r.Reason != "" {
		if c := findShared(reasons, r.Reason); c == nil {
			out.Notes = append(out.Notes, clean(r.Reason))
		} else if c.rows < of {
			name += " " + c.mark
		}
	}
	for _, text := range r.Cautions {
		if c := findShared(w.shared, text); c == nil {
			out.Notes = append(out.Notes, "caution: "+clean(text))
		} else if c.rows < w.all {
			name += " " + c.mark
		}
	}
	out.Cells = texts(name, metric)
	base, head := valueCell(r.Base, r.Unit), valueCell(r.Head, r.Unit)
	switch g.columns {
	case headOnly:
		out.Cells = append(out.Cells, head)
	case baseOnly:
		out.Cells = append(out.Cells, base)
	case values:
		out.Cells = append(out.Cells, base, head)
	case trend:
		difference := changeCell(g, r)
		difference.State = absent // it is no verdict
		out.Cells = append(out.Cells, base, head, difference)
	default:
		out.Cells = append(out.Cells, changeCell(g, r), w.intervalCell(g, r))
		if w.threshold == "" {
			out.Cells = append(out.Cells, cell{Text: thresholdText(r.Threshold, r.Scale)})
		}
		if g.columns == undecided {
			out.Cells = append(out.Cells, roundsCell(r.RoundsNeeded))
		}
		out.Cells = append(out.Cells, base, head)
	}
	return out
}

func valueCell(x *float64, unit string) cell {
	if x == nil {
		return cell{Text: notAvailable, State: absent}
	}
	return cell{Text: Quantity(*x, unit)}
}

func roundsCell(n int) cell {
	if n <= 0 {
		return cell{Text: "–", State: absent}
	}
	return cell{Text: number(n)}
}

// changeCell has the sign of head against base and, where that is judged, says
// in a word whether it is for the worse.
func changeCell(g verdictGroup, r *verdict.Row) cell {
	if r.Change == nil {
		return cell{Text: notAvailable, State: absent}
	}
	out := cell{Text: changeText(*r.Change, r.Scale)}
	if word := direction(r); g.worst && word != "" {
		out.Text += " " + word
		out.State = g.stateOf(r)
	}
	return out
}

// stateOf is how a row of the group is marked.
func (g verdictGroup) stateOf(r *verdict.Row) state {
	if g.state == bad && accepted(r) {
		return partial
	}
	return g.state
}

// direction is "worse" or "better".
func direction(r *verdict.Row) string {
	switch {
	case r.Worse == nil || *r.Worse == 0:
		return ""
	case *r.Worse > 0:
		return "worse"
	}
	return "better"
}

func (w *rowWriter) intervalCell(g verdictGroup, r *verdict.Row) cell {
	if r.Low == nil || r.High == nil {
		return cell{Text: notAvailable, State: absent}
	}
	low, high := changeText(*r.Low, r.Scale), changeText(*r.High, r.Scale)
	if before, ok := strings.CutSuffix(low, " points"); ok && strings.HasSuffix(high, " points") {
		low = before
	}
	out := cell{Text: low + " to " + high}
	if r.Gate || w.all <= plotAllUpTo {
		out.Plot = newRowPlot(r, g.stateOf(r))
	}
	return out
}

// absoluteScale is the scale of metrics that are compared in points.
const absoluteScale = "absolute"

// changeText writes a change with its sign: a ratio − 1 in percent, or
// hundredths for the absolute scale.
func changeText(x float64, scale string) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return notAvailable
	case scale == absoluteScale:
		return signed(x, digits(math.Abs(x)*100)) + " points"
	case x >= 100:
		return "×" + strconv.FormatFloat(x+1, 'g', 3, 64)
	case math.Abs(x) >= 0.9995:
		return signed(x, digits(math.Round(math.Abs(x)*100))) + "%"
	}
	return signed(x, strconv.FormatFloat(math.Abs(x)*100, 'f', 1, 64)) + "%"
}

// signed puts the sign of x before its absolute value as text, except where
// that was rounded to nothing.
func signed(x float64, text string) string {
	switch {
	case strings.Trim(text, "0.") == "":
		return text
	case x < 0:
		return "−" + text
	}
	return "+" + text
}

func thresholdText(x float64, scale string) string {
	switch {
	case x <= 0:
		return "–"
	case scale == absoluteScale:
		return digits(x*100) + " points"
	}
	return digits(x*100) + "%"
}

// commonThreshold says what the thresholds are where all rows of a scale have
// the same, and is "" otherwise.
func commonThreshold(rows []verdict.Row) string {
	type limits struct{ threshold, floor float64 }
	seen := map[string]limits{}
	for _, r := range rows {
		if r.Change == nil {
			continue
		}
		l := limits{r.Threshold, r.Floor}
		if other, ok := seen[r.Scale]; ok && other != l {
			return ""
		}
		seen[r.Scale] = l
	}
	var parts []string
	for _, scale := range []string{"ratio", absoluteScale} {
		if l, ok := seen[scale]; ok {
			text := thresholdText(l.threshold, scale)
			if l.floor > 0 {
				text += fmt.Sprintf(" (nothing under %s is called a change)", thresholdText(l.floor, scale))
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

func acknowledgementNotes(r *verdict.Row) []string {
	a := r.Acknowledged
	if a == nil {
		return nil
	}
	until := a.Until.UTC().Format("2006-01-02")
	if a.Expired {
		return []string{fmt.Sprintf("its acknowledgement expired on %s: %s", until, orNone(a.Reason))}
	}
	text := "acknowledged until " + until
	if a.UpTo > 0 {
		text += ", up to " + thresholdText(a.UpTo, r.Scale)
	}
	return []string{text + ": " + orNone(a.Reason)}
}

func number(n int) string { return group(strconv.Itoa(n)) }
