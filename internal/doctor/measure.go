package doctor

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// Limits of what is measured. Those of the clock, the timers and the lag are
// from measurements on virtual machines with two cores (docs/figures.md): good is
// what an idle one has, bad is where a millisecond can no longer be measured.
const (
	clockGood, clockBad         = 100 * time.Nanosecond, 500 * time.Nanosecond
	grainGood, grainBad         = time.Microsecond, 100 * time.Microsecond
	timerGood, timerBad         = 2 * time.Millisecond, 10 * time.Millisecond // golang/go#44343: a timer is late by up to 1 ms
	lagGood, lagBad             = 100 * time.Microsecond, time.Millisecond    // the first is what harness wants of a quiet machine at 5,000/s
	handoverGood, handoverBad   = 50 * time.Microsecond, time.Millisecond
	loopbackGood, loopbackBad   = 200 * time.Microsecond, 2 * time.Millisecond
	thermalGood, thermalBad     = 0.03, 0.10
	thermalTime, thermalStretch = 3 * time.Second, 500 * time.Millisecond
)

// quantile sorts and returns the value below which a share q lies.
func quantile(of []time.Duration, q float64) time.Duration {
	slices.Sort(of)
	return of[min(len(of)-1, int(q*float64(len(of))))]
}

func clockCost(context.Context) Finding {
	const reads = 100_000
	start := time.Now()
	for range reads {
		_ = time.Since(start)
	}
	cost := time.Since(start) / reads
	f := Finding{Name: "clock_cost", Grade: graded(cost, clockGood, clockBad), Value: short(cost) + " a read", Why: "an op is read four times; of a short op that is a large part, and harness then times batches"}
	if f.Grade != Good {
		f.Remedy = "see clock_source"
	}
	return f
}

func granularity(context.Context) Finding {
	least, base := time.Hour, time.Now()
	last := time.Since(base)
	for range 100_000 {
		if now := time.Since(base); now != last {
			least, last = min(least, now-last), now
		}
	}
	f := Finding{Name: "clock_granularity", Grade: graded(least, grainGood, grainBad), Value: short(least), Why: "no latency below it can be told from another"}
	if f.Grade != Good {
		f.Remedy = "see clock_source"
	}
	return f
}

func timers(ctx context.Context) Finding {
	var late []time.Duration
	for range 200 {
		if ctx.Err() != nil && len(late) > 0 {
			break
		}
		start := time.Now()
		time.Sleep(time.Millisecond)
		late = append(late, time.Since(start)-time.Millisecond)
	}
	p50, p99 := quantile(late, 0.5), quantile(late, 0.99)
	f := Finding{
		Name: "timer_latency", Grade: graded(p99, timerGood, timerBad), Value: fmt.Sprintf("late by %s, p99 %s", short(p50), short(p99)),
		Why: "targets wait on timers too: their time-outs and batches end this much later",
	}
	if f.Grade != Good {
		f.Remedy = "stop other programs; on a virtual machine, compare in turns (harness ab)"
	}
	return f
}

// generator is the lag of harness's own open loop, with ops that do nothing.
func generator(ctx context.Context) Finding {
	f := Finding{Name: "generator_lag", Why: "how late ops of an open loop are sent; a latency below ten times that at p99 cannot be trusted"}
	session, err := sdk.Func(func(context.Context, *sdk.Op) error { return nil })(ctx, sdk.SetupRequest{})
	if err != nil {
		return orUnknown(f, err.Error())
	}
	d := loop.New(session, nil)
	r, err := d.Round(ctx, loop.Plan{Model: loop.Constant, Rate: 1000, Workers: 4, Warmup: 100 * time.Millisecond, Duration: time.Second, Seed: 1}, nil)
	if err != nil {
		return orUnknown(f, err.Error())
	}
	p50, p99 := time.Duration(r.Clocks.Lag.ValueAtQuantile(50)), time.Duration(r.Clocks.Lag.ValueAtQuantile(99))
	f.Grade, f.Value = graded(p99, lagGood, lagBad), fmt.Sprintf("%s, p99 %s at 1,000/s", short(p50), short(p99))
	if f.Grade != Good {
		f.Remedy = "stop other programs, or leave a core to the generator"
	}
	return f
}

