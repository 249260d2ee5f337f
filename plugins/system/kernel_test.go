package system

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func TestCPUKernelAgreesWithItsClosedForms(t *testing.T) {
	for _, steps := range []int{0, 1, 2, 3, 1000, 123_457} {
		for _, seed := range []uint64{0, 1, math.MaxUint64} {
			state, x, y := kernel(seed, steps)
			if err := check(seed, steps, state, x, y); err != nil {
				t.Errorf("seed %d, %d steps: %v", seed, steps, err)
			}
			if err := check(seed, steps, state^1<<40, x, y); sdk.Class(err) != "wrong_result" {
				t.Errorf("seed %d, %d steps: a flipped bit of the state passes: %v", seed, steps, err)
			}
			if err := check(seed, steps, state, x+1e-6, y); sdk.Class(err) != "wrong_result" {
				t.Errorf("seed %d, %d steps: a wrong vector passes: %v", seed, steps, err)
			}
		}
	}
	if err := check(1, 5, lcgAfter(1, 5), math.NaN(), 0); err == nil {
		t.Error("NaN passes")
	}
	// By hand: one step from 1 is the multiplier plus the increment.
	if got, want := lcgAfter(1, 1), uint64(6364136223846793005+1442695040888963407); got != want {
		t.Errorf("one step from 1 = %d, want %d", got, want)
	}
}

func TestCPUCountsTheStepsOfAllCores(t *testing.T) {
	for cores, want := range map[int]float64{1: 2000, 0: 2000 * float64(runtime.GOMAXPROCS(0))} {
		x := prepare(t, "cpu", map[string]any{"cores": cores, "steps": 2000})
		for range 20 {
			got, err := x.op()
			if err != nil || got["steps"] != want {
				t.Errorf("cores %d: %v steps, want %v (%v)", cores, got["steps"], want, err)
			}
		}
	}
}

func TestMemoryKernelsDoTheirWorkOnEveryWord(t *testing.T) {
	for kernel, arrays := range map[string]float64{"copy": 2, "triad": 3} {
		t.Run(kernel, func(t *testing.T) {
			x := prepare(t, "memory", map[string]any{"kernel": kernel, "size": 1 << 16, "chunk": 1 << 13})
			for range 8 { // once around
				got, err := x.op()
				if err != nil || got[bandwidth] != arrays*(1<<13) {
					t.Fatalf("%v bytes, want %v (%v)", got[bandwidth], arrays*(1<<13), err)
				}
			}
			w := x.worker.(*memoryWorker)
			if len(w.a) != 1<<13 || w.next != 0 {
				t.Errorf("%d words, next %d; want 8192 and 0", len(w.a), w.next)
			}
			for i := range w.a {
				if kernel == "copy" && w.b[i] != float64(i) || kernel == "triad" && w.a[i] != 5*float64(i) {
					t.Fatalf("word %d: a %v, b %v", i, w.a[i], w.b[i])
				}
			}
			if kernel == "copy" {
				for i := range w.a {
					w.a[i] = -1
				}
				if _, err := x.op(); sdk.Class(err) != "wrong_result" {
					t.Errorf("wrong memory passes: %v", err)
				}
			}
		})
	}
}

func TestMemoryArraysTogetherAreTwiceTheCache(t *testing.T) {
	b := benchmark(t, "memory")
	session, err := b.Setup(t.Context(), request(t, b, nil))
	if err != nil {
		t.Fatal(err)
	}
	s := session.(*memorySession)
	slack := s.chunk * wordSize // arrays are whole chunks
	if got := s.size*wordSize + slack; got*s.arrays() < min(2*s.cache, largestAuto*s.arrays()) || got < smallestAuto {
		t.Errorf("arrays of %d bytes with a cache of %d", got, s.cache)
	}
}

func TestLastLevelCacheIsTheLargest(t *testing.T) {
	dir := t.TempDir()
	for index, size := range map[string]string{"index0": "48K", "index2": "2048K", "index3": "105M", "index4": "?"} {
		if err := os.Mkdir(filepath.Join(dir, index), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, index, "size"), []byte(size+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := lastLevelCache(dir); got != 105<<20 {
		t.Errorf("cache = %d, want 105 MiB", got)
	}
	if got := lastLevelCache(filepath.Join(dir, "none")); got != 0 {
		t.Errorf("cache = %d, want 0: unknown", got)
	}
}

func BenchmarkKernels(b *testing.B) {
	b.Run("cpu", func(b *testing.B) {
		for b.Loop() {
			kernel(1, 400_000)
		}
	})
	a, c, d := make([]float64, 8<<20), make([]float64, 8<<20), make([]float64, 8<<20)
	b.Run("triad", func(b *testing.B) {
		b.SetBytes(3 * 64 << 20)
		for b.Loop() {
			triad(a, c, d, 3)
		}
	})
}
