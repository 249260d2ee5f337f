package suite

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk/loop"
)

func TestStagesSayHowTheRateRuns(t *testing.T) {
	p := mustPlan(t, map[string]string{"harness.yaml": `version: 1
suites:
  default:
    load:
      model: open
      rounds: 3
      skip_late: 1s
      stages:
        - {duration: 1s, to: 100}
        - {duration: 2s, rate: 100/s}
        - {duration: 500ms, from: 1000, to: 0}
    benchmarks:
      - {use: db/select, name: shaped}
      - {use: db/select, name: steady, load: {rate: 10, duration: 4s}}
      - {use: db/select, name: users, load: {model: closed, think_time: 20ms}}
      - {use: db/select, name: random, load: {model: poisson}}
      - {use: db/select, name: recorded, load: {replay: times.txt}}
`, "times.txt": "# seconds\n0\n0.25\n\n0.25\n1.5\n"}, Flags{})
	shaped := benchmark(t, p, "db/shaped").Scenarios[0]
	want := []loop.Stage{{Duration: time.Second, From: 0, To: 100}, {Duration: 2 * time.Second, From: 100, To: 100}, {Duration: 500 * time.Millisecond, From: 1000, To: 0}}
	l := shaped.Load
	if !slices.Equal(l.Stages, want) || l.Rate != 0 || l.Model != loop.Constant || l.Duration != 10500*time.Millisecond || l.SkipLate != time.Second {
		t.Errorf("the shaped load is %+v", l)
	}
	if shaped.Params["rate"] != "3 stages up to 1000/s" {
		t.Errorf("its parameters are %v", shaped.Params)
	}
	if l := benchmark(t, p, "db/steady").Scenarios[0].Load; len(l.Stages) > 0 || l.Rate != 10 || l.Duration != 4*time.Second {
		t.Errorf("a rate of its own: %+v", l)
	}
	if l := benchmark(t, p, "db/users").Scenarios[0].Load; len(l.Stages) > 0 || l.Think != 20*time.Millisecond || l.SkipLate != 0 || l.Model != loop.Closed {
		t.Errorf("a closed load of its own: %+v", l)
	}
	if l := benchmark(t, p, "db/random").Scenarios[0].Load; !slices.Equal(l.Stages, want) || l.Model != loop.Poisson {
		t.Errorf("Poisson arrivals of the suite's stages: %+v", l)
	}
	recorded := benchmark(t, p, "db/recorded").Scenarios[0]
	at := []time.Duration{0, 250 * time.Millisecond, 250 * time.Millisecond, 1500 * time.Millisecond}
	if l := recorded.Load; !slices.Equal(l.Arrivals, at) || l.Model != loop.Replay || len(l.Stages) > 0 || l.Duration != 3*1501*time.Millisecond {
		t.Errorf("a replay: %+v", l)
	}
	if recorded.Params["rate"] != "4 arrivals of times.txt" {
		t.Errorf("its parameters are %v", recorded.Params)
	}
}

func TestAFlagStandsAboveStages(t *testing.T) {
	files := map[string]string{"harness.yaml": `version: 1
suites:
  default:
    load: {model: open, rounds: 2, stages: [{duration: 5s, rate: 100}]}
    benchmarks: [{use: db/select}]
`}
	if l := mustPlan(t, files, flagsOf(t, "rate", "7")).Benchmarks[0].Scenarios[0].Load; l.Rate != 7 || len(l.Stages) > 0 {
		t.Errorf("with --rate: %+v", l)
	}
	if l := mustPlan(t, files, flagsOf(t, "duration", "4s")).Benchmarks[0].Scenarios[0].Load; l.Duration != 4*time.Second || len(l.Stages) != 1 {
		t.Errorf("with --duration, which cuts the rounds short: %+v", l)
	}
	if l := mustPlan(t, files, flagsOf(t, "duration", "40s")).Benchmarks[0].Scenarios[0].Load; l.Duration != 10*time.Second {
		t.Errorf("with a --duration above the stages': %+v", l)
	}
}

func FuzzArrivals(f *testing.F) {
	for _, s := range []string{"0\n1\n", "# x\n0.5", "1\n0", "NaN", "1e99", "-1", strings.Repeat("9", 70_000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseArrivals(strings.NewReader(text))
		if err == nil && (len(at) == 0 || at[0] < 0 || !slices.IsSorted(at) || at[len(at)-1] > maxDuration) {
			t.Errorf("%q gives %v", text, at)
		}
	})
}
