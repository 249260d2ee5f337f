package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
	"github.com/benchharness/harness/internal/verdict"
)

// factors say by how much each benchmark of head is slowed.
type factors func(name string) float64

// suiteTrial is one suite of unchanged code: names gives its benchmarks, and
// compare judges it once head's values are multiplied.
type suiteTrial struct {
	head    day
	compare func(factors) (*verdict.Comparison, error)
}

// seriesMethod makes as many suites of the series as it can.
type seriesMethod struct {
	name   string
	suites []suiteTrial
}

func publishedSeries(w io.Writer) error {
	days, err := readSeries()
	if err != nil {
		return err
	}
	benchmarks, unchanged := 0, 0
	for _, d := range days {
		benchmarks = max(benchmarks, len(d.samples))
		if d.unchanged {
			unchanged++
		}
	}
	fmt.Fprintf(w, "\n### A published series of unchanged code\n\n%d days and compilers, %d of them with the unchanged one; %d benchmarks, %d processes each. Threshold 3%%, a slowdown of 5%% injected into every 20th benchmark.\n\n",
		len(days), unchanged, benchmarks, processes)
	fmt.Fprintln(w, "| comparison | suites | false regressions, of benchmarks | suites with one at least | found at +5% |\n|---|---|---|---|---|")
	for _, m := range slices.Concat(pairMethods(days), storedMethods(days), rankMethods(days)) {
		var null, power rates
		for offset, s := range m.suites {
			c, err := s.compare(same)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			null.add(c, func(int) bool { return false })
			slowed := s.head.inject(offset)
			if c, err = s.compare(slowed); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			power.add(c, func(i int) bool { return slowed(c.Rows[i].Benchmark) != 1 })
		}
		fmt.Fprintf(w, "| %s | %d | %s | %s | %s |\n", m.name, null.suites,
			percent(null.falseMetrics, null.unchanged), percent(null.alarmed, null.suites), percent(power.found, power.changed))
	}
	return nil
}

var atThree = verdict.Policy{Thresholds: []verdict.Threshold{{Benchmark: "*", Metric: "*", MaxRegression: 0.03}}}

// pairs are the rounds of one or more days, each day's cut into two sides that
// took turns as ABBA. swapped exchanges the sides.
func pairs(days []day, rounds int, swapped bool, slowed factors) *verdict.Pair {
	var p verdict.Pair
	for _, d := range days {
		var base, head []int
		for k := 0; k+1 < processes && len(base) < rounds; k += 2 {
			base, head = append(base, k+k/2%2), append(head, k+1-k/2%2)
		}
		if swapped {
			base, head = head, base
		}
		p.Base = joined(p.Base, d.run(base, same))
		p.Head = joined(p.Head, d.run(head, slowed))
	}
	p.Base, p.Head = first(p.Base, rounds), first(p.Head, rounds)
	return &p
}

// joined adds the rounds of more to run; benchmarks that one of them lacks are
// left out.
func joined(run, more *result.Run) *result.Run {
	if run == nil {
		return more
	}
	both := *run
	both.Benchmarks = nil
	for i := range run.Benchmarks {
		if m := find(more, run.Benchmarks[i].ID); m != nil {
			both.Benchmarks = append(both.Benchmarks, benchmark(m.ID, slices.Concat(numbers(&run.Benchmarks[i]), numbers(m))))
		}
	}
	return &both
}

// windows are n days in a row of one machine, in both roles. Whether a day's
// code is that of another day does not matter here: its two sides are the same.
func windows(days []day, n int, each func(window []day, swapped bool) suiteTrial) []suiteTrial {
	var out []suiteTrial
	for i := 0; i+n <= len(days); i++ {
		if w := days[i : i+n]; w[0].machine == w[n-1].machine {
			out = append(out, each(w, false), each(w, true))
		}
	}
	return out
}

func pairMethods(days []day) []seriesMethod {
	confirmed := func(rounds, of int) []suiteTrial {
		return windows(days, 2*of, func(w []day, swapped bool) suiteTrial {
			return suiteTrial{w[0], func(f factors) (*verdict.Comparison, error) {
				one := pairs(w[:of], rounds, swapped, f)
				return verdict.ComparePairs(one.Base, one.Head, atThree, verdict.Look{Confirm: true, Repeat: pairs(w[of:], rounds, swapped, f)})
			}}
		})
	}
	return []seriesMethod{
		{"looks at 6, 12 and 24 pairs, then as many to confirm: harness ab", windows(days, 4, func(w []day, swapped bool) suiteTrial {
			return suiteTrial{w[0], func(f factors) (*verdict.Comparison, error) { return lookedAt(w, swapped, f) }}
		})},
		{"24 interleaved pairs, then 24 to confirm", confirmed(24, 2)},
		{"12 interleaved pairs, then 12 to confirm", confirmed(12, 1)},
		{"12 interleaved pairs, Holm, not repeated", windows(days, 1, func(w []day, swapped bool) suiteTrial {
			return suiteTrial{w[0], func(f factors) (*verdict.Comparison, error) {
				p := pairs(w, 12, swapped, f)
				return verdict.ComparePairs(p.Base, p.Head, atThree, verdict.Look{})
			}}
		})},
	}
}

