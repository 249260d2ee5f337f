package system

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"sync"

	"github.com/benchharness/harness/sdk"
)

type cpuParams struct {
	Cores int `json:"cores" doc:"Cores that one op keeps busy; 0 is all." min:"0" max:"4096"`
	Steps int `json:"steps" doc:"Steps of the kernel on each core in one op; 400000 take about a millisecond." min:"1000" max:"1000000000"`
}

func cpuBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:   "cpu",
		Doc:    "A fixed integer and floating-point kernel on one core or on all.",
		Params: sdk.ParamsOf(cpuParams{Cores: 1, Steps: 400_000}),
		Metrics: []sdk.Metric{{
			Name: "steps", Unit: "1/s", Doc: "Steps of the kernel on all cores together.", Better: sdk.Higher, Aggregate: sdk.Rate,
		}},
		Presets: []sdk.Preset{
			{Name: "cpu_single", Doc: "One core.", With: map[string]any{"cores": 1}},
			{Name: "cpu_all", Doc: "All cores at once.", With: map[string]any{"cores": 0}},
		},
		Load:  sdk.LoadHint{Serial: true},
		Setup: setupCPU,
	}
}

// The kernel is two chains of dependent operations side by side: a linear
// congruential generator modulo 2⁶⁴ (multiplier and increment of Knuth's
// MMIX) and the rotation of a unit vector by a milliradian. Both have closed
// forms, so what the processor computed can be checked against something
// that it did not compute in the same way.
const (
	lcgA, lcgC = 6364136223846793005, 1442695040888963407
	angle      = 1e-3
)

func kernel(seed uint64, steps int) (state uint64, x, y float64) {
	sin, cos := math.Sincos(angle)
	state, x, y = seed, 1, 0
	for range steps {
		state = state*lcgA + lcgC
		x, y = x*cos-y*sin, x*sin+y*cos
	}
	return state, x, y
}

// lcgAfter jumps n steps ahead in O(log n): n times s → as+c is s → Aₙs+Cₙ,
// built by squaring (Brown, "Random number generation with arbitrary strides").
func lcgAfter(seed uint64, n int) uint64 {
	var a, c uint64 = lcgA, lcgC
	var an, cn uint64 = 1, 0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			an, cn = an*a, cn*a+c
		}
		a, c = a*a, (a+1)*c
	}
	return an*seed + cn
}

// check compares a kernel's result with the closed forms. A rounding error of
// 2⁻⁵³ per step is allowed, with room for fused operations.
func check(seed uint64, steps int, state uint64, x, y float64) error {
	sin, cos := math.Sincos(angle * float64(steps))
	off := math.Hypot(x-cos, y-sin)
	if state != lcgAfter(seed, steps) || !(off <= 1e-9+1e-15*float64(steps)) {
		return sdk.Classify("wrong_result", fmt.Errorf("the CPU computed a wrong result (state %x, vector off by %g)", state, off))
	}
	return nil
}

type cpuSession struct {
	cores, steps int
	seed         uint64
}

func setupCPU(_ context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	var p cpuParams
	if err := r.Params.Decode(&p); err != nil {
		return nil, err
	}
	has := runtime.GOMAXPROCS(0)
	switch {
	case p.Steps < 1:
		return nil, sdk.BadParam("steps", "is %d, want 1 or more", p.Steps)
	case p.Cores < 0 || p.Cores > has:
		return nil, sdk.BadParam("cores", "is %d, want 0 (all) to %d, which is what this machine has", p.Cores, has)
	case p.Cores == 0:
		p.Cores = has
	}
	return &cpuSession{cores: p.Cores, steps: p.Steps, seed: r.Seed}, nil
}

func (s *cpuSession) Close(context.Context) error { return nil }

func (s *cpuSession) Describe() sdk.SessionInfo {
	return sdk.SessionInfo{Provenance: map[string]string{"engine": "lcg and rotation, Go", "cores": strconv.Itoa(s.cores)}}
}

// Worker starts the goroutines of the cores besides the worker's own.
func (s *cpuSession) Worker(context.Context, int) (sdk.Worker, error) {
	w := &cpuWorker{cpuSession: s, start: make(chan uint64), done: make(chan error, s.cores)}
	for range s.cores - 1 {
		w.ended.Go(func() {
			for seed := range w.start {
				w.done <- w.once(seed)
			}
		})
	}
	return w, nil
}

type cpuWorker struct {
	*cpuSession
	start chan uint64
	done  chan error
	ended sync.WaitGroup
}

func (w *cpuWorker) once(seed uint64) error {
	state, x, y := kernel(seed, w.steps)
	return check(seed, w.steps, state, x, y)
}

func (w *cpuWorker) Do(_ context.Context, op *sdk.Op) error {
	for i := range w.cores - 1 {
		w.start <- w.seed ^ op.Rand + uint64(i)
	}
	err := w.once(w.seed ^ op.Rand)
	for range w.cores - 1 {
		if e := <-w.done; e != nil {
			err = e
		}
	}
	op.Record("steps", float64(w.steps*w.cores))
	return err
}

// Close ends the worker's goroutines.
func (w *cpuWorker) Close() error {
	close(w.start)
	w.ended.Wait()
	return nil
}
