package verdict

import (
	"math"
	"slices"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

// spending shares the one-sided errors out over the planned looks.
type spending struct {
	looks             []int
	screens, families []float64
}

func newSpending(looks []int, p Policy) (spending, error) {
	if len(looks) == 0 {
		return spending{screens: []float64{p.ScreenAlpha}, families: []float64{p.Alpha}}, nil
	}
	screens, err := stats.LookAlphas(p.ScreenAlpha, looks, stats.Pocock)
	if err != nil {
		return spending{}, err
	}
	families, err := stats.LookAlphas(p.Alpha, looks, stats.Pocock)
	return spending{looks, screens, families}, err
}

// at is the index of the look at so many rounds.
func (s spending) at(rounds int) int {
	k := 0
	for k < len(s.looks)-1 && s.looks[k] < rounds {
		k++
	}
	return k
}

func (s spending) screen(rounds int) float64 { return s.screens[s.at(rounds)] }
func (s spending) family(rounds int) float64 { return s.families[s.at(rounds)] }

func always(level float64) func(int) float64 { return func(int) float64 { return level } }

// flag finds the gating metrics that a repeat has to judge: those whose
// estimate reaches the threshold at the screen's level, in either direction,
// and the latencies that a change of the success ratio hides, beside those that
// were flagged before.
func (s *set) flag(at spending, before []string) map[string]bool {
	flagged := setOf(before)
	for _, c := range s.metrics {
		if c.standsOut(at.screen(c.rounds)) {
			flagged[c.id] = true
		}
	}
	return flagged
}

func (c *candidate) standsOut(level float64) bool {
	if c.bySuccess || c.besideSuccess && c.row.Gate {
		return true
	}
	return c.open && c.row.Gate && c.certain(level) && atLeast(math.Abs(c.effect.Estimate), c.threshold)
}

// settledBy says that more rounds would not change what becomes of a gating
// metric.
func (c *candidate) settledBy(flagged map[string]bool) bool {
	return !c.open || !c.row.Gate || flagged[c.id] || c.effect.Exact || c.within()
}

// NotRepeated is the reason of a gating metric that a repeat has to judge and
// that there is no repeat of.
const NotRepeated = "it stood out, but was not repeated"

// confirm judges the flagged metrics by the repeat and the others by the first
// set, in which nothing can be regressed or improved any more.
func (s *set) confirm(at spending, look Look) {
	flagged := s.flag(at, look.Flagged)
	s.decide(decision{level: at.family, skip: flagged, screened: true})
	byID := map[string]*candidate{}
	if look.Repeat != nil {
		again := newSet([]*result.Run{look.Repeat.Base}, look.Repeat.Head, s.policy, Interleaved)
		again.keep(flagged)
		again.decide(decision{level: always(s.policy.Alpha)})
		for _, c := range again.metrics {
			byID[c.id] = c
		}
	}
	for i, c := range s.metrics {
		if !flagged[c.id] {
			continue
		}
		if c = byID[c.id]; c != nil {
			s.metrics[i] = c
			continue
		}
		if c = s.metrics[i]; c.besideSuccess {
			continue
		}
		c.settle(Inconclusive, NotRepeated)
		c.show()
		c.row.RoundsNeeded = c.rounds
	}
}

// keep leaves only the metrics with these ids.
func (s *set) keep(ids map[string]bool) {
	s.metrics = slices.DeleteFunc(s.metrics, func(c *candidate) bool { return !ids[c.id] })
}

func setOf(ids []string) map[string]bool {
	m := make(map[string]bool, len(ids))
	for _, id := range ids {
		m[id] = true
	}
	return m
}
