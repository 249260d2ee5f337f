package main

import (
	"testing"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
)

func TestExitCodesOfSearches(t *testing.T) {
	bench := func(s result.Status, c *result.Capacity) result.Benchmark {
		return result.Benchmark{Status: s, Capacity: c}
	}
	search := func(ended, by string, confirmed bool) result.Benchmark {
		return bench(result.Measured, &result.Capacity{Ended: ended, LimitedBy: by, Confirmed: confirmed})
	}
	found := search(result.SearchFound, result.LimitTarget, true)
	none := search(result.SearchNone, result.LimitTarget, false)
	late := search(result.SearchFound, result.LimitGenerator, true)
	for _, c := range []struct {
		name    string
		benches []result.Benchmark
		want    int
	}{
		{"no search", []result.Benchmark{bench(result.Measured, nil)}, exitPass},
		{"a capacity", []result.Benchmark{found}, exitPass},
		{"the range was the limit", []result.Benchmark{search(result.SearchFound, result.LimitRange, true)}, exitPass},
		{"not even the lowest rate held", []result.Benchmark{none}, exitGate},
		{"the generator was the limit", []result.Benchmark{late}, exitInvalid},
		{"the generator was the limit already at the lowest rate", []result.Benchmark{search(result.SearchNone, result.LimitGenerator, false)}, exitInvalid},
		{"no rounds were left", []result.Benchmark{search(result.SearchProbes, result.LimitTarget, false)}, exitInvalid},
		{"no time was left", []result.Benchmark{search(result.SearchTime, result.LimitUnknown, false)}, exitInvalid},
		{"what failed has a code of its own", []result.Benchmark{bench(result.Failed, &result.Capacity{Ended: result.SearchStopped})}, exitPass},
		{"what was interrupted has too", []result.Benchmark{bench(result.Partial, &result.Capacity{Ended: result.SearchStopped})}, exitPass},
		{"one of several did not hold", []result.Benchmark{found, none, found}, exitGate},
		{"one is not valid and one did not hold, in either order", []result.Benchmark{none, late}, first(exitGate, exitInvalid)},
		{"one did not hold and one is not valid", []result.Benchmark{late, none}, first(exitGate, exitInvalid)},
	} {
		if got := capacityCode(&result.Run{Benchmarks: c.benches}); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestAGeneratorBoundToCPUsHasThose(t *testing.T) {
	plan := suite.Plan{Isolation: suite.Isolation{Generator: cpus.Set{0}}}
	if n := generatorCPUs(plan); n != 1 {
		t.Errorf("bound to one: %d", n)
	}
	if n := generatorCPUs(suite.Plan{}); n < 1 {
		t.Errorf("bound to none: %d", n)
	}
}
