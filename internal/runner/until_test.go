package runner

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/probe"
)

// scripted is a plugin whose rounds have the latencies of a script, over and
// over.
type scripted struct {
	latencies []time.Duration
	ops       int
	plans     []loop.Plan
	fail      error
	sample    string
}

func (s *scripted) Prepare(context.Context, string, string, sdk.SetupRequest) (sdk.SessionInfo, error) {
	return sdk.SessionInfo{}, nil
}

func (s *scripted) Round(_ context.Context, _ string, plan loop.Plan, _ func(loop.Progress)) (loop.Result, error) {
	if s.fail != nil {
		return loop.Result{}, s.fail
	}
	h := loop.NewHistogram()
	for range s.ops {
		_ = h.RecordValue(int64(s.latencies[len(s.plans)%len(s.latencies)]))
	}
	s.plans = append(s.plans, plan)
	out := loop.Result{Started: time.Now(), Elapsed: time.Second, Batch: 1, Counts: loop.Counts{Scheduled: uint64(s.ops), OK: uint64(s.ops)}, Clocks: loop.Clocks{Response: h}}
	if s.sample != "" {
		out.Samples = []string{s.sample}
	}
	return out, nil
}
func (s *scripted) Teardown(context.Context, string) error { return nil }
func (s *scripted) PID() int                               { return 0 }
func (s *scripted) Stop()                                  {}

// measured is what a plan of one benchmark with one scenario gives.
func measured(t *testing.T, p *scripted, load suite.Load, change func(*Options)) (result.Benchmark, []error) {
	t.Helper()
	load.Model, load.Workers = loop.Closed, 1
	o := Options{
		Plan: suite.Plan{Benchmarks: []suite.Benchmark{{ID: "x/b", Plugin: "x", Use: "b", Scenarios: []suite.Scenario{{Load: load}}}}},
		Run:  &result.Run{}, Dir: t.TempDir(), Lookup: described{},
		Plugin:     func(context.Context, string) (Plugin, error) { return p, nil },
		PluginInfo: func(name string) (result.Plugin, error) { return result.Plugin{Name: name}, nil },
	}
	if change != nil {
		change(&o)
	}
	errs := Run(t.Context(), o)
	if len(o.Run.Benchmarks) != 1 {
		t.Fatalf("%d benchmarks are in the document: %v", len(o.Run.Benchmarks), errs)
	}
	return o.Run.Benchmarks[0], errs
}

func TestRoundsAreAddedUntilTheMetricIsKnown(t *testing.T) {
	ms := func(xs ...float64) (out []time.Duration) {
		for _, x := range xs {
			out = append(out, time.Duration(x*1e6))
		}
		return out
	}
	until := func(metric string, within float64, most int) suite.Until {
		return suite.Until{Metric: metric, Within: within, MaxRounds: most}
	}
	for _, c := range []struct {
		name      string
		latencies []time.Duration
		ops       int
		until     suite.Until
		rounds    int
		ended     string
		finding   string
	}{
		{"equal rounds end after five", ms(10), 500, until("latency_p95", 0.05, 30), 5, result.UntilReached, ""},
		{"rounds that settle down", ms(10, 13, 9, 12, 10, 10, 11, 10), 500, until("latency_p95", 0.1, 30), 9, result.UntilReached, ""},
		{"rounds that never do", ms(5, 20), 500, until("latency_p95", 0.05, 9), 9, result.UntilBound, "allow more rounds"},
		{"points of a ratio", ms(5, 20), 500, until("success_ratio", 0.01, 9), 5, result.UntilReached, ""},
		{"too few samples for a quantile", ms(10), 100, until("latency_p99", 0.05, 30), 5, result.UntilAbsent, "too few samples"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &scripted{latencies: c.latencies, ops: c.ops}
			b, errs := measured(t, p, suite.Load{Rounds: 3, Duration: 3 * time.Second, Ops: 1500, Until: c.until}, nil)
			u := b.Until
			if u == nil || len(errs) > 0 {
				t.Fatalf("until %v, errors %v", u, errs)
			}
			if len(b.Rounds) != c.rounds || u.Ended != c.ended {
				t.Errorf("%d rounds, %s, half width %v; want %d, %s", len(b.Rounds), u.Ended, u.HalfWidth, c.rounds, c.ended)
			}
			if (u.HalfWidth == nil) != (c.ended == result.UntilAbsent) || u.Ended == result.UntilReached && *u.HalfWidth > u.Within {
				t.Errorf("the half width is %v", u.HalfWidth)
			}
			for i, plan := range p.plans {
				if plan.Duration != time.Second || plan.Ops != 500 || plan.Round != i || (plan.Warmup > 0) != (i == 0 && b.Load.Warmup > 0) {
					t.Errorf("round %d has the plan %+v", i, plan)
				}
			}
			if b.Load.Rounds != c.rounds || math.Abs(b.Load.Duration-float64(c.rounds)) > 1e-9 || b.Load.Operations != uint64(500*c.rounds) {
				t.Errorf("the load of all rounds is %+v", b.Load)
			}
			said := slices.ContainsFunc(b.Validity, func(f result.Finding) bool {
				return strings.HasPrefix(f.Code, "until_") && strings.Contains(f.Message, c.finding)
			})
			if said != (c.finding != "") {
				t.Errorf("findings %v, want one with %q", b.Validity, c.finding)
			}
		})
	}
}

