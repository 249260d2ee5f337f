package verdict

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

// probed is a round of 100 ops/s for a second, changed.
func probed(change func(*result.Benchmark, *result.Round)) *result.Benchmark {
	r := result.Round{Elapsed: 1.01}
	r.Clocks.Response.P50 = ptr(0.010)
	b := bench("api/a", 8, latency(0.010),
		result.Metric{Name: "latency_p95", Unit: "s", Value: ptr(0.02)}, result.Metric{Name: "success_ratio", Unit: "ratio", Value: ptr(1)})
	b.Target, b.Load.Rate, b.Load.Duration = result.Target{Name: "t"}, 100, 1
	if change != nil {
		change(&b, &r)
	}
	b.Rounds = []result.Round{r}
	return &b
}

func TestCriterion(t *testing.T) {
	found := func(code, message string) func(*result.Benchmark, *result.Round) {
		return func(_ *result.Benchmark, r *result.Round) {
			r.Validity = []result.Finding{{Level: "invalid", Code: code, Message: message}}
		}
	}
	metric := func(name string, x float64) func(*result.Benchmark, *result.Round) {
		return func(b *result.Benchmark, _ *result.Round) {
			for i := range b.Metrics {
				if b.Metrics[i].Name == name {
					b.Metrics[i].Value = &x
				}
			}
		}
	}
	queue := func(_ *result.Benchmark, r *result.Round) { r.Elapsed, r.Clocks.Response.P50 = 1.5, ptr(0.25) }
	busy := func(b *result.Benchmark, r *result.Round) {
		queue(b, r)
		r.Resources = []result.Resource{{Name: "plugin.cpu", Average: ptr(1.8)}}
	}
	mean := Budget{Benchmark: "api/*", Metric: "latency_mean", Unit: "s", Max: ptr(0.005)}
	for _, c := range []struct {
		name    string
		change  func(*result.Benchmark, *result.Round)
		budgets []Budget
		want    string // outcome, and a part of the reason
	}{
		{"a round in which all is well", nil, nil, "held"},
		{"ops that waited for a worker until the end", found("under_achieved", "70% were sent"), nil, "missed 70% were sent"},
		{"a queue inside of the target", queue, nil, "missed a queue was left"},
		{"a queue behind a generator that used up the machine", busy, nil, "generator the generator used 90%"},
		{"the same where the plugin's own work is measured", func(b *result.Benchmark, r *result.Round) { busy(b, r); b.Target = result.Target{} }, nil, "missed a queue was left"},
		{"one straggler at the end is no queue", func(_ *result.Benchmark, r *result.Round) { r.Elapsed = 1.5 }, nil, "held"},
		{"a generator that was late", found("lag", "lag is 5 ms"), nil, "generator lag is 5 ms"},
		{"counts that do not add up", found("identity", "10 scheduled"), nil, "generator 10 scheduled"},
		{"a success ratio below what no budget has to ask for", metric("success_ratio", 0.98), nil, "missed success_ratio was 98%, less than 99%"},
		{"one that a budget allows", metric("success_ratio", 0.98), []Budget{{Benchmark: "api/*", Metric: "success_ratio", Min: ptr(0.9)}}, "held"},
		{"a latency of more than ten responses of a single user", metric("latency_p95", 0.111), nil, "missed latency_p95 was 111ms, more than 110ms"},
		{"one that a budget on a latency allows", metric("latency_p95", 0.111), []Budget{{Benchmark: "api/*", Metric: "latency_p95", Max: ptr(1)}}, "held"},
		{"a budget that is missed", nil, []Budget{mean}, "missed latency_mean was 10ms, more than 5ms"},
		{"a budget on another benchmark", nil, []Budget{{Benchmark: "db/*", Metric: "latency_mean", Max: ptr(0.005)}}, "held"},
		{"a budget at another concurrency", nil, []Budget{{Benchmark: "api/*", Metric: "latency_mean", Max: ptr(0.005), ConcurrentUsers: 1}}, "held"},
		{"throughput and capacity are what is searched for", nil, []Budget{
			{Benchmark: "api/*", Metric: "throughput", Min: ptr(1e6)}, {Benchmark: "api/*", Metric: "capacity", Min: ptr(1e6)}}, "held"},
		{"a budget without a limit", nil, []Budget{{Benchmark: "api/*", Metric: "latency_mean"}}, "held"},
		{"a generator that was late beside a queue", func(b *result.Benchmark, r *result.Round) { queue(b, r); found("lag", "lag is 5 ms")(b, r) }, nil, "generator lag is 5 ms"},
		{"the same where the plugin's own work is measured and makes it late", func(b *result.Benchmark, r *result.Round) {
			queue(b, r)
			found("lag", "lag is 5 ms")(b, r)
			b.Target = result.Target{}
		}, nil, "missed a queue was left"},
		{"a round in which no op succeeded", found("no_success", "none of 9"), nil, "missed none of 9"},
		{"a budget that cannot be judged says nothing of the target", nil, []Budget{{Benchmark: "api/*", Metric: "recall", Min: ptr(0.9)}}, "generator cannot be judged: recall: not recorded"},
		{"one beside another that is missed", nil, []Budget{{Benchmark: "api/*", Metric: "recall", Min: ptr(0.9)}, mean}, "missed latency_mean was 10ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := probed(c.change)
			k := NewCriterion(b, CriterionOptions{Budgets: c.budgets, Match: match, Unloaded: 0.010, CPUs: 2})
			outcome, reason := k.Judge(b)
			if got := strings.TrimSpace(outcome + " " + reason); !strings.HasPrefix(got, c.want) || (outcome == result.HeldRate) != (reason == "") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	b := probed(nil)
	k := NewCriterion(b, CriterionOptions{Budgets: []Budget{{ID: "N-1", Benchmark: "*/*", Metric: "latency_p99", Unit: "s", Max: ptr(0.5)}}, Match: match, Unloaded: 0.01})
	if k.Samples() != 459 || !slices.Contains(k.Text(), "latency_p99 ≤ 500ms (N-1)") {
		t.Errorf("%d samples, %q", k.Samples(), k.Text())
	}
}

func TestSearchesCompareByTheirBrackets(t *testing.T) {
	run := func(lower, upper float64) *result.Run {
		b := bench("api/a", 8)
		b.Load.Rate, b.Load.Rounds, b.Load.Duration = lower, 3, 3
		b.Capacity = &result.Capacity{Value: &lower, Lower: &lower, Upper: &upper, Confirmed: true, LimitedBy: result.LimitTarget}
		if upper == 0 {
			b.Capacity.Upper, b.Capacity.LimitedBy = nil, result.LimitRange
		}
		p95 := lower / 1000
		b.Rounds = make([]result.Round, 3)
		b.Metrics = []result.Metric{
			{Name: "latency_p95", Unit: "s", Better: "lower", Scale: "ratio", Gate: true, Value: &p95, PerRound: []*float64{&p95, &p95, &p95}},
			{Name: "capacity", Unit: "1/s", Better: "higher", Scale: "ratio", Value: &lower, PerRound: []*float64{&lower, nil, nil}},
		}
		return &result.Run{ID: fmt.Sprint(lower, upper), MachineID: "m", Complete: true, Benchmarks: []result.Benchmark{b}}
	}
	late := run(200, 209)
	late.Benchmarks[0].Capacity.Value, late.Benchmarks[0].Capacity.LimitedBy = nil, result.LimitGenerator
	late.Benchmarks[0].Metrics[1].Value, late.Benchmarks[0].Metrics[1].PerRound = nil, make([]*float64, 3)
	for _, c := range []struct {
		name       string
		base, head *result.Run
		capacity   Verdict
		latency    Verdict
	}{
		{"the same capacity", run(200, 209), run(200, 209), Unchanged, Unchanged},
		{"one step of the bracket", run(200, 205), run(204, 209), Unchanged, Incomparable},
		{"half of it", run(200, 209), run(100, 104), Regressed, Incomparable},
		{"twice of it", run(100, 104), run(200, 209), Improved, Incomparable},
		{"wide brackets that overlap", run(100, 190), run(150, 290), Inconclusive, Incomparable},
		{"the end of the range in both", run(100, 0), run(100, 0), Unchanged, Unchanged},
		{"what the generator limited", run(200, 209), late, Missing, Unchanged},
		{"the end of the range in one", run(100, 0), run(50, 52), Inconclusive, Incomparable},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Compare([]*result.Run{c.base}, c.head, Policy{Match: match})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range got.Rows {
				want := c.latency
				if r.Metric == "capacity" {
					want = c.capacity
				}
				if r.Verdict != want || r.Metric == "capacity" && r.Gate {
					t.Errorf("%s is %s (%s), want %s", r.Metric, r.Verdict, r.Reason, want)
				}
			}
		})
	}
}
