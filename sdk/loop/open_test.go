package loop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/sdk"
)

func TestOpenLoopStartsEveryOpExactlyAtItsIntendedStart(t *testing.T) {
	for _, p := range []Plan{
		{Model: Constant, Rate: 1000, Workers: 16, Duration: time.Second},
		{Model: Constant, Rate: 300, Workers: 16, Duration: time.Second},
		{Model: Constant, Rate: 0.5, Workers: 1, Duration: 20 * time.Second},
		{Model: Constant, Rate: 1000, Workers: 16, Duration: time.Second, Ops: 321},
		{Model: Constant, Rate: 1000, Workers: 16, Ops: 321},
		{Model: Poisson, Rate: 1000, Workers: 64, Duration: time.Second, Seed: 3},
		{Model: Poisson, Rate: 1000, Workers: 64, Ops: 321, Seed: 3},
		{Model: Constant, Rate: 500_000, Workers: 4000, Duration: 2 * time.Millisecond},
		{Model: Poisson, Rate: 1e6, Workers: 4000, Duration: 2 * time.Millisecond, Seed: 4},
	} {
		t.Run(fmt.Sprintf("%s at %v for %v or %d ops", p.Model, p.Rate, p.Duration, p.Ops), func(t *testing.T) {
			want := map[uint64]time.Duration{}
			for k := range shardsFor(p) {
				s := newSchedule(p, roundKey(p, false), k, shardsFor(p))
				for i, at, ok := s.next(); ok; i, at, ok = s.next() {
					want[i] = at
					s.advance()
				}
			}
			synctest.Test(t, func(t *testing.T) {
				var s starts
				d := virtual(func(_ context.Context, op *sdk.Op) error {
					s.record(op)
					time.Sleep(5 * time.Millisecond)
					return nil
				})
				s.base = time.Now()
				res, err := d.Round(t.Context(), p, nil)
				checkRecords(t, res)
				if err != nil || len(want) == 0 || res.Counts != (Counts{Scheduled: uint64(len(want)), OK: uint64(len(want))}) {
					t.Fatalf("%+v, %v, want %d ok", res.Counts, err, len(want))
				}
				for i, at := range want {
					if s.at[i] != at {
						t.Fatalf("op %d began at %s, want %s", i, s.at[i], at)
					}
				}
				if res.Clocks.Lag.Max() != 0 || res.Clocks.Wait.Max() != 0 {
					t.Error("lag and wait are not zero")
				}
			})
		})
	}
}

// pausingWaiter is a generator that does not run for a while.
type pausingWaiter struct {
	virtualWaiter
	from, to time.Duration
}

func (w pausingWaiter) near(base time.Time, at time.Duration, stop <-chan struct{}) (time.Duration, bool) {
	now, _ := w.virtualWaiter.near(base, at, stop)
	if now >= w.from && now < w.to {
		return w.virtualWaiter.near(base, w.to, stop)
	}
	return now, false
}

func TestWhatAPauseOfTheGeneratorMakesLateIsLagAlsoWhereNoWorkerIsIdle(t *testing.T) {
	// 200 ops are intended in the pause, by 4 workers whose ops take 1 ms: 4,000/s
	// can be sent, so about 270 are late.
	p := Plan{Model: Constant, Rate: 1000, Workers: 4, Duration: 2 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		d := virtual(takes(time.Millisecond))
		d.newWaiter = func() waiter { return pausingWaiter{from: time.Second, to: 1200 * time.Millisecond} }
		res, err := d.Round(t.Context(), p, nil)
		checkRecords(t, res)
		k := res.Clocks
		if err != nil || !near(quantile(k.Response, 1), 201*time.Millisecond) {
			t.Fatalf("%v, the largest response is %s, want 201ms", err, quantile(k.Response, 1))
		}
		if got := quantile(k.Lag, 0.95); got < 100*time.Millisecond {
			t.Errorf("the lag is %s at p95, want over 100ms: 270 of 2,000 ops are late by up to 200", got)
		}
		if got := quantile(k.Wait, 1); got > 5*time.Millisecond {
			t.Errorf("a wait of %s, though workers were busy with nothing but the pause's ops", got)
		}
		if len(res.Validity) == 0 || res.Validity[0].Code != "lag" || res.Validity[0].Level != Invalid {
			t.Errorf("found %v, want an invalid lag", res.Validity)
		}
	})
}

