package report

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

var start = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// shape gives multiples of the median, in thousandths, at evenly spaced
// quantiles: a body with a long tail. All integers, so that every machine
// makes the same histograms.
var shape = []int64{620, 780, 860, 910, 940, 960, 980, 1000, 1030, 1060, 1100, 1160, 1240, 1360, 1600, 2400}

func histogram(n int, median time.Duration) *hdrhistogram.Histogram {
	h := loop.NewHistogram()
	last := int64(len(shape) - 1)
	for i := range int64(n) {
		at := i * last * 1000 / int64(n)
		k, part := at/1000, at%1000
		x := shape[k] + (shape[k+1]-shape[k])*part/1000
		if err := h.RecordValue(int64(median) * x / 1000); err != nil {
			panic(err)
		}
	}
	return h
}

// round is a round of n ops, bad of which failed, around a median latency.
func round(n, bad int, median time.Duration, values map[string]float64, gpu bool) result.Round {
	ok := n - bad
	r := loop.Result{
		Started: start, Elapsed: 2 * time.Second, Batch: 1,
		Counts: loop.Counts{Scheduled: uint64(n), OK: uint64(ok), Failed: uint64(bad)},
		Clocks: loop.Clocks{Response: histogram(ok, median), Service: histogram(ok, median*9/10), Lag: histogram(ok, 20*time.Microsecond), Wait: histogram(ok, median/10)},
		Values: map[string]loop.Value{},
	}
	if bad > 0 {
		r.Errors = map[string]uint64{"http_503": uint64(bad)}
		r.Samples = []string{"http_503: \x1b[31mService <b>Unavailable</b>\x1b[0m\nretry | later"}
	}
	for name, x := range values {
		r.Values[name] = loop.Value{Count: uint64(ok), Sum: x * float64(ok), Min: x, Max: x}
	}
	out := result.NewRound(r)
	average, peak := 0.42, 0.97
	out.Resources = []result.Resource{{Name: "gpu.util", Unit: "ratio", Unavailable: "built without NVML"}}
	if gpu {
		out.Resources = []result.Resource{{Name: "gpu.util", Unit: "ratio", Average: &average, Peak: &peak}}
	}
	return out
}

func rounds(n, bad int, median time.Duration, values map[string]float64, gpu bool) []result.Round {
	var out []result.Round
	for i := range 5 {
		out = append(out, round(n, bad, median+median*time.Duration(i)/50, values, gpu))
		out[i].Position = i
	}
	return out
}

func bench(id string, users int, rs []result.Round, declared ...sdk.Metric) result.Benchmark {
	var plugin string
	for i, r := range id {
		if r == '/' {
			plugin = id[:i]
			break
		}
	}
	b := result.Benchmark{
		ID: id, Plugin: plugin, Use: "x", Status: result.Measured,
		Params:     map[string]string{"concurrent_users": fmt.Sprint(users)},
		Target:     result.Target{Name: "reference", Kind: plugin, URL: "http://127.0.0.1:41234"},
		Provenance: map[string]string{"engine": "reference (pure Go)", "weights": "random, seed 42"},
		Load:       result.Load{Model: "closed", Workers: users, Rounds: 5, Duration: 10},
		Rounds:     rs,
	}
	result.Summarise(&b, declared)
	return b
}

func unmeasured(id string, s result.Status, reason, remedy string) result.Benchmark {
	b := bench(id, 8, nil)
	b.Status, b.Reason, b.Remedy = s, reason, remedy
	return b
}

func columns(pairs ...string) []result.Column {
	var out []result.Column
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, result.Column{Title: pairs[i], Metric: pairs[i+1]})
	}
	return out
}

const hostile = "api/<script>alert(1)</script>|`x` _y_ @everyone #1"

// fixture is a run in which everything happened: five plugins, what was not
// measured, failed, invalid and partial, a missing GPU, and names that mean
// harm.
func fixture() *result.Run {
	run := *once()
	return &run
}

