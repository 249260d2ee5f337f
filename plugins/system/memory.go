package system

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/probe"
)

type memoryParams struct {
	Kernel string `json:"kernel" doc:"copy (b = a) or triad (a = b + 3c), as STREAM defines them." enum:"copy,triad"`
	Size   int    `json:"size" doc:"Bytes of each array; 0 makes all arrays together twice the last-level cache, with at least 64 MiB and at most 512 MiB each." min:"0" max:"17179869184"`
	Chunk  int    `json:"chunk" doc:"Bytes of each array that one op passes over." min:"4096" max:"1073741824"`
}

func memoryBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:    "memory",
		Doc:     "Memory bandwidth of one core over arrays that no cache holds.",
		Params:  sdk.ParamsOf(memoryParams{Kernel: "copy", Chunk: 4 << 20}),
		Metrics: []sdk.Metric{bandwidthMetric("Bytes read and written; what a store fetches first is not counted, as in STREAM.")},
		Presets: []sdk.Preset{
			{Name: "memory_copy", Doc: "Copy one array to another.", With: map[string]any{"kernel": "copy"}},
			{Name: "memory_triad", Doc: "Add a multiple of one array to another.", With: map[string]any{"kernel": "triad"}},
		},
		Load:  sdk.LoadHint{Serial: true},
		Setup: setupMemory,
	}
}

const (
	smallestAuto = 64 << 20
	largestAuto  = 512 << 20
	wordSize     = 8
)

type memorySession struct {
	kernel      string
	size, chunk int // words
	cache       int // B; 0: unknown
	scale       float64
}

func setupMemory(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	var p memoryParams
	if err := r.Params.Decode(&p); err != nil {
		return nil, err
	}
	cache := lastLevelCache("/sys/devices/system/cpu/cpu0/cache")
	s := &memorySession{kernel: p.Kernel, chunk: p.Chunk / wordSize, cache: cache, scale: 3}
	auto := p.Size == 0
	if auto {
		p.Size = min(max(2*cache/s.arrays(), smallestAuto), largestAuto)
	}
	switch {
	case p.Kernel != "copy" && p.Kernel != "triad":
		return nil, sdk.BadParam("kernel", "is %q, want copy or triad", p.Kernel)
	case p.Chunk < wordSize:
		return nil, sdk.BadParam("chunk", "is %d, want %d bytes or more", p.Chunk, wordSize)
	case p.Size < p.Chunk:
		return nil, sdk.BadParam("size", "is %d, want at least one chunk (%d bytes)", p.Size, p.Chunk)
	}
	if available, _, err := probe.Memory(ctx); err == nil {
		most := int(available / 2 / uint64(s.arrays()*max(r.MaxWorkers, 1)))
		if auto {
			p.Size = max(min(p.Size, most), p.Chunk)
		}
		if p.Size > most {
			return nil, sdk.BadParam("size", "is %d: %d arrays for each of %d workers would take more than half of the %d bytes that are available; want %d or less",
				p.Size, s.arrays(), max(r.MaxWorkers, 1), available, most)
		}
	}
	s.size = p.Size / wordSize / s.chunk * s.chunk
	return s, nil
}

func (s *memorySession) arrays() int {
	if s.kernel == "copy" {
		return 2
	}
	return 3
}

func (s *memorySession) Close(context.Context) error { return nil }

func (s *memorySession) Describe() sdk.SessionInfo {
	cache := "unknown"
	if s.cache > 0 {
		cache = strconv.Itoa(s.cache)
	}
	return sdk.SessionInfo{Provenance: map[string]string{
		"engine": s.kernel + ", Go", "array_bytes": strconv.Itoa(s.size * wordSize), "last_level_cache_bytes": cache,
	}}
}

// Worker makes the arrays and touches every page.
func (s *memorySession) Worker(context.Context, int) (sdk.Worker, error) {
	w := &memoryWorker{memorySession: s, a: make([]float64, s.size), b: make([]float64, s.size)}
	if s.kernel == "triad" {
		w.c = make([]float64, s.size)
	}
	for i := range w.a {
		w.a[i], w.b[i] = float64(i), float64(2*i)
		if w.c != nil {
			w.a[i], w.c[i] = 0, float64(i)
		}
	}
	return w, nil
}

type memoryWorker struct {
	*memorySession
	a, b, c []float64
	next    int // word at which the next op begins
}

// Do passes over the next chunk, so that a chunk is long out of the cache when
// its turn comes again.
func (w *memoryWorker) Do(_ context.Context, op *sdk.Op) error {
	from, to := w.next, w.next+w.chunk
	if w.next = to; w.next == w.size {
		w.next = 0
	}
	i := from + int(op.Rand%uint64(w.chunk))
	var got, want float64
	if w.kernel == "copy" {
		copy(w.b[from:to], w.a[from:to])
		got, want = w.b[i], float64(i)
	} else {
		triad(w.a[from:to], w.b[from:to], w.c[from:to], w.scale)
		got, want = w.a[i], 5*float64(i)
	}
	if got != want {
		return sdk.Classify("wrong_result", fmt.Errorf("memory holds %v at word %d, want %v", got, i, want))
	}
	op.Record(bandwidth, float64(w.chunk*wordSize*w.arrays()))
	return nil
}

func triad(a, b, c []float64, scale float64) {
	b, c = b[:len(a)], c[:len(a)]
	for i := range a {
		a[i] = b[i] + scale*c[i]
	}
}

// Close lets go of the arrays.
func (w *memoryWorker) Close() error {
	w.a, w.b, w.c = nil, nil, nil
	return nil
}

// lastLevelCache returns the size of the largest cache in a folder of Linux's
// cache descriptions, in bytes; 0 where there is none.
func lastLevelCache(dir string) int {
	files, err := filepath.Glob(filepath.Join(dir, "index*", "size"))
	if err != nil {
		return 0
	}
	largest := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		text := strings.TrimSpace(string(b))
		unit := 1
		if t, ok := strings.CutSuffix(text, "K"); ok {
			text, unit = t, 1<<10
		} else if t, ok := strings.CutSuffix(text, "M"); ok {
			text, unit = t, 1<<20
		}
		if n, err := strconv.Atoi(text); err == nil {
			largest = max(largest, n*unit)
		}
	}
	return largest
}
