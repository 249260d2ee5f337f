package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
	"github.com/benchharness/harness/sdk/loop"
)

// Sizes and limits of the drawings of a comparison.
const (
	// plotAllUpTo is how many rows a comparison may have for those that do not
	// gate to be drawn too.
	plotAllUpTo = 400

	rowPlotHalf  = 60.0 // half the width of a row's plot
	rowPlotScale = 20.0 // of one threshold in it

	intervalW, intervalH = 360.0, 58.0
	lanesW, lanesH       = 360.0, 44.0
	historyW, historyH   = 360.0, 48.0
)

// rowPlot is the interval of a row in units of its threshold, zero in the
// middle and worse to the right.
type rowPlot struct {
	Path  string // of the interval, with an arrow where it goes on
	At    string // x of the estimate, "" where that is further out
	State state
}

// worseBounds are the change and its interval with the sign of "worse".
func worseBounds(r *verdict.Row) (low, at, high float64, ok bool) {
	if r.Change == nil || r.Low == nil || r.High == nil {
		return 0, 0, 0, false
	}
	low, at, high = *r.Low, *r.Change, *r.High
	if r.Better == "higher" {
		low, at, high = -high, -at, -low
	}
	return low, at, high, low <= at && at <= high
}

func newRowPlot(r *verdict.Row, s state) *rowPlot {
	low, at, high, ok := worseBounds(r)
	if !ok || r.Threshold <= 0 {
		return nil
	}
	x := func(v float64) float64 {
		return math.Min(math.Max(v/r.Threshold*rowPlotScale, -rowPlotHalf), rowPlotHalf)
	}
	p := &rowPlot{Path: fmt.Sprintf("M%s 0H%s", num(x(low)), num(x(high))), State: s}
	if math.Abs(x(at)) < rowPlotHalf {
		p.At = num(x(at))
	}
	if x(low) == -rowPlotHalf {
		p.Path += "M-54-5l-6 5 6 5"
	}
	if x(high) == rowPlotHalf {
		p.Path += "M54-5l6 5-6 5M54 0h6"
	}
	return p
}

// intervalChart is an estimate with its interval, the band of the threshold
// and zero, on an axis of changes with worse to the right.
type intervalChart struct {
	Label          string
	Band, BandW    string // x and width
	Zero           string
	Low, High, At  string
	Ticks          []mark
	Better, Worse  string // x of the words
	ThresholdLabel string
}

func newIntervalChart(name string, r *verdict.Row) *intervalChart {
	low, at, high, ok := worseBounds(r)
	if !ok {
		return nil
	}
	const far = 1e6 // beyond it a drawing says nothing
	left, right := math.Max(math.Min(low, -r.Threshold), -far), math.Min(math.Max(high, r.Threshold), far)
	if right-left < 1e-9 {
		left, right = left-0.01, right+0.01
	}
	pad := (right - left) * 0.08
	left, right = left-pad, right+pad
	place := func(v float64) float64 {
		return (math.Min(math.Max(v, left), right) - left) / (right - left) * intervalW
	}
	x := func(v float64) string { return num(place(v)) }
	c := &intervalChart{
		Zero: x(0), Low: x(low), High: x(high), At: x(at),
		Band: x(-r.Threshold), BandW: num(place(r.Threshold) - place(-r.Threshold)),
		ThresholdLabel: "threshold " + thresholdText(r.Threshold, r.Scale),
	}
	sign := 1.0
	if r.Better == "higher" {
		sign = -1
	}
	for _, v := range ticksBetween(left, right) {
		pos := (v - left) / (right - left) * intervalW
		c.Ticks = append(c.Ticks, mark{X: num(pos), Text: tickText(v*sign, r.Scale), Anchor: anchor(pos)})
	}
	c.Label = fmt.Sprintf("%s of %s: change %s, interval %s to %s, threshold %s", clean(r.Metric), name,
		changeText(*r.Change, r.Scale), changeText(*r.Low, r.Scale), changeText(*r.High, r.Scale), thresholdText(r.Threshold, r.Scale))
	if word := direction(r); word != "" {
		c.Label += ", for the " + word
	}
	return c
}

// tickText is a round change, without the digits that would say how exact it
// is.
func tickText(x float64, scale string) string {
	text := signed(x, strconv.FormatFloat(math.Abs(x)*100, 'g', 6, 64))
	if scale == absoluteScale {
		return text
	}
	return text + "%"
}

