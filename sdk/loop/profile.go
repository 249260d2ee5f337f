package loop

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"time"
)

// Stage is a part of an open loop's round in which the rate changes evenly from
// one value to another, in ops per second. Equal ends are a step; From and To
// far from those of its neighbours, and a short Duration, are a spike.
type Stage struct {
	Duration time.Duration
	From, To float64
}

// maxStages bounds a plan: more are a mistake, or a recording, which is a replay.
const maxStages = 10_000

func checkStages(stages []Stage) error {
	if len(stages) > maxStages {
		return fmt.Errorf("%d stages: want at most %d", len(stages), maxStages)
	}
	most := 0.0
	for i, s := range stages {
		switch {
		case s.Duration <= 0:
			return fmt.Errorf("stage %d lasts %v: want a time above 0", i+1, s.Duration)
		case !(s.From >= 0 && s.From <= 1e9 && s.To >= 0 && s.To <= 1e9):
			return fmt.Errorf("stage %d goes from %v to %v ops per second: want 0 to 1e9", i+1, s.From, s.To)
		}
		most = max(most, s.From, s.To)
	}
	if len(stages) > 0 && most == 0 {
		return errors.New("every stage has the rate 0")
	}
	return nil
}

// A profile is the integral of a rate over time: how many ops are intended
// until when. It is piecewise quadratic.
type profile []segment

type segment struct {
	at    float64 // ns at which it begins
	ops   float64 // intended before that
	rate  float64 // ops/ns at its beginning
	slope float64 // ops/ns², of the rate
}

// newProfile sums the stages up. The last segment is the end: there the rate is
// zero.
func newProfile(stages []Stage) profile {
	var p profile
	at, ops := 0.0, 0.0
	for _, s := range stages {
		length := float64(s.Duration)
		from, to := s.From/1e9, s.To/1e9
		p = append(p, segment{at: at, ops: ops, rate: from, slope: (to - from) / length})
		at += length
		ops += (from + to) / 2 * length
	}
	return append(p, segment{at: at, ops: ops})
}

// when is the time in ns at which the integral reaches n, or +Inf where it never
// does. seg is where to begin to look, and where it was found: calls with
// growing n look at every segment once.
func (p profile) when(n float64, seg *int) float64 {
	last := len(p) - 1
	for *seg < last && n >= p[*seg+1].ops {
		*seg++
	}
	if *seg == last {
		return math.Inf(1)
	}
	s := p[*seg]
	m := n - s.ops
	if m <= 0 && s.rate > 0 {
		return s.at
	}
	// The positive root of slope/2·x² + rate·x = m, in the form that loses no
	// digits where the slope is small or negative.
	root := math.Sqrt(max(0, s.rate*s.rate+2*s.slope*m))
	if s.rate+root == 0 {
		return s.at // the very beginning of a rise from zero
	}
	return s.at + 2*m/(s.rate+root)
}

// until is the integral at a time in ns: how many ops are intended until then.
func (p profile) until(ns float64) float64 {
	i := sort.Search(len(p), func(i int) bool { return p[i].at > ns }) - 1
	if i < 0 {
		return 0
	}
	s, x := p[i], ns-p[i].at
	return s.ops + (s.rate+s.slope*x/2)*x
}

// stagesLength is how long the stages last.
func stagesLength(stages []Stage) (sum time.Duration) {
	for _, s := range stages {
		sum += s.Duration
	}
	return sum
}

// peak is the largest rate of a plan, in ops per second. That of a replay is its
// mean, because what counts is how many threads its schedule takes.
func (p Plan) peak() float64 {
	switch {
	case p.Model == Replay:
		return p.mean()
	case len(p.Stages) == 0:
		return p.Rate
	}
	most := 0.0
	for _, s := range p.Stages {
		most = max(most, s.From, s.To)
	}
	return most
}

// mean is the mean rate of a plan, in ops per second.
func (p Plan) mean() float64 {
	switch {
	case p.Model == Replay:
		if last := p.Arrivals[len(p.Arrivals)-1]; last > 0 {
			return float64(len(p.Arrivals)) / last.Seconds()
		}
		return 1e9 // all at once
	case len(p.Stages) == 0:
		return p.Rate
	}
	end := newProfile(p.Stages)
	return end[len(end)-1].ops / end[len(end)-1].at * 1e9
}

// warmUp is the load before the measured part: a closed loop as it is, an open
// one at the rate at which it begins, or at its mean where that is zero or there
// is none.
func (p Plan) warmUp() Plan {
	w := p
	w.Duration, w.Ops, w.Stages, w.Arrivals = p.Warmup, 0, nil, nil
	switch {
	case p.Model == Replay:
		w.Model, w.Rate = Constant, min(p.mean(), 1e9)
	case len(p.Stages) > 0 && p.Stages[0].From > 0:
		w.Rate = p.Stages[0].From
	case len(p.Stages) > 0:
		w.Rate = p.mean()
	}
	return w
}