// scheduler is how long a goroutine on another thread takes to answer.
func scheduler(ctx context.Context) Finding {
	ask, answer := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		runtime.LockOSThread() // a hand-over within one thread costs no wake-up
		defer runtime.UnlockOSThread()
		for range ask {
			answer <- struct{}{}
		}
	})
	var took []time.Duration
	for range 2000 {
		if ctx.Err() != nil && len(took) > 0 {
			break
		}
		start := time.Now()
		ask <- struct{}{}
		<-answer
		took = append(took, time.Since(start))
	}
	close(ask)
	done.Wait()
	p50, p99 := quantile(took, 0.5), quantile(took, 0.99)
	f := Finding{
		Name: "scheduler_latency", Grade: graded(p99, handoverGood, handoverBad), Value: fmt.Sprintf("%s there and back, p99 %s", short(p50), short(p99)),
		Why: "every answer wakes somebody; this much of a latency is the machine's and not the target's",
	}
	if f.Grade != Good {
		f.Remedy = "stop other programs; idle states can be shallow: cpupower idle-set -D 1"
	}
	return f
}

// loopback is a byte there and back over TCP on this machine.
func loopback(ctx context.Context) Finding {
	f := Finding{Name: "loopback_latency", Why: "the least that a request to a target on this machine can take"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return orUnknown(f, err.Error())
	}
	defer l.Close()
	var echo sync.WaitGroup
	echo.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c) // until the other side is done
	})
	took, err := pings(ctx, l.Addr().String(), 2000)
	l.Close()
	echo.Wait()
	if err != nil {
		return orUnknown(f, err.Error())
	}
	p50, p99 := quantile(took, 0.5), quantile(took, 0.99)
	f.Grade, f.Value = graded(p99, loopbackGood, loopbackBad), fmt.Sprintf("%s there and back, p99 %s", short(p50), short(p99))
	if f.Grade != Good {
		f.Remedy = "see scheduler_latency"
	}
	return f
}

func pings(ctx context.Context, addr string, n int) ([]time.Duration, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	b := make([]byte, 1)
	var took []time.Duration
	for range n {
		start := time.Now()
		if _, err := c.Write(b); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// thermal keeps every core busy and compares the end with the beginning.
func thermal(ctx context.Context) Finding {
	f := Finding{Name: "thermal_run_down", Why: "a machine that gets slower as it gets warm makes the last benchmark look worse than the first"}
	ctx, cancel := context.WithTimeout(ctx, thermalTime)
	defer cancel()
	stretches := int(thermalTime / thermalStretch)
	work := make([][]float64, cores())
	var busy sync.WaitGroup
	start := time.Now()
	for i := range work {
		work[i] = make([]float64, stretches)
		busy.Go(func() {
			for ctx.Err() == nil {
				n := spin(100_000)
				if at := int(time.Since(start) / thermalStretch); at < stretches {
					work[i][at] += n
				}
			}
		})
	}
	busy.Wait()
	sum := func(at int) (s float64) {
		for _, w := range work {
			s += w[at]
		}
		return s
	}
	first, last := max(sum(0), sum(1)), max(sum(stretches-1), sum(stretches-2))
	if first == 0 {
		return orUnknown(f, "it was cut short")
	}
	slower := max(0, 1-last/first)
	f.Grade, f.Value = graded(slower, thermalGood, thermalBad), fmt.Sprintf("%s slower after %s of work on %d cores", percent(slower), short(thermalTime), cores())
	if f.Grade != Good {
		f.Remedy = "cool the machine, or let benchmarks take turns (harness ab); other load shows here, too"
	}
	return f
}

// sink keeps the compiler from leaving the work out.
var sink atomic.Uint64

// spin does n steps of work that fits into a register.
func spin(n int) float64 {
	x := uint64(n)
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	sink.Store(x)
	return float64(n)
}
