package verdict

import (
	"math"
	"slices"

	"github.com/benchharness/harness/internal/stats"
)

// levels are the one-sided errors of one look.
type levels struct{ screen, family float64 }

// levels shares the errors out over the planned looks.
func (l Look) levels(rounds int, p Policy) (levels, error) {
	if len(l.Planned) == 0 {
		return levels{p.ScreenAlpha, p.Alpha}, nil
	}
	screen, err := stats.LookAlphas(p.ScreenAlpha, l.Planned, stats.Pocock)
	if err != nil {
		return levels{}, err
	}
	family, err := stats.LookAlphas(p.Alpha, l.Planned, stats.Pocock)
	if err != nil {
		return levels{}, err
	}
	at := 0
	for at < len(l.Planned)-1 && l.Planned[at] < rounds {
		at++
	}
	return levels{screen[at], family[at]}, nil
}

// screen finds the gating metrics that a repeat has to judge: those whose
// estimate reaches the threshold at the level, in either direction, beside
// those that were flagged before.
func (s *set) screen(level float64, before []string) []string {
	flagged := []string{}
	for _, c := range s.metrics {
		if slices.Contains(before, c.id) || c.suspect(level) {
			flagged = append(flagged, c.id)
		}
	}
	return flagged
}

func (c *candidate) suspect(level float64) bool {
	if c.row.Metric == successRatio && (c.row.Verdict == Regressed || c.row.Verdict == Improved) {
		return true
	}
	return c.open && c.row.Gate && c.certain(level) && atLeast(math.Abs(c.effect.Estimate), c.threshold)
}

// replace puts the repeat's judgement in the place of the flagged metrics.
func (s *set) replace(flagged []string, repeat *set) {
	byID := map[string]*candidate{}
	for _, c := range repeat.metrics {
		byID[c.id] = c
	}
	ids := setOf(flagged)
	for i, c := range s.metrics {
		if !ids[c.id] {
			continue
		}
		if again := byID[c.id]; again != nil {
			s.metrics[i] = again
			continue
		}
		c.settle(Inconclusive, "it stood out, but the repeat has no value of it")
		c.row.RoundsNeeded = s.rounds()
	}
}

// roundsFor is stats.RequiredRounds for a spread rounded up to two digits.
func roundsFor(p stats.RoundsPlan) (int, bool) {
	n, ok, err := stats.RequiredRounds(p)
	return n, ok && err == nil
}
