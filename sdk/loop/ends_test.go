package loop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

func TestAWorkerThatBreaksEndsTheRoundWithItsError(t *testing.T) {
	for _, model := range []Model{Closed, Constant} {
		t.Run(string(model), func(t *testing.T) {
			var ops atomic.Int64
			do := func(context.Context, *sdk.Op) error {
				if ops.Add(1) == 3 {
					return fmt.Errorf("do: %w", sdk.Fatal(errors.New("the guest is gone")))
				}
				return nil
			}
			inBubble(t, Plan{Model: model, Workers: 1, Rate: 1000, Ops: 1000}, do, func(t *testing.T, res Result, err error) {
				if err == nil || !strings.Contains(err.Error(), "worker 0, op 2: the guest is gone") {
					t.Errorf("error is %v", err)
				}
				if n := ops.Load(); n != 3 {
					t.Errorf("%d ops were done, want none after the third", n)
				}
			})
		})
	}
}

func TestAnOpThatWasDoneBeforeItReturnedLastsUntilThen(t *testing.T) {
	for _, model := range []Model{Closed, Constant} {
		t.Run(string(model), func(t *testing.T) {
			do := func(_ context.Context, op *sdk.Op) error {
				time.Sleep(10 * time.Millisecond)
				op.Sent()
				time.Sleep(20 * time.Millisecond)
				op.Done()
				time.Sleep(40 * time.Millisecond)
				return nil
			}
			inBubble(t, Plan{Model: model, Workers: 1, Rate: 1, Ops: 1}, do, func(t *testing.T, res Result, err error) {
				if err != nil {
					t.Fatal(err)
				}
				if got := time.Duration(res.Clocks.Response.Max()); !near(got, 30*time.Millisecond) {
					t.Errorf("response is %v, want 30ms", got)
				}
				if got := time.Duration(res.Clocks.Service.Max()); !near(got, 20*time.Millisecond) {
					t.Errorf("service is %v, want 20ms", got)
				}
			})
		})
	}
}
