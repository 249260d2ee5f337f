package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
)

// Facts are what a machine is. Zero values are unknown; Unavailable says why.
type Facts struct {
	OS, Arch           string // as runtime.GOOS and GOARCH
	Platform           string // "debian 12.5"
	Kernel             string // "6.1.0-18-amd64"
	CPUModel           string
	PhysicalCores      int
	LogicalCores       int
	Memory             uint64 // B
	Virtualization     string // "kvm", "docker"; empty on bare metal
	VirtualizationRole string // "guest" or "host"
	GPUs               []GPUFacts
	GPUDriver          string

	// Unavailable is the reason by fact, in snake case: "cpu_model", "gpus".
	Unavailable map[string]string
}

// GPUFacts are what one GPU is.
type GPUFacts struct {
	Name   string
	Memory uint64 // B
}

// Host asks the machine what it is. It takes milliseconds, tens of them where
// NVML has to be started.
func Host(ctx context.Context) Facts {
	f := Facts{OS: runtime.GOOS, Arch: runtime.GOARCH, Unavailable: map[string]string{}}
	missing := func(fact string, err error) bool {
		if err != nil {
			f.Unavailable[fact] = err.Error()
		}
		return err != nil
	}
	if name, _, version, err := host.PlatformInformationWithContext(ctx); !missing("platform", err) {
		f.Platform = name + " " + version
	}
	kernel, err := host.KernelVersionWithContext(ctx)
	missing("kernel", err)
	f.Kernel = kernel
	f.Virtualization, f.VirtualizationRole, err = host.VirtualizationWithContext(ctx)
	missing("virtualization", err)

	info, err := cpu.InfoWithContext(ctx)
	if !missing("cpu_model", err) && len(info) > 0 {
		f.CPUModel = info[0].ModelName
	}
	if f.CPUModel == "" && err == nil {
		f.Unavailable["cpu_model"] = "the system does not name it"
	}
	f.LogicalCores, err = cpu.CountsWithContext(ctx, true)
	missing("logical_cores", err)
	f.PhysicalCores, err = cpu.CountsWithContext(ctx, false)
	if !missing("physical_cores", err) && f.PhysicalCores == 0 {
		f.Unavailable["physical_cores"] = "the system does not tell"
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); !missing("memory", err) {
		f.Memory = m.Total
	}
	f.gpus()
	return f
}

func (f *Facts) gpus() {
	set := sharedGPUs()
	if set.why != "" {
		f.Unavailable["gpus"] = set.why
		return
	}
	if f.GPUDriver = set.driver; f.GPUDriver == "" {
		f.Unavailable["gpu_driver"] = "the driver does not tell its version"
	}
	for i, d := range set.devices {
		name, err := d.name()
		if err != nil {
			f.Unavailable[fmt.Sprintf("gpu_%d_name", i)] = err.Error()
		}
		_, size, err := d.memory()
		if err != nil {
			f.Unavailable[fmt.Sprintf("gpu_%d_memory", i)] = err.Error()
		}
		f.GPUs = append(f.GPUs, GPUFacts{Name: name, Memory: uint64(size)})
	}
}

// Memory returns the machine's memory and how much of it programs can still
// get without swapping, in bytes.
func Memory(ctx context.Context) (available, size uint64, err error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read memory: %w", err)
	}
	return m.Available, m.Total, nil
}

// Disk returns how much an unprivileged user can still write to the file
// system of path, and its size, in bytes.
func Disk(ctx context.Context, path string) (free, size uint64, err error) {
	u, err := disk.UsageWithContext(ctx, path)
	if err != nil {
		return 0, 0, fmt.Errorf("read disk space of %s: %w", path, err)
	}
	return u.Free, u.Total, nil
}

// Cores returns how many logical CPUs the machine has, whatever of them this
// process may use. It is what gauges and the load of the host are shares of.
func Cores(ctx context.Context) (int, error) {
	n, err := cpu.CountsWithContext(ctx, true)
	switch {
	case err != nil:
		return 0, fmt.Errorf("count logical CPUs: %w", err)
	case n < 1:
		return 0, errors.New("count logical CPUs: the system names none")
	}
	return n, nil
}

// Load returns the mean number of runnable tasks over the last minute.
func Load(ctx context.Context) (float64, error) {
	l, err := load.AvgWithContext(ctx)
	if err != nil {
		return 0, fmt.Errorf("read load average: %w", err)
	}
	return l.Load1, nil
}
