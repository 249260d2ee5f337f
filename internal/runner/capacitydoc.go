package runner

import (
	"fmt"
	"strconv"

	"github.com/benchharness/harness/internal/capacity"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/loop"
)

// conclude writes down what the search found. The rounds of the benchmark are
// those at the rate found, so that every metric says what it was like there.
func (s *search) conclude() {
	found, c := s.machine.Result(), s.doc.Capacity
	c.Confirmed, c.LimitedBy = found.Confirmed, string(found.Limit)
	if found.Lower > 0 {
		c.Lower = &found.Lower
	}
	if found.Upper > 0 {
		c.Upper = &found.Upper
	}
	if found.Confirmed && found.Limit != capacity.ByGenerator {
		c.Value = &found.Lower
	}
	for _, g := range found.Gaps {
		c.Gaps = append(c.Gaps, result.Gap(g))
	}
	switch {
	case s.stopped != "":
		c.Ended = s.stopped
	case found.Exhausted:
		c.Ended = result.SearchProbes
	case found.Lower == 0:
		c.Ended = result.SearchNone
	default:
		c.Ended = result.SearchFound
	}
	rate := found.Lower
	if rate == 0 {
		rate = c.Lowest()
	}
	s.keepRounds(rate)
	s.doc.Validity = append(s.doc.Validity, s.findings(found)...)
	if s.doc.Status == result.Failed && len(s.doc.Rounds) > 0 {
		s.doc.Status = result.Partial
	}
	result.Summarise(s.doc, s.end.declared)
}

// keepRounds makes the rounds at a rate those of the benchmark: the ones that
// confirmed it, else those in which it held, else all.
func (s *search) keepRounds(rate float64) {
	c := s.doc.Capacity
	var confirmed, held, all []result.Round
	length := 0.0
	for i, p := range c.Probes {
		if p.Rate != rate {
			continue
		}
		length = p.Duration
		all = append(all, s.rounds[i])
		if p.Outcome == result.HeldRate {
			held = append(held, s.rounds[i])
			if p.Phase == string(capacity.Confirm) {
				confirmed = append(confirmed, s.rounds[i])
			}
		}
	}
	rounds := all
	switch {
	case c.Confirmed:
		rounds = confirmed[len(confirmed)-c.Confirm:]
	case len(held) > 0:
		rounds = held
	}
	s.doc.Rounds = append(s.doc.Rounds, rounds...)
	s.doc.Load.Rate, s.doc.Load.Rounds, s.doc.Load.Duration = rate, len(rounds), length*float64(len(rounds))
}

// findings are what a reader has to know before the capacity is used.
func (s *search) findings(found capacity.Result) []result.Finding {
	c := s.doc.Capacity
	var out []result.Finding
	add := func(code, format string, args ...any) {
		out = append(out, result.Finding{Level: string(loop.Caution), Code: "capacity_" + code, Message: fmt.Sprintf(format, args...)})
	}
	why := c.ReasonAt(found.Upper)
	switch c.Ended {
	case result.SearchNone:
		if found.Limit != capacity.ByGenerator {
			add("none", "no rate held, not even %s: %s", perSecond(found.Upper), why)
		}
	case result.SearchProbes:
		add("unconfirmed", "the search ended after %d rounds (max_probes) before a rate was confirmed", len(c.Probes))
	case result.SearchTime:
		add("unconfirmed", "the search ended after %s (max_time) before a rate was confirmed", s.load.Capacity.MaxTime)
	case result.SearchStopped:
		add("unconfirmed", "the search was stopped before a rate was confirmed")
	}
	switch {
	case found.Limit == capacity.ByGenerator && found.Lower == 0:
		add("generator", "the capacity is not known: already at %s the rounds say nothing of the target: %s", perSecond(found.Upper), why)
	case found.Limit == capacity.ByGenerator:
		add("generator", "limited by the generator, and no capacity: the target may hold more, but the rounds at %s say nothing of it: %s", perSecond(found.Upper), why)
	case found.Limit == capacity.ByRange && found.Confirmed:
		add("range", "the highest rate that was to be tried held: the capacity is at least %s", perSecond(found.Lower))
	}
	if s.raised && (found.Lower == 0 || s.load.Capacity.From > 0) {
		add("samples", "no rate below %s was tried: the criterion needs %d ops in a round of at most %s", perSecond(c.From), s.criterion.Samples(), s.longest())
	}
	for _, g := range found.Gaps {
		add("gap", "the target is not monotone: %s did not hold in several rounds, and %s did; the capacity is below the former", perSecond(g.Missed), perSecond(g.Held))
	}
	for _, p := range c.Probes {
		if !p.Settled {
			add("unsettled", "%.1f s after the round at %s a single user's response was not back to what it was before the search", p.Settle, perSecond(p.Rate))
			break
		}
	}
	return out
}

func perSecond(rate float64) string { return strconv.FormatFloat(rate, 'f', -1, 64) + "/s" }
