package loop

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/sdk"
)

func TestClosedLoopEndsAtTheFirstOfDurationAndOps(t *testing.T) {
	for _, c := range []struct {
		name     string
		duration time.Duration
		ops      uint64
		want     uint64
		elapsed  time.Duration
	}{
		{"duration alone", time.Second, 0, 400, time.Second},
		{"ops alone", 0, 100, 100, 250 * time.Millisecond},
		{"ops first", time.Second, 100, 100, 250 * time.Millisecond},
		{"duration first", 100 * time.Millisecond, 100, 40, 100 * time.Millisecond},
		{"ops that workers cannot share evenly", 0, 101, 101, 252_500 * time.Microsecond}, // 250 ms for three, 260 for one
		{"a last op that runs over the duration", 95 * time.Millisecond, 0, 40, 100 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Plan{Model: Closed, Workers: 4, Duration: c.duration, Ops: c.ops}
			inBubble(t, p, takes(10*time.Millisecond), func(t *testing.T, res Result, err error) {
				if err != nil || res.Counts != (Counts{Scheduled: c.want, OK: c.want}) {
					t.Errorf("counts %+v, error %v, want %d ok", res.Counts, err, c.want)
				}
				if res.Elapsed != c.elapsed {
					t.Errorf("elapsed %s, want %s", res.Elapsed, c.elapsed)
				}
				if res.Batch != 1 || len(res.Validity) > 0 {
					t.Errorf("batch %d, findings %v", res.Batch, res.Validity)
				}
				for _, q := range []float64{0.5, 1} {
					if d := quantile(res.Clocks.Response, q); !near(d, 10*time.Millisecond) {
						t.Errorf("quantile %v is %s, want 10ms", q, d)
					}
				}
				if res.Clocks.Lag.Max() != 0 || res.Clocks.Wait.Max() != 0 {
					t.Error("lag and wait are not zero")
				}
			})
		})
	}
}

func TestTheRateOfAClosedLoopIsThatOfWorkersThatAreStillInIt(t *testing.T) {
	// Four workers do 100 ops a second each, but for one op of 5 s, which ends
	// 4.5 s after the round's second.
	slow := func(ctx context.Context, op *sdk.Op) error {
		if op.Index == 200 {
			return takes(5*time.Second)(ctx, op)
		}
		return takes(10*time.Millisecond)(ctx, op)
	}
	inBubble(t, Plan{Model: Closed, Workers: 4, Duration: time.Second}, slow, func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts.OK != 351 || res.Elapsed != (3*time.Second+5500*time.Millisecond)/4 {
			t.Errorf("%+v in %s, %v, want 351 in 2.125s", res.Counts, res.Elapsed, err)
		}
	})
	// Workers that never got an op are not in the mean.
	inBubble(t, Plan{Model: Closed, Workers: 8, Ops: 2}, takes(10*time.Millisecond), func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts.OK != 2 || res.Elapsed != 10*time.Millisecond {
			t.Errorf("%+v in %s, %v, want 2 in 10ms", res.Counts, res.Elapsed, err)
		}
	})
}

func TestSentDividesAnOpIntoWaitAndService(t *testing.T) {
	do := func(_ context.Context, op *sdk.Op) error {
		if op.Index%2 == 0 {
			time.Sleep(2 * time.Millisecond)
			op.Sent()
		}
		time.Sleep(3 * time.Millisecond)
		return nil
	}
	inBubble(t, Plan{Model: Closed, Workers: 1, Ops: 100}, do, func(t *testing.T, res Result, err error) {
		if err != nil {
			t.Fatal(err)
		}
		k := res.Clocks
		if got := quantile(k.Service, 0); !near(got, 3*time.Millisecond) || !near(quantile(k.Service, 1), 3*time.Millisecond) {
			t.Errorf("service from %s, want 3ms for every op", got)
		}
		if lo, hi := quantile(k.Wait, 0.5), quantile(k.Wait, 0.51); lo != 0 || !near(hi, 2*time.Millisecond) {
			t.Errorf("wait %s and %s, want 0 for one half and 2ms for the other", lo, hi)
		}
		if lo, hi := quantile(k.Response, 0.5), quantile(k.Response, 0.51); !near(lo, 3*time.Millisecond) || !near(hi, 5*time.Millisecond) {
			t.Errorf("response %s and %s, want 3ms and 5ms", lo, hi)
		}
	})
}

func TestWarmupHasItsOwnIndicesAndIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var warm, measured []uint64 // Rand of the ops with index 0, 1, …
		inWarmup := true
		d := virtual(func(_ context.Context, op *sdk.Op) error {
			time.Sleep(time.Millisecond)
			list := &measured
			if inWarmup {
				list = &warm
			}
			if op.Index != uint64(len(*list)) {
				t.Errorf("index %d, want %d", op.Index, len(*list))
			}
			*list = append(*list, op.Rand)
			inWarmup = inWarmup && len(warm) < 50
			return nil
		})
		res, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 1, Warmup: 50 * time.Millisecond, Ops: 20}, nil)
		if err != nil || res.Counts.OK != 20 || len(warm) != 50 || len(measured) != 20 {
			t.Fatalf("%+v %v: %d warm-up and %d measured ops", res.Counts, err, len(warm), len(measured))
		}
		seen := map[uint64]bool{}
		for _, x := range append(warm, measured...) {
			if seen[x] {
				t.Fatal("a number of Op.Rand came twice")
			}
			seen[x] = true
		}
	})
}

