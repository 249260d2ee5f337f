package loop

import (
	"context"
	"math"
	"math/big"
	"math/bits"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/sdk"
)

// The accuracy suite on a virtual clock: when ops really begin, driven through
// Driver.Round, against starts that are worked out here from the definitions
// and not by the loop's own code.

// begun are the moments at which the ops of a round really began, in order.
func begun(t *testing.T, p Plan) (at []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var s starts
		d := virtual(func(_ context.Context, op *sdk.Op) error { s.record(op); return nil })
		s.base = time.Now()
		res, err := d.Round(t.Context(), p, nil)
		checkRecords(t, res)
		if err != nil || res.Counts.OK != res.Counts.Scheduled || res.Clocks.Lag.Max() > 0 || res.Clocks.Wait.Max() > 0 {
			t.Fatalf("%+v, %v, lag %d, wait %d", res.Counts, err, res.Clocks.Lag.Max(), res.Clocks.Wait.Max())
		}
		for _, x := range s.at {
			at = append(at, x)
		}
	})
	slices.Sort(at)
	return at
}

// splitMix is the n-th number, from 0, of SplitMix64 seeded with x, in the form
// in which it is published: with a state that goes on.
func splitMix(x uint64, n int) (z uint64) {
	for range n + 1 {
		x += 0x9e3779b97f4a7c15
		z = x
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb
		z ^= z >> 31
	}
	return z
}

func TestOpsBeginWhenTheDefinitionSays(t *testing.T) {
	second := float64(time.Second)
	poisson := func(rate float64, n int) func(int) float64 {
		key := splitMix(splitMix(splitMix(42, 0)+2*3, 0), 0) // seed 42, round 3, shard 0
		sum, at := new(big.Float).SetPrec(200), make([]float64, n)
		for i := range at {
			u := float64(splitMix(key, i)>>11) * 0x1p-53
			sum.Add(sum, big.NewFloat(-math.Log1p(-u)))
			at[i], _ = sum.Float64()
		}
		return func(i int) float64 { return at[i] / rate * second }
	}
	for _, c := range []struct {
		name string
		p    Plan
		n    int // 0: not known beforehand
		want func(i int) float64
	}{
		{"constant", Plan{Model: Constant, Rate: 7000, Duration: time.Second}, 7000, func(i int) float64 { return float64(i) * second / 7000 }},
		{"a ramp", Plan{Model: Constant, Stages: []Stage{{2 * time.Second, 1000, 3000}}}, 4000, // n = 1000 t + 500 t²
			func(i int) float64 { return (math.Sqrt(1+float64(i)/500) - 1) * second }},
		{"steps", Plan{Model: Constant, Stages: []Stage{{time.Second, 100, 100}, {time.Second, 900, 900}}}, 1000, func(i int) float64 {
			if i < 100 {
				return float64(i) * second / 100
			}
			return second + float64(i-100)*second/900
		}},
		{"Poisson", Plan{Model: Poisson, Rate: 2000, Duration: time.Second, Seed: 42, Round: 3}, 0, poisson(2000, 3000)},
		{"a Poisson ramp", Plan{Model: Poisson, Stages: []Stage{{2 * time.Second, 1000, 3000}}, Seed: 42, Round: 3}, 0, func(i int) float64 {
			return (math.Sqrt(1+poisson(second, i+1)(i)/500) - 1) * second
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.p.Workers = 64
			at := begun(t, c.p)
			if c.n > 0 && len(at) != c.n || len(at) < 900 {
				t.Fatalf("%d ops, want %d", len(at), c.n)
			}
			step := 1
			if c.name == "a Poisson ramp" {
				step = 97 // it is worked out anew for each op
			}
			for i := 0; i < len(at); i += step {
				if want := c.want(i); math.Abs(float64(at[i])-want) > 1.5 {
					t.Fatalf("op %d began at %d ns, want %.1f", i, at[i], want)
				}
			}
		})
	}
}

// TestAPoissonRateDoesNotDrift looks at what can be looked at of a random
// schedule: its rate, over many ops of each shard, and that the sum goes on
// growing by whole gaps where it is as large as after a day.
func TestAPoissonRateDoesNotDrift(t *testing.T) {
	const rate, n = 700_000, 300_000
	p := Plan{Model: Poisson, Rate: rate, Workers: 8, Duration: 48 * time.Hour, Seed: 1}
	shards := shardsFor(p)
	if shards < 2 {
		t.Fatalf("%d shards", shards)
	}
	for k := range shards {
		for _, begin := range []float64{0, 6e10 / rate * 1e9} { // ns: of op 6e10
			s := newSchedule(p, roundKey(p, false), k, shards)
			s.sum += begin
			s.place()
			first := s.at
			for range n {
				s.advance()
			}
			mean := float64(s.at-first) / n * rate / 1e9 / float64(shards)
			if sigmas := (mean - 1) * math.Sqrt(n); math.Abs(sigmas) > 4 {
				t.Errorf("shard %d from %.0f s on: gaps are %.5f of what they ought to be, %.1f sigmas", k, begin/1e9, mean, sigmas)
			}
		}
	}
}

