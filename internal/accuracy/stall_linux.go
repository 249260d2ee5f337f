package main

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/result"
)

const (
	stallEvery   = 2 * time.Second
	stallFreeze  = 200 * ms
	stallRate    = 1000
	stallWorkers = 16
	stallPeriods = 5
	stallLimit   = 0.03
)

func stallLoad() map[string]any {
	return open(stallRate, stallWorkers, stallPeriods*stallEvery)
}

const stallOps = uint64(stallRate * stallPeriods * int(stallEvery/time.Second))

// stall is the oracle of the design: a tenth of the requests arrive in a
// freeze, evenly spread, and are answered at its end.
func stall(b *bench) error {
	for _, engine := range []string{"http1", "net/http"} {
		if err := b.oneStall(engine); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	return nil
}

func (b *bench) oneStall(engine string) error {
	o, log, err := b.against(known.Spec{Every: stallEvery, Freeze: stallFreeze}, job{engine: engine, indexed: stallOps, load: stallLoad()})
	if err != nil {
		return err
	}
	b.say("%s: %s", engine, o.clocks())
	b.judgeStall(o, log.Freezes, viewOf(o, log), engine == "http1")
	b.addsUp(o)
	return nil
}

// judgeStall compares with the exact answer, with what the freezes as they
// really were impose, and with the server's stamps of every request. After a
// freeze 180 requests are answered one after the other: the one at p95 comes
// after a hundred of them, which takes net/http longer than 3% of 100 ms, so
// for it the exact p95 is shown only.
func (b *bench) judgeStall(o *outcome, freezes []known.Freeze, v *view, p95 bool) {
	b.same("ops", o.round.Counts.OK, stallOps)
	response, seen := o.clock(result.Response), v.histogram(v.response(stallRate))
	ds := imposed(v.start, stallRate, stallOps, freezes)
	for _, x := range []struct {
		name  string
		q     float64
		exact time.Duration
	}{{"p95", 0.95, 100 * ms}, {"p99", 0.99, 180 * ms}, {"max", 1, 200 * ms}} {
		got := quantile(response, x.q)
		if x.q == 0.95 && !p95 {
			b.say("p95 is %s, the exact one %s", show(got), show(x.exact))
		} else {
			b.within(x.name+" beside the exact one", got, x.exact, stallLimit)
			b.within(x.name+" beside the real freezes", got, exact(ds, x.q), stallLimit)
		}
		b.within(x.name+" beside the server's stamps", got, quantile(seen, x.q), stallLimit)
	}
}

// addsUp checks that the response is lag, wait and service, on average.
func (b *bench) addsUp(o *outcome) {
	mean := func(c result.Clock) time.Duration { return time.Duration(o.clock(c).Mean()) }
	b.within("response beside lag + wait + service", mean(result.Response), mean(result.Lag)+mean(result.Wait)+mean(result.Service), 0.005)
}

// clocks shows the four of them.
func (o *outcome) clocks() string {
	var all []string
	for _, c := range []struct {
		name string
		pick result.Clock
	}{{"response", result.Response}, {"service", result.Service}, {"lag", result.Lag}, {"wait", result.Wait}} {
		h := o.clock(c.pick)
		all = append(all, fmt.Sprintf("%s %s/%s/%s", c.name, show(quantile(h, 0.5)), show(quantile(h, 0.99)), show(quantile(h, 1))))
	}
	return strings.Join(all, ", ") + " (p50/p99/max); said of it: " + orNothing(o)
}

// stopped is the oracle with a server that the kernel stops.
func stopped(b *bench) error {
	s, err := b.serve(known.Spec{})
	if err != nil {
		return err
	}
	defer s.kill()
	stops := stopEvery(s.process.PID(), stallEvery, stallFreeze)
	o, err := b.measured(job{url: s.url(), indexed: stallOps, load: stallLoad()})
	windows := stops()
	if err != nil {
		return err
	}
	log, err := s.stop()
	if err != nil {
		return err
	}
	freezes := make([]known.Freeze, len(windows))
	for i, w := range windows {
		freezes[i] = known.Freeze{From: w[0].UnixNano() - log.Base, To: w[1].UnixNano() - log.Base}
	}
	b.say("http1: %s", o.clocks())
	b.judgeStall(o, freezes, viewOf(o, log), true)
	return nil
}

// stopEvery stops a process periodically until the function it returns is
// called, which tells when it was stopped. The process is left running.
func stopEvery(pid int, every, length time.Duration) func() [][2]time.Time {
	var windows [][2]time.Time
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		base := time.Now()
		for k := 1; ; k++ {
			timer := time.NewTimer(time.Until(base.Add(time.Duration(k) * every)))
			select {
			case <-end:
				timer.Stop()
				return
			case <-timer.C:
			}
			if syscall.Kill(pid, syscall.SIGSTOP) != nil {
				return
			}
			from := time.Now()
			pause(length)
			_ = syscall.Kill(pid, syscall.SIGCONT) // it is there: it was a moment ago, and is our unreaped child
			windows = append(windows, [2]time.Time{from, time.Now()})
		}
	}()
	return sync.OnceValue(func() [][2]time.Time { close(end); <-done; return windows })
}

// pause sleeps in the kernel and spins through the end of it.
func pause(d time.Duration) {
	until := time.Now().Add(d)
	ts := unix.NsecToTimespec(int64(d - 200*time.Microsecond))
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil) // cut short, the rest is spun
	for time.Now().Before(until) {
	}
}
