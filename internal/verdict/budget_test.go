package verdict

import (
	"path"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

func ptr(x float64) *float64 { return &x }

func bench(id string, workers int, metrics ...result.Metric) result.Benchmark {
	return result.Benchmark{ID: id, Status: result.Measured, Load: result.Load{Workers: workers}, Metrics: metrics,
		Params: map[string]string{"concurrent_users": "n"}}
}

func latency(x float64) result.Metric {
	return result.Metric{Name: "latency_mean", Unit: "s", Value: &x, Better: "lower", Scale: "ratio"}
}

func match(pattern, id string) bool { ok, _ := path.Match(pattern, id); return ok }

func TestJudge(t *testing.T) {
	unknown := latency(0)
	unknown.Value = nil
	p99 := result.Metric{Name: "latency_p99", Unit: "s"}
	with := func(b result.Benchmark, change func(*result.Benchmark)) result.Benchmark { change(&b); return b }
	invalid := []result.Finding{{Level: "caution", Code: "gc", Message: "gc"}, {Level: "invalid", Code: "lag", Message: "p99 lag is 40% of the response"}}

	max10ms := Budget{ID: "NFR-PERF-001", Benchmark: "vector/*", Metric: "latency_mean", Unit: "s", Max: ptr(0.010)}
	for _, c := range []struct {
		name   string
		budget Budget
		runs   []result.Benchmark
		run    []result.Finding
		want   []string // verdict, benchmark and the start of the reason
	}{
		{"a value under the maximum passes", max10ms, []result.Benchmark{bench("vector/a", 1, latency(0.002))}, nil,
			[]string{"pass vector/a"}},
		{"a value at the maximum passes", max10ms, []result.Benchmark{bench("vector/a", 1, latency(0.010))}, nil,
			[]string{"pass vector/a"}},
		{"a value over the maximum misses", max10ms, []result.Benchmark{bench("vector/a", 1, latency(0.0101))}, nil,
			[]string{"missed vector/a"}},
		{"a value under the minimum misses", Budget{Benchmark: "*/*", Metric: "latency_mean", Min: ptr(1)},
			[]result.Benchmark{bench("vector/a", 1, latency(0.5))}, nil, []string{"missed vector/a"}},
		{"every matching scenario is judged", max10ms,
			[]result.Benchmark{bench("vector/a", 1, latency(0.002)), bench("api/b", 1, latency(1)), bench("vector/a", 8, latency(0.02))}, nil,
			[]string{"pass vector/a", "missed vector/a"}},
		{"a number of users selects the scenario",
			Budget{Benchmark: "vector/*", Metric: "latency_mean", Max: ptr(0.01), ConcurrentUsers: 1},
			[]result.Benchmark{bench("vector/a", 1, latency(0.002)), bench("vector/a", 8, latency(0.02))}, nil, []string{"pass vector/a"}},
		{"full concurrency is each benchmark's own",
			Budget{Benchmark: "vector/*", Metric: "latency_mean", Max: ptr(0.01), ConcurrentUsers: FullConcurrency},
			[]result.Benchmark{bench("vector/a", 1, latency(0.002)), bench("vector/a", 8, latency(0.02)), bench("vector/b", 4, latency(0.002))}, nil,
			[]string{"missed vector/a", "pass vector/b"}},
		{"a budget that matches nothing is not measured", max10ms, []result.Benchmark{bench("api/b", 1, latency(1))}, nil,
			[]string{"not_measured vector/* no benchmark"}},
		{"a load that did not run is not measured",
			Budget{Benchmark: "vector/*", Metric: "latency_mean", Max: ptr(0.01), ConcurrentUsers: 100},
			[]result.Benchmark{bench("vector/a", 1, latency(0.002))}, nil, []string{"not_measured vector/* no scenario of it ran with 100"}},
		{"an invalid benchmark cannot pass", max10ms,
			[]result.Benchmark{with(bench("vector/a", 1, latency(0.002)), func(b *result.Benchmark) { b.Validity = invalid })}, nil,
			[]string{"not_measured vector/a invalid: p99 lag is 40%"}},
		{"nothing passes in an invalid run", max10ms, []result.Benchmark{bench("vector/a", 1, latency(0.002))}, invalid,
			[]string{"not_measured vector/a invalid: p99 lag is 40%"}},
		{"a failed benchmark is not measured", max10ms,
			[]result.Benchmark{with(bench("vector/a", 1), func(b *result.Benchmark) { b.Status, b.Reason = result.Failed, "target down" })}, nil,
			[]string{"not_measured vector/a failed: target down"}},
		{"a partial benchmark is not measured, whatever its value", max10ms,
			[]result.Benchmark{with(bench("vector/a", 1, latency(0.002)), func(b *result.Benchmark) { b.Status, b.Reason = result.Partial, "interrupted" })}, nil,
			[]string{"not_measured vector/a not complete: interrupted"}},
		{"an absent prerequisite is not measured", max10ms,
			[]result.Benchmark{with(bench("vector/a", 1), func(b *result.Benchmark) { b.Status, b.Reason = result.NotMeasured, "no GPU" })}, nil,
			[]string{"not_measured vector/a not measured: no GPU"}},
		{"a metric without a value is not measured", max10ms, []result.Benchmark{bench("vector/a", 1, unknown)}, nil,
			[]string{"not_measured vector/a latency_mean: no round"}},
		{"a quantile with too few samples says how many it needs",
			Budget{Benchmark: "vector/*", Metric: "latency_p99", Max: ptr(1)}, []result.Benchmark{bench("vector/a", 1, p99)}, nil,
			[]string{"not_measured vector/a latency_p99: too few samples: a round needs 459 ops"}},
		{"a metric that nobody recorded is not measured",
			Budget{Benchmark: "vector/*", Metric: "recall", Min: ptr(0.9)}, []result.Benchmark{bench("vector/a", 1)}, nil,
			[]string{"not_measured vector/a recall: not recorded"}},
		{"a limit in another unit is not measured",
			Budget{Benchmark: "vector/*", Metric: "latency_mean", Unit: "1/s", Max: ptr(1)}, []result.Benchmark{bench("vector/a", 1, latency(0.1))}, nil,
			[]string{`not_measured vector/a the budget is in "1/s"`}},
		{"a budget without a limit is not measured",
			Budget{Benchmark: "vector/*", Metric: "latency_mean"}, []result.Benchmark{bench("vector/a", 1, latency(0.1))}, nil,
			[]string{"not_measured vector/* no limit is set"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Judge([]Budget{c.budget}, &result.Run{Benchmarks: c.runs, Validity: c.run, Plan: result.Plan{Gating: true}}, match)
			if len(got) != len(c.want) {
				t.Fatalf("%d rows, want %d: %+v", len(got), len(c.want), got)
			}
			for i, row := range got {
				if s := strings.TrimSpace(row.Verdict + " " + row.Benchmark + " " + row.Reason); !strings.HasPrefix(s, c.want[i]) ||
					(row.Reason != "") != (row.Verdict == NotMeasured) {
					t.Errorf("row %d is %q, want it to begin with %q", i, s, c.want[i])
				}
				if row.ID != c.budget.ID || row.Metric != c.budget.Metric || !row.Gate || row.Params == nil {
					t.Errorf("row %d does not say what it judges: %+v", i, row)
				}
			}
		})
	}
}

func TestABudgetCanBeSetOnResourcesAndFigures(t *testing.T) {
	b := bench("vector/a", 1)
	b.Figures = []result.Figure{{Name: "index_seconds", Unit: "s", Value: 3}}
	b.Rounds = []result.Round{
		{Resources: []result.Resource{{Name: "plugin.memory", Unit: "B", Average: ptr(100)}}},
		{Resources: []result.Resource{{Name: "plugin.memory", Unit: "B", Average: ptr(300)}}},
	}
	got := Judge([]Budget{
		{Benchmark: "vector/*", Metric: "index_seconds", Max: ptr(2)},
		{Benchmark: "vector/*", Metric: "plugin.memory", Max: ptr(200)},
	}, &result.Run{Benchmarks: []result.Benchmark{b}}, match)
	if got[0].Verdict != Missed || *got[0].Value != 3 || got[0].Unit != "s" {
		t.Errorf("figure: %+v", got[0])
	}
	if got[1].Verdict != Pass || *got[1].Value != 200 || got[1].Gate {
		t.Errorf("resource: %+v", got[1])
	}
}
