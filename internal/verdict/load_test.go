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
