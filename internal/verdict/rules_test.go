package verdict

import (
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/loop"
)

// p95 is the gating metric that most rules are shown on.
func p95(xs []float64) result.Benchmark { return benchOf("api/a", metricFrom("latency_p95", xs)) }

func with(b result.Benchmark, change func(*result.Benchmark)) result.Benchmark { change(&b); return b }

var (
	steady = spread(0.010, 0.004, 6)
	twenty = spread(0.012, 0.003, 6)
	eight  = spread(0.0108, 0.003, 6)
	noisy  = []float64{0.008, 0.013, 0.009, 0.014, 0.0085, 0.0125}
)

var brokenClock = []result.Finding{{Level: "invalid", Code: "lag", Message: "p99 lag is 40% of the response"}}

// rule is what one metric becomes when rounds were interleaved.
type rule struct {
	name       string
	base, head result.Benchmark
	want       Verdict
	reason     string // its start
}

func TestTheRulesInTheirOrder(t *testing.T) {
	invalid := func(b *result.Benchmark) { b.Validity = brokenClock }
	for _, c := range []rule{
		{"an invalid head is invalid, however slow it is", p95(steady), with(p95(twenty), invalid), Invalid, "head: p99 lag"},
		{"an invalid base is invalid", with(p95(steady), invalid), p95(twenty), Invalid, "base: p99 lag"},
		{"invalid comes before incomparable", p95(steady), with(p95(twenty), func(b *result.Benchmark) { invalid(b); b.WorkloadDigest = "w2" }), Invalid, "head: "},
		{"another workload is incomparable", p95(steady), with(p95(twenty), func(b *result.Benchmark) { b.WorkloadDigest = "w2" }), Incomparable, "workload: w1 in base, w2 in head"},
		{"another load is incomparable", p95(steady), with(p95(twenty), func(b *result.Benchmark) { b.Load.Rate = 100 }), Incomparable, "rate: 0 in base, 100 in head"},
		{"other workers are incomparable", p95(steady), with(p95(steady), func(b *result.Benchmark) { b.Load.Workers = 8 }), Incomparable, "workers: 4 in base, 8 in head"},
		{"another plugin's CPUs are incomparable", p95(steady), with(p95(steady), func(b *result.Benchmark) { b.Isolation = &result.Isolation{Generator: "0"} }), Incomparable, "CPUs of the plugin: any in base, 0 in head"},
		{"longer rounds are incomparable", p95(steady), with(p95(steady), func(b *result.Benchmark) { b.Load.Duration *= 2 }), Incomparable, "duration of a round in s: 1 in base, 2 in head"},
		{"other parameters are incomparable", p95(steady), with(p95(steady), func(b *result.Benchmark) { b.Params = map[string]string{"ef": "64"} }), Incomparable, "parameters: none in base, ef=64 in head"},
		{"another unit is incomparable", p95(steady), with(p95(steady), func(b *result.Benchmark) { b.Metrics[0].Unit = "ms" }), Incomparable, "the metric is another one: s, lower"},
		{"a head that was cut short is incomparable", p95(steady), with(p95(steady), func(b *result.Benchmark) { b.Status, b.Reason = result.Partial, "interrupted" }), Incomparable, "head is not complete: interrupted"},
		{"rounds that do not pair are incomparable", p95(steady), p95(spread(0.01, 0.004, 5)), Incomparable, "rounds are not in pairs: base has 6, head has 5"},
		{"a zero on a ratio scale is incomparable", p95(steady), p95([]float64{0, 1, 1, 1, 1, 1}), Incomparable, "a round has the value 0"},
		{"a fifth slower is regressed", p95(steady), p95(twenty), Regressed, ""},
		{"a fifth faster is improved", p95(twenty), p95(steady), Improved, ""},
		{"surely slower by less than the threshold is slower", p95(steady), p95(eight), Slower, ""},
		{"surely faster by less than the threshold is faster", p95(eight), p95(steady), Faster, ""},
		{"surely slower by less than the floor is unchanged", p95(steady), p95(spread(0.01015, 0.003, 6)), Unchanged, ""},
		{"the same is unchanged", p95(steady), p95(spread(0.01, 0.003, 6)), Unchanged, ""},
		{"equal values without spread are unchanged", p95([]float64{1, 1, 1}), p95([]float64{1, 1, 1}), Unchanged, ""},
		{"zeros on both sides are equal", p95([]float64{0, 0, 0}), p95([]float64{0, 0, 0}), Unchanged, ""},
		{"without spread a fifth is regressed exactly", p95([]float64{1, 1, 1}), p95([]float64{1.2, 1.2, 1.2}), Regressed, ""},
		{"without spread the threshold itself is regressed", p95([]float64{1, 1, 1}), p95([]float64{1.1, 1.1, 1.1}), Regressed, ""},
		{"noise is inconclusive", p95(steady), p95(noisy), Inconclusive, ""},
		{"one round is inconclusive", p95([]float64{1}), p95([]float64{2}), Inconclusive, "1 round with a value"},
		{"a benchmark that base lacks is new", benchOf("api/z"), p95(steady), New, "base does not have this benchmark"},
		{"a benchmark that base could not run is new", with(p95(nil), func(b *result.Benchmark) { b.Status, b.Reason = result.Failed, "target down" }), p95(steady), New, "base: failed: target down"},
		{"a metric that base lacks is new", benchOf("api/a", informational(metricFrom("latency_max", steady))), p95(steady), New, "base: not recorded"},
		{"a benchmark that head lacks is missing", p95(steady), benchOf("api/z"), Missing, "head does not have this benchmark"},
		{"a benchmark that head could not run is missing", p95(steady), with(p95(nil), func(b *result.Benchmark) { b.Status, b.Reason = result.NotMeasured, "no GPU" }), Missing, "head: not measured: no GPU"},
		{"a quantile with too few samples in head is missing", p95(steady), with(p95(steady), func(b *result.Benchmark) { b.Metrics[0].Value, b.Metrics[0].PerRound = nil, make([]*float64, 6) }), Missing, "head: too few samples"},
		{"a gating quantile that neither side has is inconclusive", with(p95(steady), func(b *result.Benchmark) { b.Metrics[0].Value = nil }), with(p95(steady), func(b *result.Benchmark) { b.Metrics[0].Value = nil }), Inconclusive, "neither side: too few samples"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ComparePairs(runOf(c.base), runOf(c.head), Policy{}, Look{})
			if err != nil {
				t.Fatal(err)
			}
			row := rowOf(got, "latency_p95")
			if row == nil {
				t.Fatalf("no row: %+v", got.Rows)
			}
			if row.Verdict != c.want || !strings.HasPrefix(row.Reason, c.reason) || (c.reason == "" && row.Reason != "") {
				t.Errorf("it is %s (%s), want %s (%s…): %s", row.Verdict, row.Reason, c.want, c.reason, got.Sentence)
			}
			if got.Counts[c.want] == 0 {
				t.Errorf("the counts are %v", got.Counts)
			}
			if needs := c.name == "noise is inconclusive"; needs && row.RoundsNeeded <= 6 {
				t.Errorf("it asks for %d rounds, and has had 6", row.RoundsNeeded)
			}
		})
	}
}

