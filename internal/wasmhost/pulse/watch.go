package pulse

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Limits are the longest times that guests may spend in their own code,
// without that of their host; 0: none.
type Limits struct {
	Describe time.Duration // describing itself
	SetUp    time.Duration // set up, and tear down, of one instance
	Op       time.Duration // one op
	Round    time.Duration // all ops of a round, of all workers together
}

func (l Limits) of(p Phase) time.Duration {
	switch p {
	case Describe:
		return l.Describe
	case SetUp, TearDown:
		return l.SetUp
	case Op:
		return l.Op
	}
	return 0
}

// Overrun says that a guest spent more time than it may.
type Overrun struct {
	Phase  Phase
	Worker int
	Op     uint64
	Limit  time.Duration
	Round  bool // it was all ops of a round together
}

func (e *Overrun) Error() string {
	switch {
	case e.Round:
		return fmt.Sprintf("spent more than the limit of %v inside the ops of one round", e.Limit)
	case e.Phase == Op:
		return fmt.Sprintf("did not end op %d of worker %d within its limit of %v", e.Op, e.Worker, e.Limit)
	case e.Phase == Describe:
		return fmt.Sprintf("did not describe itself within its limit of %v", e.Limit)
	}
	return fmt.Sprintf("did not end the %s of worker %d within its limit of %v", e.Phase, e.Worker, e.Limit)
}

// Every is how often a watcher looks. A guest is found out at most two looks
// after its limit.
const Every = 20 * time.Millisecond

// Watcher watches the guests of a page.
type Watcher struct {
	page   *Page
	limits Limits
	seen   []sight
	spent  time.Duration // inside ops since the round began
	rounds atomic.Uint64
	round  uint64
}

// sight is what was seen of one guest.
type sight struct {
	call uint64
	time time.Duration // inside the guest, in this call
}

// NewWatcher returns a watcher of a page of this process.
func NewWatcher(p *Page, limits Limits) *Watcher { return &Watcher{page: p, limits: limits} }

// RoundBegins says that the time of a round begins anew.
func (w *Watcher) RoundBegins() { w.rounds.Add(1) }

// Watch returns the first [Overrun], or nil when ctx ends.
func (w *Watcher) Watch(ctx context.Context) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := time.Now()
		// A watcher that was late itself, because the machine stood still,
		// blames nobody for the time that it has not seen.
		passed := min(now.Sub(last), 2*Every)
		last = now
		if err := w.look(passed); err != nil {
			return err
		}
	}
}

// look takes in the page as it is after passed.
func (w *Watcher) look(passed time.Duration) error {
	if n := w.rounds.Load(); n != w.round {
		w.round, w.spent = n, 0
	}
	made := int(min(atomic.LoadUint64(&w.page.line(0).op), Slots))
	for len(w.seen) < made {
		w.seen = append(w.seen, sight{})
	}
	for i := range w.seen {
		if err := w.guest(&w.seen[i], w.page.line(i+1), passed); err != nil {
			return err
		}
	}
	if w.limits.Round > 0 && w.spent > w.limits.Round {
		return &Overrun{Phase: Op, Limit: w.limits.Round, Round: true}
	}
	return nil
}

func (w *Watcher) guest(s *sight, l *line, passed time.Duration) error {
	state := atomic.LoadUint64(&l.state)
	call, phase := state>>8, Phase(state&0xff)
	if phase == Idle || phase >= Host {
		return nil
	}
	if phase == Op {
		w.spent += passed
	}
	if call != s.call {
		*s = sight{call: call}
		return nil
	}
	s.time += passed
	if limit := w.limits.of(phase); limit > 0 && s.time > limit {
		return &Overrun{Phase: phase, Worker: int(atomic.LoadUint64(&l.worker)), Op: atomic.LoadUint64(&l.op), Limit: limit}
	}
	return nil
}
