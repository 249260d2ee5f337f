package wasmhost

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
	"github.com/benchharness/harness/sdk/loop"
)

// cacheDir is shared by the package's tests: what one has compiled, others
// need not.
var cacheDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "wasmhost")
	if err != nil {
		panic(err)
	}
	cacheDir = filepath.Join(dir, "compiled")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// file writes a module to a file.
func file(t testing.TB, code []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "harness-plugin-evil.wasm")
	if err := os.WriteFile(path, code, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// options are those of a plugin evil with the capabilities.
func options(t testing.TB, code []byte, capabilities ...string) Options {
	o := Options{
		Name: "evil", File: file(t, code), Cache: cacheDir, Log: slog.New(slog.DiscardHandler),
		Grant: Grant{Capabilities: capabilities, Limits: Limits{Memory: 4 << 20, Log: 64 << 10, Result: 64 << 10}},
	}
	for _, c := range capabilities {
		if c == abi.Blob {
			o.Grant.Blobs = t.TempDir()
		}
	}
	return o
}

func open(t testing.TB, o Options) *Module {
	t.Helper()
	m, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// setUp sets up the plugin's first benchmark.
func setUp(t testing.TB, m *Module, r sdk.SetupRequest) (sdk.Session, sdk.Benchmark, error) {
	t.Helper()
	p, err := m.Plugin(context.Background())
	if err != nil {
		return nil, sdk.Benchmark{}, err
	}
	r.ID, r.Log, r.MaxWorkers = p.Name+"/"+p.Benchmarks[0].Name, m.opts.Log, 2
	s, err := p.Benchmarks[0].Setup(context.Background(), r)
	return s, p.Benchmarks[0], err
}

// worker makes worker 0 of a module's first benchmark.
func worker(t testing.TB, o Options, r sdk.SetupRequest) sdk.Worker {
	t.Helper()
	s, _, err := setUp(t, open(t, o), r)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Worker(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.(*instance).Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// do does one op, stamped from now on.
func do(w sdk.Worker) (*sdk.Op, error) {
	op := &sdk.Op{}
	op.Begin(7, 9, time.Now().Add(-time.Second))
	return op, w.Do(context.Background(), op)
}

// round drives a round of ops.
func round(t testing.TB, o Options, ops uint64) (loop.Result, error) {
	t.Helper()
	s, b, err := setUp(t, open(t, o), sdk.SetupRequest{})
	if err != nil {
		t.Fatal(err)
	}
	d := loop.New(s, b.Metrics)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d.Round(context.Background(), loop.Plan{Model: loop.Closed, Workers: 2, Ops: ops, NoBatch: true}, nil)
}

// guest is a plugin with the op.
func guest(op wasmtest.Code, imports ...wasmtest.Import) []byte {
	return wasmtest.Guest(wasmtest.Plugin(), imports...).Set(abi.Op, op).Bytes()
}

// wantError fails unless the error is one line that holds the words.
func wantError(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("there is no error, want one with %q", words)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error is %q, want %q in it", err, w)
		}
	}
}
