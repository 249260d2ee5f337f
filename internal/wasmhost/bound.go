package wasmhost

import (
	"fmt"
	"runtime/metrics"
	"time"
)

// bounds are what compiling a module may take. A small module can be made so
// that its compiler takes all memory there is, for hours.
type bounds struct {
	memory uint64 // bytes of this process
	time   time.Duration
}

// compileBounds are far above what a large module of a usual compiler takes.
var compileBounds = bounds{memory: 2 << 30, time: 150 * time.Second}

// look is how often the memory is looked at. A compiler takes less than 1 GiB
// in that time.
const look = 50 * time.Millisecond

// hold does work within the bounds. ended is false if it reached one of them:
// then the work goes on, because nothing can stop it, and the process has to
// end.
func (b bounds) hold(work func() error) (ended bool, err error) {
	done := make(chan error, 1)
	go func() { done <- work() }()
	over := time.NewTimer(b.time)
	defer over.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return true, err
		case <-over.C:
			return false, fmt.Errorf("it takes longer than %v", b.time)
		case <-tick.C:
			if taken() > b.memory {
				return false, fmt.Errorf("it takes more than %d MiB of memory", b.memory>>20)
			}
		}
	}
}

// taken is how much memory this process has of its system, in bytes, but for
// the code of guests.
func taken() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}
