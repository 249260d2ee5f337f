package loop

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/sdk"
)

// virtualWaiter waits on the virtual clock of a synctest bubble, where timers
// are exact and spinning would never end.
type virtualWaiter struct{}

func (virtualWaiter) near(base time.Time, at time.Duration, stop <-chan struct{}) (time.Duration, bool) {
	if left := at - time.Since(base); left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stop:
		}
	}
	return time.Since(base), false
}

func (virtualWaiter) learn(time.Duration) {}

type doFunc = func(ctx context.Context, op *sdk.Op) error

// virtual is a driver for synctest bubbles. It never batches, because a clock
// read costs nothing there.
func virtual(do doFunc, metrics ...sdk.Metric) *Driver {
	d := New(each(do), metrics)
	d.clockCost = 0
	d.newWaiter = func() waiter { return virtualWaiter{} }
	return d
}

// takes is an op of a certain length.
func takes(d time.Duration) doFunc {
	return func(ctx context.Context, _ *sdk.Op) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// inBubble runs a round on virtual time and checks what holds for all: the
// identity, and as many records as ops.
func inBubble(t *testing.T, p Plan, do doFunc, check func(t *testing.T, res Result, err error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		res, err := virtual(do).Round(t.Context(), p, nil)
		checkRecords(t, res)
		check(t, res, err)
	})
}

func checkRecords(t *testing.T, res Result) {
	t.Helper()
	c := res.Counts
	if !c.Balanced() {
		t.Errorf("the identity does not hold: %+v", c)
	}
	if got := uint64(res.Clocks.Service.TotalCount()); got > c.OK+c.TimedOut {
		t.Errorf("%d service times of %d ops", got, c.OK+c.TimedOut)
	}
	for name, h := range map[string]int64{"lag": res.Clocks.Lag.TotalCount(), "wait": res.Clocks.Wait.TotalCount()} {
		if h != res.Clocks.Service.TotalCount() {
			t.Errorf("%d samples of %s beside %d service times", h, name, res.Clocks.Service.TotalCount())
		}
	}
}

func has(res Result, level Level, code string) bool {
	return slices.ContainsFunc(res.Validity, func(f Finding) bool { return f.Level == level && f.Code == code })
}

// near says whether a histogram's value is the exact one up to its precision.
func near(got, exact time.Duration) bool {
	return got >= exact-exact/1000-1 && got <= exact+exact/1000+1
}

// starts collects the moments at which ops began, by index.
type starts struct {
	mu   sync.Mutex
	base time.Time
	at   map[uint64]time.Duration
}

func (s *starts) record(op *sdk.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = make(map[uint64]time.Duration)
	}
	if _, twice := s.at[op.Index]; twice {
		panic("an index was used twice")
	}
	s.at[op.Index] = time.Since(s.base)
}

var errOp = errors.New("refused")
