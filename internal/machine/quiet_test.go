package machine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk/probe"
)

func TestWhatDisturbsAQuietMachineIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		seen probe.Series
		want string
	}{
		{"a quiet machine", seen("host.cpu", 0.04, "harness.cpu", 0.01, "host.steal", 0.0, "pressure.cpu", 0.02), ""},
		{"what harness uses itself", seen("host.cpu", 0.5, "harness.cpu", 1.0), ""},
		{"what plugin and target use", seen("host.cpu", 0.5, "plugin.cpu", 0.5, "target.cpu", 0.5), ""},
		{"other programs", seen("host.cpu", 0.84, "harness.cpu", 0.0), "other processes use 84% of the CPU"},
		{"a queue for the CPU", seen("pressure.cpu", 0.4), "tasks wait for a CPU 40% of the time"},
		{"steal and swap", seen("host.steal", 0.05, "host.swap_in", 1e6), "the hypervisor takes 5.0% of the CPU away, it swaps"},
		{"a want of memory", seen("pressure.memory", 0.02), "tasks wait for memory 2.0% of the time"},
		{"nothing is known", probe.Series{}, ""},
	} {
		if got := strings.Join(Disturbances(c.seen, 2), ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// loud and calm are looks at a machine, by how busy others keep it.
const loud, calm = 0.9, 0.01

// looks plays a machine that is as busy as a script says, its last word for ever.
type looks struct {
	script []float64
	took   []time.Duration
}

func (l *looks) watch(_ context.Context, d time.Duration) probe.Series {
	l.took = append(l.took, d)
	out := seen("host.cpu", l.script[min(len(l.took), len(l.script))-1], "harness.cpu", 0.0)
	out.Length = d
	return out
}

func TestPatienceEndsWithAQuietMachineOrWithItself(t *testing.T) {
	const first, most = 2 * time.Second, 10 * time.Second
	for _, c := range []struct {
		name   string
		script []float64
		waited time.Duration
		quiet  bool
		lines  int
	}{
		{"quiet at once", []float64{calm}, 2 * time.Second, true, 0},
		{"quiet after a while", []float64{loud, loud, calm}, 5 * time.Second, true, 2},
		{"a lull is not quiet", []float64{loud, calm, loud, calm}, 6 * time.Second, true, 2},
		{"never quiet", []float64{loud}, 10 * time.Second, false, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines []string
			l := &looks{script: c.script}
			p := NewPatience(most, 2, func(s string) { lines = append(lines, s) })
			found := codes(t, p.Wait(t.Context(), first, l.watch))
			if p.Waited() != c.waited || p.Quiet() != c.quiet || p.Most() != most {
				t.Errorf("waited %s, quiet %v; want %s, %v", p.Waited(), p.Quiet(), c.waited, c.quiet)
			}
			if slices.Contains(found, "not_quiet") == c.quiet {
				t.Errorf("findings %v", found)
			}
			if len(lines) != c.lines {
				t.Errorf("said %q, want %d lines", lines, c.lines)
			}
		})
	}
}

func TestPatienceIsForAllWaitsTogether(t *testing.T) {
	l := &looks{script: []float64{loud, loud, loud, loud, calm}}
	p := NewPatience(4500*time.Millisecond, 2, func(string) {})
	if found := p.Wait(t.Context(), time.Second, l.watch); len(found) > 0 {
		t.Errorf("it was quiet in the last half second: %v", found) // one look is all that was left
	}
	if n := len(l.took); n != 5 || l.took[4] != 500*time.Millisecond {
		t.Errorf("it looked for %v, the last time for longer than was left", l.took)
	}
	before := len(l.took)
	if found := p.Wait(t.Context(), time.Second, l.watch); len(found) > 0 || len(l.took) != before {
		t.Errorf("without patience it looked %d times more: %v", len(l.took)-before, found)
	}
}

func TestAWaitThatIsInterruptedFindsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := NewPatience(time.Hour, 2, func(string) {})
	found := p.Wait(ctx, time.Second, func(context.Context, time.Duration) probe.Series {
		cancel()
		return seen("host.cpu", loud, "harness.cpu", 0.0)
	})
	if len(found) > 0 || !p.Quiet() {
		t.Errorf("findings %v", found)
	}
}

func TestThisMachineCanBeObserved(t *testing.T) {
	s := Observe(t.Context(), 50*time.Millisecond)
	if g, ok := s.Gauge("host.cpu"); !ok || g.Average == nil && g.Unavailable == "" {
		t.Errorf("%+v", g)
	}
	if _, ok := others(s, 1); !ok {
		if g, _ := s.Gauge("host.cpu"); g.Average != nil {
			t.Error("harness's own part cannot be told from that of others")
		}
	}
}
