package main

import (
	"fmt"
	"io"
	"math"

	"github.com/benchharness/harness/internal/stats"
)

// untilMin and untilMax are the bounds of the default rule of `harness run
// --until`.
const untilMin, untilMax = 5, 30

// stopped is what became of runs that ended by their interval.
type stopped struct {
	rounds   float64 // mean
	reached  float64 // share that ended before untilMax rounds or at it with the interval narrow enough
	covered  float64 // share of those that reached it whose interval holds the truth
	rounded  int     // rounds, the nearest whole number
	steadily float64 // share of runs of so many rounds, fixed before, whose interval holds the truth
}

// coverage simulates runs on one machine: the machine is part of the truth, its
// drift and the processes are not.
func (w world) coverage(within float64, runs int) stopped {
	rule := stats.Until{Within: within, Min: untilMin, Max: untilMax}
	var s stopped
	for range runs {
		next := w.walk()
		var x []float64
		for len(x) < rule.Max && !rule.Reached(x) {
			x = append(x, math.Exp(next()+w.process*w.NormFloat64()))
		}
		s.rounds += float64(len(x))
		if rule.Reached(x) {
			s.reached++
			s.covered += holds(x)
		}
	}
	s.rounds /= float64(runs)
	s.covered /= math.Max(s.reached, 1)
	s.reached /= float64(runs)
	s.rounded = int(math.Round(s.rounds))
	for range runs {
		next := w.walk()
		x := make([]float64, s.rounded)
		for i := range x {
			x[i] = math.Exp(next() + w.process*w.NormFloat64())
		}
		s.steadily += holds(x)
	}
	s.steadily /= float64(runs)
	return s
}

// holds is 1 when the interval of the mean logarithm includes the truth, which
// is 0.
func holds(x []float64) float64 {
	logs, err := stats.Logs(x)
	if err != nil {
		return 0
	}
	e, err := stats.PairedT(logs)
	if err != nil {
		return 0
	}
	if i := e.Interval(stats.UntilLevel); i.Lo <= 0 && i.Hi >= 0 {
		return 1
	}
	return 0
}

// untilTable prints what stopping on the interval costs.
func untilTable(w io.Writer, o options) {
	fmt.Fprintf(w, "### Rounds that end when a metric is known\n\n%d runs a row, %d to %d rounds, nominal coverage %g%%. Seed %d.\n\n", 20*o.suites, untilMin, untilMax, 100*stats.UntilLevel, o.seed)
	fmt.Fprintln(w, "| machine | drift memory | within | rounds, mean | reached | holds the truth, of those | as many rounds, fixed before |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, m := range models() {
		for _, within := range []float64{0.10, 0.05, 0.02} {
			s := newWorld(m, o.seed).coverage(within, 20*o.suites)
			held := "–"
			if s.reached > 0 {
				held = fmt.Sprintf("%.1f%%", 100*s.covered)
			}
			fmt.Fprintf(w, "| %s | %.1f | %g%% | %.1f | %.1f%% | %s | %.1f%% |\n", m.name, m.memory, 100*within, s.rounds, 100*s.reached, held, 100*s.steadily)
		}
	}
	fmt.Fprintln(w)
}
