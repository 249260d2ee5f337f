package loop

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// shardRate is the rate, in ops/s, up to which one shard is enough. One shard
// hands out about 1.5 million tickets a second on two cores when ops are
// empty; every further shard is one more thread that may spin.
const shardRate = 250_000

// A shard hands out the ops of its schedule, one after the other.
//
// There is no dispatcher and no queue. The idle workers of a shard line up for
// its token; the holder takes the next op, waits until its intended start,
// passes the token on and does the op. So at most as many ops are in flight as
// there are workers, nothing is dropped, and an op that finds no idle worker
// is sent late, by the first one that becomes idle.
type shard struct {
	token    chan struct{} // a channel: whoever waits longest is next, and a virtual clock can see the wait
	schedule schedule      // the holder's, like everything below
	wait     waiter
	issued   uint64
	skipped  uint64
	overflow uint64
	censored *hdrhistogram.Histogram // of skipped ops, up to when they were given up
}

// shardsFor depends on the plan alone, because a Poisson schedule depends on
// it.
func shardsFor(p Plan) int {
	if p.Model == Closed {
		return 0
	}
	return max(1, min(int(p.Rate/shardRate), p.Workers, maxRecorders))
}

// giveUp returns until when an op intended at t may be sent.
func (r *run) giveUp(t time.Duration) time.Duration {
	end := max(r.scheduleEnd, t)
	if end > limitOf(0)-r.drain {
		return limitOf(0)
	}
	return end + r.drain
}

// take returns the next op and the moment it is dispatched. ok is false when
// the worker is to stop. The token is held.
func (s *shard) take(r *run) (index uint64, at, now time.Duration, ok bool) {
	for {
		index, at, ok = s.schedule.next()
		if !ok || r.stopped.Load() {
			return 0, 0, 0, false
		}
		now = time.Since(r.base)
		if now < at {
			now = s.wait.until(r.base, at, r.stop)
			if r.stopped.Load() {
				return 0, 0, 0, false
			}
		}
		s.schedule.advance()
		s.issued++
		if end := r.giveUp(at); now > end {
			s.skip(end - at)
			continue
		}
		return index, at, now, true
	}
}

// skip accounts for an op that was given up after d.
func (s *shard) skip(d time.Duration) {
	s.skipped++
	if d > Limit {
		s.overflow++
		d = Limit
	}
	record(&s.censored, d, 1)
}

// abandon accounts for the ops that were intended before a round was stopped
// and never sent. Every worker has left.
func (s *shard) abandon(r *run, stop time.Duration) {
	for {
		_, at, ok := s.schedule.next()
		if !ok || at > stop {
			return
		}
		s.schedule.advance()
		s.issued++
		s.skip(min(stop, r.giveUp(at)) - at)
	}
}

// runOpen does ops at their intended starts.
//
// The clock is read at dispatch, at the send and at the end. The worker that
// takes an op is the one that has been idle longest. If it was idle at the
// intended start, whatever passed until dispatch is the generator's lag. If it
// was not, no worker was: the op waited for it, and only what passed since the
// worker became idle is lag.
func (w *worker) runOpen(r *run) {
	defer w.leave(r)
	s := r.shards[w.n%len(r.shards)]
	var idle time.Duration
	for {
		<-s.token
		i, at, dispatch, ok := s.take(r)
		s.token <- struct{}{}
		if !ok {
			return
		}
		w.op.Begin(i, r.rand(i), r.base)
		w.state.Store(busySince(dispatch))
		send := time.Since(r.base)
		err := w.call()
		now := time.Since(r.base)
		was := w.state.Swap(0)

		if sent := w.op.SentAt(); sent != 0 {
			send = sent
		}
		e := entry{response: now - at, service: now - send, lag: dispatch - max(at, idle), n: 1}
		e.wait = e.response - e.service - e.lag
		if err == nil && was&(expiredFlag|abandonedFlag) == 0 {
			w.add(r, e, now)
		} else if !w.finish(r, was, err, e, now) {
			return
		}
		idle = now
	}
}
