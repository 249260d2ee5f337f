package result

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// histogram holds n samples of 1 ms, 2 ms, … n ms.
func histogram(n int) *hdrhistogram.Histogram {
	h := loop.NewHistogram()
	for i := 1; i <= n; i++ {
		if err := h.RecordValue(int64(i) * int64(time.Millisecond)); err != nil {
			panic(err)
		}
	}
	return h
}

// measured is a round of n ok ops that took two seconds.
func measured(n int) loop.Result {
	return loop.Result{
		Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC),
		Elapsed: 2 * time.Second,
		Counts:  loop.Counts{Scheduled: uint64(n), OK: uint64(n)},
		Batch:   1,
		Clocks:  loop.Clocks{Response: histogram(n), Service: histogram(n), Lag: loop.NewHistogram()},
		Values:  map[string]loop.Value{"recall": {Count: uint64(n), Sum: 0.9 * float64(n), Min: 0.8, Max: 1}},
	}
}

func testRun() *Run {
	b := Benchmark{
		ID: "vector/docs", Plugin: "vector", Use: "search", Status: Measured,
		Params: map[string]string{"concurrent_users": "8"},
		With:   json.RawMessage(`{"k": 10}`),
		Load:   Load{Model: "closed", Workers: 8, Rounds: 2},
		Rounds: []Round{NewRound(measured(1000)), NewRound(measured(500))},

		Isolation: &Isolation{Generator: "0", Target: "1-3"},
		Until:     &Until{Metric: "latency_p95", Within: 0.05, MaxRounds: 30, Ended: UntilStopped},
	}
	b.Rounds[1].Position = 1
	average, peak := 0.5, 0.75
	b.Rounds[0].Resources = []Resource{{Name: "host.cpu", Unit: "ratio", Average: &average, Peak: &peak, Series: []float32{0.25, 0.75}}}
	Summarise(&b, []sdk.Metric{{Name: "recall", Unit: "ratio", Better: sdk.Higher, Scale: sdk.Absolute}})
	return &Run{
		ID: "20260102T150405Z-4f3a2b1c", Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), Complete: true,
		Machine:    json.RawMessage(`{"os": "linux <6>"}`),
		Plugins:    []Plugin{{Name: "vector", Version: "0.1.0", Path: "built-in"}},
		Benchmarks: []Benchmark{b},
		WaitQuiet:  &WaitQuiet{Most: 60, Waited: 4.5, Quiet: true},
		Resources:  []Resource{{Name: "gpu.util", Unit: "ratio", Unavailable: "no GPU"}},
		Budgets:    []Budget{{ID: "NFR-PERF-001", Benchmark: "vector/docs", Metric: "latency_mean", Max: &peak, Value: &average, Verdict: "pass"}},
	}
}

func encode(t testing.TB, run *Run) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
