package sdk

import "time"

// Op is the one op that a worker is doing. It belongs to the worker's
// goroutine and is reused: do not keep it.
type Op struct {
	// Index is the op's number in the round's schedule, from 0. Warm-up ops
	// have numbers of their own.
	Index uint64
	// Worker is the number of the worker that does the op.
	Worker int
	// Rand is a seeded number, different for every op of a round and the
	// same in every run with the same seed and schedule.
	Rand uint64

	values []opValue
	sent   time.Duration
	done   time.Duration
	base   time.Time
}

type opValue struct {
	name  string
	value float64
}

// Record adds a value of a declared [Metric] to the op. Values of ops that
// fail are dropped, and so are values that are not finite or whose metric was
// not declared; both are reported as a caution of the round.
func (o *Op) Record(metric string, value float64) {
	o.values = append(o.values, opValue{metric, value})
}

// Sent stamps the moment the work leaves for the target, when that is later
// than the start of Do: after waiting for a connection, say. It starts the
// service clock and ends the wait clock. Without it both are stamped at the
// start of Do. Only the first call counts.
func (o *Op) Sent() {
	if o.sent == 0 && !o.base.IsZero() {
		o.sent = time.Since(o.base)
	}
}

// Done stamps the moment the answer was complete, when Do goes on after that
// with something that is not the target's work. Only an op that called Sent may
// have it, and the last call counts. Without it the op lasts until Do returns.
func (o *Op) Done() {
	if o.sent != 0 {
		o.done = time.Since(o.base)
	}
}

// Begin readies the op for its next use. base is the origin of the loop's
// clock; the zero base makes Sent do nothing. Only the loop calls it.
func (o *Op) Begin(index, rand uint64, base time.Time) {
	o.Index, o.Rand, o.base, o.sent, o.done = index, rand, base, 0, 0
	o.values = o.values[:0]
}

// SentAt is the stamp of Sent since the base of Begin, or 0. Only the loop
// calls it.
func (o *Op) SentAt() time.Duration { return o.sent }

// DoneAt is the stamp of Done since the base of Begin, or 0. Only the loop
// calls it.
func (o *Op) DoneAt() time.Duration { return o.done }

// Values calls f for every recorded value. Only the loop calls it.
func (o *Op) Values(f func(metric string, value float64)) {
	for _, v := range o.values {
		f(v.name, v.value)
	}
}
