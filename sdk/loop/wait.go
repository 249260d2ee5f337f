package loop

import (
	"runtime"
	"sync/atomic"
	"time"
)

// waiter waits for moments of the round's clock.
type waiter interface {
	// near sleeps until the moment is so near that only spinning can meet it
	// (or has come, where spinning is no use), or until stop is closed. It
	// returns the clock as it last read it, and whether it slept.
	near(base time.Time, at time.Duration, stop <-chan struct{}) (now time.Duration, slept bool)
	// learn is told after a sleep how long before the moment the caller was
	// ready to spin; below zero if that was after it.
	learn(early time.Duration)
}

// Bounds of the precise waiter. A runtime timer is late by up to 1 ms because
// the poller rounds up (golang/go#44343), so the last 2 ms are slept in the
// kernel, and what the kernel oversleeps is spun.
const (
	timerMargin = 2 * time.Millisecond
	spinStart   = 40 * time.Microsecond
	spinMin     = 5 * time.Microsecond
	spinMax     = 100 * time.Microsecond
	spinStep    = 2 * time.Microsecond
)

// preciseWaiter sleeps on a timer while the moment is far and in the kernel
// when it is near. The spin that it leaves follows what is measured to pass
// between the moment asked of the kernel and the caller being ready, near its
// 95th percentile. Where only one thread can run it uses the timer alone:
// everything else would wait for the spin, and for the kernel's sleep until
// the runtime takes the processor back (20 ms of service instead of 0.2).
type preciseWaiter struct {
	timer *time.Timer
	spin  atomic.Int64 // ns
}

func newPreciseWaiter() *preciseWaiter {
	w := &preciseWaiter{timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	if runtime.GOMAXPROCS(0) > 1 && runtime.NumCPU() > 1 {
		w.spin.Store(int64(spinStart))
	}
	return w
}

func (w *preciseWaiter) near(base time.Time, at time.Duration, stop <-chan struct{}) (now time.Duration, slept bool) {
	spin := time.Duration(w.spin.Load())
	for {
		now = time.Since(base)
		left := at - now
		switch {
		case left <= spin:
			return now, slept
		case left > timerMargin || spin == 0:
			if spin > 0 {
				left -= timerMargin * 3 / 4
			}
			w.timer.Reset(left)
			select {
			case <-w.timer.C:
			case <-stop:
				w.timer.Stop()
				return now, slept
			}
		default:
			nap(left - spin)
			slept = true
		}
	}
}

// learn moves the spin towards the 95th percentile: up by 19 parts when it was
// too short, down by one when it was not.
func (w *preciseWaiter) learn(early time.Duration) {
	spin := time.Duration(w.spin.Load())
	switch {
	case spin == 0:
	case early < 0:
		w.spin.Store(int64(min(spin+spinStep*19/20, spinMax)))
	default:
		w.spin.Store(int64(max(spin-spinStep/20, spinMin)))
	}
}
