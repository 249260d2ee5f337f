package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/loop"
)

// chart is the drawing of one scenario: the distribution of its response
// latency, pooled over rounds, and a bar for each round. Coordinates are in
// the units of the drawing's view box.
type chart struct {
	Title string
	State state
	Label string // what a reader who cannot see it has to know
	Area  string // outline of the distribution, an SVG path
	Ticks []mark // of the logarithmic axis
	Marks []mark // quantiles
	Bars  []bar
	// What the bars show, and its mean over rounds.
	BarTitle, BarMean string
	BarLine           string // y of the mean
}

type mark struct {
	X, Text string
	Anchor  string // SVG text-anchor
	Y       string // of the text; marks that are close take turns
}

type bar struct{ X, Y, W, H, Text string }

// The drawing areas.
const (
	plotW, plotH = 360.0, 84.0 // of the distribution
	plotTop      = 22.0        // room for the quantiles' names
	bins         = 60
	barsW, barsH = 120.0, 84.0
)

// quantiles are those that drawings of a distribution name.
var quantiles = []struct {
	name string
	q    float64
}{{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}}

// draw adds the charts, which only some formats have.
func (v *view) draw(run *result.Run) {
	for i, g := range pluginGroups(run) {
		for _, b := range g.benchmarks {
			if c, ok := newChart(run, b); ok {
				v.Plugins[i].Charts = append(v.Plugins[i].Charts, c)
			}
		}
	}
}

// newChart draws a scenario that has samples. ok is false for the others, and
// for those that failed.
func newChart(run *result.Run, b *result.Benchmark) (c chart, ok bool) {
	s, word, _ := outcome(run, b)
	if s == bad || s == absent {
		return chart{}, false
	}
	h, err := result.Pool(b.Rounds, result.Response)
	if err != nil || h.TotalCount() == 0 {
		return chart{}, false
	}
	c = chart{Title: scenarioName(run, b), State: s}
	axis := newAxis(h)
	c.Area = axis.area(h)
	c.Ticks = axis.ticks()
	c.Label = fmt.Sprintf("Response latency of %s, %s samples", c.Title, digits(float64(h.TotalCount())))
	if s != fine {
		c.Label += " (" + word + ")"
	}
	for _, q := range quantiles {
		d, known := loop.Quantile(h, q.q)
		if !known {
			continue
		}
		text := q.name + " " + Quantity(d.Seconds(), "s")
		c.Label += ", pooled " + text
		c.Marks = append(c.Marks, mark{X: num(axis.x(float64(d))), Text: text})
	}
	spread(c.Marks, axis)
	c.rounds(b)
	return c, true
}

// axis maps nanoseconds to the width of the plot, logarithmically.
type axis struct{ low, high float64 } // log10 of ns

// newAxis spans the samples of all the histograms.
func newAxis(hs ...*hdrhistogram.Histogram) axis {
	low, high := math.Inf(1), 0.0
	for _, h := range hs {
		low = math.Min(low, math.Log10(math.Max(float64(h.Min()), 1)))
		high = math.Max(high, math.Log10(math.Max(float64(h.Max()), 1)))
	}
	// A constant latency is a peak in the middle, not a division by zero.
	if pad := 0.3 - (high - low); pad > 0 {
		low, high = low-pad/2, high+pad/2
	}
	margin := (high - low) * 0.02
	return axis{low - margin, high + margin}
}

func (a axis) x(ns float64) float64 {
	return (math.Log10(math.Max(ns, 1)) - a.low) / (a.high - a.low) * plotW
}

// area draws the samples as steps.
func (a axis) area(h *hdrhistogram.Histogram) string {
	n := a.bins(h)
	return outline(n, slices.Max(n[:]))
}

// bins counts the samples over the width of the plot.
func (a axis) bins(h *hdrhistogram.Histogram) (n [bins]float64) {
	for _, d := range h.Distribution() {
		if d.Count == 0 {
			continue
		}
		at := a.x(float64(d.From+d.To)/2) / plotW * bins
		n[min(max(int(at), 0), bins-1)] += float64(d.Count)
	}
	return n
}

// outline draws bins as steps, as high as the plot where there are most. A bin
// with anything in it is at least a hair high, so that a tail of one sample
// shows. Steps of one height are one line.
func outline(n [bins]float64, most float64) string {
	var p strings.Builder
	bottom := plotTop + plotH
	fmt.Fprintf(&p, "M0 %s", num(bottom))
	at := num(bottom)
	for i, k := range n {
		y := bottom
		if k > 0 {
			y -= math.Max(k/most*plotH, 1.5)
		}
		if next := num(y); next != at {
			fmt.Fprintf(&p, "H%sV%s", num(float64(i)*plotW/bins), next)
			at = next
		}
	}
	fmt.Fprintf(&p, "H%sV%sZ", num(plotW), num(bottom))
	return p.String()
}

