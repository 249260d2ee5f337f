package loop

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// collections is what garbage collection took from the process, so far or
// during a round.
type collections struct {
	number  int64
	paused  time.Duration // in which nothing of the process ran
	longest time.Duration // of the last 256 pauses
	cpu     float64       // CPU seconds of the collector, without those that nobody else wanted
}

// Above these shares a round is a caution. Ops come at any time, so a pause
// share of half a percent makes half of what lies beyond the p99 the
// collector's. A collector at work has a quarter of the processors: a tenth is
// a process that collects for 40% of the time, and has every op help.
const (
	pauseShare   = 0.005
	collectShare = 0.1
)

const (
	gcTotal = "/cpu/classes/gc/total:cpu-seconds"
	gcIdle  = "/cpu/classes/gc/mark/idle:cpu-seconds"
)

// collected reads the process's counters since its start.
func collected() collections {
	cpu := []metrics.Sample{{Name: gcTotal}, {Name: gcIdle}}
	metrics.Read(cpu)
	var s debug.GCStats
	debug.ReadGCStats(&s)
	c := collections{number: s.NumGC, paused: s.PauseTotal}
	if cpu[0].Value.Kind() == metrics.KindFloat64 && cpu[1].Value.Kind() == metrics.KindFloat64 {
		c.cpu = cpu[0].Value.Float64() - cpu[1].Value.Float64()
	}
	return c
}

// since is what was added to earlier counters.
func (c collections) since(earlier collections) collections {
	d := collections{number: c.number - earlier.number, paused: c.paused - earlier.paused, cpu: c.cpu - earlier.cpu}
	var s debug.GCStats
	debug.ReadGCStats(&s)
	for i := 0; i < len(s.Pause) && int64(i) < d.number; i++ {
		d.longest = max(d.longest, s.Pause[i])
	}
	return d
}

// judgeCollections finds out whether the generator's own garbage collection is
// in the numbers.
func judgeCollections(res *Result, c collections) {
	if res.Elapsed <= 0 {
		return
	}
	paused := float64(c.paused) / float64(res.Elapsed)
	cpu := c.cpu / res.Elapsed.Seconds() / float64(runtime.GOMAXPROCS(0))
	if paused > pauseShare || cpu > collectShare {
		res.add(caution("gc", "garbage collection stopped the plugin's process for %.1f%% of the round (%d collections, the longest pause %s) and took %.0f%% of its CPU: "+
			"allocate less in an op, or give it room with GOGC", 100*paused, c.number, c.longest, 100*cpu))
	}
}
