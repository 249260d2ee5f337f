package verdict

import (
	"math"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

// RoundFloors are what interleaved rounds of one and the same program differ
// by: the further end of each metric's interval. Metrics whose sides cannot be
// compared have none.
func RoundFloors(base, head *result.Run, p Policy) map[string]Floor {
	p = p.withDefaults()
	p.Floors = nil
	floors := map[string]Floor{}
	for _, c := range newSet([]*result.Run{base}, head, p, Interleaved).metrics {
		if c.open {
			floors[c.id] = Floor{Rounds: c.out(math.Abs(c.effect.Estimate) + c.margin), Workload: c.workload}
		}
	}
	return floors
}

// minFloorRuns is the number of runs below which their spread is a guess.
const minFloorRuns = 3

// leastFloor is that of a metric whose runs never differed. 0 would say that
// nobody has measured it.
const leastFloor = 1e-6

// RunFloors are what two runs of one and the same program differ by, of which
// there are to be three at least: s·√2 times the quantile of t, so that the
// share alpha of differences is larger in either direction. All runs are to be
// of one machine and workload.
func RunFloors(runs []*result.Run, p Policy) map[string]Floor {
	p = p.withDefaults()
	of := map[string][]float64{}
	about := map[string]*candidate{}
	s := &set{policy: p}
	for _, run := range runs {
		for i := range run.Benchmarks {
			b := &run.Benchmarks[i]
			for _, m := range b.Metrics {
				c := s.begin(b, m)
				if m.Value == nil {
					continue
				}
				if x, err := c.transform([]float64{*m.Value}); err == nil {
					of[c.id], about[c.id] = append(of[c.id], x...), c
				}
			}
		}
	}
	floors := map[string]Floor{}
	for id, xs := range of {
		if len(xs) < minFloorRuns {
			continue
		}
		e := stats.Effect{N: len(xs), SE: math.Sqrt2 * math.Sqrt(stats.Variance(xs)), DF: float64(len(xs) - 1)}
		e.Exact = e.SE == 0
		if bound := e.UpperBound(p.Alpha); number(&bound) {
			floors[id] = Floor{Runs: max(about[id].out(bound), leastFloor), Workload: about[id].workload}
		}
	}
	return floors
}