// ticksBetween are three to seven round values, zero among them where it is
// between.
func ticksBetween(left, right float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10(right-left)))
	for _, by := range []float64{0.1, 0.2, 0.5, 1, 2, 5} {
		if (right-left)/(step*by) <= 6 {
			step *= by
			break
		}
	}
	var out []float64
	for k := math.Ceil(left / step); k*step <= right && len(out) < 8; k++ {
		out = append(out, k*step)
	}
	return out
}

// lanes are the values that a verdict rests on, of both sides on one axis.
type lanes struct {
	Label      string
	Base, Head []string // x
	MeanBase   string
	MeanHead   string
	Low, High  string // texts of the ends
}

func newLanes(name string, r *verdict.Row) *lanes {
	base, head := finiteValues(r.BasePerRound), finiteValues(r.HeadPerRound)
	all := slices.Concat(base, head)
	if len(base) < 2 && len(head) < 2 {
		return nil
	}
	low, high := slices.Min(all), slices.Max(all)
	// The names of the lanes are at the left.
	const left, right = 40.0, lanesW - 6
	x := func(v float64) string {
		if high <= low {
			return num((left + right) / 2)
		}
		return num(left + (v/2-low/2)/(high/2-low/2)*(right-left))
	}
	l := &lanes{
		Label: fmt.Sprintf("%s of %s: base %s, head %s", clean(r.Metric), name, rangeText(base, r.Unit), rangeText(head, r.Unit)),
		Low:   Quantity(low, r.Unit), High: Quantity(high, r.Unit),
	}
	for _, v := range base {
		l.Base = append(l.Base, x(v))
	}
	for _, v := range head {
		l.Head = append(l.Head, x(v))
	}
	if r.Base != nil && *r.Base >= low && *r.Base <= high {
		l.MeanBase = x(*r.Base)
	}
	if r.Head != nil && *r.Head >= low && *r.Head <= high {
		l.MeanHead = x(*r.Head)
	}
	return l
}

func rangeText(xs []float64, unit string) string {
	if len(xs) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s from %s to %s", count(len(xs), "value"), Quantity(slices.Min(xs), unit), Quantity(slices.Max(xs), unit))
}

func finiteValues(xs []*float64) []float64 {
	var out []float64
	for _, x := range xs {
		if x != nil {
			out = append(out, *x)
		}
	}
	return finiteOnly(out)
}

// overlay is the response latency of both sides, pooled over rounds, on one
// axis. Each is drawn as shares of its own samples.
type overlay struct {
	Label      string
	Base, Head string // outlines
	Ticks      []mark
	Columns    []string // p50 and so on, and samples
	Rows       []quantileRow
}

type quantileRow struct {
	Side  string
	Cells []string
}

// newOverlay returns nil where a side has no samples.
func newOverlay(name string, base, head *result.Benchmark) *overlay {
	if base == nil || head == nil {
		return nil
	}
	hb, err := result.Pool(base.Rounds, result.Response)
	if err != nil || hb.TotalCount() == 0 {
		return nil
	}
	hh, err := result.Pool(head.Rounds, result.Response)
	if err != nil || hh.TotalCount() == 0 {
		return nil
	}
	a := newAxis(hb, hh)
	nb, nh := a.bins(hb), a.bins(hh)
	for i := range bins {
		nb[i] /= float64(hb.TotalCount())
		nh[i] /= float64(hh.TotalCount())
	}
	most := max(slices.Max(nb[:]), slices.Max(nh[:]))
	o := &overlay{Base: outline(nb, most), Head: outline(nh, most), Ticks: a.ticks()}
	o.Label = fmt.Sprintf("Response latency of %s in base and head, pooled over rounds; the quantiles are in the table below", name)
	for _, q := range quantiles {
		o.Columns = append(o.Columns, q.name)
	}
	o.Columns = append(o.Columns, "samples")
	o.Rows = []quantileRow{{"base", quantileCells(hb)}, {"head", quantileCells(hh)}}
	return o
}

func quantileCells(h *hdrhistogram.Histogram) []string {
	var out []string
	for _, q := range quantiles {
		text := notAvailable
		if d, known := loop.Quantile(h, q.q); known {
			text = Quantity(d.Seconds(), "s")
		}
		out = append(out, text)
	}
	return append(out, digits(float64(h.TotalCount())))
}
