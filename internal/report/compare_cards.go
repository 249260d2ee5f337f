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

// maxCards is for how many scenarios there are drawings beside the tables:
// reading the histograms of more takes longer than a reader waits, and nobody
// looks at them.
const maxCards = 80

// History is the past of one metric, to be drawn beside its verdict.
type History struct {
	Benchmark string
	Params    map[string]string
	Metric    string
	Values    []float64 // in the metric's unit, oldest first; NaN where a run has none
	Changes   []int     // indexes of the values with which a new level begins
}

// card is the drawings of one scenario.
type card struct {
	Title     string
	Metrics   []metricChart
	Responses *overlay
	folded    bool
}

// Width is how many columns of drawings it has, of three.
func (c card) Width() int {
	n := len(c.Metrics)
	if c.Responses != nil {
		n++
	}
	return min(n, 3)
}

// metricChart is the drawings of one gating metric.
type metricChart struct {
	Name, Verdict string
	State         state
	Text          string // base → head, change and interval
	Each          string // what a dot is
	Interval      *intervalChart
	Rounds        *lanes
	History       *historyChart
}

// cards are the drawings of a comparison, in the order of the tables.
type cards struct {
	Open, Folded []card
	Omitted      int // scenarios that have none, for there would be too many
}

// newCards draws the scenarios that have a gating metric, or a history. The
// runs may be nil.
func newCards(c *verdict.Comparison, base, head *result.Run, past []History) cards {
	names := scenarioNames(c)
	inBase, inHead := benchmarksOf(base), benchmarksOf(head)
	histories := map[string]*History{}
	for i, h := range past {
		histories[scenarioKey(h.Benchmark, h.Params)+h.Metric] = &past[i]
	}
	var order []string
	rows := map[string][]*verdict.Row{}
	for _, r := range byUrgency(c) {
		key := scenarioKey(r.Benchmark, r.Params)
		if !r.Gate && histories[key+r.Metric] == nil {
			continue
		}
		if rows[key] == nil {
			order = append(order, key)
		}
		rows[key] = append(rows[key], r)
	}
	var out cards
	for _, key := range order {
		if len(out.Open)+len(out.Folded) == maxCards {
			out.Omitted++
			continue
		}
		d := newCard(names[key], key, rows[key], histories)
		for i := range d.Metrics {
			d.Metrics[i].Each = eachTitle(c.Method.Design)
		}
		d.Responses = newOverlay(d.Title, inBase[key], inHead[key])
		switch {
		case len(d.Metrics) == 0 && d.Responses == nil:
		case d.folded:
			out.Folded = append(out.Folded, d)
		default:
			out.Open = append(out.Open, d)
		}
	}
	return out
}

func newCard(name, key string, rows []*verdict.Row, histories map[string]*History) card {
	d := card{Title: name, folded: groupOf(rows[0].Verdict).quiet()}
	for _, r := range rows {
		g := groupOf(r.Verdict)
		m := metricChart{Name: clean(r.Metric), Verdict: g.what, State: g.stateOf(r), Text: metricText(g, r)}
		if g.columns == judged || g.columns == undecided {
			m.Interval = newIntervalChart(name, r)
		}
		m.Rounds = newLanes(name, r)
		if h := histories[key+r.Metric]; h != nil {
			m.History = newHistoryChart(name, r, h)
		}
		if m.Interval != nil || m.Rounds != nil || m.History != nil {
			d.Metrics = append(d.Metrics, m)
		}
	}
	return d
}

// eachTitle says what the values are that a verdict rests on.
func eachTitle(d verdict.Design) string {
	if d == verdict.StoredMany {
		return "Each run of the base, each round of the head"
	}
	return "Each round"
}

// byUrgency orders rows as the tables do.
func byUrgency(c *verdict.Comparison) []*verdict.Row {
	rank := map[verdict.Verdict]int{}
	for i, g := range verdictGroups {
		rank[g.verdict] = i - len(verdictGroups)
	}
	out := make([]*verdict.Row, len(c.Rows))
	for i := range c.Rows {
		out[i] = &c.Rows[i]
	}
	slices.SortStableFunc(out, func(a, b *verdict.Row) int {
		if by := cmp.Or(rank[a.Verdict]-rank[b.Verdict], urgency(a)-urgency(b)); by != 0 {
			return by
		}
		if groupOf(a.Verdict).worst {
			return cmp.Compare(size(b), size(a))
		}
		return 0
	})
	return out
}

func groupOf(v verdict.Verdict) verdictGroup {
	if i := slices.IndexFunc(verdictGroups, func(g verdictGroup) bool { return g.verdict == v }); i >= 0 {
		return verdictGroups[i]
	}
	return unknownGroup(v)
}

// quiet says whether a verdict's drawings are folded away: nothing happened,
// or there is nothing to hold against each other.
func (g verdictGroup) quiet() bool { return g.state == fine || g.state == absent }

