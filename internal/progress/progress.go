// Package progress shows a run while it goes on: one live line on a terminal,
// plain lines elsewhere, grouped lines under GitHub Actions.
//
// It writes to stderr what the runner reports and keeps nothing. It is not a
// report: the numbers it shows are of the moment.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/suite"
)

// Mode is how progress is shown.
type Mode int

// Modes of a [View].
const (
	Plain    Mode = iota // a line when a scenario is done
	Terminal             // and a live line that is rewritten
	Actions              // and groups that GitHub folds, one per plugin
)

// View shows progress. Its methods may be called from several goroutines.
type View struct {
	mu      sync.Mutex
	w       io.Writer
	mode    Mode
	width   int
	now     func() time.Time
	started time.Time
	plan    []time.Duration // expected time of each scenario
	live    int             // columns that the live line covers
	group   string
	step    time.Time // start of the scenario that is running
	spent   time.Duration
	planned time.Duration // of the scenarios that are done
}

// New returns a view of the plan's run. width is the terminal's, in columns.
func New(w io.Writer, mode Mode, width int, plan suite.Plan) *View {
	v := &View{w: w, mode: mode, width: width, now: time.Now}
	v.started = v.now()
	v.step = v.started
	for _, b := range plan.Benchmarks {
		for _, s := range b.Scenarios {
			v.plan = append(v.plan, s.Load.Warmup+s.Load.Duration)
		}
	}
	return v
}

// Observe takes an event of the runner.
func (v *View) Observe(e runner.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	plugin, _, _ := strings.Cut(e.ID, "/")
	if plugin != v.group {
		v.endGroup()
		v.group = plugin
		if v.mode == Actions {
			fmt.Fprintf(v.w, "::group::%s\n", plugin)
		}
	}
	switch e.Kind {
	case runner.Preparing:
		v.step = v.now()
		v.show(fmt.Sprintf("%s %s  preparing", counter(e), e.ID))
	case runner.Warming, runner.Measuring:
		v.show(fmt.Sprintf("%s %s  %s", counter(e), name(e.ID, e.Params), v.state(e)))
	case runner.Finished:
		v.clear()
		fmt.Fprintf(v.w, "%s %s  %s\n", counter(e), name(e.ID, e.Params), summary(e.Benchmark))
		v.account(e.Index)
	}
}

// Note prints a line above the live one.
func (v *View) Note(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
	fmt.Fprintf(v.w, format+"\n", args...)
}

// Close takes the live line away.
func (v *View) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
	v.endGroup()
}

func (v *View) endGroup() {
	if v.mode == Actions && v.group != "" {
		fmt.Fprintln(v.w, "::endgroup::")
	}
	v.group = ""
}

// account learns from a finished scenario how long scenarios take beyond
// their plan: set-up is not planned.
func (v *View) account(index int) {
	now := v.now()
	v.spent += now.Sub(v.step)
	v.step = now
	if index < len(v.plan) {
		v.planned += v.plan[index]
	}
}

// left estimates the time to the end of the run, from scenario index on, and
// says whether it can.
func (v *View) left(index int, elapsed time.Duration) (time.Duration, bool) {
	var todo time.Duration
	for i := index; i < len(v.plan); i++ {
		if v.plan[i] == 0 {
			return 0, false // bounded by ops: nobody knows
		}
		todo += v.plan[i]
	}
	scale := 1.0
	if v.planned > 0 {
		scale = v.spent.Seconds() / v.planned.Seconds()
	}
	return max(time.Duration(float64(todo)*scale)-elapsed, 0), true
}

func (v *View) state(e runner.Event) string {
	var s strings.Builder
	if e.Kind == runner.Warming {
		s.WriteString("warming up")
	} else {
		fmt.Fprintf(&s, "round %d/%d", e.Round+1, e.Rounds)
	}
	if p := e.Progress; p.Done > 0 {
		fmt.Fprintf(&s, "  %s", report.Quantity(p.Rate, "1/s"))
		if p.P95 > 0 {
			fmt.Fprintf(&s, "  p95 %s", report.Quantity(p.P95.Seconds(), "s"))
		}
		if p.Failed > 0 {
			fmt.Fprintf(&s, "  %d failed", p.Failed)
		}
	}
	if d, ok := v.left(e.Index, v.now().Sub(v.step)); ok {
		fmt.Fprintf(&s, "  %s left", d.Round(time.Second))
	}
	return s.String()
}

func (v *View) show(line string) {
	if v.mode != Terminal {
		return
	}
	runes := []rune(line)
	if v.width > 1 && len(runes) >= v.width {
		runes = append(runes[:v.width-2], '…')
	}
	pad := max(v.live-len(runes), 0)
	fmt.Fprintf(v.w, "\r%s%s", string(runes), strings.Repeat(" ", pad))
	v.live = len(runes)
}

func (v *View) clear() {
	if v.live > 0 {
		fmt.Fprintf(v.w, "\r%s\r", strings.Repeat(" ", v.live))
		v.live = 0
	}
}

func counter(e runner.Event) string {
	digits := len(fmt.Sprint(e.Total))
	return fmt.Sprintf("[%*d/%d]", digits, e.Index+1, e.Total)
}

func name(id string, params map[string]string) string {
	if n := params["concurrent_users"]; n == "1" {
		return id + " (1 user)"
	} else if n != "" {
		return fmt.Sprintf("%s (%s users)", id, n)
	}
	return id
}

func summary(b *result.Benchmark) string {
	if b.Status != result.Measured && b.Status != result.Partial {
		return strings.ReplaceAll(string(b.Status), "_", " ") + ": " + b.Reason
	}
	var parts []string
	for _, m := range b.Metrics {
		if m.Value == nil {
			continue
		}
		switch m.Name {
		case "latency_mean":
			parts = append(parts, "mean "+report.Quantity(*m.Value, "s"))
		case "latency_p95":
			parts = append(parts, "p95 "+report.Quantity(*m.Value, "s"))
		case "throughput":
			parts = append(parts, report.Quantity(*m.Value, "1/s"))
		}
	}
	if b.Status == result.Partial {
		parts = append(parts, "partial: "+b.Reason)
	}
	for _, f := range b.Validity {
		if f.Level == "invalid" {
			parts = append(parts, "INVALID: "+f.Message)
			break
		}
	}
	return strings.Join(parts, "  ")
}
