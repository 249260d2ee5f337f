package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps in the kernel. The default timer slack of a thread is 50 µs; the
// goroutine may be on another thread every time, so the slack is set each
// time. Both calls may fail without harm: the caller looks at the clock.
func nap(d time.Duration) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil)
}
