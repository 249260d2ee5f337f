// Package capacity searches for the highest rate that a target holds.
//
// It is the search alone: a machine that is told what became of a rate and says
// which one to try next. It has no clock and does no I/O, drives no load and
// does not know what it means that a rate is held: that is a criterion of the
// caller's.
//
// The rate is doubled until one is not held; one rate above that tells a
// hiccup, and a target that is not monotone, from an end; the bracket is halved
// on a log scale, because what matters of a rate is its ratio; and what was
// found is measured again, the upper end once and the lower end in several
// fresh rounds, because the rate that a bisection ends at was chosen for having
// been held, by luck perhaps.
package capacity

import (
	"fmt"
	"math"
)

// Outcome is what became of a rate in one round.
type Outcome string

// Outcomes of a round.
const (
	Held      Outcome = "held"      // all that was asked for held
	Missed    Outcome = "missed"    // the target did not do it
	Generator Outcome = "generator" // the generator did not: nothing is known of the target
)

// Phase is what a round is for.
type Phase string

// Phases of a search.
const (
	Descend Phase = "descend" // nothing held yet: a lower rate
	Grow    Phase = "grow"    // everything held so far: a higher one
	Above   Phase = "above"   // beyond the first rate that was missed
	Again   Phase = "again"   // a rate that was missed once
	Bisect  Phase = "bisect"
	Confirm Phase = "confirm" // the rate found
)

// Limit is what the capacity is limited by.
type Limit string

// Limits of a capacity.
const (
	ByTarget    Limit = "target"
	ByGenerator Limit = "generator" // the target may hold more
	ByRange     Limit = "range"     // the highest rate that was to be tried is held
	Unknown     Limit = "unknown"   // it ended while everything held, before the highest rate
)

// generatorTries is how often a rate is tried at which the generator was the
// one that failed: a busy moment of its machine is no limit.
const generatorTries = 3

// gapFails is how often a rate is missed before it counts although a higher one
// was held.
const gapFails = 3

// step is what a rate is multiplied by while it grows.
const step = 2

// Options bound a search.
type Options struct {
	Start      float64 // 1/s, the first rate, from Least to Most
	Least      float64 // 1/s, the lowest rate that is tried, above 0
	Most       float64 // 1/s, the highest
	Within     float64 // the upper end of the bracket is at most 1+Within times the lower; 0.01 to 1
	Confirm    int     // rounds that the rate found has to hold in a row, at least 1
	MostProbes int     // rounds of all phases together, at least 1
}

// Step is one round of the search.
type Step struct {
	Rate  float64 // 1/s
	Phase Phase
}

// Gap is a rate that was missed three times below one that was held.
type Gap struct{ Missed, Held float64 }

// Result is what a search knows.
type Result struct {
	// Lower is the highest rate that was held below every rate that was not, or
	// 0; Upper the lowest that was not held, or 0.
	Lower, Upper float64
	// Confirmed says that Lower was held in as many further rounds as asked for.
	Confirmed bool
	// Limit is what Upper is owed to; without one ByRange at the highest rate, else
	// Unknown.
	Limit Limit
	// Exhausted says that the search ended because it had no round left.
	Exhausted bool
	// Gaps are where the target was not monotone.
	Gaps []Gap
}

// bound is a rate that was not held.
type bound struct {
	rate  float64
	fails int
	why   Outcome
}

// Search is the machine. It is not safe for concurrent use.
type Search struct {
	o         Options
	held      []float64
	failed    []bound
	gaps      []Gap
	probes    int
	confirmed int     // rounds in a row
	looked    bool    // above the first rate that was missed
	tries     int     // of the same rate by a generator that failed
	retry     *Step   // what to try again because of that
	last      Step    // what was handed out
	pending   bool    // it was not answered yet
	suspect   float64 // a rate that was held above one that was missed
}

// New begins a search.
func New(o Options) (*Search, error) {
	finite := func(xs ...float64) bool {
		for _, x := range xs {
			if math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 {
				return false
			}
		}
		return true
	}
	switch {
	case !finite(o.Start, o.Least, o.Most):
		return nil, fmt.Errorf("search for a capacity: rates %v, %v, %v: want numbers above 0", o.Least, o.Start, o.Most)
	case o.Least > o.Start || o.Start > o.Most:
		return nil, fmt.Errorf("search for a capacity: it starts at %v/s, want a rate from %v/s to %v/s", o.Start, o.Least, o.Most)
	case !(o.Within >= 0.01 && o.Within <= 1):
		return nil, fmt.Errorf("search for a capacity: a bracket of %v, want 0.01 to 1", o.Within)
	case o.Confirm < 1 || o.MostProbes < 1:
		return nil, fmt.Errorf("search for a capacity: %d rounds to confirm, %d in all: want 1 at least", o.Confirm, o.MostProbes)
	}
	return &Search{o: o}, nil
}

// Next is the next round to measure; ok is false when the search is over. It
// is the same until it was reported.
func (s *Search) Next() (next Step, ok bool) {
	if s.pending {
		return s.last, true
	}
	if s.probes >= s.o.MostProbes {
		return Step{}, false
	}
	next, ok = s.decide()
	s.last, s.pending = next, ok
	return next, ok
}

