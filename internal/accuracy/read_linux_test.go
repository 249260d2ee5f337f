package main

import (
	"testing"
	"time"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/accuracy/mutate"
)

func TestWhatOtherToolsPrintIsRead(t *testing.T) {
	wrk, err := readWrk("    Latency     5.04ms   81.20us   6.90ms   85.12%\n    50%    5.02ms\n    75%    5.06ms\n    99%  812.00us\nRequests/sec:   3168.21\n")
	if want := (claim{rate: 3168.21, mean: 5040 * time.Microsecond, p50: 5020 * time.Microsecond, p99: 812 * time.Microsecond}); err != nil || wrk != want {
		t.Errorf("wrk: %+v, %v", wrk, err)
	}
	ab, err := readAB("Requests per second:    3100.50 [#/sec] (mean)\nTime per request:       5.161 [ms] (mean)\nTime per request:       0.323 [ms] (mean, across all concurrent requests)\n  50%      5\n  99%      7\n")
	if want := (claim{rate: 3100.5, mean: 5161 * time.Microsecond, p50: 5 * ms, p99: 7 * ms, roundedToUnit: ms}); err != nil || ab != want {
		t.Errorf("ab: %+v, %v", ab, err)
	}
	if _, err := readWrk("unable to connect"); err == nil {
		t.Error("wrk without results is no error")
	}
}

func TestFreezesImposeWhatTheOracleSays(t *testing.T) {
	freezes := []known.Freeze{{From: 0, To: int64(200 * ms)}, {From: int64(2 * time.Second), To: int64(2200 * ms)}}
	ds := imposed(0, stallRate, 4000, freezes)
	for q, want := range map[float64]time.Duration{0.5: 0, 0.95: 100 * ms, 0.99: 180 * ms, 1: 200 * ms} {
		if got := exact(ds, q); (got - want).Abs() > ms {
			t.Errorf("p%g is %s, want %s", 100*q, got, want)
		}
	}
}

func TestChecksFailBeyondTheirLimit(t *testing.T) {
	b := &bench{}
	b.within("p99", 103*ms, 100*ms, 0.03)
	if !b.passed() {
		t.Error("3% is within 3%")
	}
	b.within("p99", 96*ms, 100*ms, 0.03)
	if b.passed() || !b.failed("p99") || b.failed("p95") {
		t.Errorf("%+v", b.rows)
	}
	if (&bench{}).passed() {
		t.Error("nothing checked is not passed")
	}
}

func TestEveryMutationHasSomebodyToFindIt(t *testing.T) {
	all := finders()
	for _, m := range mutate.All {
		if _, real := all[m.Name]; !real && !m.Unit {
			t.Errorf("mutation %s has nobody", m.Name)
		}
	}
}

func TestPartsAreChosenByName(t *testing.T) {
	if chosen, err := choose("stall,peers"); err != nil || len(chosen) != 2 || chosen[1].name != "peers" {
		t.Errorf("%v, %v", chosen, err)
	}
	if _, err := choose("stal"); err == nil {
		t.Error("an unknown part is no error")
	}
}
