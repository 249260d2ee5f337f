package machine

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/probe"
)

func codes(t *testing.T, list []Finding) []string {
	t.Helper()
	var out []string
	for _, f := range list {
		if f.Level != loop.Caution || f.Message == "" {
			t.Errorf("%+v, want a caution with a message", f)
		}
		out = append(out, f.Code)
	}
	return out
}

func TestConditionsThatMakeTimingsDriftAreNamed(t *testing.T) {
	const battery = "sys/class/power_supply/BAT0/"
	const policy = "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"nothing is known", nil, nil},
		{"governor performance", []string{policy, "performance"}, nil},
		{"governor powersave", []string{policy, "powersave"}, []string{"governor"}},
		{"battery charging", []string{battery + "type", "Battery", battery + "status", "Charging"}, nil},
		{"battery discharging", []string{battery + "type", "Battery", battery + "status", "Discharging"}, []string{"on_battery"}},
		{"a mouse's battery", []string{battery + "type", "Battery", battery + "status", "Discharging", battery + "scope", "Device"}, nil},
		{"a quota of half a core", []string{
			"proc/self/cgroup", "0::/", "sys/fs/cgroup/cgroup.controllers", "", "sys/fs/cgroup/cpu.max", "50000 100000",
		}, []string{"cpu_quota"}},
		{"a quota of all cores", []string{
			"proc/self/cgroup", "0::/", "sys/fs/cgroup/cgroup.controllers", "", "sys/fs/cgroup/cpu.max", "200000 100000",
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := codes(t, conditions(system{root: files(c.files...), os: "linux"}, 2))
			if !slices.Equal(got, c.want) {
				t.Errorf("findings = %v, want %v", got, c.want)
			}
		})
	}
}

func TestShortagesAreNamedWithWhatIsThereAndWanted(t *testing.T) {
	for _, c := range []struct {
		name  string
		list  []Finding
		code  string // empty: no finding
		parts []string
	}{
		{"enough memory", judgeMemory(4<<30, 16<<30, 0), "", nil},
		{"too little memory", judgeMemory(1<<30, 16<<30, 0), "memory_low", []string{"1 GiB", "16 GiB", "1.6 GiB"}},
		{"less memory than asked", judgeMemory(4<<30, 16<<30, 8<<30), "memory_low", []string{"4 GiB", "8 GiB"}},
		{"enough disk", judgeDisk("/data", 2<<30, 0), "", nil},
		{"too little disk", judgeDisk("/data", 5<<20, 0), "disk_low", []string{"/data", "5 MiB"}},
		{"enough files", judgeFiles(1024, 100), "", nil},
		{"too few files", judgeFiles(256, 100), "open_files_low", []string{"256", "100 users", "ulimit -n 656"}},
		{"idle", judgeLoad(0.9, 2), "", nil},
		{"loaded", judgeLoad(1.1, 2), "load_average", []string{"1.10", "2 cores"}},
	} {
		got := codes(t, c.list)
		if c.code == "" && len(got) > 0 || c.code != "" && !slices.Equal(got, []string{c.code}) {
			t.Errorf("%s: findings = %v, want %q", c.name, c.list, c.code)
			continue
		}
		for _, p := range c.parts {
			if !strings.Contains(c.list[0].Message, p) {
				t.Errorf("%s: %q lacks %q", c.name, c.list[0].Message, p)
			}
		}
	}
}

func seen(pairs ...any) probe.Series {
	var s probe.Series
	for i := 0; i < len(pairs); i += 2 {
		v := pairs[i+1].(float64)
		unit := "ratio"
		if name := pairs[i].(string); strings.HasSuffix(name, ".cpu") && name != "host.cpu" && name != "pressure.cpu" {
			unit = "cores"
		}
		s.Gauges = append(s.Gauges, probe.Gauge{Name: pairs[i].(string), Unit: unit, Average: &v, Peak: &v})
	}
	return s
}