func TestAnInvalidRunHasNoVerdictAtAll(t *testing.T) {
	head := runOf(p95(twenty))
	head.Validity = brokenClock
	got, _ := ComparePairs(runOf(p95(steady)), head, Policy{}, Look{})
	if got.Rows[0].Verdict != Invalid || got.Exit(Policy{}) != 4 {
		t.Errorf("%s, exit %d", got.Rows[0].Verdict, got.Exit(Policy{}))
	}
}

func TestAnotherMachineIsIncomparableUnlessAllowed(t *testing.T) {
	base, head := runOf(p95(steady)), runOf(p95(spread(0.03, 0.004, 6)))
	base.MachineID = "m2"
	got, _ := Compare([]*result.Run{base}, head, Policy{})
	if r := got.Rows[0]; r.Verdict != Incomparable || r.Reason != "other machine: base ran on m2, head on m1" {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
	got, _ = Compare([]*result.Run{base}, head, Policy{AllowOtherMachine: true})
	if r := got.Rows[0]; r.Verdict != Regressed || !strings.HasPrefix(r.Cautions[0], "other machine") {
		t.Errorf("%s: %v", r.Verdict, r.Cautions)
	}
}

func TestAChangedPluginIsNamedAndCompared(t *testing.T) {
	head := with(p95(twenty), func(b *result.Benchmark) { b.PluginDigest = "p2" })
	got, _ := ComparePairs(runOf(p95(steady)), runOf(head), Policy{}, Look{})
	if r := got.Rows[0]; r.Verdict != Regressed || len(r.Cautions) != 1 || r.Cautions[0] != "plugin api differs: p1 and p2" {
		t.Errorf("%s: %q", r.Verdict, r.Cautions)
	}
}

func TestWhatHeadTookBackIsSaid(t *testing.T) {
	base := runOf(p95(steady))
	for _, c := range []struct {
		name string
		head *result.Run
		want string
	}{
		{"a metric that gates no more", runOf(benchOf("api/a", informational(metricFrom("latency_p95", twenty)))), "it gates in base and not in head: it gates"},
		{"one that gates as before", runOf(p95(twenty)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := ComparePairs(base, c.head, Policy{}, Look{})
			if said := strings.Join(got.Rows[0].Cautions, "; "); said != c.want {
				t.Errorf("cautions are %q, want %q", said, c.want)
			}
			if r := got.Rows[0]; !r.Gate || r.Verdict != Regressed || got.Exit(Policy{}) != 1 {
				t.Errorf("it is %s, gates: %t, exit %d", r.Verdict, r.Gate, got.Exit(Policy{}))
			}
		})
	}
}

func TestRunsWithoutAMachineAreComparedWithACaution(t *testing.T) {
	base, head := runOf(p95(steady)), runOf(p95(twenty))
	base.MachineID, head.MachineID = "", ""
	got, _ := ComparePairs(base, head, Policy{}, Look{})
	if r := got.Rows[0]; r.Verdict != Regressed || len(r.Cautions) != 1 || !strings.Contains(r.Cautions[0], "machine") {
		t.Errorf("%s: %q", r.Verdict, r.Cautions)
	}
}

func TestARunThatDidNotEndIsACaution(t *testing.T) {
	for name, change := range map[string]func(*result.Run){
		"interrupted": func(r *result.Run) { r.Interrupted = true },
		"killed":      func(r *result.Run) { r.Complete = false },
	} {
		head := runOf(p95(twenty))
		change(head)
		got, _ := ComparePairs(runOf(p95(steady)), head, Policy{}, Look{})
		if len(got.Validity) != 1 || got.Validity[0].Code != "incomplete" || !strings.HasPrefix(got.Validity[0].Message, "head: ") {
			t.Errorf("%s: validity is %+v", name, got.Validity)
		}
	}
}

func TestADropOfTheSuccessRatioIsItselfARegression(t *testing.T) {
	ones := []float64{1, 1, 1, 1, 1, 1}
	scenario := func(success, latency []float64) *result.Run {
		return runOf(benchOf("api/a", metricFrom("latency_p95", latency), metricFrom("success_ratio", success)))
	}
	half := []float64{0.5, 0.5, 0.5, 0.4, 0.6, 0.5}
	for _, c := range []struct {
		name           string
		base, head     *result.Run
		policy         Policy
		success, other Verdict
		exit           int
	}{
		{"a target that fails fast is regressed and not faster", scenario(ones, twenty), scenario(half, steady), Policy{}, Regressed, Incomparable, 1},
		{"one that stops failing is improved", scenario(half, steady), scenario(ones, twenty), Policy{}, Improved, Incomparable, 0},
		{"failures in one round are enough when there were none before", scenario(ones, steady), scenario([]float64{1, 1, 1, 1, 1, 0.5}, steady), Policy{}, Regressed, Incomparable, 1},
		{"less than the limit is let pass", scenario(ones, steady), scenario([]float64{1, 1, 1, 1, 1, 0.99}, twenty), Policy{}, Unchanged, Regressed, 1},
		{"the general threshold is not about it", scenario(ones, steady), scenario([]float64{0.95, 0.95, 0.95, 0.95, 0.95, 0.95}, steady),
			Policy{Thresholds: []Threshold{{"*", "*", 0.2, 0}}}, Regressed, Incomparable, 1},
		{"a threshold that names it is", scenario(ones, steady), scenario([]float64{0.95, 0.95, 0.95, 0.95, 0.95, 0.95}, steady),
			Policy{Thresholds: []Threshold{{"*", "success_ratio", 0.08, 0}}}, Unchanged, Unchanged, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for design, compare := range map[string]func() (*Comparison, error){
				"interleaved": func() (*Comparison, error) { return ComparePairs(c.base, c.head, c.policy, Look{}) },
				"stored":      func() (*Comparison, error) { return Compare([]*result.Run{c.base}, c.head, withoutRunFloor(c.policy)) },
			} {
				got, err := compare()
				if err != nil {
					t.Fatal(err)
				}
				success, other := rowOf(got, "success_ratio"), rowOf(got, "latency_p95")
				if success.Verdict != c.success && (c.success != Unchanged || success.Verdict != Slower) || other.Verdict != c.other || got.Exit(c.policy) != c.exit {
					t.Errorf("%s: success is %s (%s), latency %s, exit %d", design, success.Verdict, success.Reason, other.Verdict, got.Exit(c.policy))
				}
			}
		})
	}
}

