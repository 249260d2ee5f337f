package loop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/sdk"
)

type countingSession struct {
	made, closed atomic.Int32
	fail         error
}

type closingWorker struct{ s *countingSession }

func (s *countingSession) Worker(_ context.Context, n int) (sdk.Worker, error) {
	if n != int(s.made.Load()) {
		return nil, fmt.Errorf("asked for worker %d, want %d", n, s.made.Load())
	}
	s.made.Add(1)
	if s.fail != nil && n == 3 {
		return nil, s.fail
	}
	return closingWorker{s}, nil
}
func (s *countingSession) Close(context.Context) error    { return nil }
func (w closingWorker) Do(context.Context, *sdk.Op) error { return nil }
func (w closingWorker) Close() error                      { w.s.closed.Add(1); return nil }

func TestEveryWorkerIsMadeOnceAndClosedOnce(t *testing.T) {
	s := &countingSession{}
	d := New(s, nil)
	for _, n := range []int{2, 5, 1, 5} {
		res, err := d.Round(t.Context(), Plan{Model: Closed, Workers: n, Ops: 1000}, nil)
		if err != nil || res.Counts.OK != 1000 {
			t.Fatalf("%+v, %v", res.Counts, err)
		}
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil || s.made.Load() != 5 || s.closed.Load() != 5 {
		t.Errorf("%d made, %d closed, %v", s.made.Load(), s.closed.Load(), err)
	}
}

func TestAWorkerThatCannotBeMadeIsNamed(t *testing.T) {
	for _, s := range []sdk.Session{&countingSession{fail: errOp}, panickingSession{}} {
		_, err := New(s, nil).Round(t.Context(), Plan{Model: Closed, Workers: 5, Ops: 1}, nil)
		if err == nil || !strings.Contains(err.Error(), "make worker") {
			t.Errorf("error %v does not name the worker", err)
		}
	}
}

type panickingSession struct{}

func (panickingSession) Worker(context.Context, int) (sdk.Worker, error) { panic("no") }
func (panickingSession) Close(context.Context) error                     { return nil }

func TestProgressIsReportedFiveTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []Progress
		p := Plan{Model: Closed, Workers: 2, Warmup: time.Second, Duration: 2 * time.Second}
		res, err := virtual(takes(7*time.Millisecond)).Round(t.Context(), p, func(p Progress) { seen = append(seen, p) })
		if err != nil {
			t.Fatal(err)
		}
		var warm, measured []Progress
		for _, s := range seen {
			if s.Warmup {
				warm = append(warm, s)
			} else {
				measured = append(measured, s)
			}
		}
		if len(warm) < 5 || len(warm) > 7 || len(measured) < 10 || len(measured) > 12 {
			t.Errorf("%d reports of 1 s of warm-up, %d of 2 s", len(warm), len(measured))
		}
		if last := measured[len(measured)-1]; last.Done != res.Counts.OK || last.Failed != 0 {
			t.Errorf("the last report has %d done, the result %d", last.Done, res.Counts.OK)
		}
		mid := measured[5]
		if mid.Rate < 250 || mid.Rate > 300 {
			t.Errorf("live rate %.0f/s, want about 286", mid.Rate)
		}
		if mid.P95 < 6500*time.Microsecond || mid.P95 > 7500*time.Microsecond {
			t.Errorf("live p95 %s, want about 7ms", mid.P95)
		}
	})
}

func TestARoundLeavesNoGoroutineBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	d := New(each(func(context.Context, *sdk.Op) error { return nil }), nil)
	for _, model := range []Model{Closed, Constant, Poisson} {
		p := Plan{Model: model, Workers: 20, Rate: 10_000, Ops: 500, Warmup: time.Millisecond, OpTimeout: time.Second}
		if _, err := d.Round(t.Context(), p, func(Progress) {}); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

func TestOnlyOneRoundRunsAtATime(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d := New(each(func(context.Context, *sdk.Op) error { once.Do(func() { close(began) }); <-release; return nil }), nil)
	first := make(chan error)
	go func() {
		_, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 1, Ops: 1}, nil)
		first <- err
	}()
	<-began
	if _, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 1, Ops: 1}, nil); err == nil {
		t.Error("a second round ran beside the first")
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// TestHammer mixes everything that can happen to ops, on real time, for the
// race detector; the identity has to hold whatever happens.
func TestHammer(t *testing.T) {
	metrics := []sdk.Metric{{Name: "x"}}
	for round, model := range []Model{Closed, Constant, Poisson} {
		d := New(each(func(ctx context.Context, op *sdk.Op) error {
			r := rand.New(rand.NewPCG(op.Rand, 0))
			op.Record("x", r.Float64())
			switch r.IntN(100) {
			case 0:
				panic("bang")
			case 1:
				return errOp
			case 2:
				<-ctx.Done()
				return ctx.Err()
			case 3:
				time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
			case 4:
				op.Sent()
			case 5:
				op.Record("y", 1)
			}
			return nil
		}), metrics)
		for _, ops := range []uint64{0, 3000} {
			ctx, cancel := context.WithCancel(t.Context())
			p := Plan{
				Model: model, Workers: 37, Rate: 20_000, Duration: 300 * time.Millisecond, Ops: ops,
				Warmup: 20 * time.Millisecond, OpTimeout: 10 * time.Millisecond, Round: round,
			}
			if ops == 0 {
				time.AfterFunc(200*time.Millisecond, cancel)
			}
			res, err := d.Round(ctx, p, func(Progress) {})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			checkRecords(t, res)
			if has(res, Invalid, "identity") {
				t.Errorf("%s: %v", model, res.Validity)
			}
			cancel()
		}
	}
}