func TestAnOpThatFindsNoIdleWorkerWaitsAndTheWaitCounts(t *testing.T) {
	// One worker, ops of 15 ms every 10 ms: op i begins at 15i, 5i late.
	p := Plan{Model: Constant, Rate: 100, Workers: 1, Duration: 100 * time.Millisecond}
	inBubble(t, p, takes(15*time.Millisecond), func(t *testing.T, res Result, err error) {
		k := res.Clocks
		if err != nil || res.Counts.OK != 10 || res.Counts.Skipped != 0 {
			t.Fatalf("%+v, %v", res.Counts, err)
		}
		if !near(quantile(k.Wait, 1), 45*time.Millisecond) || !near(quantile(k.Response, 1), 60*time.Millisecond) || k.Lag.Max() != 0 {
			t.Errorf("wait %s, response %s, lag %d at most, want 45ms, 60ms, 0", quantile(k.Wait, 1), quantile(k.Response, 1), k.Lag.Max())
		}
		if !near(quantile(k.Service, 0), 15*time.Millisecond) || !near(quantile(k.Service, 1), 15*time.Millisecond) {
			t.Error("service is not 15ms for every op")
		}
		if res.Elapsed != 150*time.Millisecond {
			t.Errorf("elapsed %s, want 150ms", res.Elapsed)
		}
	})
}

func TestElapsedOfAnOpenLoopIsAtLeastItsSchedule(t *testing.T) {
	p := Plan{Model: Constant, Rate: 1, Workers: 1, Duration: 3500 * time.Millisecond}
	inBubble(t, p, takes(time.Millisecond), func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts.OK != 4 || res.Elapsed != p.Duration {
			t.Errorf("%+v in %s, want 4 in %s", res.Counts, res.Elapsed, p.Duration)
		}
	})
}

func TestABacklogLeftAfterTheDrainIsSkippedAndCensored(t *testing.T) {
	// Ops of 100 ms, intended every 10 ms for 1 s; 21 begin within 2 s.
	p := Plan{Model: Constant, Rate: 100, Workers: 1, Duration: time.Second, Drain: time.Second}
	inBubble(t, p, takes(100*time.Millisecond), func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts != (Counts{Scheduled: 100, OK: 21, Skipped: 79}) {
			t.Fatalf("%+v, %v", res.Counts, err)
		}
		if n := res.Clocks.Response.TotalCount(); n != 100 {
			t.Errorf("%d response times, want one for every op", n)
		}
		// The last op sent, 20, took from 0.2 s to 2.1 s, and 19 from 0.19 s
		// to 2 s; the first one skipped, 21, was given up at 2 s.
		if most := quantile(res.Clocks.Response, 1); !near(most, 1900*time.Millisecond) {
			t.Errorf("the largest response is %s, want 1.9s", most)
		}
		if most := quantile(res.Clocks.Response, 0.99); !near(most, 1810*time.Millisecond) {
			t.Errorf("the next largest response is %s, want 1.81s", most)
		}
		if most := quantile(res.Clocks.Response, 0.98); !near(most, 1790*time.Millisecond) {
			t.Errorf("the largest censored response is %s, want 1.79s", most)
		}
		if !has(res, Invalid, "under_achieved") {
			t.Errorf("no finding about it: %v", res.Validity)
		}
	})
}