func TestRandIsTheSameForTheSameSeedAndAnotherForAnotherRound(t *testing.T) {
	rands := func(p Plan) (out [50]uint64) {
		p.Model, p.Workers, p.Ops = Closed, 3, 50
		d := New(each(func(_ context.Context, op *sdk.Op) error { out[op.Index] = op.Rand; return nil }), nil)
		if _, err := d.Round(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if rands(Plan{Seed: 7}) != rands(Plan{Seed: 7, NoBatch: true}) {
		t.Error("the same seed gives other numbers")
	}
	if rands(Plan{Seed: 7}) == rands(Plan{Seed: 8}) || rands(Plan{Seed: 7}) == rands(Plan{Seed: 7, Round: 1}) {
		t.Error("another seed or round gives the same numbers")
	}
}

// batching is a driver on virtual time that thinks a clock read takes 50 µs, so
// that ops under 5 ms are timed in batches.
func batching(do doFunc) *Driver {
	d := virtual(do)
	d.clockCost = 50 * time.Microsecond
	return d
}

func TestShortOpsAreTimedInBatches(t *testing.T) {
	for _, c := range []struct {
		name string
		op   time.Duration
		plan Plan
		want uint64
	}{
		{"ops of a fifth of the limit", time.Millisecond, Plan{}, 8},
		{"ops just under it", 4900 * time.Microsecond, Plan{}, 2},
		{"ops at it", 5 * time.Millisecond, Plan{}, 1},
		{"batches switched off", time.Millisecond, Plan{NoBatch: true}, 1},
		{"a time limit too close to a batch", time.Millisecond, Plan{OpTimeout: time.Second}, 1},
		{"a time limit far above a batch", time.Millisecond, Plan{OpTimeout: 5 * time.Second}, 8},
		{"decided during warm-up", time.Millisecond, Plan{Warmup: time.Second}, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := c.plan
				p.Model, p.Workers, p.Ops = Closed, 2, 3001
				var done atomic.Int64
				d := batching(func(context.Context, *sdk.Op) error { time.Sleep(c.op); done.Add(1); return nil })
				res, err := d.Round(t.Context(), p, nil)
				checkRecords(t, res)
				if err != nil || res.Counts.OK != 3001 || done.Load() < 3001 {
					t.Fatalf("%+v, %v", res.Counts, err)
				}
				if res.Batch != c.want {
					t.Errorf("batches of %d, want %d", res.Batch, c.want)
				}
				if res.Clocks.Response.TotalCount() != 3001 || !near(quantile(res.Clocks.Response, 1), c.op) {
					t.Errorf("%d samples up to %s, want 3001 of %s", res.Clocks.Response.TotalCount(), quantile(res.Clocks.Response, 1), c.op)
				}
			})
		})
	}
}

func TestAFailureEndsBatchingAndMovesNoOtherLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := batching(func(_ context.Context, op *sdk.Op) error {
			if op.Index == 1003 {
				time.Sleep(time.Second)
				return errOp
			}
			time.Sleep(time.Millisecond)
			return nil
		})
		res, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 1, Ops: 2000}, nil)
		checkRecords(t, res)
		if err != nil || res.Counts != (Counts{Scheduled: 2000, OK: 1999, Failed: 1}) || res.Batch != 8 {
			t.Fatalf("%+v, batch %d, %v", res.Counts, res.Batch, err)
		}
		if most := quantile(res.Clocks.Response, 1); !near(most, time.Millisecond) {
			t.Errorf("the largest response is %s, want 1ms", most)
		}
	})
}

func TestOpsThatCallSentAreNeverBatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := batching(func(_ context.Context, op *sdk.Op) error {
			time.Sleep(time.Millisecond)
			op.Sent()
			return nil
		})
		res, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 1, Ops: 1000}, nil)
		if err != nil || res.Batch != 1 || !near(quantile(res.Clocks.Wait, 1), time.Millisecond) {
			t.Errorf("batch %d, wait %s, %v", res.Batch, quantile(res.Clocks.Wait, 1), err)
		}
	})
}

func TestABatchedOpPastItsLimitIsCancelledAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := batching(func(ctx context.Context, op *sdk.Op) error {
			if op.Index == 1003 {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return takes(time.Millisecond)(ctx, op)
		})
		res, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 1, Ops: 2000, OpTimeout: 6 * time.Second}, nil)
		if err != nil || res.Counts != (Counts{Scheduled: 2000, OK: 1999, TimedOut: 1}) || res.Batch != 8 {
			t.Fatalf("%+v, batch %d, %v", res.Counts, res.Batch, err)
		}
	})
}

func TestAnEmptyOpAllocatesNothing(t *testing.T) {
	d := New(each(func(_ context.Context, op *sdk.Op) error { op.Record("x", 1); return nil }), []sdk.Metric{{Name: "x"}})
	mallocs := func(ops uint64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 2, Ops: ops, NoBatch: true, OpTimeout: time.Minute}, nil); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	mallocs(1000)
	few, many := mallocs(1000), mallocs(201_000)
	if many > few+200 { // the runtime allocates a little of its own
		t.Errorf("200,000 more ops made %d more allocations", many-few)
	}
}

func TestACancelledClosedLoopKeepsWhatIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(105*time.Millisecond, cancel)
		res, err := virtual(takes(10*time.Millisecond)).Round(ctx, Plan{Model: Closed, Workers: 4, Duration: time.Second}, nil)
		checkRecords(t, res)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v does not say that it was cancelled", err)
		}
		if res.Counts != (Counts{Scheduled: 44, OK: 40, Failed: 4}) || res.Errors[ClassCancelled] != 4 {
			t.Errorf("%+v %v", res.Counts, res.Errors)
		}
	})
}