func benchmarksOf(run *result.Run) map[string]*result.Benchmark {
	out := map[string]*result.Benchmark{}
	if run == nil {
		return out
	}
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		out[scenarioKey(b.ID, b.Params)] = b
	}
	return out
}

func metricText(g verdictGroup, r *verdict.Row) string {
	text := fmt.Sprintf("%s → %s", valueCell(r.Base, r.Unit).Text, valueCell(r.Head, r.Unit).Text)
	if g.columns != judged && g.columns != undecided || r.Change == nil {
		return text
	}
	text += ", " + changeCell(g, r).Text
	if r.PAdj != nil {
		text += ", adj.\u00a0p\u00a0" + probability(*r.PAdj)
	} else if r.P != nil {
		text += ", p\u00a0" + probability(*r.P)
	}
	return text
}

func probability(p float64) string {
	switch {
	case math.IsNaN(p):
		return notAvailable
	case p < 0.0001:
		return "< 0.0001"
	}
	return strconv.FormatFloat(p, 'g', 2, 64)
}

// historyChart is a metric over past runs.
type historyChart struct {
	Label        string
	Path         string
	Changes      []mark // where a new level begins
	LastX, LastY string
	Low, High    string // texts of the ends of its axis
	Runs         string
}

func newHistoryChart(name string, r *verdict.Row, past *History) *historyChart {
	values := finiteOnly(past.Values)
	if len(values) < 2 {
		return nil
	}
	low, high := slices.Min(values), slices.Max(values)
	const top, left, right = 4.0, 2.0, historyW - 6
	n := len(past.Values)
	x := func(i int) float64 { return left + float64(i)/float64(n-1)*(right-left) }
	y := func(v float64) float64 {
		if high <= low {
			return historyH / 2
		}
		return historyH - 4 - (v/2-low/2)/(high/2-low/2)*(historyH-4-top)
	}
	h := &historyChart{Low: Quantity(low, r.Unit), High: Quantity(high, r.Unit), Runs: count(n, "run")}
	var p strings.Builder
	// Neighbours that would share a pixel are drawn as their mean.
	each := 1 + (n-1)/int(historyW)
	for from := 0; from < n; from += each {
		group := finiteOnly(past.Values[from:min(from+each, n)])
		if len(group) == 0 {
			continue
		}
		op := "L"
		if p.Len() == 0 {
			op = "M"
		}
		h.LastX, h.LastY = num(x(from)), num(y(mean(group)))
		fmt.Fprintf(&p, "%s%s %s", op, h.LastX, h.LastY)
	}
	h.Path = p.String()
	var levels []string
	for _, i := range past.Changes {
		if i < 0 || i >= n {
			continue
		}
		h.Changes = append(h.Changes, mark{X: num(x(i)), Text: fmt.Sprintf("a new level from run %d on", i+1)})
		levels = append(levels, fmt.Sprint(i+1))
	}
	h.Label = fmt.Sprintf("%s of %s over %s: from %s to %s, latest %s", clean(r.Metric), name, h.Runs, h.Low, h.High,
		Quantity(values[len(values)-1], r.Unit))
	if len(levels) > 0 {
		h.Label += "; new levels begin with run " + sentence(levels)
	}
	return h
}

func finiteOnly(xs []float64) []float64 {
	var out []float64
	for _, x := range xs {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			out = append(out, x)
		}
	}
	return out
}

// mean cannot overflow.
func mean(xs []float64) float64 {
	m := 0.0
	for _, x := range xs {
		m += x / float64(len(xs))
	}
	return m
}

// sideSpark is a series of the machine in both runs, on one scale.
type sideSpark struct{ Title, Base, Head, Peak, Label string }

// sideSparks draws the gauges that at least one of the runs has; either may
// be nil.
func sideSparks(base, head *result.Run) []sideSpark {
	if base == nil || head == nil {
		return nil
	}
	var out []sideSpark
	gs := gauges(head.Resources)
	for _, g := range gauges(base.Resources) {
		if !slices.ContainsFunc(gs, func(o gauge) bool { return o.name == g.name }) {
			gs = append(gs, g)
		}
	}
	for _, g := range gs {
		b, h := find(base.Resources, g.name), find(head.Resources, g.name)
		most := max(peakOf(b.Series), peakOf(h.Series))
		s := sideSpark{Title: g.title, Base: sparkline(b.Series, most), Head: sparkline(h.Series, most)}
		if s.Base == "" && s.Head == "" {
			continue
		}
		s.Peak = fmt.Sprintf("average %s → %s", averageText(g, b), averageText(g, h))
		s.Label = fmt.Sprintf("%s over both runs, %s", g.title, s.Peak)
		out = append(out, s)
	}
	return out
}

func averageText(g gauge, r *result.Resource) string {
	if r.Average == nil {
		return notAvailable
	}
	return g.format(*r.Average)
}
