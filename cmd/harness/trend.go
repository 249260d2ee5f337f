package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/history"
	"github.com/benchharness/harness/internal/report"
)

// sparkWidth is the number of columns of a sparkline at most, marks of changes
// not counted.
const sparkWidth = 48

// printTrends writes a line for each metric under one for each scenario, and
// below it where the metric changed.
func printTrends(w io.Writer, trends []history.Trend) error {
	var b strings.Builder
	before := ""
	for _, t := range trends {
		if title := scenarioTitle(t.Benchmark, t.Params); title != before {
			if before != "" {
				b.WriteByte('\n')
			}
			b.WriteString(title + "\n")
			before = title
		}
		printTrend(&b, t)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func scenarioTitle(benchmark string, params map[string]string) string {
	for _, k := range slices.Sorted(maps.Keys(params)) {
		benchmark += " " + k + "=" + params[k]
	}
	return benchmark
}

func printTrend(b *strings.Builder, t history.Trend) {
	if len(t.Points) == 0 {
		fmt.Fprintf(b, "  %-15s no valid value in %s\n", t.Metric, plural(t.Invalid, "run"))
		return
	}
	first, last := t.Points[0], t.Points[len(t.Points)-1]
	span := day(last.Started)
	if len(t.Points) > 1 {
		span = day(first.Started) + " – " + span
	}
	fmt.Fprintf(b, "  %-15s %s  %s  %s, %s%s\n", t.Metric, spark(t), report.Quantity(last.Value, t.Unit), plural(len(t.Points), "run"), span, leftOut(t))
	for _, c := range t.Changes {
		at := t.Points[c.Index]
		fmt.Fprintf(b, "  %-15s └ %s since %s (run %s): %s → %s\n", "", changeWords(t, c), day(at.Started), at.Run,
			report.Quantity(c.Before, t.Unit), report.Quantity(c.After, t.Unit))
	}
}

// leftOut says which runs are in no line of a trend.
func leftOut(t history.Trend) string {
	s := ""
	if t.Others > 0 {
		s += fmt.Sprintf("; %s on other machines, of other work or in another unit left out", plural(t.Others, "run"))
	}
	if t.Invalid > 0 {
		s += fmt.Sprintf("; %d invalid left out", t.Invalid)
	}
	return s
}

func changeWords(t history.Trend, c history.Change) string {
	word := "better"
	if (c.After > c.Before) == (t.Better == "lower") {
		word = "worse"
	}
	if t.Scale == "absolute" || c.Before == 0 {
		return fmt.Sprintf("%s by %s", word, report.Quantity(math.Abs(c.After-c.Before), t.Unit))
	}
	return fmt.Sprintf("%s, %+.1f%%,", word, 100*(c.After/c.Before-1))
}

var bars = []rune("▁▂▃▄▅▆▇█")

// spark draws a trend from its least value to its greatest, with │ where
// it changed. Of more points than columns, neighbours are averaged.
func spark(t history.Trend) string {
	n := len(t.Points)
	columns := min(n, sparkWidth)
	means := make([]float64, columns)
	lo, hi := math.Inf(1), math.Inf(-1)
	starts := func(col int) int { return col * n / columns }
	for col := range means {
		from, to := starts(col), starts(col+1)
		for _, p := range t.Points[from:to] {
			means[col] += p.Value / float64(to-from)
		}
		lo, hi = min(lo, means[col]), max(hi, means[col])
	}
	var b strings.Builder
	for col, v := range means {
		for _, c := range t.Changes {
			if c.Index >= starts(col) && c.Index < starts(col+1) {
				b.WriteRune('│')
				break
			}
		}
		level := 0
		// Less than a twentieth from end to end is noise, and drawn flat.
		if width := max(hi-lo, math.Abs(hi)/20); width > 0 {
			level = int((v - lo) / width * float64(len(bars)-1))
		}
		b.WriteRune(bars[min(max(level, 0), len(bars)-1)])
	}
	return b.String()
}

// someOf names a few of many.
func someOf(names []string) string {
	const few = 12
	if len(names) > few {
		return strings.Join(names[:few], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
