package loop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/sdk"
)

func TestAnOpPastItsLimitIsCancelledAndTimedOut(t *testing.T) {
	for _, model := range []Model{Closed, Constant} {
		t.Run(string(model), func(t *testing.T) {
			do := func(ctx context.Context, op *sdk.Op) error {
				if op.Index == 5 {
					<-ctx.Done()
					if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
						t.Errorf("cause %v, want that the deadline was exceeded", context.Cause(ctx))
					}
					return fmt.Errorf("query: %w", ctx.Err())
				}
				return takes(time.Millisecond)(ctx, op)
			}
			p := Plan{Model: model, Workers: 1, Rate: 100, Ops: 20, OpTimeout: 100 * time.Millisecond}
			inBubble(t, p, do, func(t *testing.T, res Result, err error) {
				if err != nil || res.Counts != (Counts{Scheduled: 20, OK: 19, TimedOut: 1}) {
					t.Fatalf("%+v, %v", res.Counts, err)
				}
				if most := quantile(res.Clocks.Service, 1); most < 100*time.Millisecond || most > 106*time.Millisecond {
					t.Errorf("given up after %s, want 100ms and at most a twentieth more", most)
				}
				if len(res.Errors) != 0 || len(res.Samples) != 1 || !strings.Contains(res.Samples[0], "query") {
					t.Errorf("errors %v, samples %q", res.Errors, res.Samples)
				}
			})
		})
	}
}

func TestADeadlineOfTheOpsOwnIsATimeoutToo(t *testing.T) {
	do := func(ctx context.Context, _ *sdk.Op) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		<-ctx.Done()
		return fmt.Errorf("dial: %w", ctx.Err())
	}
	inBubble(t, Plan{Model: Closed, Workers: 1, Ops: 3}, do, func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts != (Counts{Scheduled: 3, TimedOut: 3}) || !has(res, Invalid, "no_success") {
			t.Errorf("%+v, %v, %v", res.Counts, res.Validity, err)
		}
	})
}

func TestAnOpThatFinishesDespiteItsTimeoutIsOK(t *testing.T) {
	do := func(context.Context, *sdk.Op) error { time.Sleep(200 * time.Millisecond); return nil }
	inBubble(t, Plan{Model: Closed, Workers: 1, Ops: 4, OpTimeout: 100 * time.Millisecond}, do, func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts.OK != 4 || !near(quantile(res.Clocks.Response, 0), 200*time.Millisecond) {
			t.Errorf("%+v, %v", res.Counts, err)
		}
	})
}

func TestAWorkerThatIgnoresItsContextIsNamedAndTheRoundEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		model  Model
		cancel bool
	}{
		{"past the limit of ops in a closed loop", Closed, false},
		{"past the limit of ops in an open loop", Constant, false},
		{"after cancellation", Closed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				d := virtual(func(ctx context.Context, op *sdk.Op) error {
					if op.Worker == 2 && op.Index > 10 {
						<-release
						return nil
					}
					return takes(10*time.Millisecond)(ctx, op)
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				p := Plan{Model: c.model, Workers: 4, Rate: 200, Duration: time.Hour, OpTimeout: time.Second}
				if c.cancel {
					p.OpTimeout = 0
					time.AfterFunc(time.Second, cancel)
				}
				begin := time.Now()
				res, err := d.Round(ctx, p, nil)
				checkRecords(t, res)
				if err == nil || !strings.Contains(err.Error(), "worker 2") || errors.Is(err, context.Canceled) != c.cancel {
					t.Errorf("error %v does not say what happened", err)
				}
				if took := time.Since(begin); took > 8*time.Second {
					t.Errorf("the round took %s to end", took)
				}
				if res.Counts.TimedOut != 1 || res.Counts.OK < 100 {
					t.Errorf("%+v, want one timed out", res.Counts)
				}
				if _, err := d.Round(t.Context(), p, nil); err == nil || !strings.Contains(err.Error(), "worker 2") {
					t.Errorf("the next round is not refused: %v", err)
				}
				close(release)
				synctest.Wait()
				res, err = d.Round(t.Context(), Plan{Model: Closed, Workers: 4, Ops: 11}, nil)
				if err != nil || res.Counts.OK != 11 {
					t.Errorf("once it is back: %+v, %v", res.Counts, err)
				}
			})
		})
	}
}

func TestAPanicIsAFailedOp(t *testing.T) {
	for _, model := range []Model{Closed, Constant} {
		do := func(_ context.Context, op *sdk.Op) error {
			time.Sleep(time.Millisecond)
			if op.Index%4 == 1 {
				panic(fmt.Sprintf("no row %d", op.Index))
			}
			return nil
		}
		inBubble(t, Plan{Model: model, Workers: 1, Rate: 100, Ops: 20}, do, func(t *testing.T, res Result, err error) {
			if err != nil || res.Counts != (Counts{Scheduled: 20, OK: 15, Failed: 5}) || res.Errors[ClassPanic] != 5 {
				t.Errorf("%s: %+v %v, %v", model, res.Counts, res.Errors, err)
			}
			if len(res.Samples) != 1 || !strings.Contains(res.Samples[0], "no row 1") {
				t.Errorf("%s: samples %q do not keep the first panic", model, res.Samples)
			}
		})
	}
}

