package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benchharness/harness/sdk"
)

// grace is how long an op may ignore the end of its ctx before its worker is
// abandoned.
const grace = 5 * time.Second

// A run is one part of a round: its warm-up or its measured part.
type run struct {
	plan        Plan
	warmup      bool
	key         uint64        // of Op.Rand
	limit       time.Duration // no op begins, or is intended, at or after it
	maxOps      uint64
	scheduleEnd time.Duration // open: when the last op is intended, at the latest or on average
	drain       time.Duration
	clockCost   time.Duration

	base time.Time // origin of every clock
	ctx  context.Context

	workers   []*worker
	recorders []*recorder
	shards    []*shard

	_       [64]byte // the words below change with every op, those above never
	tickets atomic.Uint64
	_       [64]byte

	batch   atomic.Int64 // ops per timed batch, or undecided
	batched atomic.Int64 // the largest batch so far
	stopped atomic.Bool
	once    sync.Once
	stop    chan struct{} // closed when stopped
	stopAt  time.Duration // when; 0 if never
	left    atomic.Int64  // workers still in the run
	done    chan struct{} // closed when there are none

	gc        collections           // during the run
	frozen    time.Duration         // longest time in which the supervisor did not get to run
	fatal     atomic.Pointer[error] // of the first worker that broke
	stuck     []int                 // abandoned workers, by number; the supervisor's
	cancelled bool
	cancelAt  time.Duration
}

func newRun(p Plan, warmup bool) *run {
	r := &run{
		plan: p, key: roundKey(p, warmup), limit: limitOf(p.Duration), maxOps: opsOf(p.Ops), drain: p.Drain,
		warmup: warmup, stop: make(chan struct{}), done: make(chan struct{}),
	}
	if p.Model != Closed {
		r.scheduleEnd = p.scheduleEnd(r.limit)
	}
	return r
}

// drive starts the workers, watches over them and returns when the last one
// has left or was abandoned.
func (r *run) drive(ctx context.Context, report func(Progress)) {
	// The end of ctx reaches ops through the supervisor, which first stops the
	// run: an op that fails because of it must not be followed by another.
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r.left.Store(int64(len(r.workers)))
	start := make(chan struct{})
	for i, w := range r.workers {
		w.prepare(r, r.recorders[i%len(r.recorders)])
		go func() {
			<-start
			if r.plan.Model == Closed {
				w.runClosed(r)
			} else {
				w.runOpen(r)
			}
		}()
	}
	var reporter sync.WaitGroup
	r.base = time.Now()
	if report != nil {
		reporter.Go(func() { r.report(report) })
	}
	close(start)
	r.supervise(ctx, cancel)
	reporter.Wait()
}

// supervise enforces the time limit of ops and the caller's cancellation.
func (r *run) supervise(ctx context.Context, cancelOps func()) {
	tick := time.NewTicker(min(max(r.plan.OpTimeout/20, time.Millisecond), 50*time.Millisecond))
	defer tick.Stop()
	ended := ctx.Done()
	over, last := false, time.Since(r.base)
	for !over {
		select {
		case <-r.done:
			over = true
		case <-ended:
			ended = nil
			r.cancelled, r.cancelAt = true, time.Since(r.base)
			r.halt(r.cancelAt)
			cancelOps()
		case <-tick.C:
			r.sweep(time.Since(r.base))
		}
		now := time.Since(r.base)
		r.frozen = max(r.frozen, now-last)
		last = now
	}
}

// halt stops the run: no op begins after it.
func (r *run) halt(now time.Duration) {
	r.once.Do(func() {
		r.stopAt = now
		r.stopped.Store(true)
		close(r.stop)
	})
}

// fail ends the run because a worker broke.
func (r *run) fail(w *worker, fatal *sdk.FatalError, now time.Duration) {
	err := fmt.Errorf("worker %d, op %d: %w", w.n, w.op.Index, fatal.Err)
	r.fatal.CompareAndSwap(nil, &err)
	r.halt(now)
}

func (r *run) leave() {
	if r.left.Add(-1) == 0 {
		close(r.done)
	}
}

// sweep cancels the ctx of ops past their limit, and abandons workers whose
// op ignored that for the length of grace.
func (r *run) sweep(now time.Duration) {
	limit := r.plan.OpTimeout
	for _, w := range r.workers {
		word := w.state.Load()
		if word&busyFlag == 0 || word&abandonedFlag != 0 {
			continue
		}
		since := time.Duration(word >> stateShift)
		expired := limit > 0 && now-since >= limit
		if expired && word&expiredFlag == 0 {
			w.expire(word)
			continue
		}
		if expired && now-since >= limit+grace || r.cancelled && now-max(since, r.cancelAt) >= grace {
			r.abandon(w, word, now)
		}
	}
}

// expire cancels the op that put word there, unless it has just ended.
func (w *worker) expire(word uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.CompareAndSwap(word, word|expiredFlag) {
		w.cancel(context.DeadlineExceeded)
	}
}

// abandon takes a worker out of the run and ends the run: with a worker less
// it is not the load that was asked for.
func (r *run) abandon(w *worker, word uint64, now time.Duration) {
	w.gone.Store(true) // before the worker can see that it is
	if !w.state.CompareAndSwap(word, word|abandonedFlag) {
		w.gone.Store(false)
		return
	}
	r.stuck = append(r.stuck, w.n)
	r.halt(now)
	r.leave()
}

// err says why a run ended early, or nil.
func (r *run) err(ctx context.Context) error {
	var stuck error
	if len(r.stuck) > 0 {
		slices.Sort(r.stuck)
		names := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(r.stuck)), ", "), "[]")
		why := fmt.Sprintf("the op limit of %s", r.plan.OpTimeout)
		if r.cancelled {
			why = "cancellation"
		}
		stuck = fmt.Errorf("worker %s ignored its context for %s after %s; make Do return when ctx ends", names, grace, why)
	}
	fatal := r.fatal.Load()
	switch {
	case fatal != nil:
		return *fatal
	case r.cancelled && stuck != nil:
		return fmt.Errorf("cancelled after %s: %w; %w", r.cancelAt.Round(time.Millisecond), ctx.Err(), stuck)
	case r.cancelled:
		return fmt.Errorf("cancelled after %s: %w", r.cancelAt.Round(time.Millisecond), ctx.Err())
	}
	return stuck
}
