package probe

import (
	"fmt"
	"sync"
)

// nvmlAPI is what this package needs of NVML. Nothing but open may be called
// on one whose open failed: a call into a library that is not there ends the
// process, without a panic that could be caught.
type nvmlAPI interface {
	open() error
	driver() (string, error)
	count() (int, error)
	device(i int) (gpuDevice, error)
}

// gpuDevice is one GPU. Every method can fail on its own: a partitioned GPU
// has no utilisation, an old one no energy counter, and a lost one nothing.
type gpuDevice interface {
	name() (string, error)
	util() (float64, error)                 // ratio
	memory() (used, total float64, _ error) // B
	power() (float64, error)                // W
	energy() (float64, error)               // J since the driver was loaded
	temperature() (float64, error)          // °C
}

// gpuSet is the GPUs of this machine, or the reason why there are none.
type gpuSet struct {
	driver  string
	devices []gpuDevice
	why     string
}

// sharedGPUs opens NVML once in the life of the process. It is never shut
// down: other samplers may be using it.
var sharedGPUs = sync.OnceValue(func() gpuSet { return openGPUs(newNVML()) })

func openGPUs(api nvmlAPI) gpuSet {
	if err := api.open(); err != nil {
		return gpuSet{why: err.Error()}
	}
	n, err := api.count()
	if err != nil {
		return gpuSet{why: fmt.Sprintf("count GPUs: %v", err)}
	}
	if n == 0 {
		return gpuSet{why: "the NVIDIA driver lists no GPU"}
	}
	set := gpuSet{}
	if set.driver, err = api.driver(); err != nil {
		set.driver = ""
	}
	for i := range n {
		d, err := api.device(i)
		if err != nil {
			d = lostGPU{fmt.Errorf("open GPU %d: %w", i, err)}
		}
		set.devices = append(set.devices, d)
	}
	return set
}

// lostGPU is a GPU that the driver counts and does not give out.
type lostGPU struct{ err error }

func (g lostGPU) name() (string, error)             { return "", g.err }
func (g lostGPU) util() (float64, error)            { return 0, g.err }
func (g lostGPU) memory() (float64, float64, error) { return 0, 0, g.err }
func (g lostGPU) power() (float64, error)           { return 0, g.err }
func (g lostGPU) energy() (float64, error)          { return 0, g.err }
func (g lostGPU) temperature() (float64, error)     { return 0, g.err }

// gpuCollector reads every GPU. gpu.util is the mean over the GPUs that tell
// theirs. Without a GPU it is the only gauge.
type gpuCollector struct {
	set    gpuSet
	energy []monotone
}

func newGPUCollector(set gpuSet) collector {
	return &gpuCollector{set: set, energy: make([]monotone, len(set.devices))}
}

const gaugesPerGPU = 6

func (c *gpuCollector) defs() []def {
	out := []def{{"gpu.util", "ratio", level}}
	for i := range c.set.devices {
		p := fmt.Sprintf("gpu.%d.", i)
		out = append(out,
			def{p + "util", "ratio", level}, def{p + "memory_used", "B", level}, def{p + "memory_total", "B", level},
			def{p + "power", "W", level}, def{p + "energy", "J", total}, def{p + "temperature", "Cel", level})
	}
	return out
}

func (*gpuCollector) close() {}

func (c *gpuCollector) read(_ float64, out []point, _ bool) {
	out[0] = unavailable(c.set.why)
	sum, n := 0.0, 0
	for i, d := range c.set.devices {
		p := out[1+gaugesPerGPU*i:][:gaugesPerGPU]
		p[0] = reading(d.util())
		if used, size, err := d.memory(); err != nil {
			fill(p[1:3], unavailable(err.Error()))
		} else {
			p[1], p[2] = levelPoint(used), levelPoint(size)
		}
		p[3] = reading(d.power())
		p[4] = reading(d.energy())
		if p[4].ok {
			p[4].num = c.energy[i].add("", p[4].num)
		}
		p[5] = reading(d.temperature())
		if p[0].ok {
			sum += p[0].num
			n++
		} else {
			out[0].why = p[0].why
		}
	}
	if n > 0 {
		out[0] = levelPoint(sum / float64(n))
	}
}

func reading(v float64, err error) point {
	if err != nil {
		return unavailable(err.Error())
	}
	return levelPoint(v)
}