var once = sync.OnceValue(newFixture)

func newFixture() *result.Run {
	recall := sdk.Metric{Name: "recall", Unit: "ratio", Better: sdk.Higher, Scale: sdk.Absolute}
	invalidRounds := rounds(2000, 0, 900*time.Microsecond, map[string]float64{"recall": 0.985}, false)
	invalidRounds[1].Validity = []result.Finding{{Level: "invalid", Code: "lag", Message: "lag at p99 is 41% of the response"}}
	cautious := rounds(3000, 0, 310*time.Microsecond, map[string]float64{"recall": 0.98125}, false)
	cautious[0].Validity = []result.Finding{{Level: "caution", Code: "gc", Message: "the plugin's GC took 12% of the round"}}
	cautious[3].Validity = cautious[0].Validity

	part := unmeasured("db/tpcb", result.Partial, "interrupted after 2 of 5 rounds", "run it again")
	part.Rounds = rounds(700, 3, 4*time.Millisecond, nil, false)[:2]
	result.Summarise(&part, nil)
	down := bench("api/graphql", 8, []result.Round{round(500, 500, time.Millisecond, nil, false)})

	run := &result.Run{
		ID: "20260102T150405Z-4f3a2b1c", Started: start, Finished: start.Add(48200 * time.Millisecond), Complete: true,
		Harness: result.Harness{Version: "0.1.0", Commit: "f003606", Go: "go1.26.8", OS: "linux", Arch: "amd64"},
		Machine: json.RawMessage(`{"id":"m-1","os":"linux","kernel":"6.1.0","arch":"amd64","cpu_model":"Intel(R) Xeon(R) CPU @ 2.20GHz","logical_cores":2,` +
			`"memory_bytes":8345698304,"turbo":true,"cpu_limit":1.5,"gpus":[{"name":"NVIDIA L4","memory_bytes":24152899584}],` +
			`"unavailable":[{"fact":"governor","reason":"no cpufreq"}],"colour <b>":"red | blue"}`),
		MachineID: "m-1",
		Plan: result.Plan{Suite: "default", Profile: "quick", Seed: 42, Settings: []result.Setting{
			{Name: "concurrent-users", Value: "8", Source: "flag --concurrent-users"},
			{Name: "warmup", Value: "1s", Source: "profile quick"},
			{Name: "duration", Value: "10 s'", Source: "environment BENCHMARK_DURATION"},
		}},
		Plugins: []result.Plugin{
			{Name: "embedding", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "Embedding generation", Subject: "Model",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "Throughput", "throughput", "GPU util", "gpu.util")}},
			{Name: "vector", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "Vector search", Subject: "Collection",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "Throughput", "throughput", "Accuracy", "recall")}},
			{Name: "api", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "API", Subject: "Endpoint",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "RPS", "throughput", "Success rate", "success_ratio")}},
			{Name: "db", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "Database", Subject: "Workload",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "P99", "latency_p99", "Throughput", "throughput", "Success rate", "success_ratio")}},
			{Name: "system", Version: "0.1.0", Path: "/opt/plugins/system", Digest: "sha256:abc", Table: result.Table{
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "Throughput", "throughput", "Bandwidth", "bandwidth")}},
		},
		Benchmarks: []result.Benchmark{
			bench("embedding/minilm", 1, rounds(140, 0, 14*time.Millisecond, nil, true)),
			bench("embedding/minilm", 2, rounds(250, 0, 17*time.Millisecond, nil, true)),
			bench("embedding/bge_base", 1, rounds(25, 0, 81*time.Millisecond, nil, false)),
			unmeasured("embedding/phi3", result.NotMeasured, "no endpoint for phi-3-mini", "set targets.phi3.url in harness.yaml"),
			bench("vector/minilm_general", 1, rounds(2500, 0, 320*time.Microsecond, map[string]float64{"recall": 0.985}, false), recall),
			bench("vector/minilm_general", 8, cautious, recall),
			bench("vector/mixtral_embeddings", 8, invalidRounds, recall),
			bench("api/search", 8, rounds(3000, 1, 2*time.Millisecond, nil, false)),
			down,
			bench(hostile, 8, rounds(100, 1, 3*time.Millisecond, nil, false)),
			unmeasured("api/grpc", result.Failed, "plugin crashed: signal: killed\x1b[2J\nlast log line | <b>oom</b>", ""),
			part,
			bench("system/cpu_single", 1, rounds(500, 0, 4*time.Second, nil, false)),
		},
		Resources: machineResources(),
		Validity:  []result.Finding{{Level: "caution", Code: "steal", Message: "steal was 4% of CPU time"}},
	}
	run.Benchmarks[4].Figures = []result.Figure{{Name: "upload_rate", Unit: "1/s", Value: 18250}, {Name: "index_seconds", Unit: "s", Value: 3.21}, {Name: "index_size", Unit: "B", Value: 48 << 20}}
	run.Benchmarks[5].Figures = run.Benchmarks[4].Figures
	run.Benchmarks[12].Target = result.Target{}
	run.Budgets = budgets(run)
	run.Checksum = "sha256:of-the-fixture" // a real one would differ between machines by the last digits of means
	return run
}