// bucket is the width of the histogram's bucket at a value: 3 digits want 2,048
// steps in each doubling, from the first whole one on.
func bucket(v int64) int64 { return int64(1) << max(0, bits.Len64(uint64(v))-11) }

func TestQuantilesAreWithinTheirBucket(t *testing.T) {
	const n = 100_003
	u := func(i uint64) float64 { return (float64(splitMix(i, 0)>>11) + 0.5) * 0x1p-53 }
	for name, draw := range map[string]func(i uint64) float64{ // ns
		"a constant":  func(uint64) float64 { return 1_234_567 },
		"exponential": func(i uint64) float64 { return -math.Log(u(i)) * 2e6 },
		"bimodal":     func(i uint64) float64 { return 1e5 + math.Floor(u(i)*1.05)*3e7 + u(i+1<<40)*1e4 },
		"log-normal": func(i uint64) float64 {
			return 1e6 * math.Exp(math.Sqrt(-2*math.Log(u(i)))*math.Cos(2*math.Pi*u(i+1<<40)))
		},
		"Pareto":     func(i uint64) float64 { return min(1e5*math.Pow(u(i), -1/1.2), float64(Limit)) },
		"nanosecond": func(i uint64) float64 { return math.Floor(1 + u(i)*50) },
	} {
		all, single := make([]int64, n), NewHistogram()
		parts := []*recorder{{}, {}, {}}
		for _, c := range parts {
			c.reset(newRun(Plan{Model: Closed}, false), 0, true)
		}
		for i := range all {
			all[i] = int64(draw(uint64(i)))
			_ = single.RecordValue(all[i])
			d := time.Duration(all[i])
			if i%2 == 0 {
				parts[i%3].plain(d)
			} else {
				parts[i%3].latency(entry{response: d, service: d - d/2, n: 1})
			}
		}
		res := emptyResult()
		for _, c := range parts {
			c.collect(&res, nil, nil, nil)
		}
		slices.Sort(all)
		for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 0.999, 0.9999, 1} {
			exact := all[int(q*n+0.5)-1] // HdrHistogram rounds the rank
			got := int64(quantile(single, q))
			if got < exact-bucket(exact) || got > exact+bucket(exact) {
				t.Errorf("%s: p%g is %d, want %d within %d", name, 100*q, got, exact, bucket(exact))
			}
			if merged := int64(quantile(res.Clocks.Response, q)); merged != got {
				t.Errorf("%s: p%g is %d in one histogram and %d merged of shards", name, 100*q, got, merged)
			}
		}
		if res.Clocks.Response.TotalCount() != n || res.Clocks.Service.TotalCount() != n {
			t.Errorf("%s: %d and %d samples after merging, want %d", name, res.Clocks.Response.TotalCount(), res.Clocks.Service.TotalCount(), n)
		}
	}
}

// held is the live heap shortly before the end of a round, while everything
// that the round has is there.
func held(t *testing.T, p Plan) (bytes float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := virtual(takes(time.Millisecond))
		res, err := d.Round(t.Context(), p, func(now Progress) {
			if bytes == 0 && now.Elapsed >= p.Duration-time.Second {
				bytes = liveHeap()
			}
		})
		if err != nil || res.Counts.OK < uint64(p.Duration.Seconds()) || bytes == 0 {
			t.Fatalf("%+v, %v", res.Counts, err)
		}
	})
	return bytes
}

// liveHeap is what is alive after a collection.
func liveHeap() float64 {
	runtime.GC()
	runtime.GC() // what a pool lets go of in the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func TestAnHourHoldsNoMoreMemoryThanAMinute(t *testing.T) {
	for _, p := range []Plan{
		{Model: Closed, Workers: 4, Think: time.Second},
		{Model: Poisson, Workers: 4, Rate: 4},
	} {
		t.Run(string(p.Model), func(t *testing.T) {
			bytes := map[time.Duration]float64{}
			for _, length := range []time.Duration{2 * time.Second, time.Minute, time.Hour} { // the first pays for what is made once
				before := liveHeap()
				p.Duration = length
				bytes[length] = held(t, p) - before
			}
			if more := bytes[time.Hour] - bytes[time.Minute]; more > 64<<10 {
				t.Errorf("an hour holds %.0f KiB, a minute %.0f", bytes[time.Hour]/1024, bytes[time.Minute]/1024)
			}
		})
	}
}
