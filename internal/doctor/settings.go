package doctor

import (
	"fmt"
	"strings"

	"github.com/benchharness/harness/internal/machine"
	"github.com/benchharness/harness/sdk/probe"
)

// settings are facts about the machine that make timings drift.
func settings(m machine.Fingerprint) []Finding {
	missing := map[string]string{}
	for _, u := range m.Unavailable {
		missing[u.Fact] = u.Reason
	}
	return []Finding{
		clockSource(m, missing["clock_source"]),
		governor(m, missing["governor"]),
		turbo(m, missing["turbo"]),
		smt(m, missing["smt"]),
		quota(m),
		virtual(m),
		openFiles(),
	}
}

// orUnknown makes a finding of a fact that could not be read.
func orUnknown(f Finding, why string) Finding {
	if f.Value == "" {
		f.Grade, f.Value, f.Remedy = Unknown, why, ""
		if why == "" {
			f.Value = "not told here"
		}
	}
	return f
}

func clockSource(m machine.Fingerprint, missing string) Finding {
	f := Finding{Name: "clock_source", Grade: Good, Value: m.ClockSource, Why: "every op is stamped at least twice; a clock that needs a system call costs as much as a short op"}
	switch m.ClockSource {
	case "hpet", "acpi_pm", "jiffies", "pit":
		f.Grade, f.Remedy = Bad, "boot with clocksource=tsc, or find out from dmesg why the kernel gave the tsc up"
	}
	return orUnknown(f, missing)
}

func governor(m machine.Fingerprint, missing string) Finding {
	f := Finding{Name: "governor", Grade: Good, Value: m.Governor, Why: "with another governor than performance the clock follows the load, and an idle target is a slow one"}
	if m.Governor != "performance" {
		f.Grade, f.Remedy = Warning, "sudo cpupower frequency-set -g performance"
	}
	return orUnknown(f, missing)
}

func turbo(m machine.Fingerprint, missing string) Finding {
	f := Finding{Name: "turbo", Grade: Good, Why: "with turbo the clock depends on temperature and on what other cores do"}
	if m.Turbo != nil {
		f.Value = "off"
		if *m.Turbo {
			f.Grade, f.Value, f.Remedy = Warning, "on", "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 into cpufreq/boost"
		}
	}
	return orUnknown(f, missing)
}

func smt(m machine.Fingerprint, missing string) Finding {
	f := Finding{Name: "smt", Grade: Good, Why: "two threads of one core share its units: what one measures depends on what the other does"}
	if m.SMT != nil {
		f.Value = "off"
		if *m.SMT {
			f.Grade, f.Value, f.Remedy = Warning, "on", "echo off | sudo tee /sys/devices/system/cpu/smt/control, or leave half of the cores idle"
		}
	}
	return orUnknown(f, missing)
}

func quota(m machine.Fingerprint) Finding {
	f := Finding{Name: "cpu_quota", Grade: Good, Value: "none", Why: "when a cgroup's quota is used up everything stops until the next period, 100 ms by default"}
	if m.CPULimit != nil && *m.CPULimit < float64(m.LogicalCores) {
		f.Grade, f.Value = Bad, fmt.Sprintf("%.2g of %d cores", *m.CPULimit, m.LogicalCores)
		f.Remedy = "give the container whole cores (docker: --cpuset-cpus) in place of a share of them"
	}
	return f
}

func virtual(m machine.Fingerprint) Finding {
	f := Finding{Name: "virtualization", Grade: Good, Value: "none", Why: "a hypervisor gives the cores to other guests without a word; machines of one type differ by several percent"}
	if kind := strings.Trim(m.Virtualization+" "+m.VirtualizationRole, " "); m.VirtualizationRole == "guest" {
		f.Grade, f.Value = Warning, kind
		f.Remedy = "compare on one machine in turns (harness ab), or use a machine of your own"
	}
	return f
}

// Open files: each user of a closed loop needs a connection, and 10,000 users
// are the largest profile with room to spare.
const (
	manyFiles = 65_536
	fewFiles  = 1024
)

func openFiles() Finding {
	f := Finding{Name: "open_files", Why: "every connection is an open file; above the limit ops fail for want of one"}
	limit, err := machine.OpenFileLimit()
	if err != nil {
		return orUnknown(f, err.Error())
	}
	f.Grade, f.Value = Good, fmt.Sprint(limit)
	if limit < manyFiles {
		f.Grade, f.Remedy = Warning, fmt.Sprintf("ulimit -n %d before a run with many users", manyFiles)
	}
	if limit < fewFiles {
		f.Grade = Bad
	}
	return f
}

// Shares of a second in which nothing was asked of the machine.
const (
	stealGood, stealBad = 0.002, 0.02
	busyGood, busyBad   = 0.05, 0.25
)

// others are what other programs and guests took of an idle second.
func others(seen probe.Series) []Finding {
	steal := Finding{Name: "steal", Why: "the time in which the hypervisor ran others though this machine wanted to run is in every latency"}
	if g, ok := seen.Gauge("host.steal"); ok && g.Average != nil {
		steal.Grade, steal.Value = graded(*g.Average, stealGood, stealBad), percent(*g.Average)
		if steal.Grade != Good {
			steal.Remedy = "another time, another type of machine, or one of your own"
		}
	} else {
		steal = orUnknown(steal, g.Unavailable)
	}
	busy := Finding{Name: "other_load", Why: "what other programs take, the target and the generator do not get"}
	if g, ok := seen.Gauge("host.cpu"); ok && g.Average != nil {
		busy.Grade, busy.Value = graded(*g.Average, busyGood, busyBad), percent(*g.Average)+" of the CPU"
		if busy.Grade != Good {
			busy.Remedy = "stop other programs: top shows them"
		}
	} else {
		busy = orUnknown(busy, g.Unavailable)
	}
	return []Finding{steal, busy, swap(seen)}
}

func swap(seen probe.Series) Finding {
	f := Finding{Name: "swap", Why: "memory that has to come back from disk makes an op a thousand times slower"}
	used, ok := seen.Gauge("host.swap")
	if !ok || used.Average == nil {
		return orUnknown(f, used.Unavailable)
	}
	f.Grade, f.Value = Good, fmt.Sprintf("%.3g MiB in use", *used.Average/(1<<20))
	moving := 0.0
	for _, name := range []string{"host.swap_in", "host.swap_out"} {
		if g, ok := seen.Gauge(name); ok && g.Average != nil {
			moving += *g.Average
		}
	}
	switch {
	case moving > 0:
		f.Grade, f.Value, f.Remedy = Bad, f.Value+", moving", "stop what needs the memory"
	case *used.Average > 0:
		f.Grade, f.Remedy = Warning, "sudo swapoff -a && sudo swapon -a, once there is memory for it"
	}
	return f
}
