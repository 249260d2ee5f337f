package loop

import (
	"runtime"
	"time"
)

// waiter waits until a moment of the round's clock and returns the clock as
// it last read it, at or after the moment unless stop was closed.
type waiter interface {
	until(base time.Time, at time.Duration, stop <-chan struct{}) time.Duration
}

// Bounds of the precise waiter. A runtime timer is late by up to 1 ms because
// the poller rounds up (golang/go#44343), so the last 2 ms are slept in the
// kernel, and what the kernel oversleeps is spun.
const (
	timerMargin = 2 * time.Millisecond
	spinStart   = 40 * time.Microsecond
	spinMin     = 2 * time.Microsecond
	spinMax     = 80 * time.Microsecond
	spinStep    = 2 * time.Microsecond
)

// preciseWaiter sleeps on a timer while the moment is far, in the kernel when
// it is near, and spins through the end. The length of the spin follows the
// measured overshoot of the kernel's sleep, near its 95th percentile. Where
// only one thread can run it never spins: the work would wait for the spin.
type preciseWaiter struct {
	timer *time.Timer
	spin  time.Duration
}

func newPreciseWaiter() *preciseWaiter {
	w := &preciseWaiter{timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	if runtime.GOMAXPROCS(0) > 1 && runtime.NumCPU() > 1 {
		w.spin = spinStart
	}
	return w
}

func (w *preciseWaiter) until(base time.Time, at time.Duration, stop <-chan struct{}) time.Duration {
	for {
		now := time.Since(base)
		left := at - now
		switch {
		case left <= 0:
			return now
		case left > timerMargin:
			w.timer.Reset(left - timerMargin*3/4)
			select {
			case <-w.timer.C:
			case <-stop:
				w.timer.Stop()
				return now
			}
		case left > w.spin:
			nap(left - w.spin)
			w.learn(time.Since(base) - (at - w.spin))
		}
	}
}

// learn moves the spin towards the 95th percentile of the overshoot: up by 19
// parts when the kernel woke too late, down by one when it did not.
func (w *preciseWaiter) learn(overshoot time.Duration) {
	switch {
	case w.spin == 0:
	case overshoot > w.spin:
		w.spin = min(w.spin+spinStep*19/20, spinMax)
	default:
		w.spin = max(w.spin-spinStep/20, spinMin)
	}
}