// ticks are round values, at most six of them.
func (a axis) ticks() []mark {
	for _, steps := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		if ms := a.ticksAt(steps, 1); len(ms) >= 2 && len(ms) <= 6 {
			return ms
		}
	}
	for every := 2; every < 12; every++ {
		if ms := a.ticksAt([]float64{1}, every); len(ms) <= 6 {
			return ms
		}
	}
	return nil
}

func (a axis) ticksAt(steps []float64, every int) []mark {
	var out []mark
	for e := math.Floor(a.low); e <= a.high; e++ {
		if int(e)%every != 0 {
			continue
		}
		for _, s := range steps {
			ns := s * math.Pow(10, e)
			x := a.x(ns)
			if x < 0 || x > plotW {
				continue
			}
			out = append(out, mark{X: num(x), Text: roundValue.Replace(Quantity(ns/1e9, "s")), Anchor: anchor(x)})
		}
	}
	return out
}

// roundValue takes the digits off that a power of ten owes to its arithmetic.
var roundValue = strings.NewReplacer(".00 ", " ", ".0 ", " ")

// anchor keeps a text at the edge inside the drawing.
func anchor(x float64) string {
	switch {
	case x < 24:
		return "start"
	case x > plotW-24:
		return "end"
	}
	return "middle"
}

// spread puts the texts of quantiles on two lines where they would overlap,
// and to the side that has room.
func spread(ms []mark, a axis) {
	const width = 74.0 // of a text
	last := [2]float64{-width, -width}
	for i := range ms {
		x, _ := strconv.ParseFloat(ms[i].X, 64)
		start := math.Min(math.Max(x-width/2, 0), plotW-width)
		line := 0
		if start < last[0] && last[1] < last[0] {
			line = 1
		}
		// A third text in one place is moved aside, next to its line.
		start = math.Min(math.Max(start, last[line]), plotW-width)
		last[line] = start + width
		ms[i].Y = num(8 + 11*float64(line))
		ms[i].Anchor = num(start + width/2)
	}
}

// rounds draws a bar for each round: its p95, or its mean where some round has
// too few samples for one.
func (c *chart) rounds(b *result.Benchmark) {
	var values []float64
	for _, m := range []struct{ metric, title string }{{"latency_p95", "P95"}, {"latency_mean", "Avg"}} {
		values = values[:0]
		for _, x := range perRound(b, m.metric) {
			if x != nil {
				values = append(values, *x)
			}
		}
		c.BarTitle = m.title + " of each round"
		if len(values) == len(b.Rounds) {
			if q := b.Lookup(m.metric); q.Value != nil {
				c.BarMean = Quantity(*q.Value, q.Unit)
				c.bars(values, *q.Value)
			}
			return
		}
	}
}

func perRound(b *result.Benchmark, metric string) []*float64 {
	for _, m := range b.Metrics {
		if m.Name == metric {
			return m.PerRound
		}
	}
	return nil
}

func (c *chart) bars(values []float64, mean float64) {
	most := mean
	for _, x := range values {
		most = math.Max(most, x)
	}
	if most <= 0 || len(values) == 0 {
		return
	}
	step := math.Min(barsW/float64(len(values)), 24)
	left := (barsW - step*float64(len(values))) / 2
	for i, x := range values {
		h := math.Max(x/most*barsH, 1)
		c.Bars = append(c.Bars, bar{
			X: num(left + (float64(i)+0.12)*step), W: num(step * 0.76),
			Y: num(plotTop + barsH - h), H: num(h),
			Text: fmt.Sprintf("round %d: %s", i+1, Quantity(x, "s")),
		})
	}
	c.BarLine = num(plotTop + barsH - mean/most*barsH)
}

// sparkline draws a series as a line of 120 × 28, from zero to most.
func sparkline(series []float32, most float32) string {
	const w, h = 120.0, 28.0
	if len(series) < 2 {
		return ""
	}
	if most <= 0 {
		most = 1
	}
	const points = 120
	n := min(len(series), points)
	var p strings.Builder
	for i := range n {
		// The largest of the samples that share a point: a peak stays.
		from, to := i*len(series)/n, (i+1)*len(series)/n
		peak := float32(0)
		for _, x := range series[from:to] {
			peak = max(peak, x)
		}
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&p, "%s%s %s", op, num(float64(i)/float64(n-1)*w), num(h-1-float64(peak/most)*(h-2)))
	}
	return p.String()
}

func peakOf(series []float32) float32 {
	most := float32(0)
	for _, x := range series {
		most = max(most, x)
	}
	return most
}

// num writes a coordinate.
func num(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}
