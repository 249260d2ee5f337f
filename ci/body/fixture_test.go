package body

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
	"github.com/benchharness/harness/sdk/loop"
)

var start = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

const (
	baseSHA = "f00360612f6d2f0c5a0b8c3d4e5f60718293a4b5"
	headSHA = "9be1d20c7a9e4f1b2c3d4e5f60718293a4b5c6d7"
)

func options() Options {
	return Options{
		Suite: "default", Base: Ref{"main", baseSHA}, Head: Ref{"faster-ranking", headSHA},
		RepoURL: "https://github.com/acme/search", ReportURL: "https://github.com/acme/search/actions/runs/123#artifacts",
		RunURL: "https://github.com/acme/search/actions/runs/123", ConfigPath: "harness.yaml",
		Reproduce: "harness ab --base-ref f003606 --head-ref 9be1d20 --suite default",
		Marker:    Marker{Suite: "default", Head: headSHA, Run: 123, Attempt: 1},
	}
}

func number64(x float64) *float64 { return &x }

// metric is a row whose interval reaches half to both sides.
func metric(benchmark, users, name string, base, change, half float64, v verdict.Verdict) verdict.Row {
	unit, better, scale, threshold, worse := "s", "lower", "ratio", 0.10, change
	head := base * (1 + change)
	switch name {
	case "throughput":
		unit, better, worse = "1/s", "higher", -change
	case "recall", "success_ratio":
		unit, better, scale, threshold, worse, head = "ratio", "higher", "absolute", 0.01, -change, base+change
	}
	r := verdict.Row{
		Benchmark: benchmark, Params: map[string]string{}, Plugin: strings.Split(benchmark, "/")[0], Metric: name, Unit: unit, Better: better, Scale: scale,
		Gate: name == "latency_p95" || name == "throughput", Base: &base, Head: &head,
		Change: &change, Low: number64(change - half), High: number64(change + half), Worse: &worse,
		Threshold: threshold, Floor: threshold / 5, Verdict: v,
	}
	if users != "" {
		r.Params["concurrent_users"] = users
	}
	return r
}

// valueless is a row without a change.
func valueless(r verdict.Row, v verdict.Verdict, reason string) verdict.Row {
	r.Verdict, r.Reason = v, reason
	r.Change, r.Low, r.High, r.Worse = nil, nil, nil, nil
	switch v {
	case verdict.New:
		r.Base = nil
	case verdict.Missing:
		r.Head = nil
	}
	return r
}

func comparison(rows ...verdict.Row) *verdict.Comparison {
	c := &verdict.Comparison{
		Schema: verdict.ComparisonSchema, Created: start.Add(time.Hour),
		Method: verdict.Method{Design: verdict.Interleaved, Rounds: 12, Looks: []int{6, 12, 24}, Alpha: 0.025, Correction: "Holm over the flagged metrics", Confirmed: true},
		Base:   verdict.Side{Label: "main", RunIDs: []string{"20260102T150405Z-4f3a2b1c"}, Started: start, Harness: "0.1.0", MachineID: "m-1"},
		Head:   verdict.Side{Label: "faster-ranking", RunIDs: []string{"20260102T151405Z-aa10b2c3"}, Started: start.Add(10 * time.Minute), Harness: "0.1.0", MachineID: "m-1"},
		Rows:   rows, Counts: map[verdict.Verdict]int{},
	}
	for _, r := range rows {
		c.Counts[r.Verdict]++
	}
	return c
}