func TestErrorsAreCountedByClassAndSampledWithinBounds(t *testing.T) {
	do := func(_ context.Context, op *sdk.Op) error {
		time.Sleep(time.Millisecond)
		switch {
		case op.Index < 10:
			return nil
		case op.Index < 30:
			return sdk.Classify("http_503", errOp)
		case op.Index < 40:
			return errOp
		}
		return sdk.Classify(fmt.Sprintf("class_%d", op.Index), errors.New(strings.Repeat("ü", 400)))
	}
	inBubble(t, Plan{Model: Closed, Workers: 1, Ops: 1000}, do, func(t *testing.T, res Result, err error) {
		if err != nil || res.Counts != (Counts{Scheduled: 1000, OK: 10, Failed: 990}) {
			t.Fatalf("%+v, %v", res.Counts, err)
		}
		if res.Errors["http_503"] != 20 || res.Errors[sdk.ClassUnclassified] != 10 || len(res.Errors) > maxClasses+1 {
			t.Errorf("%d classes, %v", len(res.Errors), res.Errors)
		}
		if len(res.Samples) != maxSamples {
			t.Errorf("%d samples, want %d", len(res.Samples), maxSamples)
		}
		for _, s := range res.Samples {
			if len(s) > sampleBytes || strings.ContainsRune(s, '\uFFFD') {
				t.Errorf("sample %q is too long or cut within a character", s)
			}
		}
		if res.Clocks.Response.TotalCount() != 10 {
			t.Errorf("%d response times, want those of ok ops only", res.Clocks.Response.TotalCount())
		}
	})
}

func TestARoundWithoutSuccessIsInvalid(t *testing.T) {
	do := func(context.Context, *sdk.Op) error { time.Sleep(time.Millisecond); return errOp }
	inBubble(t, Plan{Model: Closed, Workers: 2, Ops: 10}, do, func(t *testing.T, res Result, err error) {
		if err != nil || !has(res, Invalid, "no_success") || !strings.Contains(res.Validity[0].Message, "refused") {
			t.Errorf("%v, %v", res.Validity, err)
		}
	})
}

func TestValuesOfOkOpsAreAggregatedAndBadOnesAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := virtual(func(_ context.Context, op *sdk.Op) error {
			time.Sleep(time.Millisecond)
			op.Record("recall", float64(op.Index))
			op.Record("tokens", math.NaN())
			op.Record("colour", 1)
			if op.Index == 50 {
				op.Record("recall", 1e9)
				return errOp
			}
			return nil
		}, sdk.Metric{Name: "recall"}, sdk.Metric{Name: "tokens"})
		res, err := d.Round(t.Context(), Plan{Model: Closed, Workers: 4, Ops: 101}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := res.Values["recall"], (Value{Count: 100, Sum: 5000, Min: 0, Max: 100}); got != want {
			t.Errorf("recall %+v, want %+v", got, want)
		}
		if _, there := res.Values["tokens"]; there {
			t.Error("a metric without a usable value is there")
		}
		text := fmt.Sprint(res.Validity)
		for _, want := range []string{`100 values of metric "tokens": not finite`, `100 values of metric "colour": not declared`} {
			if !strings.Contains(text, want) {
				t.Errorf("findings %s lack %s", text, want)
			}
		}
	})
}

func TestALatencyBeyondTheRangeIsCountedAtTheLimit(t *testing.T) {
	for _, model := range []Model{Closed, Constant} {
		inBubble(t, Plan{Model: model, Workers: 1, Rate: 1, Ops: 3, Drain: time.Hour}, takes(2*time.Minute), func(t *testing.T, res Result, err error) {
			if err != nil || res.Overflow != 3 || !has(res, Caution, "overflow") {
				t.Errorf("%s: overflow %d, %v, %v", model, res.Overflow, res.Validity, err)
			}
			if n := res.Clocks.Response.TotalCount(); n != 3 || !near(quantile(res.Clocks.Response, 0), Limit) {
				t.Errorf("%s: %d samples from %s", model, n, quantile(res.Clocks.Response, 0))
			}
		})
	}
}

func TestAnAbsurdPlanIsRefusedByName(t *testing.T) {
	for want, p := range map[string]Plan{
		"load model":                 {Workers: 1, Ops: 1},
		"0 workers":                  {Model: Closed, Ops: 1},
		"neither a duration":         {Model: Closed, Workers: 1},
		"negative":                   {Model: Closed, Workers: 1, Ops: 1, Warmup: -1},
		"rate 0":                     {Model: Constant, Workers: 1, Ops: 1},
		"rate NaN":                   {Model: Poisson, Workers: 1, Ops: 1, Rate: math.NaN()},
		"rate +Inf":                  {Model: Poisson, Workers: 1, Ops: 1, Rate: math.Inf(1)},
		"neither a duration nor a n": {Model: Closed, Workers: 1, Duration: -time.Second},
	} {
		res, err := New(each(takes(0)), nil).Round(t.Context(), p, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("plan %+v: error %v, want %q", p, err, want)
		}
		if res.Clocks.Response == nil || res.Clocks.Response.TotalCount() != 0 {
			t.Error("the result of a refused plan is not empty")
		}
	}
}
