package loop

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"
)

func TestAConstantRateDoesNotDrift(t *testing.T) {
	for _, rate := range []float64{700_000, 1000, 3, 999_983} {
		for _, i := range []uint64{0, 1, 2, 699_999, 1_000_003, 6e10, 6e10 + 7} {
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(new(big.Int).SetUint64(i), big.NewInt(1e9)), big.NewInt(int64(rate)))
			want, _ := exact.Float64()
			if want >= math.MaxInt64 {
				continue
			}
			if got := constantStart(i, rate); math.Abs(float64(got)-math.Floor(want)) > 1 {
				t.Errorf("op %d at %v/s is intended at %d ns, want %.0f", i, rate, got, want)
			}
		}
	}
}

// poissonStarts are the intended starts of a Poisson round of n shards,
// merged.
func poissonStarts(p Plan, n int) (at []float64) {
	for k := range n {
		s := newSchedule(p, roundKey(p, false), k, n)
		for _, t, ok := s.next(); ok; _, t, ok = s.next() {
			at = append(at, float64(t))
			s.advance()
		}
	}
	slices.Sort(at)
	return at
}

func TestPoissonGapsAreExponentialOfTheRightMean(t *testing.T) {
	for _, shards := range []int{1, 4} {
		p := Plan{Model: Poisson, Rate: 10_000, Duration: 5 * time.Second, Seed: 11}
		at := poissonStarts(p, shards)
		var u []float64
		last := 0.0
		for _, x := range at {
			u = append(u, (x-last)/1e9*p.Rate)
			last = x
		}
		n := float64(len(u))
		if want := p.Rate * p.Duration.Seconds(); math.Abs(n-want) > 4*math.Sqrt(want) {
			t.Errorf("%d shards: %v ops, want about %v", shards, n, want)
		}
		if a2 := andersonDarling(u); a2 > 3.857 { // its 1% point
			t.Errorf("%d shards: A² = %.2f, the gaps are not exponential", shards, a2)
		}
	}
}

func TestAPoissonScheduleIsAFunctionOfTheSeed(t *testing.T) {
	p := Plan{Model: Poisson, Rate: 1000, Duration: time.Second, Seed: 1}
	if !slices.Equal(poissonStarts(p, 1), poissonStarts(p, 1)) {
		t.Error("the same seed gives another schedule")
	}
	q := p
	q.Seed = 2
	if slices.Equal(poissonStarts(p, 1), poissonStarts(q, 1)) {
		t.Error("another seed gives the same schedule")
	}
	p.Round = 1
	if slices.Equal(poissonStarts(p, 1), poissonStarts(Plan{Model: Poisson, Rate: 1000, Duration: time.Second, Seed: 1}, 1)) {
		t.Error("another round gives the same schedule")
	}
}
