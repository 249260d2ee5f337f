package embedding

import (
	"context"
	"log/slog"
	"math"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/sdktest"
)

// openSmall makes an encoder that answers to a built-in model's name and is
// small enough for tests.
func openSmall(o encoder.Options) (*encoder.Encoder, error) {
	if o.ModelDir == "" {
		known, err := encoder.ShapeOf(o.Model)
		if err != nil {
			return nil, err
		}
		o.Shape = &encoder.Shape{
			Name: known.Name, Layers: 2, Width: 32, Heads: 2, FFN: 64, Vocab: 5000, Positions: 128, Types: 2, MaxTokens: 128,
			Epsilon: 1e-12, Pooling: known.Pooling, Normalize: true, QueryPrefix: known.QueryPrefix, PassagePrefix: known.PassagePrefix,
		}
	}
	return encoder.Open(o)
}

// request is a checked request for a benchmark.
func request(t testing.TB, b sdk.Benchmark, with map[string]any) sdk.SetupRequest {
	t.Helper()
	params, err := sdktest.Params(t, b, with)
	if err != nil {
		t.Fatalf("parameters %v: %v", with, err)
	}
	return sdk.SetupRequest{
		ID: "embedding/" + b.Name, RunID: "r1", Params: params, Seed: 7, MaxWorkers: 4, Timeout: 30 * time.Second,
		Log: slog.New(slog.DiscardHandler),
	}
}

// scenario is a prepared scenario and one worker of it.
type scenario struct {
	t       testing.TB
	bench   sdk.Benchmark
	session sdk.Session
	worker  sdk.Worker
	ops     uint64
}

// prepare sets a scenario up; the test's end closes it.
func prepare(t testing.TB, b sdk.Benchmark, req sdk.SetupRequest) *scenario {
	t.Helper()
	s, err := b.Setup(context.Background(), req)
	if err != nil {
		t.Fatalf("set up: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	w, err := s.Worker(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &scenario{t: t, bench: b, session: s, worker: w}
}

func (s *scenario) info() sdk.SessionInfo { return s.session.(sdk.Describer).Describe() }

// do does one op and returns what it recorded.
func (s *scenario) do(ctx context.Context) (map[string]float64, error) {
	var op sdk.Op
	op.Begin(s.ops, 0, time.Now())
	s.ops++
	err := s.worker.Do(ctx, &op)
	values := map[string]float64{}
	op.Values(func(name string, v float64) { values[name] += v })
	return values, err
}

func (s *scenario) mustDo() map[string]float64 {
	s.t.Helper()
	values, err := s.do(context.Background())
	if err != nil {
		s.t.Fatalf("op: %v", err)
	}
	return values
}

// round runs ops through the harness's own loop.
func (s *scenario) round(workers int, ops uint64) loop.Result {
	s.t.Helper()
	d := loop.New(s.session, s.bench.Metrics)
	res, err := d.Round(context.Background(), loop.Plan{Model: loop.Closed, Workers: workers, Ops: ops, OpTimeout: time.Minute}, nil)
	if err != nil {
		s.t.Fatalf("round: %v", err)
	}
	if err := d.Close(); err != nil {
		s.t.Errorf("close workers: %v", err)
	}
	if !res.Counts.Balanced() || res.Counts.OK != ops {
		s.t.Fatalf("counts are %+v, want %d ok; errors %v %v", res.Counts, ops, res.Errors, res.Samples)
	}
	return res
}

// vectorOf is a vector of length 1 whose direction follows the text.
func vectorOf(text string, dimension int) []float64 {
	v := make([]float64, dimension)
	squares := 0.0
	for i := range v {
		v[i] = float64(1 + (len(text)+i)%7)
		squares += v[i] * v[i]
	}
	for i := range v {
		v[i] /= math.Sqrt(squares)
	}
	return v
}

// targetOf is a target at a test's server.
func targetOf(srv *httptest.Server) sdk.Target {
	return sdk.Target{Name: "box", Kind: TargetKind, URL: srv.URL}
}
