package loop

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

// each makes a session whose workers all call do.
func each(do func(ctx context.Context, op *sdk.Op) error) sdk.Session {
	s, _ := sdk.Func(do)(context.Background(), sdk.SetupRequest{})
	return s
}

func emptyOps(b *testing.B, p Plan, n int) Result {
	d := New(each(func(context.Context, *sdk.Op) error { return nil }), nil)
	p.Model, p.Ops, p.OpTimeout = Closed, uint64(n), 30*time.Second
	if p.Workers == 0 {
		p.Workers = 1
	}
	if _, err := d.Round(b.Context(), Plan{Model: Closed, Workers: p.Workers, Ops: 1}, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	res, err := d.Round(b.Context(), p, nil)
	b.StopTimer()
	if err != nil || res.Counts.OK != uint64(n) {
		b.Fatal(res.Counts, err)
	}
	return res
}

// BenchmarkEmptyOp is what the loop costs per op: with every op timed by
// itself, beside BenchmarkTwoClockReadsAndRecord, and in batches.
func BenchmarkEmptyOp(b *testing.B) {
	b.Run("timed", func(b *testing.B) { emptyOps(b, Plan{NoBatch: true}, b.N) })
	b.Run("batched", func(b *testing.B) { emptyOps(b, Plan{}, b.N) })
	b.Run("timed_two_workers", func(b *testing.B) { emptyOps(b, Plan{NoBatch: true, Workers: 2}, b.N) })
}

func twoReadsAndRecord(n int) time.Duration {
	h := NewHistogram()
	base := time.Now()
	for range n {
		start := time.Since(base)
		_ = h.RecordValue(int64(time.Since(base) - start))
	}
	return time.Since(base)
}

func BenchmarkTwoClockReadsAndRecord(b *testing.B) {
	b.ReportAllocs()
	twoReadsAndRecord(b.N)
}

// BenchmarkEmptyOpRatio measures both in turns and reports the ratio of the
// fastest of each: 1.5 is asked for.
func BenchmarkEmptyOpRatio(b *testing.B) {
	const n = 200_000
	d := New(each(func(context.Context, *sdk.Op) error { return nil }), nil)
	loop, floor := time.Hour, time.Hour
	for range b.N {
		for range 5 {
			res, err := d.Round(b.Context(), Plan{Model: Closed, Workers: 1, Ops: n, NoBatch: true, OpTimeout: time.Minute}, nil)
			if err != nil {
				b.Fatal(err)
			}
			loop = min(loop, res.Elapsed)
			floor = min(floor, twoReadsAndRecord(n))
		}
	}
	b.ReportMetric(float64(loop)/float64(floor), "ratio")
	b.ReportMetric(float64(loop)/n, "loop-ns/op")
	b.ReportMetric(float64(floor)/n, "floor-ns/op")
}

// BenchmarkOpenLag reports the generator's lag on this machine.
func BenchmarkOpenLag(b *testing.B) {
	for _, rate := range []float64{1000, 5000, 50_000} {
		b.Run(fmt.Sprintf("%.0f_per_s", rate), func(b *testing.B) {
			d := New(each(func(context.Context, *sdk.Op) error { return nil }), nil)
			for range b.N {
				res, err := d.Round(b.Context(), Plan{Model: Constant, Workers: 16, Rate: rate, Duration: 2 * time.Second}, nil)
				if err != nil {
					b.Fatal(err)
				}
				for _, q := range []float64{0.5, 0.95, 0.99} {
					lag, _ := Quantile(res.Clocks.Lag, q)
					b.ReportMetric(float64(lag)/1e3, fmt.Sprintf("lag-p%g-µs", q*100))
				}
			}
		})
	}
}

// BenchmarkOpenTickets reports how many empty ops a second the open loop can
// hand out: the rate asked for is out of reach.
func BenchmarkOpenTickets(b *testing.B) {
	d := New(each(func(context.Context, *sdk.Op) error { return nil }), nil)
	for range b.N {
		res, err := d.Round(b.Context(), Plan{Model: Constant, Workers: 16, Rate: shardRate, Duration: time.Second, Drain: time.Millisecond}, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(res.Counts.OK), "ops/s")
		lag, _ := Quantile(res.Clocks.Lag, 0.5)
		wait, _ := Quantile(res.Clocks.Wait, 0.5)
		b.ReportMetric(float64(lag)/1e3, "lag-p50-µs")
		b.ReportMetric(float64(wait)/1e3, "wait-p50-µs")
	}
}

// BenchmarkHundredWorkers reports the memory that a driver of 100 workers
// holds after a round, result included.
func BenchmarkHundredWorkers(b *testing.B) {
	for _, model := range []Model{Closed, Constant} {
		b.Run(string(model), func(b *testing.B) {
			for range b.N {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				d := New(each(func(context.Context, *sdk.Op) error { return nil }), nil)
				res, err := d.Round(b.Context(), Plan{Model: model, Workers: 100, Rate: 10_000, Ops: 1000, OpTimeout: time.Second}, nil)
				if err != nil {
					b.Fatal(err)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1024, "KiB")
				runtime.KeepAlive(d)
				runtime.KeepAlive(res)
			}
		})
	}
}
