package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/result"
)

const (
	poissonRate = 500
	poissonGaps = 1000
	alpha       = 0.001
)

// arrivals looks at when requests came to the server.
func arrivals(b *bench) error {
	// At 15,000/s an interval cut to whole nanoseconds would fit two more ops
	// into 8 s.
	for _, c := range []struct {
		rate    float64
		workers int
		length  time.Duration
	}{{2000, 32, 5 * time.Second}, {15000, 64, 8 * time.Second}} {
		if err := b.constantArrivals(c.rate, c.workers, c.length); err != nil {
			return err
		}
	}
	for seed := 1; seed <= 3; seed++ {
		if err := b.poissonArrivals(seed); err != nil {
			return err
		}
	}
	return nil
}

// arrived are the moments at which requests came, in order.
func (v *view) arrived() []int64 {
	at := make([]int64, len(v.stamps))
	for i, s := range v.stamps {
		at[i] = s.Received
	}
	slices.Sort(at)
	return at
}

func (b *bench) constantArrivals(rate float64, workers int, length time.Duration) error {
	n := uint64(rate * length.Seconds())
	j := job{load: open(rate, workers, length)}
	if rate < 10_000 {
		j.indexed = n // to see when each came; at more the client's work for it would count
	}
	o, log, err := b.against(known.Spec{}, j)
	if err != nil {
		return err
	}
	v := viewOf(o, log)
	at := v.arrived()
	name := fmt.Sprintf("constant %g/s", rate)
	b.same(name+": scheduled", o.round.Counts.Scheduled, n)
	b.same(name+": came to the server", uint64(len(at)), n)
	got := float64(len(at)-1) / (float64(at[len(at)-1]-at[0]) / 1e9)
	b.check(math.Abs(got/rate-1) <= 0.001, name+": rate by the server's stamps", fmt.Sprintf("%.2f/s (%s)", got, percent(got, rate)), "within 0.1%")
	if j.indexed > 0 {
		late := v.histogram(func(s known.Stamp) int64 { return s.Received - v.intended(s.Index, rate) })
		b.say("%s: a request is at the server %s after its intended start at p50, %s at p99; %s", name, show(quantile(late, 0.5)), show(quantile(late, 0.99)), o.clocks())
	}
	return nil
}

// poissonArrivals tests the gaps between arrivals. The way from the intended
// start to the server adds tens of microseconds that vary, to gaps of 2 ms on
// average: with a thousand gaps the test does not see that, with very many it
// would.
func (b *bench) poissonArrivals(seed int) error {
	load := open(poissonRate, 64, time.Duration(float64(poissonGaps)*1.3/poissonRate*float64(time.Second)))
	load["model"] = "poisson"
	o, log, err := b.against(known.Spec{}, job{load: load, seed: seed})
	if err != nil {
		return err
	}
	v := viewOf(o, log)
	at := v.arrived()
	name := fmt.Sprintf("Poisson %d/s, seed %d", poissonRate, seed)
	b.same(name+": came to the server", uint64(len(at)), o.round.Counts.Scheduled)
	if len(at) <= poissonGaps {
		b.check(false, name+": gaps", fmt.Sprint(len(at)-1), fmt.Sprint(poissonGaps))
		return nil
	}
	gaps := make([]float64, poissonGaps)
	for i := range gaps {
		gaps[i] = float64(at[i+1] - at[i])
	}
	a2, p := andersonDarling(gaps, 1e9/poissonRate)
	b.check(p > alpha, name+": Anderson–Darling", fmt.Sprintf("A² %.2f, p %.3g; lag p99 %s", a2, p, show(quantile(o.clock(result.Lag), 0.99))), fmt.Sprintf("p over %g", alpha))
	return nil
}
