package suite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const documented = `version: 1
targets:
  search:  {url: http://127.0.0.1:8080}
  qdrant:  {url: http://127.0.0.1:6334, api_key: ${QDRANT_API_KEY}, headers: {X-Team: "a ${TEAM:-none} b"}}
  main-db: {dsn: ${DATABASE_URL}}
suites:
  default:
    load: {model: open, rate: 1000, max_in_flight: 16, duration: 30s, warmup: 5s, rounds: 5}
    benchmarks:
      - {use: api/http, name: search, target: search, with: {method: GET, path: "/search?q=${word}", expect: {status: 200}}}
      - {use: vector/search, name: docs, target: qdrant, with: {collection: docs, k: 10}, load: {model: closed, concurrent_users: 100}}
      - {use: api/http, name: embed, with: {path: /embed/${id}}, load: {model: poisson, rate: 5/s}}
      - {use: db/select, target: main-db, load: {operations: 5}}
  nightly:
    benchmarks: [{use: system/monitor, load: {monitor_duration: 1m, rounds: 1}}]
thresholds:
  - {benchmark: "*", metric: "*", max_regression: 10%}
  - {benchmark: "api/*", metric: latency_p99, max_regression: 15%, min_absolute: 1ms}
budgets:
  - {id: NFR-PERF-001, benchmark: "vector/*", metric: latency_mean, max: 10ms, concurrent_users: 1}
  - {id: NFR-PERF-001, benchmark: "vector/*", metric: throughput, min: 10000/s, concurrent_users: full}
  - {benchmark: "vector/*", metric: recall, min: 99.9%}
  - {benchmark: "api/*", metric: success_ratio, min: 0.99}
`

var secrets = []string{"QDRANT_API_KEY=key-hunter2", "DATABASE_URL=postgres://app:pw-hunter2@db:5432/app?password=q-hunter2"}

func documentedPlan(t *testing.T, flags ...string) Plan {
	t.Helper()
	return mustPlan(t, map[string]string{"harness.yaml": documented}, flagsOf(t, flags...), secrets...)
}