func TestWhatTheProbeSawIsJudged(t *testing.T) {
	for _, c := range []struct {
		name string
		seen probe.Series
		want []string
	}{
		{"a quiet round", seen("host.cpu", 0.5, "plugin.cpu", 0.9, "host.steal", 0.001, "host.swap_in", 0.0), nil},
		{"steal", seen("host.steal", 0.05), []string{"steal"}},
		{"swap", seen("host.swap_in", 0.0, "host.swap_out", 5e6), []string{"swap"}},
		{"waiting for memory", seen("pressure.memory", 0.2), []string{"memory_pressure"}},
		{"memory full", seen("host.memory_used", 99.0, "host.memory_total", 100.0), []string{"memory_exhausted"}},
		{"memory half full", seen("host.memory_used", 50.0, "host.memory_total", 100.0), nil},
		{"second GPU full", seen("gpu.0.memory_used", 1.0, "gpu.0.memory_total", 80.0, "gpu.1.memory_used", 79.0, "gpu.1.memory_total", 80.0),
			[]string{"gpu_memory_exhausted"}},
		{"others work", seen("host.cpu", 0.9, "plugin.cpu", 0.5, "target.cpu", 0.5), []string{"other_processes"}},
		{"only the run works", seen("host.cpu", 0.9, "plugin.cpu", 0.8, "target.cpu", 0.9, "pressure.cpu", 0.5), nil},
		{"nothing to tell apart", seen("host.cpu", 0.9), nil},
		{"nothing is available", probe.Series{Gauges: []probe.Gauge{{Name: "host.steal", Unavailable: "no"}, {Name: "gpu.util", Unavailable: "no"}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := codes(t, Judge(c.seen, 2)); !slices.Equal(got, c.want) {
				t.Errorf("findings = %v, want %v", got, c.want)
			}
		})
	}
}

func TestWatchReportsCountersThatGrew(t *testing.T) {
	f := files(
		"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "5\n",
		"sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "0\n",
		"proc/vmstat", "pswpin 7\noom_kill 2\n",
		"proc/self/cgroup", "0::/job\n", "sys/fs/cgroup/cgroup.controllers", "", "sys/fs/cgroup/job/cpu.stat", "usage_usec 9\nnr_throttled 3\n",
	)
	w := begin(system{root: f, os: "linux"}, 2)
	if got := w.Findings(probe.Series{}); len(got) != 0 {
		t.Errorf("nothing grew, but: %v", got)
	}
	f["sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count"].Data = []byte("4\n")
	f["proc/vmstat"].Data = []byte("pswpin 7\noom_kill 3\n")
	f["sys/fs/cgroup/job/cpu.stat"].Data = []byte("usage_usec 9\nnr_throttled 13\n")
	list := w.Findings(probe.Series{})
	want := []string{"thermal_throttling", "cpu_quota_used_up", "oom_kill"}
	if got := codes(t, list); !slices.Equal(got, want) {
		t.Fatalf("findings = %v, want %v", got, want)
	}
	for i, n := range []string{" 4 times", " 10 periods", " 1 processes"} {
		if !strings.Contains(list[i].Message, n) {
			t.Errorf("%q lacks %q", list[i].Message, n)
		}
	}
}

func TestWatchSaysNothingOfCountersThatDoNotExist(t *testing.T) {
	f := files()
	w := begin(system{root: f, os: "linux"}, 2)
	f["proc/vmstat"] = files("x", "oom_kill 3\n")["x"]
	if got := w.Findings(probe.Series{}); len(got) != 0 {
		t.Errorf("findings = %v", got)
	}
}

func TestExhaustedResourcesAreRecognisedInErrorTexts(t *testing.T) {
	for message, code := range map[string]string{
		"write /x/data: no space left on device":                                            "disk_full",
		`ERROR: could not extend file "base/5/1": No space left on device (SQLSTATE 53100)`: "disk_full",
		"dial tcp 127.0.0.1:80: socket: too many open files":                                "open_files_exhausted",
		"dial tcp 10.0.0.1:80: connect: cannot assign requested address":                    "ports_exhausted",
		"fork/exec /bin/x: cannot allocate memory":                                          "memory_exhausted",
		"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB":            "gpu_memory_exhausted",
		"ERROR: out of memory (SQLSTATE 53200)":                                             "memory_exhausted",
		"http_500: llama runner process: cudaMalloc failed: out of memory":                  "gpu_memory_exhausted",
		`DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")`:                            "gpu_memory_exhausted",
		"CUDA error: out of memory (ggml-cuda.cu:88)":                                       "gpu_memory_exhausted",
		"RuntimeError: HIP out of memory. Tried to allocate 20.00 MiB":                      "gpu_memory_exhausted",
		"connection refused": "",
	} {
		f, ok := Exhausted(message)
		if f.Code != code || ok != (code != "") {
			t.Errorf("%q gives %q, want %q", message, f.Code, code)
		}
	}
}

func TestMemoryIsCappedByTheCgroup(t *testing.T) {
	group := []string{"proc/self/cgroup", "0::/job", "sys/fs/cgroup/cgroup.controllers", "", "sys/fs/cgroup/job/memory.max", "1000"}
	for _, c := range []struct {
		name  string
		files []string
		want  uint64
	}{
		{"no cgroup", nil, 5000},
		{"used up in part", append(group, "sys/fs/cgroup/job/memory.current", "700"), 300},
		{"page cache can be dropped", append(group, "sys/fs/cgroup/job/memory.current", "700", "sys/fs/cgroup/job/memory.stat", "anon 100\ninactive_file 600\n"), 900},
		{"more used than allowed", append(group, "sys/fs/cgroup/job/memory.current", "1700"), 0},
	} {
		if got := capped(files(c.files...), 5000); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestThisMachineCanBeChecked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // do not watch the CPU
	for _, f := range Check(ctx, Needs{Dir: t.TempDir(), DiskBytes: 1 << 60, Users: 1}) {
		t.Log(f.Code, f.Message)
		if f.Code == "disk_low" {
			return
		}
	}
	t.Error("an exbibyte of disk is wanted and nothing is said")
}

func TestLimitsOfThisMachineAreThere(t *testing.T) {
	if n, err := OpenFileLimit(); err != nil || n == 0 {
		t.Errorf("open files: %d, %v", n, err)
	}
	if n, err := MemoryAvailable(t.Context()); err != nil || n == 0 {
		t.Errorf("memory: %d, %v", n, err)
	}
	if n, err := DiskFree(t.Context(), t.TempDir()); err != nil || n == 0 {
		t.Errorf("disk: %d, %v", n, err)
	}
}
