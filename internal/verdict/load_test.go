package verdict

import (
	"testing"

	"github.com/benchharness/harness/internal/result"
)

func TestALoadOfAnotherShapeIsAnotherLoad(t *testing.T) {
	ramp := []result.Stage{{Duration: 1, From: 0, To: 100}}
	base := result.Load{Model: "constant", Rounds: 3, Duration: 3, Stages: ramp}
	for _, c := range []struct {
		change func(*result.Load)
		want   string
	}{
		{func(*result.Load) {}, ""},
		{func(l *result.Load) { l.Rounds, l.Duration = 6, 6 }, ""},
		{func(l *result.Load) { l.Stages = []result.Stage{{Duration: 1, From: 0, To: 200}} }, "stages: 1 s from 0/s to 100/s in base, 1 s from 0/s to 200/s in head"},
		{func(l *result.Load) { l.Stages, l.Replay = nil, "sha256:ab" }, "stages: 1 s from 0/s to 100/s in base, none in head; replay: none in base, sha256:ab in head"},
		{func(l *result.Load) { l.Think = 0.5 }, "think time in s: 0 in base, 0.5 in head"},
		{func(l *result.Load) { l.SkipLate = 1 }, "lateness at which ops are skipped in s: 0 in base, 1 in head"},
	} {
		head := base
		c.change(&head)
		if got := differences(&result.Benchmark{Load: base}, &result.Benchmark{Load: head}); got != c.want {
			t.Errorf("%+v\ngot  %q\nwant %q", head, got, c.want)
		}
	}
}

func TestOtherCPUsAreOtherConditions(t *testing.T) {
	pinned := func(generator, target string) *result.Benchmark {
		return &result.Benchmark{Isolation: &result.Isolation{Generator: generator, Target: target}}
	}
	for _, c := range []struct {
		base, head *result.Benchmark
		want       string
	}{
		{&result.Benchmark{}, &result.Benchmark{}, ""},
		{pinned("0", "1-3"), pinned("0", "1-3"), ""},
		{&result.Benchmark{}, pinned("0", ""), "CPUs of the plugin: any in base, 0 in head"},
		{pinned("0", "1-3"), pinned("0", "1"), "CPUs of the target: 1-3 in base, 1 in head"},
	} {
		if got := differences(c.base, c.head); got != c.want {
			t.Errorf("differences are %q, want %q", got, c.want)
		}
	}
}

func TestRoundsThatEndedByTheirIntervalAreRemarked(t *testing.T) {
	base, head := source{&result.Run{MachineID: "m"}, &result.Benchmark{Status: result.Measured}}, source{&result.Run{MachineID: "m"}, &result.Benchmark{Status: result.Measured}}
	s := &set{}
	for ended, want := range map[string]int{result.UntilReached: 1, result.UntilBound: 0} {
		head.bench.Until = &result.Until{Metric: "latency_p95", Within: 0.05, Ended: ended}
		if v, why, cautions := s.obstacle(base, head); v != "" || len(cautions) != want {
			t.Errorf("%s: %s %s, cautions %q, want %d", ended, v, why, cautions, want)
		}
	}
}