func withoutRunFloor(p Policy) Policy { p.RunFloor = 1e-9; return p }

func TestOneRoundIsEnoughToSeeFailures(t *testing.T) {
	run := func(s float64) *result.Run { return runOf(benchOf("api/a", metricFrom("success_ratio", []float64{s}))) }
	got, _ := Compare([]*result.Run{run(1)}, run(0.3), Policy{})
	if r := got.Rows[0]; r.Verdict != Regressed || got.Exit(Policy{}) != 1 || r.Low == nil {
		t.Errorf("%s (%s)", r.Verdict, r.Reason)
	}
	if got, _ = Compare([]*result.Run{run(0.93)}, run(0.90), Policy{}); got.Rows[0].Verdict != Inconclusive {
		t.Errorf("one round against another of a target that fails anyway is %s", got.Rows[0].Verdict)
	}
}

func TestTheNumbersOfOpsDecideWhereRoundsAreTooFew(t *testing.T) {
	run := func(n uint64, ratios ...float64) *result.Run {
		b := benchOf("api/a", metricFrom("success_ratio", ratios))
		for i, s := range ratios {
			ok := uint64(s*float64(n) + 0.5)
			b.Rounds[i].Counts = loop.Counts{Scheduled: n, OK: ok, Failed: n - ok}
		}
		return runOf(b)
	}
	for _, c := range []struct {
		name       string
		base, head *result.Run
		want       Verdict
	}{
		{"half of the ops fail where one in a thousand did", run(1000, 0.999), run(1000, 0.5), Regressed},
		{"and the other way round", run(1000, 0.5), run(1000, 0.999), Improved},
		{"two rounds that differ much, but not from base's", run(1000, 0.999, 0.998), run(1000, 0.4, 0.6), Regressed},
		{"a few ops are no proof", run(10, 0.9), run(10, 0.8), Inconclusive},
		{"a million ops of one round are no proof of 3 points", run(1_000_000, 0.93), run(1_000_000, 0.90), Inconclusive},
		{"rounds of which one is as good as base's", run(1000, 0.999, 0.95), run(1000, 0.4, 0.96), Inconclusive},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Compare([]*result.Run{c.base}, c.head, Policy{})
			if err != nil {
				t.Fatal(err)
			}
			r := got.Rows[0]
			if r.Verdict != c.want || (c.want == Regressed) != (got.Exit(Policy{}) == 1) {
				t.Errorf("%s (%s), exit %d", r.Verdict, r.Reason, got.Exit(Policy{}))
			}
			if c.want != Inconclusive && (r.Low == nil || *r.Low >= *r.High) {
				t.Errorf("the interval is %v to %v", r.Low, r.High)
			}
		})
	}
}