// quiet are the metrics of a suite in which little happened.
func quiet() []verdict.Row {
	rows := []verdict.Row{
		metric("embedding/all-minilm-l6-v2", "8", "latency_p95", 0.0172, -0.224, 0.02, verdict.Improved),
		metric("embedding/all-minilm-l6-v2", "8", "throughput", 118, 0.281, 0.03, verdict.Improved),
		metric("vector/minilm_general", "8", "throughput", 24100, -0.043, 0.021, verdict.Slower),
		metric("vector/minilm_general", "8", "recall", 0.98125, 0, 0, verdict.Unchanged),
	}
	for _, b := range []string{"api/embed", "api/collections", "api/graphql", "db/select", "db/tpcb", "embedding/e5-small", "embedding/bge-base", "vector/phi3_embeddings"} {
		for i, m := range []string{"latency_mean", "latency_p95", "latency_p99", "throughput"} {
			base := 0.002 * float64(i+1)
			if m == "throughput" {
				base = 3950
			}
			rows = append(rows, metric(b, "8", m, base, 0.003*float64(i)-0.004, 0.03, verdict.Unchanged))
		}
	}
	return rows
}

func undecidedRow(benchmark, name string, base float64, needed int) verdict.Row {
	r := metric(benchmark, "8", name, base, 0.071, 0.12, verdict.Inconclusive)
	r.RoundsNeeded = needed
	return r
}

// regression is the change that the first golden is about.
func regression() verdict.Row {
	r := metric("api/search", "8", "latency_p99", 0.0041, 0.142, 0.0325, verdict.Regressed)
	r.Gate, r.Low, r.High = true, number64(0.11), number64(0.175)
	return r
}

// headRun has a benchmark of each of the five areas, and one that could not be
// measured.
func headRun() *result.Run {
	columns := func(pairs ...string) []result.Column {
		var out []result.Column
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, result.Column{Title: pairs[i], Metric: pairs[i+1]})
		}
		return out
	}
	run := &result.Run{
		ID: "20260102T151405Z-aa10b2c3", Started: start, Finished: start.Add(4 * time.Minute), Complete: true, MachineID: "m-1",
		Harness: result.Harness{Version: "0.1.0", Commit: "f003606", Go: "go1.26.8", OS: "linux", Arch: "amd64"},
		Machine: json.RawMessage(`{"id":"m-1","os":"linux","kernel":"6.8.0","arch":"amd64","cpu_model":"AMD EPYC 7763","logical_cores":4,"memory_bytes":16777216000}`),
		Plan:    result.Plan{Suite: "default", Profile: "standard", Seed: 42, Gating: true},
		Plugins: []result.Plugin{
			{Name: "embedding", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "Embedding generation", Subject: "Model",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "Throughput", "throughput", "GPU util", "gpu.util")}},
			{Name: "vector", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "Vector search", Subject: "Collection",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "Throughput", "throughput", "Accuracy", "recall")}},
			{Name: "api", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "API endpoints", Subject: "Endpoint",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "RPS", "throughput", "Success rate", "success_ratio")}},
			{Name: "db", Version: "0.1.0", Path: "built-in", Table: result.Table{Title: "Database", Subject: "Workload",
				Columns: columns("Avg", "latency_mean", "P95", "latency_p95", "Throughput", "throughput", "Success rate", "success_ratio")}},
			{Name: "system", Version: "0.1.0", Path: "built-in"},
		},
		Benchmarks: []result.Benchmark{
			scenario("embedding/all-minilm-l6-v2", 0.0134, 149), scenario("embedding/e5-small", 0.0141, 139),
			scenario("vector/minilm_general", 0.00031, 23100), scenario("vector/phi3_embeddings", 0.0021, 3700),
			scenario("api/embed", 0.0151, 520), scenario("api/search", 0.0022, 3520), scenario("api/graphql", 0.0031, 2500),
			scenario("db/select", 0.0004, 19400), scenario("db/tpcb", 0.0048, 812), scenario("system/cpu_single", 0.25, 4),
		},
		Resources: []result.Resource{
			gauge("host.cpu", "ratio", 0.713, 1), gauge("host.memory_used", "B", 3<<30, 5<<30), gauge("host.memory_total", "B", 16777216000, 16777216000),
			{Name: "gpu.util", Unit: "ratio", Unavailable: "no GPU"}, gauge("disk.read", "B/s", 1.2e6, 44e6), gauge("disk.write", "B/s", 21e6, 180e6),
			gauge("net.in", "B/s", 2.5e3, 4e5), gauge("net.out", "B/s", 2.5e3, 4e5),
		},
	}
	phi := scenario("embedding/phi-3-mini", 0, 0)
	phi.Status, phi.Reason, phi.Remedy, phi.Rounds = result.NotMeasured, "no endpoint for phi-3-mini", "set targets.phi3.url in harness.yaml", nil
	run.Benchmarks = append(run.Benchmarks, phi)
	return run
}

