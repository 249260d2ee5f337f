package machine

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/benchharness/harness/sdk/probe"
)

// Watch remembers the machine's counters from the start of a run or a round.
type Watch struct {
	sys   system
	cores int

	throttles, quotaWaits, oomKills, ownKills counter

	tcp    tcpCounts
	hasTCP bool // tcp was read
}

type counter struct {
	at0  uint64
	ok   bool
	read func() (uint64, bool)
}

func startCounter(read func() (uint64, bool)) counter {
	n, ok := read()
	return counter{n, ok, read}
}

// grown returns by how much the counter grew; 0 where it cannot be read.
func (c counter) grown() uint64 {
	n, ok := c.read()
	if !c.ok || !ok || n < c.at0 {
		return 0
	}
	return n - c.at0
}

// Begin reads the counters before a run or a round.
func Begin() *Watch {
	return begin(system{root: os.DirFS("/"), os: runtime.GOOS}, Cores())
}

func begin(s system, cores int) *Watch {
	w := &Watch{
		sys: s, cores: cores,
		throttles: startCounter(s.throttles), quotaWaits: startCounter(s.quotaWaits),
		oomKills: startCounter(s.oomKills), ownKills: startCounter(s.ownKills),
	}
	w.tcp, w.hasTCP = s.tcp()
	return w
}

// Findings reads the counters again and judges what the probe saw meanwhile.
func (w *Watch) Findings(seen probe.Series) []Finding {
	out := Judge(seen, w.cores)
	if n := w.throttles.grown(); n > 0 {
		out = append(out, caution("thermal_throttling", "the CPU was slowed down for heat %d times: cool it, or measure shorter", n))
	}
	if n := w.quotaWaits.grown(); n > 0 {
		out = append(out, caution("cpu_quota_used_up", "the cgroup's CPU quota was used up in %d periods: raise it, or use fewer users", n))
	}
	out = append(out, judgeKills(w.oomKills.grown(), w.ownKills.grown())...)
	if now, ok := w.sys.tcp(); ok && w.hasTCP {
		out = append(out, now.since(w.tcp).judge()...)
	}
	return out
}

// judgeKills names processes that the kernel killed, on the machine and, of
// those, in the cgroup of the run.
func judgeKills(all, own uint64) []Finding {
	switch {
	case own > 0:
		return []Finding{caution("oom_kill", "the kernel killed %d processes for want of memory, %d of them in the cgroup of this run: use fewer users, or raise its memory limit", max(all, own), own)}
	case all > 0:
		return []Finding{caution("oom_kill", "the kernel killed %d processes for want of memory", all)}
	}
	return nil
}

// Judge says what a probe's series tells about the machine. Every gauge
// NAME.cpu but the host's is taken as a part of the run.
func Judge(seen probe.Series, cores int) []Finding {
	var out []Finding
	if v := average(seen, "host.steal"); v > stealShare {
		out = append(out, caution("steal", "the hypervisor took %.1f%% of the CPU away: use a dedicated machine", 100*v))
	}
	if in, written := average(seen, "host.swap_in"), average(seen, "host.swap_out"); in+written > 0 {
		out = append(out, caution("swap", "the machine swapped: %s/s in and %s/s out", bytesText(uint64(in)), bytesText(uint64(written))))
	}
	if v := average(seen, "pressure.memory"); v > pressureShare {
		out = append(out, caution("memory_pressure", "tasks waited for memory %.1f%% of the time", 100*v))
	}
	if used, size, full := filled(seen, "host."); full {
		out = append(out, caution("memory_exhausted", "memory was nearly exhausted: %s of %s in use", bytesText(used), bytesText(size)))
	}
	for i := 0; ; i++ {
		prefix := fmt.Sprintf("gpu.%d.", i)
		if _, ok := seen.Gauge(prefix + "memory_used"); !ok {
			break
		}
		if used, size, full := filled(seen, prefix); full {
			out = append(out, caution("gpu_memory_exhausted", "memory of GPU %d was nearly exhausted: %s of %s in use", i, bytesText(used), bytesText(size)))
		}
	}
	return append(out, judgeOthers(seen, cores)...)
}

func filled(seen probe.Series, prefix string) (used, size uint64, full bool) {
	u, ok := seen.Gauge(prefix + "memory_used")
	t, ok2 := seen.Gauge(prefix + "memory_total")
	if !ok || !ok2 || u.Peak == nil || t.Peak == nil || *t.Peak <= 0 {
		return 0, 0, false
	}
	return uint64(*u.Peak), uint64(*t.Peak), *u.Peak >= memoryShare**t.Peak
}

// average is a gauge's; 0 where it is unavailable.
func average(seen probe.Series, name string) float64 {
	if g, ok := seen.Gauge(name); ok && g.Average != nil {
		return *g.Average
	}
	return 0
}

func judgeOthers(seen probe.Series, cores int) []Finding {
	share, ok := others(seen, cores)
	if !ok || share < busyShare {
		return nil
	}
	return []Finding{caution("other_processes", "processes that are neither plugin nor target used %.0f%% of the CPU: stop them", 100*share)}
}

// others takes what the run's own processes used from what the host did, as a
// share of all its cores. Without any process tree nothing can be told apart.
func others(seen probe.Series, cores int) (share float64, ok bool) {
	host, ok := seen.Gauge("host.cpu")
	if !ok || host.Average == nil || cores < 1 {
		return 0, false
	}
	own, trees := 0.0, 0
	for _, g := range seen.Gauges {
		if strings.HasSuffix(g.Name, ".cpu") && g.Unit == "cores" && g.Average != nil {
			own += *g.Average
			trees++
		}
	}
	return *host.Average - own/float64(cores), trees > 0
}
