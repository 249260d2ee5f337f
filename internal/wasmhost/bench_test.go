package wasmhost

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
	"github.com/benchharness/harness/sdk/loop"
)

// spin is an op of 200,000 subtractions.
var spin = w.Join(
	w.I32(200_000), w.Set(2),
	w.Code{0x03, 0x40},                                // loop
	w.Get(2), w.I32(1), w.Code{0x6b}, w.Code{0x22, 2}, // local.tee (n − 1)
	w.Code{0x0d, 0}, w.Code{0x0b}, // br_if 0 end
	w.I32(0),
)

func spinning() []byte {
	g := w.Guest(w.Plugin()).Set(abi.Op, spin)
	g.Funcs[2].Locals = 1
	return g.Bytes()
}

// bareOp returns what runs n ops of a module by wazero alone, with the same two
// clock reads around every call.
//
// It returns the time of all of them and that of the fastest.
func bareOp(b *testing.B, code []byte) func(n uint64) (all, fastest time.Duration) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(features))
	b.Cleanup(func() { r.Close(ctx) })
	if _, err := r.NewHostModuleBuilder(abi.Module).NewFunctionBuilder().
		WithFunc(func(uint32, uint32) uint32 { return 0 }).Export("reply").Instantiate(ctx); err != nil {
		b.Fatal(err)
	}
	mod, err := r.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		b.Fatal(err)
	}
	op := mod.ExportedFunction(abi.Op)
	return func(n uint64) (all, fastest time.Duration) {
		var stack [2]uint64
		base := time.Now()
		fastest = 1 << 62
		for range n {
			start := time.Since(base)
			stack[0], stack[1] = 0, 0
			if err := op.CallWithStack(ctx, stack[:]); err != nil {
				b.Fatal(err)
			}
			fastest = min(fastest, time.Since(base)-start)
		}
		return time.Since(base), fastest
	}
}

// loopedOp returns what runs n ops of the same module as the plugin's process
// does: by the loop, through the host.
func loopedOp(b *testing.B, code []byte) func(n uint64) (all, fastest time.Duration) {
	s, bench, err := setUp(b, open(b, options(b, code)), sdk.SetupRequest{})
	if err != nil {
		b.Fatal(err)
	}
	d := loop.New(s, bench.Metrics)
	b.Cleanup(func() {
		d.Close()
		s.Close(context.Background())
	})
	return func(n uint64) (all, fastest time.Duration) {
		res, err := d.Round(context.Background(), loop.Plan{Model: loop.Closed, Workers: 1, Ops: n, NoBatch: true}, nil)
		if err != nil {
			b.Fatal(err)
		}
		// What comes before and after is the round's, not the ops'.
		return res.Elapsed, time.Duration(res.Clocks.Service.Min())
	}
}

// beside runs both in turns and reports the cost of an op by the fastest turn
// of each, because anything else that happens on the machine makes one slower.
// single takes the fastest op in place of a turn's mean.
func beside(b *testing.B, code []byte, ops uint64, single bool) {
	bare, looped := bareOp(b, code), loopedOp(b, code)
	looped(1) // the worker is made once
	best := func(best *float64, run func(uint64) (all, fastest time.Duration)) {
		all, fastest := run(ops)
		t := float64(all.Nanoseconds()) / float64(ops)
		if single {
			t = float64(fastest.Nanoseconds())
		}
		if *best == 0 || t < *best {
			*best = t
		}
	}
	var a, l float64
	for b.Loop() {
		best(&a, bare)
		best(&l, looped)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(a, "bare-ns/op")
	b.ReportMetric(l, "looped-ns/op")
	b.ReportMetric(l/a, "ratio")
}

// BenchmarkEmptyOp: the ratio is at most 1.5.
func BenchmarkEmptyOp(b *testing.B) { beside(b, guest(w.I32(0)), 20_000, false) }

// BenchmarkComputingOp: the ratio is at most 1.05.
func BenchmarkComputingOp(b *testing.B) { beside(b, spinning(), 10, true) }

// BenchmarkLoopedOp: 0 allocs/op.
func BenchmarkLoopedOp(b *testing.B) {
	looped := loopedOp(b, guest(w.I32(0)))
	looped(1)
	b.ReportAllocs()
	b.ResetTimer()
	looped(uint64(b.N))
}

// BenchmarkStart is reading, checking and loading a module of a Go plugin whose
// code is in the cache, until it has described itself: under 150 ms for 2 MB.
func BenchmarkStart(b *testing.B) {
	path := filepath.Join(b.TempDir(), "harness-plugin-hash.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", path, "../../examples/plugins/hash")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	o := options(b, nil)
	o.Name, o.File, o.Grant.Limits.Memory = "hash", path, 64<<20
	start := func() {
		m, err := Open(context.Background(), o)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Plugin(context.Background()); err != nil {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
	start()
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	for b.Loop() {
		start()
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}