// Report says what became of the round that Next named.
func (s *Search) Report(o Outcome) {
	if !s.pending {
		return
	}
	s.pending = false
	s.probes++
	rate, phase := s.last.Rate, s.last.Phase
	if o == Generator {
		if s.tries++; s.tries < generatorTries {
			again := s.last
			s.retry = &again
			return
		}
	}
	s.tries, s.retry = 0, nil
	switch {
	case o == Held && phase == Confirm:
		s.confirmed++
	case o == Held:
		s.hold(rate, phase)
	default:
		s.fail(rate, phase, o)
	}
}

func (s *Search) hold(rate float64, phase Phase) {
	switch phase {
	case Above:
		s.suspect = rate
	case Again: // the first time was a hiccup
		s.forget(rate)
		s.suspect = 0
	}
	s.held = append(s.held, rate)
}

func (s *Search) fail(rate float64, phase Phase, why Outcome) {
	s.confirmed = 0
	if phase == Confirm {
		// It was held by luck, and so was whatever is above it.
		s.dropHeld(rate)
		s.failed = append(s.failed, bound{rate, 2, why})
		return
	}
	for i := range s.failed {
		if f := &s.failed[i]; f.rate == rate {
			f.fails++
			f.why = why
			if s.suspect > rate && f.fails >= gapFails {
				s.gaps = append(s.gaps, Gap{Missed: rate, Held: s.suspect})
				s.suspect = 0
			}
			return
		}
	}
	b := bound{rate, 1, why}
	if why == Generator {
		b.fails = 2 // it was tried several times
	}
	s.failed = append(s.failed, b)
}

func (s *Search) forget(rate float64) {
	kept := s.failed[:0]
	for _, f := range s.failed {
		if f.rate != rate {
			kept = append(kept, f)
		}
	}
	s.failed = kept
}

// dropHeld forgets the held rates from rate on.
func (s *Search) dropHeld(rate float64) {
	kept := s.held[:0]
	for _, h := range s.held {
		if h < rate {
			kept = append(kept, h)
		}
	}
	s.held = kept
}

// bracket is the lowest rate that was not held, and the highest below it that
// was; both may be 0.
func (s *Search) bracket() (lower float64, upper bound) {
	for _, f := range s.failed {
		if upper.rate == 0 || f.rate < upper.rate {
			upper = f
		}
	}
	for _, h := range s.held {
		if h > lower && (upper.rate == 0 || h < upper.rate) {
			lower = h
		}
	}
	return lower, upper
}

func (s *Search) decide() (Step, bool) {
	if s.retry != nil {
		return *s.retry, true
	}
	lower, upper := s.bracket()
	if upper.rate == 0 {
		switch {
		case lower == 0:
			return Step{s.o.Start, Grow}, true
		case lower < s.o.Most:
			return Step{s.up(lower), Grow}, true
		}
		return s.confirm(lower)
	}
	if next, ok := s.above(upper); ok {
		return next, true
	}
	switch {
	case s.suspect > upper.rate:
		return Step{upper.rate, Again}, true
	case lower == 0:
		return s.below(upper)
	case upper.rate > lower*(1+s.o.Within)*(1+1e-9):
		if mid := Tidy(math.Sqrt(lower * upper.rate)); mid > lower && mid < upper.rate {
			return Step{mid, Bisect}, true
		}
	}
	if upper.fails < 2 {
		return Step{upper.rate, Again}, true
	}
	return s.confirm(lower)
}

// above looks once beyond the first rate that the target missed.
func (s *Search) above(upper bound) (Step, bool) {
	if s.looked || upper.why != Missed {
		return Step{}, false
	}
	s.looked = true
	if rate := s.up(upper.rate); rate > upper.rate*(1+s.o.Within) {
		return Step{rate, Above}, true
	}
	return Step{}, false
}

// below goes down while nothing is held. That the lowest rate is not has to be
// seen twice.
func (s *Search) below(upper bound) (Step, bool) {
	if upper.rate > s.o.Least {
		return Step{max(Tidy(upper.rate/step), s.o.Least), Descend}, true
	}
	if upper.fails < 2 {
		return Step{upper.rate, Again}, true
	}
	return Step{}, false
}

func (s *Search) confirm(rate float64) (Step, bool) {
	if s.confirmed >= s.o.Confirm {
		return Step{}, false
	}
	return Step{rate, Confirm}, true
}

// up is the next rate upwards.
func (s *Search) up(rate float64) float64 {
	return min(Tidy(min(rate*step, s.o.Most)), s.o.Most)
}

// Tidy rounds a rate to four digits, so that people can read and repeat it.
func Tidy(rate float64) float64 {
	const digits = 4
	scale := math.Pow(10, digits-1-math.Floor(math.Log10(rate)))
	return math.Round(rate*scale) / scale
}

// Result is what is known by now.
func (s *Search) Result() Result {
	lower, upper := s.bracket()
	r := Result{
		Lower: lower, Upper: upper.rate, Gaps: s.gaps,
		Confirmed: lower > 0 && s.confirmed >= s.o.Confirm,
		Limit:     ByTarget,
	}
	switch {
	case upper.rate == 0 && lower >= s.o.Most:
		r.Limit = ByRange
	case upper.rate == 0:
		r.Limit = Unknown
	case upper.why == Generator:
		r.Limit = ByGenerator
	}
	if s.probes >= s.o.MostProbes && !r.Confirmed {
		_, more := s.decide()
		r.Exhausted = more
	}
	return r
}
