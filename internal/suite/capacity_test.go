package suite

import (
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk/loop"
)

// searching are the flags of a search, and others.
func searching(t *testing.T, nameValue ...string) Flags {
	t.Helper()
	f := flagsOf(t, nameValue...)
	f.FindCapacity = true
	return f
}

func TestASearchTakesThePlaceOfARate(t *testing.T) {
	for _, c := range []struct {
		name  string
		file  string
		flags Flags
		want  Capacity
		each  time.Duration
		load  Load
	}{
		{"by the flag alone rounds are long enough to see a queue", "",
			searching(t), Capacity{Within: 0.05, MaxProbes: 50, MaxTime: time.Hour}, 2 * time.Second, Load{Model: loop.Constant, Workers: 8, Rounds: 3}},
		{"by the flag, with the ends of the search", "",
			searching(t, "rate-from", "10", "rate-to", "90/s", "profile", "standard"),
			Capacity{From: 10, To: 90, Within: 0.05, MaxProbes: 50, MaxTime: time.Hour}, 2 * time.Second, Load{Model: loop.Constant, Workers: 32, Rounds: 3}},
		{"a stated duration is shared out over the rounds that confirm", "",
			searching(t, "duration", "4s", "rounds", "4"),
			Capacity{Within: 0.05, MaxProbes: 50, MaxTime: time.Hour, Stated: true}, time.Second, Load{Model: loop.Constant, Workers: 8, Rounds: 4}},
		{"by the file", "find_capacity: {from: 5, to: 500/s, within: 10%, confirm: 2, max_probes: 9, max_time: 1m}, model: poisson, max_in_flight: 3",
			Flags{}, Capacity{From: 5, To: 500, Within: 0.1, MaxProbes: 9, MaxTime: time.Minute}, 2 * time.Second, Load{Model: loop.Poisson, Workers: 3, Rounds: 2}},
		{"a flag stands above the file, and above a closed model", "model: closed, concurrent_users: 5",
			searching(t, "rate-to", "70"), Capacity{To: 70, Within: 0.05, MaxProbes: 50, MaxTime: time.Hour}, 2 * time.Second, Load{Model: loop.Constant, Workers: 5, Rounds: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{}
			if c.file != "" {
				files["harness.yaml"] = "version: 1\nsuites:\n  default:\n    load: {" + c.file + "}\n    benchmarks: [{use: api/http, with: {path: /}}]\n"
			}
			for _, b := range mustPlan(t, files, c.flags).Benchmarks {
				if b.Plugin != "api" {
					continue
				}
				l := b.Scenarios[0].Load
				if len(b.Scenarios) != 1 || l.Capacity == nil || *l.Capacity != c.want {
					t.Fatalf("%s: %+v, want %+v", b.ID, l.Capacity, c.want)
				}
				if l.Model != c.load.Model || l.Workers != c.load.Workers || l.Rounds != c.load.Rounds || l.Duration != c.each*time.Duration(l.Rounds) || l.Rate != 0 || l.Ops != 0 {
					t.Errorf("%s: load %+v, want %+v with rounds of %s", b.ID, l, c.load, c.each)
				}
				if p := b.Scenarios[0].Params; p["load"] != "capacity" || p["rate"] != "" {
					t.Errorf("%s: parameters %v: what is found must not tell runs apart", b.ID, p)
				}
			}
		})
	}
}

func TestWhatCannotBeSearchedIsLeftOutAloud(t *testing.T) {
	p := mustPlan(t, nil, searching(t))
	for _, b := range p.Benchmarks {
		if b.ID == "system/monitor" || b.ID == "db/load" || b.Scenarios[0].Load.Capacity == nil {
			t.Errorf("%s is planned", b.ID)
		}
	}
	said := strings.Join(p.Warnings, "\n")
	for _, want := range []string{
		"system/monitor is left out: its capacity cannot be searched for: it watches",
		"db/load is left out: its capacity cannot be searched for: its ops use up",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nobody said %q: %s", want, said)
		}
	}
}

func TestASuitesSearchLeavesOtherBenchmarksAsTheyAre(t *testing.T) {
	files := map[string]string{"harness.yaml": `version: 1
suites:
  default:
    load: {find_capacity: {from: 10}}
    benchmarks:
      - {use: api/http, name: searched, with: {path: /}}
      - {use: api/http, name: fixed, with: {path: /}, load: {rate: 50}}
      - {use: api/http, name: users, with: {path: /}, load: {model: closed, think_time: 1s}}
      - {use: system/monitor}
      - {use: db/load}
`}
	p := mustPlan(t, files, Flags{})
	got := map[string]Load{}
	for _, b := range p.Benchmarks {
		got[b.ID] = b.Scenarios[0].Load
	}
	if got["api/searched"].Capacity == nil {
		t.Error("the benchmark without a rate is not searched")
	}
	if l := got["api/fixed"]; l.Capacity != nil || l.Rate != 50 || l.Model != loop.Constant {
		t.Errorf("a rate of its own: %+v", l)
	}
	if l := got["api/users"]; l.Capacity != nil || l.Model != loop.Closed || l.Think != time.Second {
		t.Errorf("users of its own: %+v", l)
	}
	if l := got["system/monitor"]; l.Capacity != nil || len(p.Warnings) != 2 {
		t.Errorf("%+v, %q", l, p.Warnings)
	}
	if l := got["db/load"]; l.Capacity != nil || l.Model != loop.Closed {
		t.Errorf("%+v", l)
	}
}

func TestFlagsThatDoNotGoWithASearchAreRefused(t *testing.T) {
	stages := map[string]string{"harness.yaml": `version: 1
suites:
  default:
    benchmarks:
      - use: api/http
        with: {path: /}
        load:
          model: open
          stages: [{duration: 1s, rate: 5}]
`}
	for want, flags := range map[string]Flags{
		"flag --rate does not go with":       searching(t, "rate", "5"),
		"flag --iterations does not go with": searching(t, "iterations", "5"),
		"flag --operations does not go with": searching(t, "operations", "5"),
		"flag --until does not go with":      searching(t, "until", "latency_p95=5%"),
		"flag --rate-from is 9/s, above":     searching(t, "rate-from", "9", "rate-to", "3"),
		"flag --rate-to is \"fast\", want a": searching(t, "rate-to", "fast"),
	} {
		if _, err := plan(t, nil, flags); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	const want = "harness.yaml:9: suites.default.benchmarks[0].load.stages does not go with"
	if _, err := plan(t, stages, searching(t)); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	const nothing = "leaves nothing of suite default of harness.yaml to run: system/monitor is left out"
	files := map[string]string{"harness.yaml": "version: 1\nsuites: {default: {benchmarks: [{use: system/monitor}]}}\n"}
	if _, err := plan(t, files, searching(t)); err == nil || !strings.Contains(err.Error(), nothing) {
		t.Errorf("%v, want %q", err, nothing)
	}
}