func budgets(run *result.Run) []result.Budget {
	ms, ops := 0.010, 10000.0
	one, eight := map[string]string{"concurrent_users": "1"}, map[string]string{"concurrent_users": "8"}
	mean, rate := run.Benchmarks[4].Lookup("latency_mean").Value, run.Benchmarks[4].Lookup("throughput").Value
	return []result.Budget{
		{ID: "NFR-PERF-001", Benchmark: "vector/minilm_general", Params: one, Metric: "latency_mean", Unit: "s", Max: &ms, Value: mean, Verdict: "pass"},
		{ID: "NFR-PERF-001", Benchmark: "vector/minilm_general", Params: eight, Metric: "throughput", Unit: "1/s", Min: &ops, Value: rate, Verdict: "missed"},
		{ID: "NFR-PERF-001", Benchmark: "vector/mixtral_embeddings", Params: eight, Metric: "latency_mean", Unit: "s", Max: &ms, Value: mean,
			Verdict: "not_measured", Reason: "invalid: round 2 of 5: lag at p99 is 41% of the response"},
	}
}

func machineResources() []result.Resource {
	wave := func(low, high float32) []float32 {
		var out []float32
		for i := range 200 {
			x := low
			if i/25%2 == 1 {
				x = high - (high-low)*float32(i%7)/20
			}
			out = append(out, x)
		}
		return out
	}
	gauge := func(name, unit string, average, peak float64) result.Resource {
		return result.Resource{Name: name, Unit: unit, Average: &average, Peak: &peak, Series: wave(float32(average/3), float32(peak))}
	}
	return []result.Resource{
		gauge("host.cpu", "ratio", 0.713, 1), gauge("host.steal", "ratio", 0.041, 0.2),
		gauge("host.memory_used", "B", 3<<30, 5<<30), gauge("host.memory_total", "B", 8345698304, 8345698304),
		gauge("disk.read", "B/s", 1.2e6, 44e6), gauge("disk.write", "B/s", 21e6, 180e6),
		gauge("net.in", "B/s", 2.5e3, 4e5), {Name: "net.out", Unit: "B/s", Unavailable: "no counters\x07 here"},
		gauge("gpu.util", "ratio", 0.12, 0.9), gauge("gpu.0.util", "ratio", 0.12, 0.9),
		gauge("gpu.0.memory_used", "B", 1<<30, 2<<30), gauge("gpu.0.memory_total", "B", 24152899584, 24152899584),
		gauge("gpu.0.energy", "J", 1234, 1234), gauge("plugin.cpu", "cores", 1.31, 2), gauge("net.loopback", "B/s", 0, 0),
	}
}
