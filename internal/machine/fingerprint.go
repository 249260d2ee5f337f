// Package machine says what machine a run was made on and whether it was fit
// to measure on: a fingerprint that decides which runs may be compared, the
// checks before a run, and what happened to the machine during one.
//
// It is not a sampler: figures over time come from sdk/probe, which is also
// where the facts about CPU, memory and GPUs are read.
package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/benchharness/harness/sdk/probe"
)

// Fingerprint describes the machine of a run. A fact that could not be read is
// absent and listed under Unavailable. There is no host name in it: run
// documents are published.
type Fingerprint struct {
	// ID identifies the hardware that timings depend on; see [Fingerprint.hash].
	ID                 string   `json:"id"`
	OS                 string   `json:"os"`
	Platform           string   `json:"platform,omitempty"`
	Kernel             string   `json:"kernel,omitempty"`
	Arch               string   `json:"arch"`
	CPUModel           string   `json:"cpu_model,omitempty"`
	PhysicalCores      int      `json:"physical_cores,omitempty"`
	LogicalCores       int      `json:"logical_cores,omitempty"`
	MemoryBytes        uint64   `json:"memory_bytes,omitempty"`
	Virtualization     string   `json:"virtualization,omitempty"` // "kvm", "docker"
	VirtualizationRole string   `json:"virtualization_role,omitempty"`
	Container          string   `json:"container,omitempty"`          // "docker", "podman", "kubernetes"
	CPULimit           *float64 `json:"cpu_limit,omitempty"`          // cores, of the cgroup
	MemoryLimitBytes   *uint64  `json:"memory_limit_bytes,omitempty"` // of the cgroup
	Governor           string   `json:"governor,omitempty"`           // all that are set, comma-separated
	Turbo              *bool    `json:"turbo,omitempty"`
	SMT                *bool    `json:"smt,omitempty"`
	ClockSource        string   `json:"clock_source,omitempty"`
	GPUs               []GPU    `json:"gpus,omitempty"`
	GPUDriver          string   `json:"gpu_driver,omitempty"`
	// Unavailable facts, sorted by name.
	Unavailable []Missing `json:"unavailable,omitempty"`
}

// GPU is one graphics processor.
type GPU struct {
	Name        string `json:"name,omitempty"`
	MemoryBytes uint64 `json:"memory_bytes,omitempty"`
}

// Missing is a fact that could not be read.
type Missing struct {
	Fact   string `json:"fact"`
	Reason string `json:"reason"`
}

// Read takes the fingerprint of this machine.
func Read(ctx context.Context) Fingerprint {
	return read(probe.Host(ctx), os.DirFS("/"))
}

func read(h probe.Facts, root fs.FS) Fingerprint {
	f := Fingerprint{
		OS: h.OS, Platform: h.Platform, Kernel: h.Kernel, Arch: h.Arch, CPUModel: h.CPUModel,
		PhysicalCores: h.PhysicalCores, LogicalCores: h.LogicalCores, MemoryBytes: h.Memory,
		Virtualization: h.Virtualization, VirtualizationRole: h.VirtualizationRole, GPUDriver: h.GPUDriver,
	}
	for _, g := range h.GPUs {
		f.GPUs = append(f.GPUs, GPU{Name: g.Name, MemoryBytes: g.Memory})
	}
	for fact, why := range h.Unavailable {
		f.missing(fact, why)
	}
	s := system{root: root, os: h.OS}
	f.Container = s.container()
	f.limits(s)
	f.settings(s)
	sort.Slice(f.Unavailable, func(i, j int) bool { return f.Unavailable[i].Fact < f.Unavailable[j].Fact })
	f.ID = f.hash()
	return f
}

func (f *Fingerprint) missing(fact, why string) {
	f.Unavailable = append(f.Unavailable, Missing{fact, why})
}

func (f *Fingerprint) limits(s system) {
	cpu, memory, why := s.limits()
	if why != "" {
		f.missing("cpu_limit", why)
		f.missing("memory_limit_bytes", why)
		return
	}
	f.CPULimit, f.MemoryLimitBytes = cpu, memory
}

func (f *Fingerprint) settings(s system) {
	var why string
	if f.Governor, why = s.governor(); why != "" {
		f.missing("governor", why)
	}
	if f.Turbo, why = s.turbo(); why != "" {
		f.missing("turbo", why)
	}
	if f.SMT, why = s.smt(); why != "" {
		f.missing("smt", why)
	}
	if f.ClockSource, why = s.text("sys/devices/system/clocksource/clocksource0/current_clocksource"); why != "" {
		f.missing("clock_source", why)
	}
}

// hash makes the id: 16 hexadecimal digits over what stays the same from boot
// to boot and decides how fast the machine is. Kernel, driver and settings
// are left out, so that an upgrade is seen as a change on the same machine.
// Memory counts in whole GiB, because kernels keep back different amounts.
func (f *Fingerprint) hash() string {
	var gpus []string
	for _, g := range f.GPUs {
		gpus = append(gpus, g.Name)
	}
	slices.Sort(gpus)
	limit := func(v *float64) string {
		if v == nil {
			return "none"
		}
		return fmt.Sprintf("%.2f", *v)
	}
	facts := []string{
		f.OS, f.Arch, f.CPUModel, fmt.Sprint(f.PhysicalCores), fmt.Sprint(f.LogicalCores),
		fmt.Sprint((f.MemoryBytes + 1<<29) >> 30), f.Virtualization, limit(f.CPULimit), strings.Join(gpus, "|"),
	}
	sum := sha256.Sum256([]byte(strings.Join(facts, "\n")))
	return hex.EncodeToString(sum[:8])
}