func gauge(name, unit string, average, peak float64) result.Resource {
	return result.Resource{Name: name, Unit: unit, Average: &average, Peak: &peak}
}

func scenario(id string, mean, throughput float64) result.Benchmark {
	p95, recall, success := mean*1.62, 0.98125, 1.0
	return result.Benchmark{
		ID: id, Plugin: strings.Split(id, "/")[0], Params: map[string]string{"concurrent_users": "8"}, Status: result.Measured,
		Load:   result.Load{Model: "closed", Workers: 8},
		Rounds: []result.Round{{Counts: loop.Counts{Scheduled: 1000, OK: 1000}, Clocks: closedClocks(mean)}},
		Metrics: []result.Metric{
			{Name: "latency_mean", Unit: "s", Value: &mean}, {Name: "latency_p95", Unit: "s", Value: &p95},
			{Name: "throughput", Unit: "1/s", Value: &throughput}, {Name: "recall", Unit: "ratio", Value: &recall},
			{Name: "success_ratio", Unit: "ratio", Value: &success},
		},
	}
}

var clocksByMean sync.Map

// closedClocks are those of a closed loop of 1,000 ops about a mean.
func closedClocks(mean float64) result.Clocks {
	if known, ok := clocksByMean.Load(mean); ok {
		return known.(result.Clocks)
	}
	response, zero := loop.NewHistogram(), loop.NewHistogram()
	for i := range int64(1000) {
		if err := response.RecordValue(int64(mean*1e9) * (500 + i) / 1000); err != nil {
			panic(err)
		}
	}
	if err := zero.RecordValues(0, 1000); err != nil {
		panic(err)
	}
	h, none := result.NewHistogram(response, 1), result.NewHistogram(zero, 1)
	c := result.Clocks{Response: h, Service: h, Lag: none, Wait: none}
	clocksByMean.Store(mean, c)
	return c
}

func budgetRow(id, benchmark, users, name, unit, verdictWord string, minimum, maximum, measured *float64) result.Budget {
	return result.Budget{ID: id, Benchmark: benchmark, Params: map[string]string{"concurrent_users": users}, Metric: name, Unit: unit,
		Min: minimum, Max: maximum, Value: measured, Verdict: verdictWord, Gate: true}
}

// many is a comparison of n metrics, of which some of each kind.
func many(n, failing int, salt int) *verdict.Comparison {
	var rows []verdict.Row
	verdicts := []verdict.Verdict{verdict.Unchanged, verdict.Unchanged, verdict.Unchanged, verdict.Unchanged, verdict.Inconclusive, verdict.Improved, verdict.Slower}
	for i := range n {
		name := []string{"latency_p95", "latency_mean", "latency_p50", "latency_p99", "throughput"}[i%5]
		v := verdicts[(i+salt)%len(verdicts)]
		change := float64((i*31+salt)%41-20) / 100
		if i < failing {
			v, change, name = verdict.Regressed, 0.12+float64(i%37)/100, "latency_p95"
		}
		r := metric(fmt.Sprintf("api/endpoint_number_%04d", i/5), "8", name, 0.001*float64(i%9+1), change, 0.03, v)
		if i < failing {
			r.Benchmark = fmt.Sprintf("api/failing_endpoint_number_%04d", i)
		}
		rows = append(rows, r)
	}
	return comparison(rows...)
}
