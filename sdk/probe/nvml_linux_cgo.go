//go:build linux && cgo

package probe

import (
	"errors"
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

func newNVML() nvmlAPI { return &nvmlLibrary{lib: nvml.New()} }

// nvmlLibrary looks every symbol up before it calls it: an older driver's
// library lacks some, and calling one of those ends the process.
type nvmlLibrary struct{ lib nvml.Interface }

func (l *nvmlLibrary) open() error {
	switch ret := l.lib.Init(); ret {
	case nvml.SUCCESS:
		return nil
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return errors.New("no NVIDIA driver: libnvidia-ml.so.1 not found")
	case nvml.ERROR_DRIVER_NOT_LOADED:
		return errors.New("the NVIDIA driver is not loaded")
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return errors.New("the NVIDIA driver and libnvidia-ml.so.1 are of different versions; reboot")
	case nvml.ERROR_NO_PERMISSION:
		return errors.New("no permission to use the NVIDIA driver")
	default:
		return fmt.Errorf("start NVML: %w", failure(ret))
	}
}

// failure names a code without asking the library to.
func failure(ret nvml.Return) error {
	switch ret {
	case nvml.SUCCESS:
		return nil
	case nvml.ERROR_NOT_SUPPORTED:
		return errors.New("not supported by this GPU")
	case nvml.ERROR_NO_PERMISSION:
		return errors.New("no permission")
	case nvml.ERROR_GPU_IS_LOST:
		return errors.New("the GPU is lost")
	case nvml.ERROR_TIMEOUT:
		return errors.New("the driver timed out")
	}
	return fmt.Errorf("NVML error %d", int(ret))
}

func (l *nvmlLibrary) lacks(symbol string) error {
	if l.lib.Extensions().LookupSymbol(symbol) != nil {
		return fmt.Errorf("the NVIDIA driver is too old: it has no %s", symbol)
	}
	return nil
}

func (l *nvmlLibrary) driver() (string, error) {
	if err := l.lacks("nvmlSystemGetDriverVersion"); err != nil {
		return "", err
	}
	v, ret := l.lib.SystemGetDriverVersion()
	return v, failure(ret)
}

func (l *nvmlLibrary) count() (int, error) {
	n, ret := l.lib.DeviceGetCount()
	return n, failure(ret)
}

func (l *nvmlLibrary) device(i int) (gpuDevice, error) {
	d, ret := l.lib.DeviceGetHandleByIndex(i)
	if ret != nvml.SUCCESS {
		return nil, failure(ret)
	}
	return &nvmlGPU{
		dev:           d,
		noName:        l.lacks("nvmlDeviceGetName"),
		noUtil:        l.lacks("nvmlDeviceGetUtilizationRates"),
		noMemory:      l.lacks("nvmlDeviceGetMemoryInfo"),
		noMemoryV2:    l.lacks("nvmlDeviceGetMemoryInfo_v2"),
		noPower:       l.lacks("nvmlDeviceGetPowerUsage"),
		noEnergy:      l.lacks("nvmlDeviceGetTotalEnergyConsumption"),
		noTemperature: l.lacks("nvmlDeviceGetTemperature"),
	}, nil
}

type nvmlGPU struct {
	dev nvml.Device

	noName, noUtil, noMemory, noMemoryV2, noPower, noEnergy, noTemperature error
}

func (g *nvmlGPU) name() (string, error) {
	if g.noName != nil {
		return "", g.noName
	}
	s, ret := g.dev.GetName()
	return s, failure(ret)
}

func (g *nvmlGPU) util() (float64, error) {
	if g.noUtil != nil {
		return 0, g.noUtil
	}
	u, ret := g.dev.GetUtilizationRates()
	return float64(u.Gpu) / 100, failure(ret)
}

// memory prefers the second version, whose used part leaves out what the
// driver keeps to itself, as nvidia-smi does.
func (g *nvmlGPU) memory() (used, size float64, err error) {
	if g.noMemoryV2 == nil {
		if m, ret := g.dev.GetMemoryInfo_v2(); ret == nvml.SUCCESS {
			return float64(m.Used), float64(m.Total), nil
		}
	}
	if g.noMemory != nil {
		return 0, 0, g.noMemory
	}
	m, ret := g.dev.GetMemoryInfo()
	return float64(m.Used), float64(m.Total), failure(ret)
}

func (g *nvmlGPU) power() (float64, error) {
	if g.noPower != nil {
		return 0, g.noPower
	}
	mw, ret := g.dev.GetPowerUsage()
	return float64(mw) / 1e3, failure(ret)
}

func (g *nvmlGPU) energy() (float64, error) {
	if g.noEnergy != nil {
		return 0, g.noEnergy
	}
	mj, ret := g.dev.GetTotalEnergyConsumption()
	return float64(mj) / 1e3, failure(ret)
}

func (g *nvmlGPU) temperature() (float64, error) {
	if g.noTemperature != nil {
		return 0, g.noTemperature
	}
	t, ret := g.dev.GetTemperature(nvml.TEMPERATURE_GPU)
	return float64(t), failure(ret)
}
