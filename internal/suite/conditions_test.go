package suite

import (
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/sdk"
)

func TestIsolationIsTheFlagsOrTheFiles(t *testing.T) {
	files := map[string]string{"harness.yaml": "version: 1\nisolate: {generator_cpus: 0, target_cpus: \"1-3\"}\n"}
	p := mustPlan(t, files, flagsOf(t, "target-cpus", "2,1", "wait-quiet", "90"))
	if got := p.Isolation.Generator.String() + " " + p.Isolation.Target.String(); got != "0 1-2" {
		t.Errorf("generator and target are on %s", got)
	}
	if s := setting(t, p, "generator-cpus"); s.Source != "harness.yaml:2" || s.Value != "0" {
		t.Errorf("setting %+v", s)
	}
	if p.WaitQuiet != 90*time.Second {
		t.Errorf("it waits for %s", p.WaitQuiet)
	}
	if len(p.Warnings) > 0 {
		t.Errorf("the reference stack can be pinned, but: %q", p.Warnings)
	}
}

func TestATargetThatHarnessDoesNotStartCannotBePinned(t *testing.T) {
	files := map[string]string{"harness.yaml": `version: 1
isolate: {target_cpus: "1-3"}
targets: {search: {url: "http://127.0.0.1:1"}, other: {url: "http://127.0.0.1:2"}}
suites:
  default:
    benchmarks:
      - {use: api/http, name: a, target: search, with: {path: /}}
      - {use: api/http, name: b, target: search, with: {path: /}}
      - {use: api/http, name: c, target: other, with: {path: /}}
      - {use: api/http, name: d, with: {path: /}}
`}
	p := mustPlan(t, files, Flags{})
	const want = "target_cpus (harness.yaml:2) has no effect on search, other, which harness did not start: start it under taskset -c 1-3"
	if len(p.Warnings) != 1 || p.Warnings[0] != want {
		t.Errorf("warnings are %q, want %q", p.Warnings, want)
	}
}

func TestASystemThatCannotPinRefusesCPUsInOneLine(t *testing.T) {
	if _, err := cpus.Allowed(); err == nil {
		t.Skip("this system can pin: the refusal is tested where it cannot")
	}
	_, err := Resolve(t.Context(), Inputs{Flags: flagsOf(t, "generator-cpus", "0"), Dir: t.TempDir(), Catalog: newCatalog()})
	if err == nil || !strings.Contains(err.Error(), "cannot be pinned") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

func TestRoundsAreNotAddedForAMetricThatOnlySearchesGive(t *testing.T) {
	_, err := Resolve(t.Context(), Inputs{Flags: flagsOf(t, "until", "capacity=5%"), Dir: t.TempDir(), Catalog: newCatalog(),
		Metrics: []sdk.Metric{{Name: "capacity", Unit: "1/s"}, {Name: "gpu_util", Unit: "ratio"}}})
	if err == nil || !strings.Contains(err.Error(), "does not record") || !strings.Contains(err.Error(), "gpu_util") {
		t.Errorf("%v", err)
	}
}

func TestTheRuleToEndByIsTheFlagsTheBenchmarksOrTheSuites(t *testing.T) {
	files := map[string]string{"harness.yaml": `version: 1
suites:
  default:
    load: {until: {metric: latency_p95, within: 5%, max_rounds: 40}}
    benchmarks:
      - {use: vector/search, name: suites}
      - {use: vector/search, name: own, load: {until: {metric: recall, within: 0.5%, max_rounds: 7}}}
      - {use: system/monitor, name: watches}
`}
	for _, c := range []struct {
		flags []string
		want  map[string]Until
	}{
		{nil, map[string]Until{
			"vector/suites": {"latency_p95", 0.05, 40}, "vector/own": {"recall", 0.005, 7}, "system/watches": {},
		}},
		{[]string{"until", "throughput=2.5%"}, map[string]Until{
			"vector/suites": {"throughput", 0.025, 40}, "vector/own": {"throughput", 0.025, 7}, "system/watches": {},
		}},
		{[]string{"max-rounds", "9"}, map[string]Until{
			"vector/suites": {"latency_p95", 0.05, 9}, "vector/own": {"recall", 0.005, 9}, "system/watches": {},
		}},
	} {
		for _, b := range mustPlan(t, files, flagsOf(t, c.flags...)).Benchmarks {
			for _, s := range b.Scenarios {
				if got := s.Load.Until; got != c.want[b.ID] {
					t.Errorf("%v: %s has the rule %+v, want %+v", c.flags, b.ID, got, c.want[b.ID])
				}
			}
		}
	}
}
