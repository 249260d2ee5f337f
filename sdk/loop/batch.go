package loop

import (
	"math/bits"
	"time"
)

const (
	undecided   = 0       // value of run.batch while op times are still being looked at
	batchReads  = 100     // an op or batch shorter than this many clock reads is not timed by itself
	windowOps   = 256     // ops looked at before deciding
	maxBatch    = 1 << 12 // ops
	slowBatches = 4       // in a row, this many times too long, end batching
)

// batchWindow watches one worker's op times.
type batchWindow struct {
	ops  int64
	time time.Duration
	mean time.Duration // of the last full window or batch; 0 before
	slow int           // overlong batches in a row
}

// single takes the time of one op. The first worker with a full window
// decides for all.
func (b *batchWindow) single(r *run, d time.Duration) {
	b.ops++
	b.time += d
	if b.ops < windowOps {
		return
	}
	b.mean = max(b.time/windowOps, 1)
	b.ops, b.time = 0, 0
	r.batch.CompareAndSwap(undecided, r.batchFor(b.mean))
}

// batchFor returns how many ops of that mean to time together: the power of
// two that makes a batch last at least batchReads clock reads, or 1 when a
// single op does.
func (r *run) batchFor(mean time.Duration) int64 {
	target := batchReads * r.clockCost
	if mean >= target {
		return 1
	}
	n := (target + mean - 1) / mean
	return min(int64(1)<<bits.Len64(uint64(n-1)), maxBatch)
}

// batching says whether the plan allows batches: the time limit of ops has to
// be far longer than a batch, because it starts with the batch.
func (r *run) batching() bool {
	return r.plan.Model == Closed && r.plan.Think == 0 && !r.plan.NoBatch && r.clockCost > 0 &&
		(r.plan.OpTimeout == 0 || r.plan.OpTimeout >= 1000*batchReads*r.clockCost)
}

// doBatch does n ops between two clock reads and records their mean once per
// op. It returns the last clock read, and false when the worker is to stop.
//
// A failed op divides the batch and ends batching for the round. The time of
// the ok ops before it cannot be told from its own, so they are recorded at
// the mean of the batch before: neither a fast refusal nor a timeout may move
// the latency of ok ops.
func (w *worker) doBatch(r *run, n uint64, now time.Duration) (time.Duration, bool) {
	first := r.tickets.Add(n) - n
	if first >= r.maxOps {
		return now, false
	}
	if r.batched.Load() < int64(n) {
		r.batched.Store(int64(n))
	}
	last := min(first+n, r.maxOps)
	start := time.Since(r.base)
	var ok int64
	for i := first; i < last; i++ {
		w.op.Begin(i, r.rand(i), r.base)
		err := w.call()
		if w.op.SentAt() != 0 {
			r.batch.Store(1) // it has a wait of its own
		}
		if err == nil {
			ok++
			w.op.Values(w.addValue)
			continue
		}
		r.batch.Store(1)
		now = time.Since(r.base)
		was := w.state.Swap(busySince(now))
		mean := w.window.mean
		if ok > 0 && was&abandonedFlag == 0 {
			w.keep(r, entry{response: mean, service: mean, n: ok}, now)
		}
		if !w.finish(r, was, err, entry{response: now - start, service: now - start, n: 1}, now) {
			return now, false
		}
		ok, start = 0, time.Since(r.base)
	}
	now = time.Since(r.base)
	was := w.state.Swap(busySince(now))
	if ok == 0 {
		return now, true // the last op failed an instant ago
	}
	mean := (now - start + time.Duration(ok/2)) / time.Duration(ok)
	e := entry{response: mean, service: mean, n: ok}
	w.window.batch(r, mean, now-start)
	if was&abandonedFlag != 0 {
		w.state.Store(abandonedFlag) // for leave
		return now, false
	}
	if was&expiredFlag != 0 {
		w.renew(r)
	}
	w.keep(r, e, now)
	return now, true
}

// batch takes the time of one batch. Ops that have become slow are timed one
// by one again; a single overlong batch may be the machine's doing.
func (b *batchWindow) batch(r *run, mean, took time.Duration) {
	b.mean = mean
	if took < 8*batchReads*r.clockCost {
		b.slow = 0
		return
	}
	if b.slow++; b.slow >= slowBatches {
		b.slow = 0
		r.batch.Store(1)
	}
}