// lookedAt takes the first two days to screen and the next two to confirm.
func lookedAt(w []day, swapped bool, f factors) (*verdict.Comparison, error) {
	q, err := verdict.NewSequential(atThree)
	if err != nil {
		return nil, err
	}
	for {
		step, done := q.Next()
		if done {
			return q.Comparison()
		}
		set := w[:2]
		if step.Repeat {
			set = w[2:]
		}
		p := pairs(set, step.Rounds, swapped, f)
		if err := q.Add(p.Base, p.Head); err != nil {
			return nil, err
		}
	}
}

func storedMethods(days []day) []seriesMethod {
	one := func(policy func(a, b day) verdict.Policy) []suiteTrial {
		return dayAgainstDay(days, func(a, b day, f factors) (*verdict.Comparison, error) {
			return verdict.Compare([]*result.Run{a.run(all(), same)}, b.run(all(), f), policy(a, b))
		})
	}
	var many []suiteTrial
	for _, d := range days {
		if d.unchanged {
			many = append(many, suiteTrial{d, func(f factors) (*verdict.Comparison, error) {
				return verdict.Compare(others(days, d, d), d.run(all(), f), atThree)
			}})
		}
	}
	return []seriesMethod{
		{"one stored day, the floor between days measured on the other days", one(func(a, b day) verdict.Policy {
			p := atThree
			p.Floors = verdict.RunFloors(others(days, a, b), verdict.Policy{})
			return p
		})},
		{"one stored day, the floor between days assumed", one(func(_, _ day) verdict.Policy { return atThree })},
		{"all other days stored", many},
	}
}

// others are the days of unchanged code on the machine of a, without a and b.
func others(days []day, a, b day) []*result.Run {
	var runs []*result.Run
	for _, d := range days {
		if d.unchanged && d.machine == a.machine && d.name != a.name && d.name != b.name {
			runs = append(runs, d.run(all(), same))
		}
	}
	return runs
}

// dayAgainstDay is every two days of unchanged code on one machine, in both
// orders.
func dayAgainstDay(days []day, compare func(a, b day, f factors) (*verdict.Comparison, error)) []suiteTrial {
	var out []suiteTrial
	for _, a := range days {
		for _, b := range days {
			if a.unchanged && b.unchanged && a.machine == b.machine && a.name != b.name {
				out = append(out, suiteTrial{b, func(f factors) (*verdict.Comparison, error) { return compare(a, b, f) }})
			}
		}
	}
	return out
}

// rankMethods are what most tools do with the same data: Mann and Whitney's
// test on the samples, benchmark by benchmark, at 5%, without and with a least
// change of the median.
func rankMethods(days []day) []seriesMethod {
	between := func(least float64) []suiteTrial {
		return dayAgainstDay(days, func(a, b day, f factors) (*verdict.Comparison, error) {
			return ranked(a.run(all(), same), b.run(all(), f), least)
		})
	}
	within := func(least float64) []suiteTrial {
		return windows(days, 1, func(w []day, swapped bool) suiteTrial {
			return suiteTrial{w[0], func(f factors) (*verdict.Comparison, error) {
				p := pairs(w, 12, swapped, f)
				return ranked(p.Base, p.Head, least)
			}}
		})
	}
	return []seriesMethod{
		{"Mann–Whitney, one day against another", between(0)},
		{"Mann–Whitney and a median 3% worse, one day against another", between(0.03)},
		{"Mann–Whitney, 12 rounds against 12 of the same day", within(0)},
		{"Mann–Whitney and a median 3% worse, 12 against 12 of the same day", within(0.03)},
	}
}

func ranked(base, head *result.Run, least float64) (*verdict.Comparison, error) {
	c := &verdict.Comparison{}
	for i := range head.Benchmarks {
		h := &head.Benchmarks[i]
		b := find(base, h.ID)
		if b == nil {
			continue
		}
		bx, hx := numbers(b), numbers(h)
		r, err := stats.MannWhitney(bx, hx)
		if err != nil {
			return nil, err
		}
		row := verdict.Row{Benchmark: h.ID, Verdict: verdict.Unchanged}
		if r.P < 0.05 && stats.Median(hx) > stats.Median(bx)*(1+least) {
			row.Verdict = verdict.Regressed
		}
		c.Rows = append(c.Rows, row)
	}
	return c, nil
}

func find(run *result.Run, id string) *result.Benchmark {
	for i := range run.Benchmarks {
		if run.Benchmarks[i].ID == id {
			return &run.Benchmarks[i]
		}
	}
	return nil
}

func numbers(b *result.Benchmark) []float64 {
	var out []float64
	for _, x := range b.Metrics[0].PerRound {
		out = append(out, *x)
	}
	return out
}
