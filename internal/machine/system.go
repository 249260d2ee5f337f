package machine

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// system reads settings and counters from /proc and /sys, under root. A
// reason that is not empty says that there is no value.
type system struct {
	root fs.FS
	os   string
}

func (s system) text(name string) (value, why string) {
	b, err := fs.ReadFile(s.root, name)
	if err != nil {
		if s.os != "linux" {
			return "", "not told by " + s.os
		}
		return "", "no /" + name
	}
	return strings.TrimSpace(string(b)), ""
}

func (s system) glob(pattern string) []string {
	names, err := fs.Glob(s.root, pattern)
	if err != nil {
		return nil // only a malformed pattern, which a test would show
	}
	return names
}

// switched reads a file that says 0 or 1.
func (s system) switched(name string, on string) (*bool, string) {
	v, why := s.text(name)
	if why != "" {
		return nil, why
	}
	is := v == on
	return &is, ""
}

const cpuDir = "sys/devices/system/cpu/"

func (s system) governor() (string, string) {
	var all []string
	for _, name := range s.glob(cpuDir + "cpufreq/policy*/scaling_governor") {
		if v, why := s.text(name); why == "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		_, why := s.text(cpuDir + "cpufreq/policy0/scaling_governor")
		return "", why
	}
	slices.Sort(all)
	return strings.Join(all, ","), ""
}

func (s system) turbo() (*bool, string) {
	if on, why := s.switched(cpuDir+"intel_pstate/no_turbo", "0"); why == "" {
		return on, ""
	}
	return s.switched(cpuDir+"cpufreq/boost", "1")
}

func (s system) smt() (*bool, string) { return s.switched(cpuDir+"smt/active", "1") }

// container names the container that the process is in; empty for none.
func (s system) container() string {
	switch {
	case s.exists("var/run/secrets/kubernetes.io"), s.exists("run/secrets/kubernetes.io"):
		return "kubernetes"
	case s.exists(".dockerenv"):
		return "docker"
	case s.exists("run/.containerenv"):
		return "podman"
	}
	return ""
}

func (s system) exists(name string) bool {
	_, err := fs.Stat(s.root, name)
	return err == nil
}

// limits returns the tightest CPU (cores) and memory (B) limits of the
// process's cgroup and those above it; nil is no limit.
func (s system) limits() (cpu *float64, memory *uint64, why string) {
	dir, why := s.cgroup()
	if why != "" {
		return nil, nil, why
	}
	for ; ; dir = path.Dir(dir) {
		if v, why := s.text(cgroupDir + path.Join(dir, "cpu.max")); why == "" {
			if cores, ok := parseCPUMax(v); ok && (cpu == nil || cores < *cpu) {
				cpu = &cores
			}
		}
		if v, why := s.text(cgroupDir + path.Join(dir, "memory.max")); why == "" {
			if n, err := strconv.ParseUint(v, 10, 64); err == nil && (memory == nil || n < *memory) {
				memory = &n
			}
		}
		if dir == "/" || dir == "." {
			return cpu, memory, ""
		}
	}
}

const cgroupDir = "sys/fs/cgroup"

// cgroup returns the process's own group, from the root of the hierarchy.
func (s system) cgroup() (dir, why string) {
	v, why := s.text("proc/self/cgroup")
	if why != "" {
		return "", why
	}
	if !s.exists(cgroupDir + "/cgroup.controllers") {
		return "", "the limits of cgroup v1 are not read"
	}
	for line := range strings.Lines(v) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			// Groups outside a container's view are shown as /../…; the limits
			// that can be read are those from its own root down.
			return path.Clean("/" + rest), ""
		}
	}
	return "", "no cgroup v2 in /proc/self/cgroup"
}

// parseCPUMax reads "QUOTA PERIOD", both in microseconds, or "max PERIOD".
func parseCPUMax(v string) (cores float64, ok bool) {
	quota, period, found := strings.Cut(v, " ")
	q, err := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if !found || err != nil || err2 != nil || q <= 0 || p <= 0 {
		return 0, false
	}
	return q / p, true
}

// onBattery says whether a battery of the machine itself, not of a mouse, is
// being discharged.
func (s system) onBattery() bool {
	for _, name := range s.glob("sys/class/power_supply/*/type") {
		dir := path.Dir(name)
		kind, _ := s.text(name)
		scope, _ := s.text(dir + "/scope")
		status, _ := s.text(dir + "/status")
		if kind == "Battery" && scope != "Device" && status == "Discharging" {
			return true
		}
	}
	return false
}

// throttles counts how often any core or package was slowed down for heat.
// ok is false where no CPU has the counter, as in virtual machines.
func (s system) throttles() (n uint64, ok bool) {
	for _, name := range s.glob(cpuDir + "cpu*/thermal_throttle/*_throttle_count") {
		v, why := s.text(name)
		if c, err := strconv.ParseUint(v, 10, 64); why == "" && err == nil {
			n, ok = n+c, true
		}
	}
	return n, ok
}

// keyed reads one number of a file of lines "KEY NUMBER".
func (s system) keyed(name, key string) (uint64, bool) {
	v, why := s.text(name)
	if why != "" {
		return 0, false
	}
	for line := range strings.Lines(v) {
		if k, n, found := strings.Cut(strings.TrimSpace(line), " "); found && k == key {
			x, err := strconv.ParseUint(n, 10, 64)
			return x, err == nil
		}
	}
	return 0, false
}

// quotaWaits counts the periods in which the cgroup had used its CPU quota up.
func (s system) quotaWaits() (uint64, bool) {
	dir, why := s.cgroup()
	if why != "" {
		return 0, false
	}
	return s.keyed(fmt.Sprintf("%s%s/cpu.stat", cgroupDir, strings.TrimSuffix(dir, "/")), "nr_throttled")
}

// oomKills counts the processes that the kernel killed for want of memory.
func (s system) oomKills() (uint64, bool) { return s.keyed("proc/vmstat", "oom_kill") }

// ownKills counts those in the process's own cgroup, and in groups below it.
func (s system) ownKills() (uint64, bool) {
	if dir, why := s.cgroup(); why == "" {
		return s.keyed(cgroupDir+strings.TrimSuffix(dir, "/")+"/memory.events", "oom_kill")
	}
	groups, _ := s.text("proc/self/cgroup")
	for line := range strings.Lines(groups) { // version 1: "4:memory:/job"
		controllers, dir, found := strings.Cut(strings.TrimSpace(line[strings.IndexByte(line, ':')+1:]), ":")
		if found && slices.Contains(strings.Split(controllers, ","), "memory") {
			return s.keyed(cgroupDir+path.Join("/memory", path.Clean("/"+dir), "memory.oom_control"), "oom_kill")
		}
	}
	return 0, false
}

func (s system) number(name string) (uint64, bool) {
	v, why := s.text(name)
	n, err := strconv.ParseUint(v, 10, 64)
	return n, why == "" && err == nil
}
