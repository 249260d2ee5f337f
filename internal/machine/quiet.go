package machine

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk/probe"
)

// Observe is what the machine does for a while.
func Observe(ctx context.Context, d time.Duration) probe.Series {
	s := probe.New(probe.Options{Processes: map[string]func() []int32{"harness": probe.Pids(int32(os.Getpid()))}})
	defer s.Stop()
	w := s.Open()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return w.Close()
}

// Disturbances says what of a machine that nobody asks anything of is not quiet,
// in a few words each; nothing when it is. The limits are those above which a
// round gets a caution; that tasks wait for a CPU disturbs only here, because in a
// round the run itself makes them wait. What cannot be read disturbs nobody.
func Disturbances(seen probe.Series, cores int) (out []string) {
	if share, ok := others(seen, cores); ok && share >= busyShare {
		out = append(out, fmt.Sprintf("other processes use %.0f%% of the CPU", 100*share))
	}
	if v := average(seen, "pressure.cpu"); v > waitingShare {
		out = append(out, fmt.Sprintf("tasks wait for a CPU %.0f%% of the time", 100*v))
	}
	if v := average(seen, "host.steal"); v > stealShare {
		out = append(out, fmt.Sprintf("the hypervisor takes %.1f%% of the CPU away", 100*v))
	}
	if v := average(seen, "pressure.memory"); v > pressureShare {
		out = append(out, fmt.Sprintf("tasks wait for memory %.1f%% of the time", 100*v))
	}
	if average(seen, "host.swap_in")+average(seen, "host.swap_out") > 0 {
		out = append(out, "it swaps")
	}
	return out
}

// How a wait looks at the machine: at first for as long as the caller says,
// then in turns of waitLook until it was quiet in steadyLooks of them one after
// the other. A line about it is written every waitSay at most.
const (
	waitLook    = time.Second
	steadyLooks = 2
	waitSay     = 5 * time.Second
)

// Patience waits for a quiet machine, several times and not longer than it was
// made for altogether. Its methods are for one goroutine.
type Patience struct {
	most, left time.Duration
	cores      int
	say        func(line string)
	disturbed  bool // at the end of some wait
}

// NewPatience makes one that lasts for most. say gets a line now and then about
// what it waits for.
func NewPatience(most time.Duration, cores int, say func(string)) *Patience {
	return &Patience{most: most, left: most, cores: cores, say: say}
}

// Most is how long it was made for, Waited how much of that it used, Quiet
// whether every wait ended because the machine was quiet.
func (p *Patience) Most() time.Duration   { return p.most }
func (p *Patience) Waited() time.Duration { return p.most - p.left }
func (p *Patience) Quiet() bool           { return !p.disturbed }

// Wait returns when the machine is quiet, when patience is at an end, or when
// ctx is. first is the length of the first look, which is all there is to it on a
// quiet machine. watch shows what the machine does for a while; its length counts
// as time waited. The finding is that it was not quiet in the end.
func (p *Patience) Wait(ctx context.Context, first time.Duration, watch func(context.Context, time.Duration) probe.Series) []Finding {
	var said time.Duration // waited when the last line was written
	quiet, spoke := steadyLooks-1, false
	for look := first; p.left > 0 && ctx.Err() == nil; look = waitLook {
		seen := watch(ctx, min(look, p.left))
		if ctx.Err() != nil {
			break
		}
		p.left -= min(max(seen.Length, time.Millisecond), p.left)
		what := strings.Join(Disturbances(seen, p.cores), ", ")
		switch {
		case what == "":
			if quiet++; quiet < steadyLooks && p.left > 0 {
				continue
			}
			if spoke {
				p.say(fmt.Sprintf("the machine is quiet; waited %s", p.Waited().Round(100*time.Millisecond)))
			}
			return nil
		case p.left == 0:
			p.disturbed = true
			p.say(fmt.Sprintf("warning: the machine is not quiet after %s: %s; measuring all the same", p.most, what))
			return []Finding{caution("not_quiet", "the machine was not quiet after a wait of %s: %s", p.most, what)}
		}
		quiet = 0
		if !spoke || p.Waited()-said >= waitSay {
			p.say(fmt.Sprintf("waiting for a quiet machine, %s at most: %s", p.left.Round(100*time.Millisecond), what))
			spoke, said = true, p.Waited()
		}
	}
	return nil
}
