package machine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/probe"
)

// Finding is something about the machine that limits trust in a run. Its
// codes are stable:
//
//	before a run    load_average, busy, governor, on_battery, cpu_quota,
//	                memory_low, disk_low, open_files_low,
//	                not_quiet
//	during a run    steal, swap, memory_pressure, memory_exhausted, oom_kill,
//	                gpu_memory_exhausted, other_processes, thermal_throttling,
//	                cpu_quota_used_up, retransmits, listen_overflow, not_quiet
//	in an error     disk_full, open_files_exhausted, memory_exhausted,
//	                gpu_memory_exhausted, ports_exhausted
type Finding = loop.Finding

func caution(code, format string, args ...any) Finding {
	return Finding{Level: loop.Caution, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Limits above which a machine is called noisy or short of something.
const (
	loadPerCore   = 0.5  // mean runnable tasks per core over the last minute
	busyShare     = 0.10 // CPU used by others, of all cores
	stealShare    = 0.01
	pressureShare = 0.01 // of the time some task waited for memory
	waitingShare  = 0.10 // of the time some task waited for a CPU, before a run
	memoryShare   = 0.95 // used, of what there is
	lowMemory     = 0.10 // available, of what there is
	lowDisk       = 1 << 30
	filesPerUser  = 4 // socket, and some for pools, files and retries
	filesBase     = 256
	busyWindow    = 250 * time.Millisecond
)

// Needs are what a run will use.
type Needs struct {
	Dir         string // folder that is written to; empty: not checked
	DiskBytes   uint64 // that will be written there; 0: 1 GiB
	MemoryBytes uint64 // 0: a tenth of the machine's
	Users       int    // most concurrent users of any benchmark
}

// Check looks at the machine before a run. It takes a quarter of a second,
// during which it watches the CPU. What cannot be read is no finding.
func Check(ctx context.Context, n Needs) []Finding {
	s := system{root: os.DirFS("/"), os: runtime.GOOS}
	out := conditions(s, runtime.NumCPU())
	if load, err := probe.Load(ctx); err == nil {
		out = append(out, judgeLoad(load, Cores())...)
	}
	out = append(out, busy(ctx)...)
	if available, size, err := probe.Memory(ctx); err == nil {
		out = append(out, judgeMemory(available, size, n.MemoryBytes)...)
	}
	if n.Dir != "" {
		if free, err := DiskFree(ctx, n.Dir); err == nil {
			out = append(out, judgeDisk(n.Dir, free, n.DiskBytes)...)
		}
	}
	if limit, err := OpenFileLimit(); err == nil {
		out = append(out, judgeFiles(limit, n.Users)...)
	}
	return out
}

// conditions are settings that make timings drift.
func conditions(s system, cores int) (out []Finding) {
	if g, why := s.governor(); why == "" && g != "performance" {
		out = append(out, caution("governor", "the CPU frequency governor is %s, not performance: clocks follow the load (cpupower frequency-set -g performance)", g))
	}
	if s.onBattery() {
		out = append(out, caution("on_battery", "the machine runs on its battery: plug it in"))
	}
	if cpu, _, why := s.limits(); why == "" && cpu != nil && *cpu < float64(cores) {
		out = append(out, caution("cpu_quota", "the cgroup may use %.2g of %d cores: when the quota is used up everything stops until the next period", *cpu, cores))
	}
	return out
}

// Cores is how many logical CPUs the machine has. Load and gauges of the host are
// of all of them, also where harness may use only some.
var Cores = sync.OnceValue(func() int {
	n, err := probe.Cores(context.Background())
	if err != nil {
		return runtime.NumCPU()
	}
	return n
})

func busy(ctx context.Context) []Finding {
	share, ok := others(Observe(ctx, busyWindow), Cores())
	if !ok || share < busyShare {
		return nil
	}
	return []Finding{caution("busy", "other processes use %.0f%% of the CPU before the run begins: stop them, or let harness wait with --wait-quiet 5m", 100*share)}
}

func judgeLoad(load float64, cores int) []Finding {
	if load <= loadPerCore*float64(cores) {
		return nil
	}
	return []Finding{caution("load_average", "the load average is %.2f on %d cores: wait until the machine is idle", load, cores)}
}

func judgeMemory(available, size, need uint64) []Finding {
	if need == 0 {
		need = uint64(lowMemory * float64(size))
	}
	if available >= need {
		return nil
	}
	return []Finding{caution("memory_low", "%s of %s memory are available, the run wants %s: stop other programs", bytesText(available), bytesText(size), bytesText(need))}
}

func judgeDisk(dir string, free, need uint64) []Finding {
	if need == 0 {
		need = lowDisk
	}
	if free >= need {
		return nil
	}
	return []Finding{caution("disk_low", "%s are free in %s, the run wants %s: free some, or choose another folder", bytesText(free), dir, bytesText(need))}
}

func judgeFiles(limit uint64, users int) []Finding {
	need := uint64(filesBase + filesPerUser*max(users, 0))
	if limit >= need {
		return nil
	}
	return []Finding{caution("open_files_low", "the open-file limit is %d, too low for %d users: ulimit -n %d", limit, users, need)}
}

// DiskFree returns how many bytes an unprivileged user can still write under
// dir.
func DiskFree(ctx context.Context, dir string) (uint64, error) {
	free, _, err := probe.Disk(ctx, dir)
	return free, err
}

// MemoryAvailable returns how many bytes programs can get without swapping:
// what the machine has, or the cgroup's limit where that is less.
func MemoryAvailable(ctx context.Context) (uint64, error) {
	available, _, err := probe.Memory(ctx)
	if err != nil {
		return 0, err
	}
	return capped(os.DirFS("/"), available), nil
}

func capped(root fs.FS, available uint64) uint64 {
	s := system{root: root, os: "linux"} // elsewhere the files are missing
	_, limit, why := s.limits()
	if why != "" || limit == nil {
		return available
	}
	dir, _ := s.cgroup()
	used := uint64(0)
	if v, ok := s.number(cgroupDir + strings.TrimSuffix(dir, "/") + "/memory.current"); ok {
		cache, _ := s.keyed(cgroupDir+strings.TrimSuffix(dir, "/")+"/memory.stat", "inactive_file")
		used = min(v-min(v, cache), *limit)
	}
	return min(available, *limit-used)
}

// bytesText writes an amount with a binary prefix.
func bytesText(n uint64) string {
	x, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for ; x >= 1024 && i < len(units)-1; i++ {
		x /= 1024
	}
	return fmt.Sprintf("%.3g %s", x, units[i])
}