func TestRatiosAreComparedInPoints(t *testing.T) {
	run := func(xs ...float64) *result.Run { return runOf(benchOf("vector/a", metricFrom("recall", xs))) }
	got, _ := ComparePairs(run(0.95, 0.95, 0.95), run(0.80, 0.81, 0.79), Policy{}, Look{})
	r := got.Rows[0]
	if r.Verdict != Regressed || *r.Worse < 0.149 || *r.Worse > 0.151 || *r.Change > 0 {
		t.Errorf("%s: %v", r.Verdict, *r.Worse)
	}
	if got.Exit(Policy{}) != 0 {
		t.Error("an informational metric failed the gate")
	}
	if got, _ = ComparePairs(run(0, 0, 0), run(0.5, 0.5, 0.5), Policy{}, Look{}); got.Rows[0].Verdict != Improved {
		t.Errorf("from 0 to 0.5 is %s", got.Rows[0].Verdict)
	}
}

func TestThroughputRegressesAtItsOwnPercentage(t *testing.T) {
	run := func(x float64) *result.Run {
		return runOf(benchOf("api/a", metricFrom("throughput", []float64{x, x, x})))
	}
	for _, c := range []struct {
		base, head float64
		want       Verdict
	}{{1000, 900, Regressed}, {1000, 901, Slower}, {900, 1000, Improved}, {901, 1000, Faster}} {
		got, _ := ComparePairs(run(c.base), run(c.head), Policy{}, Look{})
		if r := got.Rows[0]; r.Verdict != c.want || (*r.Worse > 0) != (c.head < c.base) {
			t.Errorf("from %v to %v is %s", c.base, c.head, r.Verdict)
		}
	}
}
