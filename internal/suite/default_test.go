package suite

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

func idsOf(p Plan) string {
	var ids []string
	for _, b := range p.Benchmarks {
		ids = append(ids, b.ID)
	}
	return strings.Join(ids, " ")
}

// loads writes the scenarios of a benchmark in a line each.
func loads(b Benchmark) string {
	var out []string
	for _, s := range b.Scenarios {
		l := s.Load
		line := fmt.Sprintf("%s×%d %s ops=%d rounds=%d", l.Model, l.Workers, l.Duration, l.Ops, l.Rounds)
		if l.Rate > 0 {
			line += fmt.Sprintf(" rate=%g", l.Rate)
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func TestTheDefaultSuiteIsEveryPresetOnTheReferenceStack(t *testing.T) {
	p := mustPlan(t, nil, Flags{})
	want := "embedding/minilm embedding/e5-small vector/minilm_general api/search db/select db/load system/monitor system/paced"
	if got := idsOf(p); got != want {
		t.Errorf("benchmarks are %s, want %s", got, want)
	}
	if p.Suite != "default" || p.Profile != "quick" || p.Gating || p.ConfigFile != "" || p.Out != "run.json" || p.Seed != 1 || !p.Cleanup {
		t.Errorf("plan is %+v", p.Redacted())
	}
	v := benchmark(t, p, "vector/minilm_general")
	wantTarget := Target{Kind: sdk.TargetVector, Reference: true, Spec: sdk.Target{Name: "reference", Kind: sdk.TargetVector, Reference: true}}
	if !reflect.DeepEqual(v.Target, wantTarget) {
		t.Errorf("target is %+v, want %+v", v.Target, wantTarget)
	}
	if string(v.Params["collection"]) != `"minilm"` || string(v.Params["k"]) != "5" || v.Use != "search" || v.Doc != "384 wide." {
		t.Errorf("benchmark is %+v", v)
	}
	if e := benchmark(t, p, "embedding/minilm"); e.Target.Kind != "" || e.Target.Reference {
		t.Errorf("a benchmark that needs no target has %+v", e.Target)
	}
	if len(p.Warnings) != 0 {
		t.Errorf("warnings are %q, want none for a benchmark that nobody can expect to run", p.Warnings)
	}
}

func TestAPluginOfWhichNothingCanRunIsNamed(t *testing.T) {
	c := newCatalog()
	c.plugins = append(c.plugins, sdk.Plugin{Name: "cache", Benchmarks: []sdk.Benchmark{{Name: "get", Target: "redis"}}})
	p, err := Resolve(t.Context(), Inputs{Dir: t.TempDir(), Catalog: c})
	if err != nil {
		t.Fatal(err)
	}
	left := "cache/get is left out: it needs a target of kind redis; pass --target redis=URL, or name one in harness.yaml"
	if len(p.Warnings) != 1 || p.Warnings[0] != left {
		t.Errorf("warnings are %q, want %q", p.Warnings, left)
	}
}

func TestOnlyTheSelectedPluginsAreDescribed(t *testing.T) {
	c := newCatalog()
	p, err := Resolve(t.Context(), Inputs{Flags: flagsOf(t, "plugins", "db, vector"), Dir: t.TempDir(), Catalog: c})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.asked, " "); got != "db vector" {
		t.Errorf("described are %s, want db vector", got)
	}
	if got := idsOf(p); got != "db/select db/load vector/minilm_general" {
		t.Errorf("benchmarks are %s", got)
	}
}

func TestATargetFlagTakesTheReferenceStacksPlace(t *testing.T) {
	p := mustPlan(t, nil, flagsOf(t, "target", "vector=http://h:6334", "target", "postgres=host=h user=u", "target", "embeddings=h:80"))
	if got := benchmark(t, p, "vector/minilm_general").Target; got.Reference || got.Spec.URL != "http://h:6334" {
		t.Errorf("target is %+v", got)
	}
	if got := benchmark(t, p, "db/select").Target; got.Reference || got.Spec.DSN != "host=h user=u" {
		t.Errorf("target is %+v", got)
	}
	if got := benchmark(t, p, "embedding/openai").Target; got.Spec.URL != "h:80" || got.Kind != "embeddings" {
		t.Errorf("target is %+v", got)
	}
}

func TestTheDefaultBudgetsAreThoseOfTheRequirements(t *testing.T) {
	p := mustPlan(t, nil, Flags{})
	var got []string
	for _, b := range p.Budgets {
		line := fmt.Sprintf("%s %s %s @%d %s", b.ID, b.Benchmark, b.Metric, b.ConcurrentUsers, b.Unit)
		if b.Min != nil {
			line += fmt.Sprintf(" min %g", *b.Min)
		}
		if b.Max != nil {
			line += fmt.Sprintf(" max %g", *b.Max)
		}
		if b.Source != "default" {
			t.Errorf("source of %s is %s", line, b.Source)
		}
		got = append(got, line)
	}
	want := []string{
		"NFR-PERF-001 vector/* latency_mean @1 s max 0.01",
		"NFR-PERF-001 vector/* throughput @-1 1/s min 10000",
		"NFR-PERF-002 api/* latency_mean @0 s",
		"NFR-PERF-002 api/* success_ratio @0 ratio",
		"NFR-PERF-002 db/* latency_mean @0 s",
		"NFR-PERF-002 db/* success_ratio @0 ratio",
		"NFR-PERF-003 embedding/* latency_mean @1 s max 0.1",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("budgets are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestScenariosFollowHintsProfileAndFlags(t *testing.T) {
	const capped = "30m0s"
	for _, c := range []struct {
		name  string
		flags []string
		env   string
		id    string
		want  string
	}{
		{"a lone worker comes before full concurrency", nil, "", "vector/minilm_general", "closed×1 900ms ops=0 rounds=3; closed×8 900ms ops=0 rounds=3"},
		{"time and count of the profile both bound", nil, "", "db/select", "closed×8 900ms ops=10000 rounds=3"},
		{"serial work has one worker", nil, "", "db/load", "closed×1 900ms ops=12 rounds=3"},
		{"serial work can be asked for more workers", []string{"concurrent-users", "4"}, "", "db/load", "closed×4 900ms ops=12 rounds=3"},
		{"the environment asks for more workers too", nil, "BENCHMARK_CONCURRENT_USERS=4", "db/load", "closed×4 900ms ops=12 rounds=3"},
		{"a benchmark that asks for a rate gets an open loop", nil, "", "system/paced", "constant×8 900ms ops=0 rounds=3 rate=50"},
		{"a watcher has its own time and no count", nil, "", "system/monitor", "constant×1 2s ops=0 rounds=3 rate=10"},
		{"a watcher follows its flag", []string{"monitor-duration", "10"}, "", "system/monitor", "constant×1 10s ops=0 rounds=3 rate=10"},
		{"a watcher does not follow duration or rate", []string{"duration", "7s", "rate", "5"}, "", "system/monitor", "constant×1 2s ops=0 rounds=3 rate=10"},
		{"100 users still measure a lone one", []string{"concurrent-users", "100"}, "", "vector/minilm_general", "closed×1 900ms ops=0 rounds=3; closed×100 900ms ops=0 rounds=3"},
		{"one user is measured once", []string{"concurrent-users", "1"}, "", "vector/minilm_general", "closed×1 900ms ops=0 rounds=3"},
		{"a rate makes everything open", []string{"rate", "2000/s", "concurrent-users", "16"}, "", "vector/minilm_general", "constant×16 900ms ops=0 rounds=3 rate=2000"},
		{"a rate beats the benchmark's own", []string{"rate", "7"}, "", "system/paced", "constant×8 900ms ops=0 rounds=3 rate=7"},
		{"chosen iterations drive out the profile's time", []string{"iterations", "5000"}, "", "embedding/minilm", "closed×1 " + capped + " ops=5000 rounds=3; closed×8 " + capped + " ops=5000 rounds=3"},
		{"chosen operations drive out the profile's time", []string{"operations", "20000"}, "", "db/select", "closed×8 " + capped + " ops=20000 rounds=3"},
		{"iterations leave alone what operations count", []string{"iterations", "5000"}, "", "db/select", "closed×8 900ms ops=10000 rounds=3"},
		{"either count bounds what asks for neither", []string{"iterations", "50", "operations", "40"}, "", "vector/minilm_general", "closed×1 " + capped + " ops=40 rounds=3; closed×8 " + capped + " ops=40 rounds=3"},
		{"a chosen time drives out the profile's count", []string{"duration", "30s"}, "", "db/select", "closed×8 30s ops=0 rounds=3"},
		{"a chosen time and count both bound", []string{"duration", "30s"}, "BENCHMARK_ITERATIONS=9", "embedding/minilm", "closed×1 30s ops=9 rounds=3; closed×8 30s ops=9 rounds=3"},
		{"finite ops stay finite", []string{"duration", "30s", "rounds", "5"}, "", "db/load", "closed×1 30s ops=20 rounds=5"},
		{"fewer ops than rounds make fewer rounds", []string{"iterations", "2"}, "", "embedding/minilm", "closed×1 " + capped + " ops=2 rounds=2; closed×8 " + capped + " ops=2 rounds=2"},
		{"standard is longer", []string{"profile", "standard"}, "", "db/select", "closed×32 10s ops=10000 rounds=5"},
		{"full is the environment's defaults", []string{"profile", "full"}, "", "embedding/minilm", "closed×1 5m0s ops=1000 rounds=5; closed×100 5m0s ops=1000 rounds=5"},
		{"full watches for ten minutes", []string{"profile", "full"}, "", "system/monitor", "constant×1 10m0s ops=0 rounds=5 rate=10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var env []string
			if c.env != "" {
				env = []string{c.env}
			}
			p := mustPlan(t, nil, flagsOf(t, c.flags...), env...)
			if got := loads(benchmark(t, p, c.id)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestQuickFitsIntoAMinute(t *testing.T) {
	const scenarios, setup = 25, 20 * time.Second
	q := profiles[0]
	if total := scenarios*(q.duration+q.warmup) + q.monitor + setup; total >= time.Minute {
		t.Errorf("25 scenarios take %s with set-up", total)
	}
}

func TestWarmupAndTimeoutReachTheLoad(t *testing.T) {
	p := mustPlan(t, nil, flagsOf(t, "warmup", "3s", "op-timeout", "7s"))
	if l := benchmark(t, p, "db/select").Scenarios[0].Load; l.Warmup != 3*time.Second || l.OpTimeout != 7*time.Second {
		t.Errorf("load is %+v", l)
	}
	if l := benchmark(t, p, "system/monitor").Scenarios[0].Load; l.Warmup != 0 {
		t.Errorf("a watcher warms up for %s", l.Warmup)
	}
}

func TestScenariosAreToldApartByTheirParameters(t *testing.T) {
	p := mustPlan(t, nil, Flags{})
	v := benchmark(t, p, "vector/minilm_general").Scenarios
	if v[0].Params["concurrent_users"] != "1" || v[1].Params["concurrent_users"] != "8" {
		t.Errorf("parameters are %v and %v", v[0].Params, v[1].Params)
	}
	if s := benchmark(t, p, "system/paced").Scenarios[0]; s.Params["rate"] != "50" || s.Params["max_in_flight"] != "8" || s.Load.Model != loop.Constant {
		t.Errorf("open scenario is %+v", s)
	}
}
