package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk/loop"
)

func TestASearchShowsWhatItKnows(t *testing.T) {
	search := suite.Load{Duration: 6 * time.Second, Capacity: &suite.Capacity{}}
	e := event(runner.Measuring, 0)
	e.Params = map[string]string{"load": "capacity"}
	e.Progress = loop.Progress{Done: 100, Rate: 199, P95: 5 * time.Millisecond}

	t.Run("live", func(t *testing.T) {
		r := newRig(Terminal, 120, search, search)
		for _, c := range []struct {
			state runner.SearchState
			want  string
		}{
			{runner.SearchState{Phase: "a single user"}, "[1/2] api/search  a single user  199/s  p95 5 ms"},
			{runner.SearchState{Phase: "grow", Rate: 12.5, Probe: 1}, "[1/2] api/search  probe 1 (grow) at 12.5/s  199/s"},
			{runner.SearchState{Phase: "bisect", Rate: 200, Probe: 7, Lower: 190, Upper: 210}, "probe 7 (bisect) at 200/s, holds 190/s, not 210/s"},
		} {
			e.Search = &c.state
			r.Observe(e)
			r.advance(time.Second)
			if lines := screen(t, r.out.String()); !strings.Contains(strings.Join(lines, "\n"), c.want) {
				t.Errorf("%q, want %q", lines, c.want)
			}
		}
	})
	t.Run("one line for each round where lines stay", func(t *testing.T) {
		r := newRig(Plain, 120, search, search)
		e.Kind, e.Search = runner.Probed, &runner.SearchState{Phase: "grow", Rate: 400, Probe: 2, Outcome: result.MissedRate, Reason: "a queue\x1b[2J was left " + strings.Repeat("!", 400)}
		r.Observe(e)
		e.Search = &runner.SearchState{Phase: "confirm", Rate: 200, Probe: 3, Outcome: result.HeldRate}
		r.Observe(e)
		got := r.out.String()
		if !strings.Contains(got, "[1/2] api/search  probe 2 (grow) at 400/s: missed: a queue") || !strings.HasSuffix(got, "probe 3 (confirm) at 200/s: held\n") ||
			strings.Contains(got, "\x1b") || len(got) > 400 {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatASearchFoundIsSaidOnALine(t *testing.T) {
	x := 200.0
	for want, c := range map[string]result.Capacity{
		"capacity 200/s": {Value: &x, Lower: &x, Confirmed: true, LimitedBy: result.LimitTarget},
		"capacity at least 200/s, the highest rate that was to be tried":  {Value: &x, Lower: &x, Confirmed: true, LimitedBy: result.LimitRange},
		"capacity not known: the generator was the limit, and 200/s held": {Lower: &x, Confirmed: true, LimitedBy: result.LimitGenerator},
		"capacity not known: the generator was the limit":                 {LimitedBy: result.LimitGenerator},
		"no capacity was confirmed":                                       {Lower: &x, LimitedBy: result.LimitUnknown},
	} {
		if got := summary(&result.Benchmark{Status: result.Measured, Capacity: &c}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
