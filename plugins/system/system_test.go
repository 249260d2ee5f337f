package system

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/sdktest"
)

// bench is one prepared scenario with one worker.
type bench struct {
	t       *testing.T
	session sdk.Session
	worker  sdk.Worker
	request sdk.SetupRequest
	metrics map[string]bool
	index   uint64
}

func request(t *testing.T, b sdk.Benchmark, with map[string]any) sdk.SetupRequest {
	t.Helper()
	params, err := sdktest.Params(t, b, with)
	if err != nil {
		t.Fatalf("parameters %v: %v", with, err)
	}
	return sdk.SetupRequest{
		ID: "system/" + b.Name, RunID: "r1", Params: params, Seed: 7, MaxWorkers: 2, Timeout: 10 * time.Second,
		Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	}
}

func benchmark(t *testing.T, name string) sdk.Benchmark {
	t.Helper()
	p, ok := sdk.Lookup("system")
	if !ok {
		t.Fatal("plugin system is not registered")
	}
	b, ok := p.Benchmark(name)
	if !ok {
		t.Fatalf("no benchmark %s", name)
	}
	return b
}

// prepare sets a benchmark up; the test's end tears it down.
func prepare(t *testing.T, name string, with map[string]any) *bench {
	t.Helper()
	b := benchmark(t, name)
	r := request(t, b, with)
	s, err := b.Setup(t.Context(), r)
	if err != nil {
		t.Fatalf("set up: %v", err)
	}
	w, err := s.Worker(t.Context(), 0)
	if err != nil {
		t.Fatalf("worker: %v", err)
	}
	x := &bench{t: t, session: s, worker: w, request: r, metrics: map[string]bool{}}
	for _, m := range b.Metrics {
		x.metrics[m.Name] = true
	}
	t.Cleanup(func() {
		if c, ok := w.(io.Closer); ok {
			if err := c.Close(); err != nil {
				t.Errorf("close worker: %v", err)
			}
		}
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close session: %v", err)
		}
	})
	return x
}

// op does one op and returns what it recorded.
func (b *bench) op() (map[string]float64, error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), b.request.Timeout)
	defer cancel()
	var op sdk.Op
	op.Begin(b.index, b.index*0x9E3779B97F4A7C15, time.Now())
	b.index++
	err := b.worker.Do(ctx, &op)
	got := map[string]float64{}
	op.Values(func(metric string, v float64) {
		if !b.metrics[metric] {
			b.t.Errorf("metric %q is recorded and not declared", metric)
		}
		got[metric] = v
	})
	return got, err
}

func TestEveryPresetRunsAndChecksItself(t *testing.T) {
	p, _ := sdk.Lookup("system")
	for _, b := range p.Benchmarks {
		presets := b.Presets
		if len(presets) == 0 {
			presets = []sdk.Preset{{Name: b.Name}}
		}
		for _, preset := range presets {
			t.Run(preset.Name, func(t *testing.T) {
				with := map[string]any{}
				maps.Copy(with, preset.With)
				if b.Name == "memory" {
					with["size"] = 16 << 20 // filling a cache's size takes long under the race detector
				}
				x := prepare(t, b.Name, with)
				for range 3 {
					got, err := x.op()
					if err != nil {
						t.Fatal(err)
					}
					if len(got) == 0 {
						t.Error("the op recorded nothing")
					}
				}
				for k, v := range x.session.(sdk.Describer).Describe().Provenance {
					if k == "" || v == "" {
						t.Errorf("provenance %q = %q", k, v)
					}
					t.Logf("%s: %s", k, v)
				}
			})
		}
	}
}

func TestTableColumnsAreMetricsThatExist(t *testing.T) {
	p, _ := sdk.Lookup("system")
	known := map[string]bool{}
	for _, m := range sdk.StandardMetrics {
		known[m] = true
	}
	for _, b := range p.Benchmarks {
		for _, m := range b.Metrics {
			known[m.Name] = true
		}
	}
	for _, c := range p.Table.Columns {
		if !known[c.Metric] {
			t.Errorf("column %s shows metric %q, which nothing records", c.Title, c.Metric)
		}
	}
}

func TestWrongParametersAreNamed(t *testing.T) {
	for _, c := range []struct {
		benchmark string
		with      map[string]any
		param     string
	}{
		{"cpu", map[string]any{"cores": -1}, "cores"},
		{"cpu", map[string]any{"cores": 4000}, "cores"},
		{"cpu", map[string]any{"steps": 10}, "steps"},
		{"memory", map[string]any{"kernel": "scale"}, "kernel"},
		{"memory", map[string]any{"size": 4096, "chunk": 8192}, "size"},
		{"memory", map[string]any{"size": 17179869184, "kernel": "triad"}, "size"},
		{"file", map[string]any{"mode": "append"}, "mode"},
		{"file", map[string]any{"block": 5000}, "block"},
		{"file", map[string]any{"block": 8192, "size": 12288}, "size"},
		{"file", map[string]any{"order": "backwards"}, "order"},
		{"loopback", map[string]any{"mode": "udp"}, "mode"},
		{"loopback", map[string]any{"message": 1 << 20}, "message"},
		{"loopback", map[string]any{"messages": 1}, "messages"},
	} {
		b := benchmark(t, c.benchmark)
		params, err := sdktest.Params(t, b, c.with)
		if err == nil {
			var s sdk.Session
			s, err = b.Setup(t.Context(), sdk.SetupRequest{Params: params, MaxWorkers: 4, Dir: t.TempDir()})
			if s != nil {
				t.Errorf("%s with %v was set up", c.benchmark, c.with)
				_ = s.Close(t.Context())
			}
		}
		var bad *sdk.ParamError
		if !errors.As(err, &bad) || bad.Param != c.param || bad.Problem == "" {
			t.Errorf("%s with %v: error %v, want one about %q", c.benchmark, c.with, err, c.param)
		}
	}
}

func TestMonitorRecordsWhatTheMachineHas(t *testing.T) {
	x := prepare(t, "monitor", nil)
	got := map[string]float64{}
	deadline := time.Now().Add(10 * time.Second)
	for got["cpu_util"] == 0 && time.Now().Before(deadline) { // until some CPU time has been counted
		var err error
		if got, err = x.op(); err != nil {
			t.Fatal(err)
		}
	}
	if u := got["cpu_util"]; u <= 0 || u > 1 {
		t.Errorf("cpu_util = %v", u)
	}
	if m := got["memory_used"]; m < 1<<20 {
		t.Errorf("memory_used = %v B", m)
	}
	provenance := x.session.(sdk.Describer).Describe().Provenance
	_, recorded := got["gpu_util"]
	if why := provenance["gpu_util"]; recorded == strings.HasPrefix(why, "unavailable: ") {
		t.Errorf("gpu_util recorded: %v, and provenance says %q", recorded, why)
	}
	if hint := benchmark(t, "monitor").Load; !hint.Monitor || hint.Rate != 10 {
		t.Errorf("load hint = %+v", hint)
	}
}
