package loop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

// BenchmarkValidity is the experiment of docs/validity.md: how many of 20 rounds
// of a second each kind of load gets each finding. What the findings of a sound
// load say is how crowded the machine is; those of an unsound one have to be
// there on any machine.
func BenchmarkValidity(b *testing.B) {
	const rounds = 20
	sleep := func(d time.Duration) doFunc {
		return func(context.Context, *sdk.Op) error { time.Sleep(d); return nil }
	}
	empty := func(context.Context, *sdk.Op) error { return nil }
	open := func(m Model, rate float64) Plan { return Plan{Model: m, Workers: 64, Rate: rate} }
	few := func(m Model, rate float64, workers int) Plan { return Plan{Model: m, Workers: workers, Rate: rate} }
	for _, c := range []struct {
		name string
		p    Plan
		do   doFunc
	}{
		{"sound/5ms_constant_1000", open(Constant, 1000), sleep(5 * time.Millisecond)},
		{"sound/5ms_poisson_300", open(Poisson, 300), sleep(5 * time.Millisecond)},
		{"sound/5ms_poisson_1000", open(Poisson, 1000), sleep(5 * time.Millisecond)},
		{"sound/empty_constant_5000", open(Constant, 5000), empty},
		{"sound/empty_poisson_300", open(Poisson, 300), empty},
		{"sound/empty_poisson_1000", open(Poisson, 1000), empty},
		{"sound/empty_poisson_5000", open(Poisson, 5000), empty},
		{"sound/empty_poisson_20000", open(Poisson, 20_000), empty},
		{"unsound/3x_overload_constant", few(Constant, 600, 2), sleep(10 * time.Millisecond)},
		{"unsound/3x_overload_poisson", few(Poisson, 600, 2), sleep(10 * time.Millisecond)},
		{"unsound/1.1x_overload_constant", few(Constant, 210, 2), sleep(10 * time.Millisecond)},
		{"unsound/0.9_busy_poisson", few(Poisson, 170, 2), sleep(10 * time.Millisecond)},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				found, lag := map[string]int{}, [2]time.Duration{}
				for i := range rounds {
					c.p.Duration, c.p.Seed = time.Second, uint64(i)
					res, err := New(each(c.do), nil).Round(b.Context(), c.p, nil)
					if err != nil {
						b.Fatal(err)
					}
					for _, f := range res.Validity {
						found[fmt.Sprintf("%s-%s", f.Level, f.Code)]++
					}
					lag[0], lag[1] = max(lag[0], quantile(res.Clocks.Lag, 0.5)), max(lag[1], quantile(res.Clocks.Lag, 0.95))
				}
				for code, n := range found {
					b.ReportMetric(float64(n), code)
				}
				b.ReportMetric(lag[1].Seconds()*1e6, "worst-lag-p95-µs")
			}
		})
	}
}
