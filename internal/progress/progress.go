// Package progress shows a run while it goes on: one live line on a terminal,
// plain lines elsewhere, grouped lines under GitHub Actions.
//
// It writes to stderr what the runner reports and keeps nothing. It is not a
// report: the numbers it shows are of the moment.
package progress

import (
	"fmt"
	"io"
	"strconv"
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

// Options say how and of what progress is shown.
type Options struct {
	Mode  Mode
	Width func() int // of the terminal, in columns; asked for each live line. 0 is unknown
	Plan  suite.Plan
	Now   func() time.Time // default time.Now
}

// View shows progress. Its methods may be called from several goroutines.
type View struct {
	mu      sync.Mutex
	w       io.Writer
	opts    Options
	live    bool            // there is a live line
	plan    []time.Duration // expected time of each scenario, 0 where only ops bound it
	group   string
	step    time.Time     // end of the scenario before
	load    time.Time     // start of its load; zero before
	spent   time.Duration // on the scenarios that are done, set-up and all
	planned time.Duration // for them
}

// New returns a view of the plan's run that writes to w.
func New(w io.Writer, o Options) *View {
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &View{w: w, opts: o, step: o.Now()}
	for _, b := range o.Plan.Benchmarks {
		for _, s := range b.Scenarios {
			expected := time.Duration(0)
			if s.Load.Duration > 0 && s.Load.Capacity == nil { // how many rounds a search has is not known
				expected = s.Load.Warmup + s.Load.Duration
			}
			v.plan = append(v.plan, expected)
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
		if v.opts.Mode == Actions {
			fmt.Fprintf(v.w, "::group::%s\n", plugin)
		}
	}
	switch e.Kind {
	case runner.Preparing:
		v.load = time.Time{}
		v.show(fmt.Sprintf("%s %s  preparing", counter(e), e.ID))
	case runner.Probed:
		v.clear()
		fmt.Fprintf(v.w, "%s %s  %s\n", counter(e), name(e.ID, e.Params), probed(e.Search))
	case runner.Warming, runner.Measuring:
		if v.load.IsZero() {
			v.load = v.opts.Now()
		}
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
	if v.opts.Mode == Actions && v.group != "" {
		fmt.Fprintln(v.w, "::endgroup::")
	}
	v.group = ""
}

// account learns from a finished scenario how long scenarios take beyond
// their plan: set-up is not planned.
func (v *View) account(index int) {
	now := v.opts.Now()
	v.spent += now.Sub(v.step)
	v.step, v.load = now, time.Time{}
	if index < len(v.plan) {
		v.planned += v.plan[index]
	}
}

// left estimates the time to the end of the run, and says whether it can: not
// while scenarios are to come of which only the number of ops is known.
func (v *View) left(e runner.Event) (time.Duration, bool) {
	var todo time.Duration
	for i := e.Index + 1; i < len(v.plan); i++ {
		if v.plan[i] == 0 {
			return 0, false
		}
		todo += v.plan[i]
	}
	if v.planned > 0 {
		todo = time.Duration(float64(todo) * v.spent.Seconds() / v.planned.Seconds())
	}
	if e.Index < len(v.plan) && v.plan[e.Index] > 0 {
		return todo + max(v.plan[e.Index]-v.opts.Now().Sub(v.load), 0), true
	}
	p := e.Progress
	if e.Ops == 0 || p.Rate <= 0 || e.Kind != runner.Measuring {
		return 0, false
	}
	ops := float64(e.Ops)*float64(e.Rounds-e.Round) - float64(p.Done)
	return todo + time.Duration(max(ops, 0)/p.Rate*float64(time.Second)), true
}

func (v *View) state(e runner.Event) string {
	var s strings.Builder
	if e.Kind == runner.Warming {
		s.WriteString("warming up")
	} else if e.Search != nil {
		s.WriteString(searching(e.Search))
	} else {
		of := "/"
		if e.UpTo {
			of = " of up to "
		}
		fmt.Fprintf(&s, "round %d%s%d", e.Round+1, of, e.Rounds)
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
	if d, ok := v.left(e); ok {
		fmt.Fprintf(&s, "  %s left", d.Round(time.Second))
	}
	return s.String()
}

// eraseLine goes back to the start of a terminal's line and empties it.
const eraseLine = "\r\x1b[K"

// show puts a text in place of the live line. It ends before the last column:
// a terminal that broke the line could not be cleared by one erase.
func (v *View) show(line string) {
	if v.opts.Mode != Terminal {
		return
	}
	width := 0
	if v.opts.Width != nil {
		width = v.opts.Width()
	}
	if runes := []rune(line); width > 1 && len(runes) >= width {
		line = string(runes[:width-2]) + "…"
	}
	fmt.Fprint(v.w, eraseLine, line)
	v.live = true
}

func (v *View) clear() {
	if v.live {
		fmt.Fprint(v.w, eraseLine)
		v.live = false
	}
}

// searching says where a search for a capacity is.
func searching(s *runner.SearchState) string {
	if s.Rate == 0 {
		return s.Phase
	}
	out := fmt.Sprintf("probe %d (%s) at %s", s.Probe, s.Phase, rate(s.Rate))
	if s.Lower > 0 {
		out += ", holds " + rate(s.Lower)
	}
	if s.Upper > 0 {
		out += ", not " + rate(s.Upper)
	}
	return out
}

// probed says what became of a round of a search.
func probed(s *runner.SearchState) string {
	out := fmt.Sprintf("probe %d (%s) at %s: %s", s.Probe, s.Phase, rate(s.Rate), s.Outcome)
	if s.Reason != "" {
		out += ": " + result.Printable(s.Reason, mostReason)
	}
	return out
}

// searched is what a search found.
func searched(c *result.Capacity) string {
	switch {
	case c.LimitedBy == result.LimitGenerator && c.Confirmed && c.Lower != nil:
		return "capacity not known: the generator was the limit, and " + rate(*c.Lower) + " held"
	case c.LimitedBy == result.LimitGenerator:
		return "capacity not known: the generator was the limit"
	case c.Value != nil && c.LimitedBy == result.LimitRange:
		return "capacity at least " + rate(*c.Value) + ", the highest rate that was to be tried"
	case c.Value != nil:
		return "capacity " + rate(*c.Value)
	}
	return "no capacity was confirmed"
}

func rate(r float64) string { return strconv.FormatFloat(r, 'f', -1, 64) + "/s" }

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

// mostReason is how much of a reason is shown, in bytes: the rest is in the
// report.
const mostReason = 200

func summary(b *result.Benchmark) string {
	if b.Status != result.Measured && b.Status != result.Partial {
		return strings.ReplaceAll(string(b.Status), "_", " ") + ": " + result.Printable(b.Reason, mostReason)
	}
	var parts []string
	if b.Capacity != nil {
		parts = append(parts, searched(b.Capacity))
	}
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
		parts = append(parts, "partial: "+result.Printable(b.Reason, mostReason))
	}
	for _, f := range b.Validity {
		if f.Level == "invalid" {
			parts = append(parts, "INVALID: "+f.Message)
			break
		}
	}
	return strings.Join(parts, "  ")
}
