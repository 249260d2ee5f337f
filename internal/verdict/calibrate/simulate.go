package main

import (
	"fmt"
	"io"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

const (
	metrics  = 100
	affected = 5 // of them, where there is a change
)

// trial judges one suite whose first metrics are changed by a factor.
type trial func(w world, factor []float64) (*verdict.Comparison, error)

// method is a way to compare.
type method struct {
	name string
	try  trial
	// machines says whether each run comes from a machine of its own.
	machines bool
}

func methods() []method {
	return []method{
		{"12 interleaved rounds, then 12 to confirm", confirmed(12), true},
		{"6 interleaved rounds, then 6 to confirm", confirmed(6), true},
		{"looks at 6, 12 and 24, then as many to confirm", sequential, true},
		{"12 interleaved rounds, Holm, not repeated", single(12), true},
		{"one stored run, 12 rounds, any machine of the type", storedOne, true},
		{"one stored run, 12 rounds, the same machine", storedOne, false},
		{"10 stored runs, any machine of the type", storedMany, true},
		{"10 stored runs, the same machine", storedMany, false},
	}
}

func confirmed(rounds int) trial {
	return func(w world, factor []float64) (*verdict.Comparison, error) {
		base, head := w.pairs(rounds, factor)
		look := verdict.Look{Confirm: true, Repeat: &verdict.Pair{}}
		look.Repeat.Base, look.Repeat.Head = w.pairs(rounds, factor)
		return verdict.ComparePairs(base, head, verdict.Policy{}, look)
	}
}

func single(rounds int) trial {
	return func(w world, factor []float64) (*verdict.Comparison, error) {
		base, head := w.pairs(rounds, factor)
		return verdict.ComparePairs(base, head, verdict.Policy{}, verdict.Look{})
	}
}

// sequential hands over the rounds that each look asks for, cut from one
// series of the greatest length.
func sequential(w world, factor []float64) (*verdict.Comparison, error) {
	q, err := verdict.NewSequential(verdict.Policy{})
	if err != nil {
		return nil, err
	}
	looks := verdict.DefaultLooks()
	base, head := w.pairs(looks[len(looks)-1], factor)
	repeat := false
	for {
		step, done := q.Next()
		if done {
			return q.Comparison()
		}
		if step.Repeat && !repeat {
			repeat = true
			base, head = w.pairs(step.Rounds, factor)
		}
		if err := q.Add(first(base, step.Rounds), first(head, step.Rounds)); err != nil {
			return nil, err
		}
	}
}

// first is a run's first rounds.
func first(run *result.Run, rounds int) *result.Run {
	cut := *run
	cut.Benchmarks = nil
	for _, b := range run.Benchmarks {
		var xs []float64
		for _, x := range b.Metrics[0].PerRound[:rounds] {
			xs = append(xs, *x)
		}
		cut.Benchmarks = append(cut.Benchmarks, benchmark(b.ID, xs))
	}
	return &cut
}

const storedRounds = 12

func storedOne(w world, factor []float64) (*verdict.Comparison, error) {
	base := w.stored(storedRounds, ones(len(factor)))
	return verdict.Compare([]*result.Run{base}, w.stored(storedRounds, factor), verdict.Policy{})
}

func storedMany(w world, factor []float64) (*verdict.Comparison, error) {
	var base []*result.Run
	for range 10 {
		base = append(base, w.stored(storedRounds, ones(len(factor))))
	}
	return verdict.Compare(base, w.stored(storedRounds, factor), verdict.Policy{})
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

// rates are what came of many suites.
type rates struct {
	suites, alarmed, falseMetrics, unchanged int
	found, changed                           int
}

// simulate counts what becomes of the metrics of n suites.
func simulate(m method, in model, change float64, n int, seed uint64) (rates, error) {
	if !m.machines {
		in.machine = 0
	}
	w := newWorld(in, seed)
	factor := ones(metrics)
	var r rates
	for range n {
		if change != 0 {
			for i := range affected {
				factor[i] = 1 + change
			}
		}
		c, err := m.try(w, factor)
		if err != nil {
			return r, err
		}
		r.add(c, func(i int) bool { return factor[i] != 1 })
	}
	return r, nil
}

func (r *rates) add(c *verdict.Comparison, changed func(i int) bool) {
	r.suites++
	wrong := 0
	for i := range c.Rows {
		regressed := c.Rows[i].Verdict == verdict.Regressed
		switch {
		case changed(i):
			r.changed++
			if regressed {
				r.found++
			}
		default:
			r.unchanged++
			if regressed {
				wrong++
			}
		}
	}
	r.falseMetrics += wrong
	if wrong > 0 {
		r.alarmed++
	}
}

func (r rates) power() string { return percent(r.found, r.changed) }

func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.4g%%", 100*float64(n)/float64(of))
}

func simulations(w io.Writer, o options) error {
	fmt.Fprintf(w, "### Simulated runs\n\n%d suites of %d metrics without a change, %d for each power, with %d changed metrics among the %d. Seed %d.\n",
		o.suites, metrics, o.suites/5, affected, metrics, o.seed)
	for _, m := range methods() {
		fmt.Fprintf(w, "\n**%s**\n\n| machine | drift memory | false regressions, of metrics | of suites | found at +10%% | found at +15%% | found at +30%% |\n|---|---|---|---|---|---|---|\n", m.name)
		for _, in := range models() {
			null, err := simulate(m, in, 0, o.suites, o.seed)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "| %s | %.1f | %s | %s |", in.name, in.memory, percent(null.falseMetrics, null.unchanged), percent(null.alarmed, null.suites))
			for _, change := range []float64{0.10, 0.15, 0.30} {
				r, err := simulate(m, in, change, o.suites/5, o.seed+1)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, " %s |", r.power())
			}
			fmt.Fprintln(w)
		}
	}
	return nil
}
