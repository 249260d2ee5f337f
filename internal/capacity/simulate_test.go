package capacity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// noise is how a simulated target and its machine differ from round to round.
type noise struct {
	sd        float64 // of the logarithm of the capacity
	hiccup    float64 // share of rounds that the target misses at any rate
	generator float64 // share of rounds in which the generator fails
}

// outcome of searches for a known capacity.
type statistics struct {
	confirmed, high, far int     // high: more than 1+Within above; far: more than 15% below
	bias, spread         float64 // of the logarithm of found ÷ true
	probes               float64 // mean
}

func (s statistics) String() string {
	return fmt.Sprintf("confirmed %d, false %d, over 15%% too low %d, mean error %+.1f%%, standard deviation %.1f%%, %.1f rounds",
		s.confirmed, s.high, s.far, 100*s.bias, 100*s.spread, s.probes)
}

func simulate(t testing.TB, o Options, n noise, searches int) statistics {
	rng := rand.New(rand.NewPCG(1, 2))
	var s statistics
	var errs []float64
	for range searches {
		truth := 100 * math.Exp(rng.Float64()*math.Log(50)) // 100/s to 5,000/s
		r, steps := search(t, o, func(rate float64, _ int) Outcome {
			switch {
			case rng.Float64() < n.generator:
				return Generator
			case rng.Float64() < n.hiccup, rate > truth*math.Exp(n.sd*rng.NormFloat64()):
				return Missed
			}
			return Held
		})
		s.probes += float64(len(steps)) / float64(searches)
		if !r.Confirmed {
			continue
		}
		s.confirmed++
		if r.Lower > truth*(1+o.Within) {
			s.high++
		}
		if r.Lower < truth*0.85 {
			s.far++
		}
		errs = append(errs, math.Log(r.Lower/truth))
	}
	for _, e := range errs {
		s.bias += e / float64(len(errs))
	}
	for _, e := range errs {
		s.spread += (e - s.bias) * (e - s.bias) / float64(len(errs))
	}
	s.spread = math.Sqrt(s.spread)
	return s
}

// The rates that docs/capacity.md states. The seed is fixed, so that they are
// the same on every machine.
func TestErrorsOfAThousandSearches(t *testing.T) {
	o := Options{Start: 10, Least: 10, Most: 1e6, Within: 0.05, Confirm: 3, MostProbes: 50}
	for _, c := range []struct {
		name               string
		noise              noise
		confirmed          int // at least
		high, far          int // at most
		bias, spread, most float64
	}{
		{"a target without noise", noise{}, 1000, 0, 0, 0.03, 0.02, 20},
		{"a quiet machine: 1%", noise{sd: 0.01}, 1000, 0, 0, 0.04, 0.02, 20},
		{"a hosted machine: 3%, hiccups in 1% of rounds", noise{sd: 0.03, hiccup: 0.01}, 1000, 1, 10, 0.06, 0.04, 24},
		{"a noisy machine: 6%, hiccups in 5%, a late generator in 10%", noise{sd: 0.06, hiccup: 0.05, generator: 0.1}, 990, 5, 80, 0.10, 0.16, 32},
	} {
		s := simulate(t, o, c.noise, 1000)
		t.Logf("%s: %s", c.name, s)
		if s.confirmed < c.confirmed || s.high > c.high || s.far > c.far || math.Abs(s.bias) > c.bias || s.spread > c.spread || s.probes > c.most {
			t.Errorf("%s: %s", c.name, s)
		}
	}
}

// Without confirmation a rate that was held once by luck is reported.
func TestConfirmationIsWhatKeepsLuckOut(t *testing.T) {
	o := Options{Start: 10, Least: 10, Most: 1e6, Within: 0.05, Confirm: 1, MostProbes: 50}
	n := noise{sd: 0.06}
	var high []int
	for _, confirm := range []int{1, 3, 5} {
		o.Confirm = confirm
		high = append(high, simulate(t, o, n, 1000).high)
	}
	t.Logf("false with 1, 3 and 5 rounds of confirmation, of 1,000: %v", high)
	if !slices.IsSortedFunc(high, func(a, b int) int { return b - a }) || high[0] < 5*max(high[1], 1) {
		t.Errorf("false: %v", high)
	}
}
