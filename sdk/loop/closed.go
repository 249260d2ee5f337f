package loop

import "time"

// runClosed does ops back to back until the round's time or ops are used up.
func (w *worker) runClosed(r *run) {
	defer w.leave(r)
	w.enter = time.Since(r.base)
	w.state.Store(busySince(w.enter))
	for w.closedStretch(r) {
	}
}

// closedStretch does ops until one panics, or until there are no more: then it
// is false.
//
// The clock is read twice per op. The end of one op is published as the
// beginning of the next: the state word then costs one swap per op, and an
// op's time limit starts the few nanoseconds of bookkeeping early. For the
// same reason a panic is recovered here and not around every op.
func (w *worker) closedStretch(r *run) (more bool) {
	var start time.Duration
	defer func() {
		if p := recover(); p != nil {
			now := time.Since(r.base)
			was := w.state.Swap(busySince(now))
			more = w.finish(r, was, w.panicked(p), entry{response: now - start, service: now - start, n: 1}, now)
		}
	}()
	now := time.Since(r.base)
	for now < r.limit && !r.stopped.Load() {
		batch := r.batch.Load()
		if batch > 1 {
			var ok bool
			if now, ok = w.doBatch(r, uint64(batch), now); !ok {
				return false
			}
			continue
		}
		i := r.tickets.Add(1) - 1
		if i >= r.maxOps {
			return false
		}
		w.op.Begin(i, r.rand(i), r.base)
		start = time.Since(r.base)
		err := w.do.Do(w.ctx, &w.op)
		now = time.Since(r.base)
		was := w.state.Swap(busySince(now))
		if err == nil && was&(expiredFlag|abandonedFlag) == 0 && w.op.SentAt() == 0 {
			w.addPlain(r, now-start, now)
		} else if !w.finishClosed(r, was, err, start, now) {
			return false
		}
		if batch == undecided {
			w.window.single(r, now-start)
		}
		if r.plan.Think > 0 {
			var ok bool
			if now, ok = w.think(r, now); !ok {
				return false
			}
		}
	}
	return false
}

// addPlain is add for an op that is nothing but its duration.
func (w *worker) addPlain(r *run, d, now time.Duration) {
	w.op.Values(w.addValue)
	w.plain = append(w.plain, d)
	w.last = now
	if len(w.plain) == bufferLen || now-w.flushed >= flushAfter {
		w.flush(r)
	}
}

// finishClosed accounts for an op that addPlain is not for.
func (w *worker) finishClosed(r *run, was uint64, err error, start, now time.Duration) bool {
	e := entry{response: now - start, service: now - start, n: 1}
	if sent := w.op.SentAt(); sent != 0 {
		end := endOf(&w.op, now)
		e.response, e.service, e.wait = end-start, end-sent, sent-start
		r.batch.Store(1)
	}
	return w.finish(r, was, err, e, now)
}

// think pauses after an op that ended at end. It returns when the next one may
// begin, and false where there is none. A pause is no op, so it has no time
// limit, and one at the end of a round is not part of it.
func (w *worker) think(r *run, end time.Duration) (time.Duration, bool) {
	w.state.Store(0)
	t := time.NewTimer(r.plan.Think)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.stop:
	}
	now := time.Since(r.base)
	if now >= r.limit || r.stopped.Load() {
		w.state.Store(busySince(end))
		return now, false
	}
	w.state.Store(busySince(now))
	return now, true
}
