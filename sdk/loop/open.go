package loop

import (
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// shardRate is the rate, in ops/s, per shard: a second one comes at twice as
// much. One shard keeps up with as many empty ops on two cores
// (BenchmarkOpenTickets); every further one is another thread that may spin.
const shardRate = 250_000

// A shard hands out the ops of its schedule, one after the other.
//
// There is no dispatcher and no queue. The idle workers of a shard line up for
// its token; the holder takes the next op, sleeps until shortly before its
// intended start, passes the token on, spins through the rest and does the op.
// So at most as many ops are in flight as there are workers, nothing is
// dropped, and an op that finds no idle worker is sent late, by the first one
// that becomes idle.
//
// Waking the next worker takes 10–40 µs of system call on a virtual machine.
// Passing the token before the intended start keeps that out of the op.
type shard struct {
	token chan struct{} // a channel: whoever waits longest is next, and a virtual clock can see the wait
	armed atomic.Int32  // workers that spin without the token: at most one

	schedule schedule // the holder's, like everything below
	wait     waiter
	issued   uint64
	skipped  uint64
	waited   uint64 // ops that found no idle worker at their intended start
	backlog  uint64 // of those, ops still waiting when the schedule was over
	overflow uint64
	censored *hdrhistogram.Histogram // of skipped ops, up to when they were given up
	sent     arrivals
}

// shardsFor depends on the plan alone, because a Poisson schedule depends on
// it.
func shardsFor(p Plan) int {
	if p.Model == Closed {
		return 0
	}
	return max(1, min(int(p.peak()/shardRate), p.Workers, maxRecorders))
}

// giveUp returns until when an op intended at t may be sent.
func (r *run) giveUp(t time.Duration) time.Duration {
	end := max(r.scheduleEnd, t)
	if end > limitOf(0)-r.drain {
		return limitOf(0)
	}
	return end + r.drain
}

// take waits for the token and for the next op's intended start. It returns
// with the token passed on; ok is false when the worker is to stop. idle is
// since when the worker has been idle. sent, if not nil, is where to put when the
// op was sent.
func (s *shard) take(r *run, idle time.Duration) (index uint64, at time.Duration, sent *time.Duration, ok bool) {
	<-s.token
	for {
		index, at, ok = s.schedule.next()
		if !ok || r.stopped.Load() {
			break
		}
		now, slept := s.wait.near(r.base, at, r.stop)
		if r.stopped.Load() {
			break
		}
		s.schedule.advance()
		s.issued++
		if sent = nil; s.issued == s.sent.next {
			sent = s.sent.place()
		}
		if end := r.giveUp(at); now > end {
			s.skip(end - at)
			continue
		}
		if late := r.plan.SkipLate; late > 0 && idle > at && now-at >= late {
			s.skip(now - at)
			continue
		}
		if idle > at {
			s.waited++
			if now > r.scheduleEnd {
				s.backlog++
			}
		}
		s.spin(r, now, at, slept)
		return index, at, sent, true
	}
	s.token <- struct{}{}
	return 0, 0, nil, false
}

// spin passes the token on and returns when the clock has reached at. When
// another worker is spinning without the token, the token is kept until that
// one is off: two spinning threads are enough.
func (s *shard) spin(r *run, now, at time.Duration, slept bool) {
	for now < at && s.armed.Load() > 0 {
		now = time.Since(r.base)
	}
	if now >= at {
		s.token <- struct{}{}
		return
	}
	s.armed.Add(1)
	s.token <- struct{}{}
	now = time.Since(r.base)
	if slept {
		s.wait.learn(at - now)
	}
	for now < at {
		now = time.Since(r.base)
	}
	s.armed.Add(-1)
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

// runOpen does ops at their intended starts. The clock is read at dispatch,
// which is the send unless the op says otherwise, and at the end.
//
// The worker that takes an op is the one that has been idle longest. If it was
// idle at the intended start, whatever passed until dispatch is the
// generator's lag. If it was not, no worker was: the op waited for it, and
// only what passed since the worker became idle is lag. But a worker that is
// busy with what the generator itself sent late is idle late for that: after a
// pause of the generator the first op of each worker is late, and they make
// the rest late. So what the last op that found the worker idle lagged is
// counted as lag, too, until an op finds it idle again.
func (w *worker) runOpen(r *run) {
	defer w.leave(r)
	s := r.shards[w.n%len(r.shards)]
	var idle, owed time.Duration
	for {
		i, at, moment, ok := s.take(r, idle)
		if !ok {
			return
		}
		w.op.Begin(i, r.rand(i), r.base)
		send := time.Since(r.base)
		w.state.Store(busySince(send))
		lag := send - max(at, idle-owed)
		if owed = min(owed, lag); idle <= at {
			owed = lag
		}
		err := w.call()
		now := time.Since(r.base)
		was := w.state.Swap(0)

		end := now
		if sent := w.op.SentAt(); sent != 0 {
			send, end = sent, endOf(&w.op, now)
		}
		e := entry{response: end - at, service: end - send, lag: lag, n: 1}
		e.wait = e.response - e.service - e.lag
		if moment != nil && was&abandonedFlag == 0 {
			*moment = send
		}
		if err == nil && was&(expiredFlag|abandonedFlag) == 0 {
			w.add(r, e, now)
		} else if !w.finish(r, was, err, e, now) {
			return
		}
		idle = now
	}
}
