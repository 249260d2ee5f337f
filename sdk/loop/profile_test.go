package loop

import (
	"context"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

// starting returns the intended starts of a plan, merged over its shards.
func starting(p Plan, n int) (at []time.Duration) {
	for k := range n {
		s := newSchedule(p, roundKey(p, false), k, n)
		for _, t, ok := s.next(); ok; _, t, ok = s.next() {
			at = append(at, t)
			s.advance()
		}
	}
	slices.Sort(at)
	return at
}

func TestOpsAreIntendedWhereTheIntegralOfTheRateReachesTheirNumber(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		name   string
		stages []Stage
		n      int // ops of the whole
		at     map[int]time.Duration
	}{
		// 100/s for a second, then 400/s: op 100 is the first of the second stage.
		{"steps", []Stage{{second, 100, 100}, {second, 400, 400}}, 500, map[int]time.Duration{0: 0, 50: second / 2, 100: second, 300: 3 * second / 2}},
		// 0 to 1000/s in 2 s: n = 250 t², t = sqrt(n/250).
		{"a ramp from zero", []Stage{{2 * second, 0, 1000}}, 1000, map[int]time.Duration{0: 0, 10: 200 * time.Millisecond, 250: second}},
		// 1000/s to 0 in 2 s: op 750 after 1 s.
		{"a ramp to zero", []Stage{{2 * second, 1000, 0}}, 1000, map[int]time.Duration{0: 0, 750: second}},
		{"a pause", []Stage{{second, 10, 10}, {5 * second, 0, 0}, {second, 10, 10}}, 20, map[int]time.Duration{9: 900 * time.Millisecond, 10: 6 * second}},
		{"a spike", []Stage{{second, 10, 10}, {100 * time.Millisecond, 1000, 1000}, {second, 10, 10}}, 120, map[int]time.Duration{10: second, 60: 1050 * time.Millisecond, 110: 1100 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, shards := range []int{1, 3} {
				got := starting(Plan{Model: Constant, Workers: 3, Stages: c.stages}, shards)
				if len(got) != c.n {
					t.Fatalf("%d shards: %d ops, want %d", shards, len(got), c.n)
				}
				for i, want := range c.at {
					if d := got[i] - want; d < -1 || d > 1 {
						t.Errorf("%d shards: op %d is intended at %v, want %v", shards, i, got[i], want)
					}
				}
			}
		})
	}
}

// TestARampDoesNotDrift holds the root against one of 300 bits.
func TestARampDoesNotDrift(t *testing.T) {
	for _, s := range []Stage{
		{24 * time.Hour, 1, 700_000}, {24 * time.Hour, 700_000, 1}, {24 * time.Hour, 699_999, 700_000}, {24 * time.Hour, 700_000, 700_000},
	} {
		p := newProfile([]Stage{s})
		for _, n := range []uint64{0, 1, 2, 999, 700_001, 1e9, 3e10} {
			if float64(n) >= p[1].ops {
				continue
			}
			// x = 2m / (r + sqrt(r² + 2 s m)) in high precision.
			f := func(x float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(x) }
			length := f(float64(s.Duration))
			slope := new(big.Float).Quo(new(big.Float).Sub(f(s.To), f(s.From)), length)
			slope.Quo(slope, f(1e9))
			rate := new(big.Float).Quo(f(s.From), f(1e9))
			m := new(big.Float).SetPrec(300).SetUint64(n)
			inner := new(big.Float).Mul(rate, rate)
			inner.Add(inner, new(big.Float).Mul(f(2), new(big.Float).Mul(slope, m)))
			want, _ := new(big.Float).Quo(new(big.Float).Mul(f(2), m), new(big.Float).Add(rate, new(big.Float).Sqrt(inner))).Float64()
			seg := 0
			if got := p.when(float64(n), &seg); math.Abs(got-want) > 1 {
				t.Errorf("%+v: op %d is intended at %.2f ns, want %.2f", s, n, got, want)
			}
		}
	}
}

// TestAPoissonRampIsAPoissonProcessOfThatRate undoes the change of the clock:
// what is left has to have exponential gaps of mean 1.
func TestAPoissonRampIsAPoissonProcessOfThatRate(t *testing.T) {
	for _, shards := range []int{1, 4} {
		p := Plan{Model: Poisson, Seed: 5, Stages: []Stage{{2 * time.Second, 0, 10_000}, {time.Second, 10_000, 10_000}, {time.Second, 2000, 100}}}
		integral := func(ns float64) float64 {
			switch s := ns / 1e9; {
			case s < 2:
				return 2500 * s * s
			case s < 3:
				return 10_000 + 10_000*(s-2)
			default:
				x := s - 3
				return 20_000 + 2000*x - 950*x*x
			}
		}
		var u []float64
		last := 0.0
		for _, at := range starting(p, shards) {
			x := integral(float64(at))
			u = append(u, x-last)
			last = x
		}
		if n, want := float64(len(u)), 21_050.0; math.Abs(n-want) > 4*math.Sqrt(want) {
			t.Errorf("%d shards: %v ops, want about %v", shards, n, want)
		}
		if a2 := andersonDarling(u); a2 > 3.857 { // its 1% point
			t.Errorf("%d shards: A² = %.2f, the gaps are not exponential", shards, a2)
		}
	}
}

