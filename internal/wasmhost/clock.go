package wasmhost

import (
	"time"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
	"github.com/benchharness/harness/sdk/abi"
)

// began is the origin of the monotonic clock that guests are granted.
var began = time.Now()

// madeWall is what a clock that was not granted shows at its beginning: the
// year 2000.
const madeWall = 946_684_800 * time.Second

// guestClock is the clock of one instance: the machine's, or a made one that
// moves by being read and by sleeping. From a made one a guest learns nothing
// of the machine, and the same guest does the same work every time.
type guestClock struct {
	real bool
	made time.Duration
}

func (c *guestClock) monotonic() time.Duration {
	if c.real {
		return time.Since(began)
	}
	c.made += abi.Tick
	return c.made
}

// wall is the time of day at a moment of the monotonic clock.
func (c *guestClock) wall(monotonic time.Duration) time.Duration {
	if c.real {
		return time.Duration(time.Now().UnixNano())
	}
	return madeWall + monotonic
}

func (c *guestClock) resolution() time.Duration {
	if c.real {
		return 1
	}
	return abi.Tick
}

// sleep waits, no longer than the call that is running may last. In an op that
// is the host's time; anywhere else it is the guest's, and limited as such.
func (in *instance) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	if in.phase == pulse.Op {
		defer in.slot.Host()()
	}
	start := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-in.ctx.Done():
	}
	in.clock.made += max(d, time.Since(start)).Truncate(abi.Tick)
}