func TestARuleThatWasNotMetSaysWhy(t *testing.T) {
	half := 0.2
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{[]float64{3}, "not known, because 1 of them gave it a value"},
		{[]float64{3, 0, 3}, "not known ("},
		{[]float64{1e-300, 1e300, 1e-300}, "not known (the values are too far apart"},
		{[]float64{3, 4, 3}, "known to ±20% and not to ±5%"},
	} {
		e := ending{doc: &result.Benchmark{Until: &result.Until{Within: 0.05, HalfWidth: &half}}}
		if got := e.known(stats.Until{}, c.values); !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %q, want %q", c.values, got, c.want)
		}
	}
}

func TestRoundsWithoutARuleAreAsManyAsAskedFor(t *testing.T) {
	b, _ := measured(t, &scripted{latencies: []time.Duration{time.Millisecond}, ops: 10}, suite.Load{Rounds: 3, Duration: time.Second}, nil)
	if len(b.Rounds) != 3 || b.Until != nil || b.Load.Duration != 1 {
		t.Errorf("%d rounds, until %v, load %+v", len(b.Rounds), b.Until, b.Load)
	}
}

func TestWhatCannotBePinnedIsNotCalledPinned(t *testing.T) {
	on := suite.Isolation{Generator: cpus.Set{0}, Target: cpus.Set{1, 2}}
	for _, c := range []struct {
		name    string
		target  suite.Target
		variant *suite.Variant
		want    result.Isolation
		caution bool
	}{
		{"a foreign target", suite.Target{Kind: "service"}, nil, result.Isolation{Generator: "0"}, true},
		{"one that a variant serves", suite.Target{Kind: "service"}, &suite.Variant{}, result.Isolation{Generator: "0", Target: "1-2"}, false},
		{"none", suite.Target{}, nil, result.Isolation{Generator: "0"}, false},
	} {
		b, _ := measured(t, &scripted{latencies: []time.Duration{1000}, ops: 1}, suite.Load{Rounds: 1, Ops: 1}, func(o *Options) {
			o.Plan.Isolation, o.Plan.Variant = on, c.variant
			o.Plan.Benchmarks[0].Target = c.target
		})
		if b.Isolation == nil || *b.Isolation != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, b.Isolation, c.want)
		}
		if got := slices.ContainsFunc(b.Validity, func(f result.Finding) bool { return f.Code == "target_not_pinned" }); got != c.caution {
			t.Errorf("%s: findings %v", c.name, b.Validity)
		}
	}
}

func TestErrorsNameTheResourceThatIsExhausted(t *testing.T) {
	diagnose := func(o *Options) {
		o.Diagnose = func(message string) (result.Finding, bool) {
			return result.Finding{Level: "caution", Code: "full", Message: "free some"}, strings.Contains(message, "out of cheese")
		}
	}
	p := &scripted{latencies: []time.Duration{1000}, ops: 1, sample: "http_500: out of cheese"}
	b, _ := measured(t, p, suite.Load{Rounds: 2, Ops: 2}, diagnose)
	if len(b.Validity) != 1 || b.Validity[0].Message != "all 2 rounds: free some" {
		t.Errorf("findings of a run whose ops failed in part: %v", b.Validity)
	}
	p.fail = errors.New("load the model: out of cheese")
	b, _ = measured(t, p, suite.Load{Rounds: 2, Ops: 2}, diagnose)
	if b.Status != result.Failed || b.Remedy != "free some" || len(b.Validity) != 1 {
		t.Errorf("%s (%s), remedy %q, findings %v", b.Status, b.Reason, b.Remedy, b.Validity)
	}
}

func TestAScenarioWaitsBeforeItIsDriven(t *testing.T) {
	p := &scripted{latencies: []time.Duration{1000}, ops: 1}
	asked := 0
	b, _ := measured(t, p, suite.Load{Rounds: 2, Ops: 2}, func(o *Options) {
		o.Quiet = func(ctx context.Context, watch func(context.Context, time.Duration) probe.Series) {
			if asked++; len(p.plans) > 0 {
				t.Error("a round was driven before")
			}
			if g, ok := watch(ctx, time.Millisecond).Gauge("host.cpu"); !ok {
				t.Errorf("it cannot see the machine: %+v", g)
			}
		}
	})
	if asked != 1 || len(b.Rounds) != 2 {
		t.Errorf("asked %d times, %d rounds", asked, len(b.Rounds))
	}
}