func TestARateThatIsNotSustainedIsInvalidThoughEveryOpWasSent(t *testing.T) {
	for _, c := range []struct {
		name   string
		p      Plan
		do     doFunc
		counts Counts
		level  Level // "" for no finding
		code   string
	}{
		{"three times the capacity", Plan{Model: Constant, Rate: 300, Workers: 1, Duration: time.Second}, takes(10 * time.Millisecond),
			Counts{Scheduled: 300, OK: 300}, Invalid, "under_achieved"},
		{"three times the capacity, at random", Plan{Model: Poisson, Rate: 600, Workers: 2, Duration: time.Second, Seed: 7}, takes(10 * time.Millisecond),
			Counts{}, Invalid, "under_achieved"},
		{"three times the capacity, by ops", Plan{Model: Constant, Rate: 300, Workers: 1, Ops: 300}, takes(10 * time.Millisecond),
			Counts{Scheduled: 300, OK: 300}, Invalid, "under_achieved"},
		{"a twentieth too much", Plan{Model: Constant, Rate: 105, Workers: 1, Duration: 10 * time.Second}, takes(10 * time.Millisecond),
			Counts{Scheduled: 1050, OK: 1050}, Invalid, "under_achieved"},
		{"a twentieth less than the capacity", Plan{Model: Constant, Rate: 95, Workers: 1, Duration: 10 * time.Second}, takes(10 * time.Millisecond),
			Counts{Scheduled: 950, OK: 950}, "", ""},
		{"ops longer than the round, each with a worker", Plan{Model: Constant, Rate: 10, Workers: 20, Duration: time.Second}, takes(2 * time.Second),
			Counts{Scheduled: 10, OK: 10}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, c.p, c.do, func(t *testing.T, res Result, err error) {
				if err != nil || c.counts != (Counts{}) && res.Counts != c.counts || res.Counts.OK != res.Counts.Scheduled {
					t.Fatalf("%+v, %v, want %+v", res.Counts, err, c.counts)
				}
				if c.code == "" && len(res.Validity) > 0 || c.code != "" && !has(res, c.level, c.code) {
					t.Errorf("found %v, want %q %q", res.Validity, c.level, c.code)
				}
			})
		})
	}
}

func TestAStallAtTheEndOfAnOpenLoopIsACaution(t *testing.T) {
	p := Plan{Model: Constant, Rate: 1000, Workers: 16, Duration: 2 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		base := time.Now()
		res, err := virtual(func(context.Context, *sdk.Op) error {
			if at := time.Since(base); at > 1900*time.Millisecond && at < 2100*time.Millisecond {
				time.Sleep(2100*time.Millisecond - at)
			}
			return nil
		}).Round(t.Context(), p, nil)
		checkRecords(t, res)
		if err != nil || len(res.Validity) != 1 || !has(res, Caution, "backlog") {
			t.Errorf("%v, found %v, want a caution", err, res.Validity)
		}
	})
}

func TestACancelledOpenLoopCountsWhatWasIntendedUntilThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(505*time.Millisecond, cancel)
		p := Plan{Model: Constant, Rate: 100, Workers: 2, Duration: 10 * time.Second}
		res, err := virtual(takes(100*time.Millisecond)).Round(ctx, p, nil)
		checkRecords(t, res)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v does not say that it was cancelled", err)
		}
		// 51 intended; two workers finish five each, and two ops are cut off.
		if want := (Counts{Scheduled: 51, OK: 9, Failed: 2, Skipped: 40}); res.Counts != want {
			t.Errorf("%+v, want %+v", res.Counts, want)
		}
	})
}

func TestALeaderFarFromItsOpIsCancelledAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	d := New(each(func(context.Context, *sdk.Op) error { close(began); return nil }), nil)
	go func() { <-began; cancel() }()
	res, err := d.Round(ctx, Plan{Model: Constant, Rate: 1e-4, Workers: 3, Duration: time.Hour * 10}, nil)
	if !errors.Is(err, context.Canceled) || res.Counts != (Counts{Scheduled: 1, OK: 1}) {
		t.Errorf("%+v, %v", res.Counts, err)
	}
}
