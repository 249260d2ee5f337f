//go:build !wasip1

package serve

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// goal is the size of the heap at which the collector begins.
func goal() uint64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestThereIsRoomForGarbageUnlessSomebodyHasDecided(t *testing.T) {
	t.Setenv("GOGC", "")
	before := goal()
	room := moreRoom()
	if got := goal(); got < before+2*garbageRoom-garbageRoom/4 {
		t.Errorf("the heap is collected at %d MiB, %d before, want %d more", got>>20, before>>20, 2*garbageRoom>>20)
	}
	runtime.KeepAlive(room)

	t.Setenv("GOGC", "50")
	if moreRoom() != nil {
		t.Error("there is room though GOGC was set")
	}
	t.Setenv("GOGC", "")
	debug.SetMemoryLimit(1 << 40)
	defer debug.SetMemoryLimit(math.MaxInt64)
	if moreRoom() != nil {
		t.Error("there is room though a memory limit was set")
	}
}

var garbage [16][]byte

// BenchmarkGarbage drives ops that allocate 3 KB, without and with room for
// garbage, and reports the collections, what they stopped, and the response.
func BenchmarkGarbage(b *testing.B) {
	session, err := sdk.Func(func(_ context.Context, op *sdk.Op) error {
		garbage[op.Worker] = make([]byte, 3000)
		return nil
	})(b.Context(), sdk.SetupRequest{})
	if err != nil {
		b.Fatal(err)
	}
	for _, rate := range []float64{5000, 20_000} {
		for _, with := range []bool{false, true} {
			b.Run(fmt.Sprintf("%.0f_per_s/room=%v", rate, with), func(b *testing.B) {
				var room []byte
				if with {
					room = moreRoom()
				}
				d := loop.New(session, nil)
				var stats [2]debug.GCStats
				var res loop.Result
				debug.ReadGCStats(&stats[0])
				for range b.N {
					if res, err = d.Round(b.Context(), loop.Plan{Model: loop.Constant, Workers: len(garbage), Rate: rate, Duration: 2 * time.Second}, nil); err != nil {
						b.Fatal(err)
					}
				}
				debug.ReadGCStats(&stats[1])
				for _, q := range []float64{0.5, 0.99, 0.999} {
					v, _ := loop.Quantile(res.Clocks.Response, q)
					b.ReportMetric(float64(v)/1e3, fmt.Sprintf("p%g-µs", 100*q))
				}
				b.ReportMetric(float64(res.Clocks.Response.Max())/1e3, "max-µs")
				b.ReportMetric(float64(stats[1].NumGC-stats[0].NumGC)/float64(b.N), "collections")
				b.ReportMetric((stats[1].PauseTotal-stats[0].PauseTotal).Seconds()*1e6/float64(b.N), "paused-µs")
				runtime.KeepAlive(room)
			})
		}
	}
}