func TestAConfigSuiteIsPlannedAsWritten(t *testing.T) {
	p := documentedPlan(t)
	// Benchmarks of one plugin are adjacent, plugins in the order of the file.
	if got := idsOf(p); got != "api/search api/embed vector/docs db/select" {
		t.Errorf("benchmarks are %s", got)
	}
	if !p.Gating || filepath.Base(p.ConfigFile) != "harness.yaml" || !filepath.IsAbs(p.ConfigFile) {
		t.Errorf("gating is %v, config file %s", p.Gating, p.ConfigFile)
	}
	for id, want := range map[string]string{
		"api/search":  "constant×16 30s ops=0 rounds=5 rate=1000",
		"api/embed":   "poisson×16 30s ops=0 rounds=5 rate=5",
		"vector/docs": "closed×1 30s ops=0 rounds=5; closed×100 30s ops=0 rounds=5",
		"db/select":   "constant×16 30s ops=5 rounds=5 rate=1000",
	} {
		if got := loads(benchmark(t, p, id)); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
	if got := string(benchmark(t, p, "api/search").Params["path"]); got != `"/search?q=${word}"` {
		t.Errorf("a data placeholder became %s", got)
	}
	if got := string(benchmark(t, p, "api/embed").Params["path"]); got != `"/embed/${id}"` {
		t.Errorf("a data placeholder became %s", got)
	}
	if tg := benchmark(t, p, "api/embed").Target; !tg.Reference {
		t.Errorf("a benchmark without target is pointed at %+v", tg)
	}
	tg := benchmark(t, p, "vector/docs").Target
	if tg.Reference || tg.Spec.APIKey != "key-hunter2" || tg.Spec.Headers["X-Team"] != "a none b" || tg.Spec.Kind != "vector" || tg.Spec.Name != "qdrant" {
		t.Errorf("target is %+v", tg)
	}
}

func TestFlagsStandAboveTheLoadOfABenchmark(t *testing.T) {
	p := documentedPlan(t, "duration", "9s", "concurrent-users", "3", "rounds", "2")
	for id, want := range map[string]string{
		"api/search":  "constant×3 9s ops=0 rounds=2 rate=1000",
		"vector/docs": "closed×1 9s ops=0 rounds=2; closed×3 9s ops=0 rounds=2",
		"db/select":   "constant×3 9s ops=5 rounds=2 rate=1000",
	} {
		if got := loads(benchmark(t, p, id)); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
	if got := setting(t, documentedPlan(t), "duration"); got.Source != "harness.yaml:8" || got.Value != "30s" {
		t.Errorf("duration is %+v", got)
	}
}

func TestBudgetsAreInBaseUnits(t *testing.T) {
	var got []string
	for _, b := range documentedPlan(t).Budgets {
		limit := ""
		if b.Min != nil {
			limit += fmt.Sprintf("≥%g", *b.Min)
		}
		if b.Max != nil {
			limit += fmt.Sprintf("≤%g", *b.Max)
		}
		got = append(got, fmt.Sprintf("%s %s %s %s%s @%d %s", b.ID, b.Benchmark, b.Metric, limit, b.Unit, b.ConcurrentUsers, b.Source))
	}
	want := `NFR-PERF-001 vector/* latency_mean ≤0.01s @1 harness.yaml:20
NFR-PERF-001 vector/* throughput ≥100001/s @-1 harness.yaml:21
 vector/* recall ≥0.999ratio @0 harness.yaml:22
 api/* success_ratio ≥0.99ratio @0 harness.yaml:23`
	if strings.Join(got, "\n") != want {
		t.Errorf("budgets are\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestPluginsFilterAConfigSuite(t *testing.T) {
	if got := idsOf(documentedPlan(t, "plugins", "vector,db")); got != "vector/docs db/select" {
		t.Errorf("benchmarks are %s", got)
	}
}

func TestAnotherSuiteCanBeChosen(t *testing.T) {
	p := documentedPlan(t, "suite", "nightly")
	if got := loads(benchmark(t, p, "system/monitor")); p.Suite != "nightly" || got != "constant×1 1m0s ops=0 rounds=1 rate=10" {
		t.Errorf("suite %s: %s", p.Suite, got)
	}
	p = mustPlan(t, map[string]string{"harness.yaml": "version: 1\nsuites:\n  only: {benchmarks: [{use: db/select}]}\n"}, Flags{})
	if p.Suite != "only" || setting(t, p, "suite").Source != "harness.yaml:2" {
		t.Errorf("the only suite is not taken: %s", p.Suite)
	}
}

func TestAFileWithoutSuitesKeepsTheDefaultSuite(t *testing.T) {
	p := mustPlan(t, map[string]string{"harness.yaml": "version: 1\nreports: [text]\n"}, Flags{})
	if p.Gating || len(p.Budgets) != len(defaultBudgets) || len(p.Benchmarks) != 8 || p.Reports[0] != "text" {
		t.Errorf("plan is %+v", p.Redacted())
	}
	p = mustPlan(t, map[string]string{"harness.yaml": "version: 1\nbudgets: [{benchmark: '*', metric: throughput, min: 1/s}]\n"}, Flags{})
	if !p.Gating || len(p.Budgets) != 1 {
		t.Errorf("budgets of the file do not gate: %+v", p.Redacted())
	}
}

func TestABudgetThatCoversNothingIsWarnedOf(t *testing.T) {
	p := mustPlan(t, map[string]string{"harness.yaml": `version: 1
suites:
  default: {benchmarks: [{use: db/select}]}
budgets:
  - {benchmark: db/selct, metric: latency_mean, max: 1s}
`}, Flags{})
	want := `harness.yaml:5: the budget on "db/selct" covers no benchmark of suite default; did you mean db/select?`
	if len(p.Warnings) != 1 || p.Warnings[0] != want {
		t.Errorf("warnings are %q, want %q", p.Warnings, want)
	}
}

func TestPluginsByPathAreTakenIn(t *testing.T) {
	c := newCatalog()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mine"), "")
	write(t, filepath.Join(dir, "harness.yaml"), "version: 1\nplugins: [db, ./mine]\n")
	if _, err := Resolve(t.Context(), Inputs{Dir: dir, Catalog: c}); err != nil {
		t.Fatal(err)
	}
	if len(c.paths) != 1 || c.paths[0] != filepath.Join(dir, "mine") {
		t.Errorf("paths are %q", c.paths)
	}
}
