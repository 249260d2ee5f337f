package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/benchharness/harness/sdk"
)

// A Driver drives the rounds of one session, one at a time. It asks the
// session for each worker once and keeps it for later rounds.
type Driver struct {
	session sdk.Session
	metrics []sdk.Metric

	round     sync.Mutex // held by a round and by Close
	workers   []*worker
	recorders []*recorder
	waiters   []waiter
	clockCost time.Duration // of one clock read; 0: never batch

	newWaiter func() waiter
}

// New returns a driver of the session. metrics are those that ops may record.
// It starts nothing.
func New(session sdk.Session, metrics []sdk.Metric) *Driver {
	return &Driver{
		session: session, metrics: metrics, clockCost: clockCost(),
		newWaiter: func() waiter { return newPreciseWaiter() },
	}
}

// clockCost measures one clock read: the fastest of a few runs, because
// anything else that happens makes it slower.
func clockCost() time.Duration {
	const reads = 256
	best := time.Duration(math.MaxInt64)
	for range 8 {
		start := time.Now()
		for range reads - 1 {
			_ = time.Since(start)
		}
		best = min(best, time.Since(start))
	}
	return best / reads
}

// Check reports the first thing wrong with a plan.
func (p Plan) Check() error {
	switch {
	case !slices.Contains([]Model{Closed, Constant, Poisson, Replay}, p.Model):
		return fmt.Errorf("load model %q: want %s, %s, %s or %s", p.Model, Closed, Constant, Poisson, Replay)
	case p.Workers < 1:
		return fmt.Errorf("%d workers: want at least 1", p.Workers)
	case p.Duration <= 0 && p.Ops == 0 && len(p.Stages) == 0 && p.Model != Replay:
		return errors.New("neither a duration nor a number of ops limits the round")
	case p.Duration < 0 || p.Warmup < 0 || p.OpTimeout < 0 || p.Drain < 0 || p.Think < 0 || p.SkipLate < 0:
		return errors.New("a duration of the plan is negative")
	case p.Model == Closed && (len(p.Stages) > 0 || p.SkipLate > 0):
		return errors.New("a closed loop has no rate: stages, and ops that are late, are of open loops")
	case p.Model != Closed && p.Think > 0:
		return errors.New("think time is of a closed loop")
	case p.Model == Replay:
		return checkArrivals(p)
	case len(p.Stages) > 0:
		return checkStages(p.Stages)
	case p.Model != Closed && !(p.Rate > 0 && p.Rate <= 1e9):
		return fmt.Errorf("rate %v: want ops per second, above 0 and at most 1e9", p.Rate)
	}
	return nil
}

func checkArrivals(p Plan) error {
	if len(p.Arrivals) == 0 || len(p.Stages) > 0 {
		return errors.New("a replay has arrivals, and no stages")
	}
	last := time.Duration(0)
	for i, at := range p.Arrivals {
		if at < last {
			return fmt.Errorf("arrival %d is intended at %v, before the one before it", i, at)
		}
		last = at
	}
	return nil
}

// Round drives one round: warm-up, then the measured part. progress, if not
// nil, is called about five times a second, and at the end of each part, from
// one goroutine that is not a worker's.
//
// An error comes with the result of what was finished when ctx ended (it wraps
// ctx.Err()), or when a worker did not return from its op [Plan.OpTimeout] plus
// five seconds after it began: such a round is incomplete. The op of that
// worker counts as timed out, and the driver refuses rounds until it returns.
// An op's [sdk.FatalError] ends the round in the same way.
func (d *Driver) Round(ctx context.Context, p Plan, progress func(Progress)) (Result, error) {
	if !d.round.TryLock() {
		return emptyResult(), errors.New("run round: another round of the session is running")
	}
	defer d.round.Unlock()
	res, err := d.run(ctx, p, progress)
	if err != nil {
		return res, fmt.Errorf("run round %d: %w", p.Round, err)
	}
	return res, nil
}

