package machine

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/benchharness/harness/sdk/probe"
)

// files makes a file system of name and content pairs.
func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func facts() probe.Facts {
	return probe.Facts{
		OS: "linux", Arch: "amd64", Platform: "debian 12", Kernel: "6.1", CPUModel: "Xeon", PhysicalCores: 4, LogicalCores: 8,
		Memory: 16 << 30, Virtualization: "kvm", VirtualizationRole: "guest",
		GPUs: []probe.GPUFacts{{Name: "L4", Memory: 24 << 30}}, GPUDriver: "550.54",
		Unavailable: map[string]string{},
	}
}

func TestIDStaysWithTheHardware(t *testing.T) {
	base := read(facts(), files()).ID
	if len(base) != 16 {
		t.Fatalf("id = %q, want 16 digits", base)
	}
	for _, c := range []struct {
		name   string
		change func(*probe.Facts)
		same   bool
	}{
		{"nothing", func(*probe.Facts) {}, true},
		{"the kernel is upgraded", func(f *probe.Facts) { f.Kernel = "6.12" }, true},
		{"the GPU driver is upgraded", func(f *probe.Facts) { f.GPUDriver = "560" }, true},
		{"the kernel keeps some memory back", func(f *probe.Facts) { f.Memory -= 100 << 20 }, true},
		{"memory is added", func(f *probe.Facts) { f.Memory *= 2 }, false},
		{"another CPU", func(f *probe.Facts) { f.CPUModel = "EPYC" }, false},
		{"fewer cores", func(f *probe.Facts) { f.LogicalCores = 4 }, false},
		{"another architecture", func(f *probe.Facts) { f.Arch = "arm64" }, false},
		{"the GPU is gone", func(f *probe.Facts) { f.GPUs = nil }, false},
	} {
		f := facts()
		c.change(&f)
		if got := read(f, files()).ID; (got == base) != c.same {
			t.Errorf("%s: id %s, before %s", c.name, got, base)
		}
	}
}

func TestFactsAreReadFromTheSystemsFiles(t *testing.T) {
	f := read(facts(), files(
		"sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave\n",
		"sys/devices/system/cpu/cpufreq/policy4/scaling_governor", "performance\n",
		"sys/devices/system/cpu/intel_pstate/no_turbo", "1\n",
		"sys/devices/system/cpu/smt/active", "1\n",
		"sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n",
		"sys/fs/cgroup/cgroup.controllers", "cpu memory\n",
		"proc/self/cgroup", "0::/user.slice/job\n",
		"sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n",
		"sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n",
		"sys/fs/cgroup/user.slice/job/memory.max", "1073741824\n",
		"sys/fs/cgroup/user.slice/memory.max", "max\n",
		".dockerenv", "",
	))
	if f.Governor != "performance,powersave" || f.ClockSource != "tsc" || f.Container != "docker" {
		t.Errorf("%+v", f)
	}
	if f.Turbo == nil || *f.Turbo || f.SMT == nil || !*f.SMT {
		t.Errorf("turbo %v, smt %v; want off and on", f.Turbo, f.SMT)
	}
	if f.CPULimit == nil || *f.CPULimit != 1.5 || f.MemoryLimitBytes == nil || *f.MemoryLimitBytes != 1<<30 {
		t.Errorf("limits %v and %v; want 1.5 cores and 1 GiB", f.CPULimit, f.MemoryLimitBytes)
	}
	if len(f.Unavailable) != 0 {
		t.Errorf("unavailable = %v", f.Unavailable)
	}
}

func TestMissingFactsAreAbsentAndExplained(t *testing.T) {
	h := facts()
	h.GPUs, h.GPUDriver, h.Unavailable = nil, "", map[string]string{"gpus": "built without NVML"}
	f := read(h, files("proc/self/cgroup", "4:memory:/x\n0::/\n"))
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range []string{"gpus", "governor", "turbo", "smt", "clock_source", "cpu_limit", "memory_limit_bytes"} {
		if strings.Contains(string(b), `"`+fact+`":`) {
			t.Errorf("%s is in %s", fact, b)
		}
		if !strings.Contains(string(b), `{"fact":"`+fact+`","reason":"`) {
			t.Errorf("no reason for %s in %s", fact, b)
		}
	}
}

func TestFingerprintOfThisMachineIsStableAndNamesNoHost(t *testing.T) {
	a, b := Read(t.Context()), Read(t.Context())
	if a.ID != b.ID {
		t.Errorf("ids %s and %s", a.ID, b.ID)
	}
	out, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && strings.Contains(string(out), host) {
		t.Errorf("%s names the host %s", out, host)
	}
	t.Logf("%s", out)
}
