package loop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benchharness/harness/sdk"
)

// Classes of errors that the loop itself makes.
const (
	ClassPanic     = "panic"     // Do panicked
	ClassCancelled = "cancelled" // the op failed after the round was cancelled
	classTimedOut  = "timed_out" // only in Result.Samples: timed-out ops are counted in Counts
)

// A worker's state is one word: the moment its op began (or was about to),
// above three flags. 0 is a worker without an op. One word, swapped once per
// op in a closed loop, is all that the time limit of ops costs.
const (
	busyFlag      = 1 << iota // an op is running
	expiredFlag               // it ran longer than OpTimeout and its ctx was cancelled
	abandonedFlag             // it ignored that; the worker owns nothing any more
	stateShift    = iota
)

func busySince(d time.Duration) uint64 { return uint64(d)<<stateShift | busyFlag }

const (
	bufferLen  = 64                    // ops, 3 KiB a worker, where ops are short enough to be buffered
	flushAfter = 20 * time.Microsecond // ops longer than this are recorded at once
)

type worker struct {
	n       int
	do      sdk.Worker
	metrics []sdk.Metric

	state atomic.Uint64
	gone  atomic.Bool   // abandoned, and its op has not returned since
	enter time.Duration // closed: when its first op could begin
	op    sdk.Op
	ctx   context.Context // of the worker's ops, made anew after each timeout
	rec   *recorder

	plain   []time.Duration // ops that are one duration: see recorder.plain
	buf     []entry         // all others; both grow to bufferLen at most
	last    time.Duration   // end of the op last put there
	flushed time.Duration   // when the buffers were last emptied

	values   []Value
	recorded bool // values holds something
	dropped  map[string]uint64
	addValue func(string, float64) // bound once: a method value would be allocated

	window batchWindow

	mu     sync.Mutex // guards cancel against the supervisor
	cancel context.CancelCauseFunc
}

func newWorker(n int, do sdk.Worker, metrics []sdk.Metric) *worker {
	w := &worker{n: n, do: do, metrics: metrics, values: make([]Value, len(metrics))}
	w.op.Worker = n
	w.addValue = w.value
	return w
}

// prepare readies the worker for a run, before its goroutine starts.
func (w *worker) prepare(r *run, rec *recorder) {
	w.rec, w.plain, w.buf, w.last, w.flushed = rec, w.plain[:0], w.buf[:0], 0, 0
	w.dropped, w.recorded = nil, false
	clear(w.values)
	w.state.Store(0)
	w.renew(r)
}

// renew gives the worker's ops a fresh ctx. It waits until a supervisor that
// marked the last op as expired has cancelled the old one.
func (w *worker) renew(r *run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.cancel = context.WithCancelCause(r.ctx)
}

// leave ends the worker's part in a run. The last leaver ends the run. An
// abandoned worker has left before, without knowing it.
func (w *worker) leave(r *run) {
	was := w.state.Swap(0)
	if was&abandonedFlag != 0 {
		w.gone.Store(false)
		return
	}
	w.flush(r)
	if end := time.Duration(was >> stateShift); r.plan.Model == Closed && end > w.enter {
		w.rec.workedUntil(r, end)
	}
	w.mu.Lock()
	w.cancel(nil)
	w.mu.Unlock()
	r.leave()
}

// call does one op and turns a panic into an error.
func (w *worker) call() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = w.panicked(p)
		}
	}()
	return w.do.Do(w.ctx, &w.op)
}

func (w *worker) panicked(p any) error {
	return sdk.Classify(ClassPanic, fmt.Errorf("worker %d, op %d: panic: %v", w.n, w.op.Index, p))
}

// endOf is when an op that returned at now was done.
func endOf(op *sdk.Op, now time.Duration) time.Duration {
	if done := op.DoneAt(); done != 0 {
		return done
	}
	return now
}

// finish accounts for an op that is not plainly ok. was is the state that the
// op's end replaced. It is false for an abandoned worker, which stops there.
func (w *worker) finish(r *run, was uint64, err error, e entry, now time.Duration) bool {
	if was&abandonedFlag != 0 {
		w.state.Store(abandonedFlag) // for leave
		return false
	}
	late := was&expiredFlag != 0
	if late {
		w.renew(r)
	}
	if err == nil {
		w.add(r, e, now)
		return true
	}
	w.flush(r)
	if fatal := (*sdk.FatalError)(nil); errors.As(err, &fatal) {
		r.fail(w, fatal, now)
	}
	w.rec.mu.Lock()
	defer w.rec.mu.Unlock()
	if w.rec.run != r {
		return true
	}
	w.rec.end = max(w.rec.end, now)
	if late || errors.Is(err, context.DeadlineExceeded) {
		w.rec.timedOut++
		w.rec.latency(e)
		w.rec.live.add(min(e.response, Limit), 1)
		w.rec.failure(classTimedOut, err, false)
		return true
	}
	class := sdk.Class(err)
	if r.ctx.Err() != nil {
		class = ClassCancelled
	}
	w.rec.failed++
	w.rec.failure(class, err, true)
	return true
}

// add records an ok op whose values are still in w.op. Ops shorter than
// flushAfter are buffered, because a lock would be a large part of them.
func (w *worker) add(r *run, e entry, now time.Duration) {
	w.op.Values(w.addValue)
	w.keep(r, e, now)
}

func (w *worker) keep(r *run, e entry, now time.Duration) {
	w.buf = append(w.buf, e)
	w.last = now
	if len(w.buf) == bufferLen || now-w.flushed >= flushAfter {
		w.flush(r)
	}
}

// flush hands the buffers to the recorder.
func (w *worker) flush(r *run) {
	w.flushed = w.last
	c := w.rec
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == r {
		w.flushLocked(c)
	}
	w.plain, w.buf = w.plain[:0], w.buf[:0]
	if w.recorded {
		clear(w.values)
	}
	w.recorded, w.dropped = false, nil
}

func (w *worker) flushLocked(c *recorder) {
	for _, d := range w.plain {
		c.plain(d)
	}
	n := int64(len(w.plain))
	c.zeroLag += n
	c.zeroWait += n
	c.ok += uint64(n)
	if n > 0 {
		c.live.add(min(w.plain[0], Limit), uint64(n))
	}
	for i := range w.buf {
		e := &w.buf[i]
		c.latency(*e)
		c.ok += uint64(e.n)
		c.live.add(min(e.response, Limit), uint64(e.n))
	}
	c.end = max(c.end, w.last)
	if w.recorded {
		for i := range w.values {
			c.values[i].merge(w.values[i])
		}
	}
	for what, n := range w.dropped {
		c.drop(what, n)
	}
}

// value takes one value that an ok op recorded.
func (w *worker) value(metric string, x float64) {
	for i := range w.metrics {
		if w.metrics[i].Name != metric {
			continue
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			w.drop(metric, "not finite")
			return
		}
		w.values[i].add(x)
		w.recorded = true
		return
	}
	w.drop(metric, "not declared")
}

func (w *worker) drop(metric, why string) {
	if w.dropped == nil {
		w.dropped = make(map[string]uint64)
	}
	w.dropped[clip(fmt.Sprintf("metric %q: %s", metric, why))]++
}