func (d *Driver) run(ctx context.Context, p Plan, progress func(Progress)) (Result, error) {
	if err := p.Check(); err != nil {
		return emptyResult(), err
	}
	if p.Drain == 0 {
		p.Drain = p.OpTimeout
	}
	if p.Drain == 0 {
		p.Drain = 5 * time.Second
	}
	if err := d.hire(ctx, p.Workers); err != nil {
		return emptyResult(), err
	}
	if s, ok := d.session.(sdk.RoundReady); ok {
		defer s.ReadyRound(p.Model != Closed)()
	}
	batch := int64(undecided)
	if p.Warmup > 0 {
		r := d.start(p.warmUp(), true, undecided)
		r.drain = 0
		r.drive(ctx, progress)
		if err := r.err(ctx); err != nil {
			return emptyResult(), fmt.Errorf("warm up: %w", err)
		}
		if b := r.batch.Load(); b > 1 {
			batch = b
		}
	}
	if err := ctx.Err(); err != nil {
		return emptyResult(), fmt.Errorf("cancelled before it began: %w", err)
	}
	r := d.start(p, false, batch)
	// What setting up and warming up left behind is not to be collected in the
	// middle of the round, and every round is to begin alike.
	runtime.GC()
	before := collected()
	r.drive(ctx, progress)
	r.gc = collected().since(before)
	res := r.result(d.metrics)
	r.judge(&res)
	return res, r.err(ctx)
}

// hire makes sure that there are n workers, all of them free.
func (d *Driver) hire(ctx context.Context, n int) error {
	for _, w := range d.workers {
		if w.gone.Load() {
			return fmt.Errorf("worker %d is still in an op of an earlier round", w.n)
		}
	}
	for i := len(d.workers); i < n; i++ {
		w, err := d.worker(ctx, i)
		if err != nil {
			return fmt.Errorf("make worker %d: %w", i, err)
		}
		d.workers = append(d.workers, newWorker(i, w, d.metrics))
	}
	return nil
}

func (d *Driver) worker(ctx context.Context, n int) (w sdk.Worker, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	w, err = d.session.Worker(ctx, n)
	if err == nil && w == nil {
		err = errors.New("the session returned none")
	}
	return w, err
}

// start readies a run.
func (d *Driver) start(p Plan, warmup bool, batch int64) *run {
	r := newRun(p, warmup)
	r.clockCost, r.workers = d.clockCost, d.workers[:p.Workers]
	if r.batch.Store(1); r.batching() {
		r.batch.Store(batch)
	}
	n := min(runtime.GOMAXPROCS(0), maxRecorders, p.Workers)
	for len(d.recorders) < n {
		d.recorders = append(d.recorders, &recorder{})
	}
	r.recorders = d.recorders[:n]
	for _, c := range r.recorders {
		c.reset(r, len(d.metrics), p.Model != Closed)
	}
	for k := range shardsFor(p) {
		if k == len(d.waiters) {
			d.waiters = append(d.waiters, d.newWaiter())
		}
		s := &shard{token: make(chan struct{}, 1), wait: d.waiters[k], schedule: newSchedule(p, r.key, k, shardsFor(p))}
		if !warmup {
			s.sent = newArrivals(p, s.schedule.key, shardsFor(p))
		}
		s.token <- struct{}{}
		r.shards = append(r.shards, s)
	}
	return r
}

// Close closes the workers that can be closed; the session is the caller's.
// A worker that never returned from an op is left alone and named in the
// error.
func (d *Driver) Close() error {
	d.round.Lock()
	defer d.round.Unlock()
	var errs []error
	for _, w := range d.workers {
		c, ok := w.do.(io.Closer)
		switch {
		case !ok:
		case w.gone.Load():
			errs = append(errs, fmt.Errorf("close worker %d: it is still in an op", w.n))
		default:
			if err := c.Close(); err != nil {
				errs = append(errs, fmt.Errorf("close worker %d: %w", w.n, err))
			}
		}
	}
	d.workers = nil
	return errors.Join(errs...)
}
