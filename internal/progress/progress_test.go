package progress

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk/loop"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// rig is a view of a plan of two plugins, two scenarios of 10 s each.
type rig struct {
	*View
	clock
	out strings.Builder
}

func newRig(mode Mode, width int, loads ...suite.Load) *rig {
	r := &rig{clock: clock{time.Unix(1e9, 0)}}
	if loads == nil {
		loads = []suite.Load{{Warmup: time.Second, Duration: 9 * time.Second}, {Warmup: time.Second, Duration: 9 * time.Second}}
	}
	plan := suite.Plan{Benchmarks: []suite.Benchmark{
		{ID: "api/search", Scenarios: []suite.Scenario{{Load: loads[0]}}},
		{ID: "db/select", Scenarios: []suite.Scenario{{Load: loads[1]}}},
	}}
	r.View = New(&r.out, Options{Mode: mode, Plan: plan, Width: func() int { return width }, Now: func() time.Time { return r.now }})
	return r
}

func event(kind runner.EventKind, index int) runner.Event {
	return runner.Event{
		Kind: kind, ID: []string{"api/search", "db/select"}[index], Index: index, Total: 2, Rounds: 3, Round: 1,
		Params: map[string]string{"concurrent_users": "8"},
	}
}

// run plays a run of two scenarios, each set up for 5 s and measured for 10 s.
func (r *rig) run() {
	for i := range 2 {
		r.Observe(event(runner.Preparing, i))
		r.advance(5 * time.Second)
		r.Observe(event(runner.Warming, i))
		r.advance(4 * time.Second)
		e := event(runner.Measuring, i)
		e.Progress = loop.Progress{Done: 1000, Failed: 3, Rate: 1234, P95: 5 * time.Millisecond}
		r.Observe(e)
		r.advance(6 * time.Second)
		e = event(runner.Finished, i)
		mean := 0.002
		e.Benchmark = &result.Benchmark{Status: result.Measured, Metrics: []result.Metric{{Name: "latency_mean", Value: &mean}}}
		r.Observe(e)
	}
	r.Close()
}

// screen is what a terminal shows after the output.
func screen(t *testing.T, out string) []string {
	t.Helper()
	lines := []string{""}
	for _, part := range regexp.MustCompile("\r\x1b\\[K|\n|[^\r\n\x1b]+|.").FindAllString(out, -1) {
		last := len(lines) - 1
		switch {
		case part == "\r\x1b[K":
			lines[last] = ""
		case part == "\n":
			lines = append(lines, "")
		case strings.ContainsAny(part, "\r\x1b"):
			t.Errorf("unexpected control %q", part)
		default:
			lines[last] += part
		}
	}
	return lines
}

func TestATerminalShowsOneLiveLineAndKeepsNothingOfIt(t *testing.T) {
	r := newRig(Terminal, 80)
	r.run()
	live := strings.ReplaceAll(r.out.String(), eraseLine, "\n")
	for _, want := range []string{"\n[1/2] api/search  preparing", "\n[1/2] api/search (8 users)  warming up", "round 2/3  1.23 k/s  p95 5 ms  3 failed  16s left"} {
		if !strings.Contains(live, want) {
			t.Errorf("the live line never was %q:\n%s", want, live)
		}
	}
	want := "[1/2] api/search (8 users)  mean 2 ms|[2/2] db/select (8 users)  mean 2 ms|"
	if got := strings.Join(screen(t, r.out.String()), "|"); got != want {
		t.Errorf("at the end the screen is %q, want %q", got, want)
	}
}

func TestTheLiveLineFitsTheTerminal(t *testing.T) {
	r := newRig(Terminal, 30)
	r.Observe(event(runner.Warming, 0))
	if got := screen(t, r.out.String())[0]; len([]rune(got)) >= 30 || !strings.HasSuffix(got, "…") {
		t.Errorf("on 30 columns the live line is %q", got)
	}
}

func TestANoteStandsAboveTheLiveLine(t *testing.T) {
	r := newRig(Terminal, 80)
	r.Observe(event(runner.Preparing, 0))
	r.Note("harness: %s", "stopping")
	r.Observe(event(runner.Preparing, 0))
	if got := screen(t, r.out.String()); got[0] != "harness: stopping" || got[1] != "[1/2] api/search  preparing" {
		t.Errorf("the screen is %q", got)
	}
}

func TestElsewhereThereAreOnlyPlainLines(t *testing.T) {
	r := newRig(Plain, 0)
	r.run()
	if got, want := r.out.String(), "[1/2] api/search (8 users)  mean 2 ms\n[2/2] db/select (8 users)  mean 2 ms\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestActionsFoldTheLinesOfEachPlugin(t *testing.T) {
	r := newRig(Actions, 0)
	r.run()
	want := "::group::api\n[1/2] api/search (8 users)  mean 2 ms\n::endgroup::\n::group::db\n[2/2] db/select (8 users)  mean 2 ms\n::endgroup::\n"
	if got := r.out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheTimeLeft(t *testing.T) {
	counted := suite.Load{Ops: 3000, Rounds: 3}
	timed := suite.Load{Warmup: time.Second, Duration: 9 * time.Second}
	measuring := func(index int) runner.Event {
		e := event(runner.Measuring, index)
		e.Ops, e.Progress = 1000, loop.Progress{Done: 500, Rate: 100}
		return e
	}
	t.Run("is the plan's less what was worked", func(t *testing.T) {
		r := newRig(Terminal, 80)
		r.advance(time.Hour) // of set-up
		r.Observe(event(runner.Warming, 0))
		r.advance(4 * time.Second)
		if d, ok := r.left(measuring(0)); !ok || d != 16*time.Second {
			t.Errorf("%v, %v; want 16s", d, ok)
		}
	})
	t.Run("learns from the scenarios that are done what set-up costs", func(t *testing.T) {
		r := newRig(Terminal, 80, timed, timed)
		r.advance(30 * time.Second)
		r.Observe(runner.Event{Kind: runner.Finished, ID: "api/search", Benchmark: &result.Benchmark{}})
		r.load = r.now
		e := measuring(0)
		if d, ok := r.left(e); !ok || d != 40*time.Second { // 10 s of this one, and 3 × 10 s of the next
			t.Errorf("%v, %v; want 40s", d, ok)
		}
	})
	t.Run("comes from the rate where ops bound the last scenario", func(t *testing.T) {
		r := newRig(Terminal, 80, timed, counted)
		if d, ok := r.left(measuring(1)); !ok || d != 15*time.Second { // 500 of this round, 1000 of the last, at 100/s
			t.Errorf("%v, %v; want 15s", d, ok)
		}
	})
	t.Run("is not known while one that ops bound is to come", func(t *testing.T) {
		r := newRig(Terminal, 80, timed, counted)
		if d, ok := r.left(measuring(0)); ok {
			t.Errorf("%v, want none", d)
		}
	})
}

func TestAReasonIsCutToALine(t *testing.T) {
	long := strings.Repeat("very ", 1000)
	got := summary(&result.Benchmark{Status: result.NotMeasured, Reason: long})
	if len(got) > mostReason+20 || !strings.HasPrefix(got, "not measured: very ") {
		t.Errorf("got %d bytes: %.40q", len(got), got)
	}
}
