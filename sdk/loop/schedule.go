package loop

import (
	"math"
	"time"
)

// schedule yields the intended starts of one shard of an open loop, in order.
// Shard k of n owns the ops k, k+n, k+2n, …, so shards need no coordination.
// It is a pure function of rate, seed and shard: nothing measured enters it.
type schedule struct {
	model    Model
	rate     float64 // of the whole loop, ops/s
	stages   profile // in place of rate; may be nil
	arrivals []time.Duration
	key      uint64 // stream of a Poisson process
	shards   uint64
	limit    time.Duration // ops intended at or after it are not part of the schedule
	ops      uint64        // indices at or above it are not part of the schedule

	index uint64  // of the next op
	draws uint64  // of the stream so far
	sum   float64 // Poisson: intended start of the next op in ns, or, with stages, in ops
	stage int     // of the next op
	at    time.Duration
}

func newSchedule(p Plan, key uint64, shard, shards int) schedule {
	s := schedule{
		model: p.Model, rate: p.Rate, arrivals: p.Arrivals, key: mix(key + uint64(shard)), shards: uint64(shards),
		limit: limitOf(p.Duration), ops: opsOf(p.Ops), index: uint64(shard),
	}
	if len(p.Stages) > 0 {
		s.stages = newProfile(p.Stages)
	}
	s.place()
	return s
}

// next returns the next op without consuming it. ok is false at the end.
func (s *schedule) next() (index uint64, at time.Duration, ok bool) {
	return s.index, s.at, s.at < s.limit && s.index < s.ops
}

// advance consumes the op that next returned.
func (s *schedule) advance() {
	s.index += s.shards
	s.place()
}

func (s *schedule) place() {
	switch {
	case s.model == Replay:
		s.at = math.MaxInt64
		if s.index < uint64(len(s.arrivals)) {
			s.at = s.arrivals[s.index]
		}
	case s.model == Poisson && s.stages != nil:
		// A Poisson process of rate 1 whose clock is the integral of the rate:
		// a shard of n has one of rate 1/n.
		s.sum += exponential(mix(s.key+s.draws*golden)) * float64(s.shards)
		s.draws++
		s.at = toDuration(s.stages.when(s.sum, &s.stage))
	case s.model == Poisson:
		// The sum is kept in floating point: after an hour at any rate its
		// resolution is still a thousandth of a nanosecond, and it does not
		// lose the fraction that integer gaps would truncate.
		s.sum += exponential(mix(s.key+s.draws*golden)) * float64(s.shards) / s.rate * 1e9
		s.draws++
		s.at = toDuration(s.sum)
	case s.stages != nil:
		s.at = toDuration(s.stages.when(float64(s.index), &s.stage))
	default:
		s.at = constantStart(s.index, s.rate)
	}
}

// scheduleEnd is when the last op of an open loop is intended, at the latest or
// on average.
func (p Plan) scheduleEnd(limit time.Duration) time.Duration {
	switch {
	case p.Model == Replay:
		n := min(opsOf(p.Ops), uint64(len(p.Arrivals)))
		return min(limit, p.Arrivals[n-1])
	case len(p.Stages) > 0:
		limit = min(limit, stagesLength(p.Stages))
		if p.Ops > 0 {
			stage := 0
			limit = min(limit, toDuration(newProfile(p.Stages).when(float64(p.Ops-1), &stage)))
		}
		return limit
	case p.Ops > 0:
		return min(limit, constantStart(p.Ops-1, p.Rate))
	}
	return limit
}

// constantStart is the intended start of op i at a constant rate. It divides
// instead of adding up intervals: 1/700,000 s truncated to whole nanoseconds
// is a rate 0.04% too high. A float64 holds i exactly up to 2^53, and two
// roundings leave an error below 0.1 ns for a whole day at 700,000/s.
func constantStart(i uint64, rate float64) time.Duration {
	return toDuration(float64(i) / rate * 1e9)
}

func toDuration(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}

// exponential maps random bits to an exponential variate of mean 1, by
// inversion of its distribution function.
func exponential(bits uint64) float64 {
	return -math.Log(1 - float64(bits>>11)/(1<<53))
}

const golden = 0x9e3779b97f4a7c15 // 2^64 ÷ the golden ratio, odd

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, 2014). It is a bijection, so different
// inputs give different outputs.
func mix(z uint64) uint64 {
	z += golden
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// roundKey is the seed of everything random in one part of one round.
// Warm-up has a stream of its own.
func roundKey(p Plan, warmup bool) uint64 {
	k := mix(p.Seed) + uint64(p.Round)*2
	if warmup {
		k++
	}
	return mix(k)
}

// rand is [sdk.Op.Rand] of op i.
func (r *run) rand(i uint64) uint64 { return mix(r.key + i*golden) }

func limitOf(d time.Duration) time.Duration {
	if d <= 0 {
		return math.MaxInt64
	}
	return d
}

func opsOf(n uint64) uint64 {
	if n == 0 {
		return math.MaxUint64
	}
	return n
}