func TestAReplayIsWhatWasRecorded(t *testing.T) {
	at := []time.Duration{0, 0, 3 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond, time.Second}
	if got := starting(Plan{Model: Replay, Arrivals: at}, 2); !slices.Equal(got, at) {
		t.Errorf("intended at %v, want %v", got, at)
	}
	p := Plan{Model: Replay, Arrivals: at, Workers: 3, Ops: 5}
	inBubble(t, p, takes(time.Millisecond), func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts.OK != 5 || res.Clocks.Lag.Max() != 0 || res.Elapsed != 11*time.Millisecond {
			t.Errorf("%+v in %v, %v", res.Counts, res.Elapsed, err)
		}
	})
}

func TestStagesAreDrivenToTheirEnd(t *testing.T) {
	p := Plan{Model: Constant, Workers: 8, Warmup: 100 * time.Millisecond, Stages: []Stage{{time.Second, 0, 200}, {time.Second, 0, 0}}}
	inBubble(t, p, takes(time.Millisecond), func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts.Scheduled != 100 || res.Elapsed != 2*time.Second || len(res.Validity) > 0 {
			t.Errorf("%+v in %v, %v, %v; want 100 in 2s", res.Counts, res.Elapsed, err, res.Validity)
		}
	})
}

func TestAnOpThatIsTooLateIsSkippedAndCounted(t *testing.T) {
	// One worker, ops of 100 ms every 10 ms: whoever is 30 ms late is skipped.
	p := Plan{Model: Constant, Rate: 100, Workers: 1, Duration: time.Second, SkipLate: 30 * time.Millisecond}
	inBubble(t, p, takes(100*time.Millisecond), func(t *testing.T, res Result, err error) {
		if err != nil || !res.Counts.Balanced() || res.Counts.OK == 0 || res.Counts.Skipped == 0 {
			t.Fatalf("%+v, %v", res.Counts, err)
		}
		if n := res.Clocks.Response.TotalCount(); n != int64(res.Counts.Scheduled) {
			t.Errorf("%d response times for %d ops", n, res.Counts.Scheduled)
		}
		// Whoever was sent had waited for less than 30 ms.
		if most := quantile(res.Clocks.Wait, 1); most >= 30*time.Millisecond {
			t.Errorf("an op waited for %v and was sent", most)
		}
		if !has(res, Invalid, "under_achieved") {
			t.Errorf("no finding about it: %v", res.Validity)
		}
	})
}

func TestThinkTimeIsOnNoClock(t *testing.T) {
	p := Plan{Model: Closed, Workers: 2, Duration: time.Second, Think: 90 * time.Millisecond, OpTimeout: 50 * time.Millisecond}
	inBubble(t, p, takes(10*time.Millisecond), func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts != (Counts{Scheduled: 20, OK: 20}) || res.Batch != 1 {
			t.Fatalf("%+v, batches of %d, %v; want 20 ok", res.Counts, res.Batch, err)
		}
		if most := quantile(res.Clocks.Response, 1); !near(most, 10*time.Millisecond) {
			t.Errorf("the largest response is %v, want 10ms", most)
		}
		if res.Elapsed != 910*time.Millisecond {
			t.Errorf("elapsed %v, want until the last op was done: 910ms", res.Elapsed)
		}
	})
}

func TestAPlanThatContradictsItselfIsRefused(t *testing.T) {
	ok := []Stage{{time.Second, 1, 2}}
	for _, p := range []Plan{
		{Model: Closed, Workers: 1, Duration: time.Second, Stages: ok},
		{Model: Closed, Workers: 1, Duration: time.Second, SkipLate: 1},
		{Model: Constant, Workers: 1, Duration: time.Second, Rate: 1, Think: 1},
		{Model: Constant, Workers: 1, Stages: []Stage{{0, 1, 1}}},
		{Model: Constant, Workers: 1, Stages: []Stage{{time.Second, -1, 1}}},
		{Model: Constant, Workers: 1, Stages: []Stage{{time.Second, 1, math.Inf(1)}}},
		{Model: Constant, Workers: 1, Stages: []Stage{{time.Second, math.NaN(), 1}}},
		{Model: Constant, Workers: 1, Stages: []Stage{{time.Second, 0, 0}}},
		{Model: Constant, Workers: 1, Stages: slices.Repeat(ok, maxStages+1)},
		{Model: Replay, Workers: 1},
		{Model: Replay, Workers: 1, Arrivals: []time.Duration{2, 1}},
		{Model: Replay, Workers: 1, Arrivals: []time.Duration{-1}},
		{Model: Replay, Workers: 1, Arrivals: []time.Duration{1}, Stages: ok},
	} {
		if err := p.Check(); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
	if _, err := virtual(func(context.Context, *sdk.Op) error { return nil }).Round(t.Context(), Plan{Model: Replay, Workers: 1}, nil); err == nil {
		t.Error("a round of nothing ran")
	}
}
