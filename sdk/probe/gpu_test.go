package probe

import (
	"errors"
	"strings"
	"testing"
)

// fakeNVML fails the test on any call after a failed open, as the real one
// would end the process.
type fakeNVML struct {
	t       *testing.T
	openErr error
	gpus    []gpuDevice // nil: cannot be opened
}

func (f *fakeNVML) open() error { return f.openErr }
func (f *fakeNVML) mustBeOpen() {
	if f.openErr != nil {
		f.t.Error("NVML was called although it did not open")
	}
}
func (f *fakeNVML) driver() (string, error) { f.mustBeOpen(); return "550.54", nil }
func (f *fakeNVML) count() (int, error)     { f.mustBeOpen(); return len(f.gpus), nil }
func (f *fakeNVML) device(i int) (gpuDevice, error) {
	f.mustBeOpen()
	if f.gpus[i] == nil {
		return nil, errors.New("the GPU is lost")
	}
	return f.gpus[i], nil
}

type fakeGPU struct {
	load, joules       float64
	utilErr, energyErr error
}

func (fakeGPU) name() (string, error)             { return "H100", nil }
func (g fakeGPU) util() (float64, error)          { return g.load, g.utilErr }
func (fakeGPU) memory() (float64, float64, error) { return 1 << 30, 80 << 30, nil }
func (fakeGPU) power() (float64, error)           { return 300, nil }
func (g *fakeGPU) energy() (float64, error)       { g.joules += 30; return g.joules, g.energyErr }
func (fakeGPU) temperature() (float64, error)     { return 55, nil }

func series(set gpuSet) Series {
	s := newSampler(Options{}, nil, func() collector { return newGPUCollector(set) })
	defer s.Stop()
	return s.Open().Close()
}

func TestFailedStartOfNVMLIsTheReasonAndNothingElseIsCalled(t *testing.T) {
	set := openGPUs(&fakeNVML{t: t, openErr: errors.New("no NVIDIA driver: libnvidia-ml.so.1 not found")})
	out := series(set)
	if len(out.Gauges) != 1 {
		t.Fatalf("gauges = %+v, want gpu.util only", out.Gauges)
	}
	g := out.Gauges[0]
	if g.Name != "gpu.util" || g.Average != nil || g.Unavailable != "no NVIDIA driver: libnvidia-ml.so.1 not found" {
		t.Errorf("%+v, want gpu.util unavailable with NVML's reason", g)
	}
}

func TestDriverWithoutGPUIsUnavailable(t *testing.T) {
	g := series(openGPUs(&fakeNVML{t: t})).Gauges[0]
	if g.Average != nil || g.Unavailable != "the NVIDIA driver lists no GPU" {
		t.Errorf("%+v", g)
	}
}

func TestEachGPUFailsAlone(t *testing.T) {
	notSupported := errors.New("not supported by this GPU")
	set := openGPUs(&fakeNVML{t: t, gpus: []gpuDevice{
		&fakeGPU{load: 0.25}, nil, &fakeGPU{utilErr: notSupported, energyErr: notSupported}, &fakeGPU{load: 0.75},
	}})
	out := series(set)
	if n := len(out.Gauges); n != 1+4*gaugesPerGPU {
		t.Fatalf("%d gauges", n)
	}
	get := func(name string) Gauge {
		t.Helper()
		g, ok := out.Gauge(name)
		if !ok {
			t.Fatalf("no gauge %s", name)
		}
		return g
	}
	want(t, "gpu.util", get("gpu.util").Average, 0.5)
	want(t, "gpu.0.util", get("gpu.0.util").Average, 0.25)
	want(t, "gpu.0.energy", get("gpu.0.energy").Average, 30)
	want(t, "gpu.2.memory_total", get("gpu.2.memory_total").Peak, 80<<30)
	for _, name := range []string{"gpu.1.util", "gpu.1.memory_used", "gpu.1.power", "gpu.1.energy", "gpu.1.temperature"} {
		if g := get(name); g.Average != nil || !strings.Contains(g.Unavailable, "lost") {
			t.Errorf("%s: %+v, want lost", name, g)
		}
	}
	for _, name := range []string{"gpu.2.util", "gpu.2.energy"} {
		if g := get(name); g.Average != nil || g.Unavailable != "not supported by this GPU" {
			t.Errorf("%s: %+v, want not supported", name, g)
		}
	}
}

func TestSamplerOnThisMachineSurvivesAnAbsentDriver(t *testing.T) {
	s := New(Options{})
	defer s.Stop()
	out := s.Open().Close()
	g, ok := out.Gauge("gpu.util")
	if !ok {
		t.Fatal("no gauge gpu.util")
	}
	if (g.Average == nil) == (g.Unavailable == "") {
		t.Errorf("%+v: want a value or a reason", g)
	}
	t.Logf("gpu.util: %q", g.Unavailable)
}
