package loop

import (
	"math"
	"slices"
	"time"
)

// The test of arrivals, of open Poisson rounds.
//
// What the plan asks for is known to the last digit, and the lag clock says how
// far each op was from it. What neither says is whether the target, in the end,
// saw a Poisson process of the rate: ops that waited for a worker or for a
// connection arrive in bunches, and lag is silent about that. So up to 1,000
// gaps between neighbouring ops are taken as they were sent, spread evenly over
// the round, and measured on the clock that ticks once per op intended, the
// integral of the rate. By the time-rescaling theorem (Brown, Barbieri, Ventura,
// Kass, Frank: The Time-Rescaling Theorem and Its Application to Neural Spike
// Train Data Analysis, Neural Computation 14, 2002) they are exponential of mean
// 1 whatever the rate does. Nothing is estimated from them, which is the
// Anderson–Darling test's case 0.
//
// An op counts as sent when it says so ([sdk.Op.Sent]), else at its dispatch.
//
// What it finds: batches of ten, constant gaps, and a rate that is a quarter off,
// always; a rate that is a tenth off, in a third of the rounds.
//
// On two cores without competition (chrt -f 20) about one of twenty rounds of
// 1,000 to 50,000 empty ops/s is doubted, when something took the processor
// away after all. Beside what else ran (load average 6 to 11) it is a third of
// those of 300/s and all from 1,000/s on, and lag finds them as well
// (BenchmarkValidity): the hand-over of an op is then late by more than the gap
// to the next, and the target sees bunches.
//
// A constant or replayed schedule is no random process, so there is nothing to
// test: each op's lag and wait are its distance from the plan, and what takes
// the test's place is the judgement of lag and the share of ops sent in time.
const (
	arrivalGaps    = 1000 // at most, of all shards together: 16 KB of moments
	fewestArrivals = 50   // gaps; with fewer the end of the round is too near

	// arrivalLimit is the upper 0.1% point of A² where nothing is estimated,
	// for 5 samples and more (Stephens: EDF Statistics for Goodness of Fit and
	// Some Comparisons, J. Am. Stat. Assoc. 69, 1974; D'Agostino and Stephens:
	// Goodness-of-Fit Techniques, 1986, table 4.2).
	arrivalLimit = 6.0
)

// arrivals keeps when some ops of one shard were sent: all of a short round, of
// a longer one a pair of neighbours at a random place in every step of it. The
// holder of the shard's token asks for a place and the op's worker fills it, so
// nothing is locked; what it costs is one comparison per op.
type arrivals struct {
	next    uint64          // number of the next op that is kept, counted from 1; 0: none is
	moments []time.Duration // below 0 where the op was not sent
	used    int
	step    uint64 // ops
	key     uint64
}

func newArrivals(p Plan, key uint64, shards int) arrivals {
	if p.Model != Poisson {
		return arrivals{}
	}
	most := arrivalGaps / shards
	a := arrivals{key: mix(key), step: max(1, uint64(math.Ceil(p.expected()/float64(shards*most))))}
	if a.step == 1 {
		a.moments = make([]time.Duration, most+1)
	} else {
		a.moments = make([]time.Duration, 2*most)
	}
	for i := range a.moments {
		a.moments[i] = -1
	}
	a.next = a.first(0)
	return a
}

// expected is how many ops a Poisson plan has on average.
func (p Plan) expected() float64 {
	n := float64(limitOf(p.Duration)) / 1e9 * p.Rate
	if len(p.Stages) > 0 {
		n = newProfile(p.Stages).until(float64(limitOf(p.Duration)))
	}
	return min(n, float64(opsOf(p.Ops)))
}

// first is the number of the first op of a pair. Its neighbour is in the same
// step.
func (a *arrivals) first(pair uint64) uint64 {
	if a.step == 1 {
		return 1
	}
	return pair*a.step + 1 + mix(a.key+pair*golden)%(a.step-1)
}

// place returns where to put the moment at which op number next is sent.
func (a *arrivals) place() *time.Duration {
	m := &a.moments[a.used]
	a.used++
	switch {
	case a.used == len(a.moments):
		a.next = 0
	case a.step == 1 || a.used%2 == 1:
		a.next++
	default:
		a.next = a.first(uint64(a.used) / 2)
	}
	return m
}

// gaps calls f with the two ends of each gap.
func (a *arrivals) gaps(f func(from, to time.Duration)) {
	by := 2
	if a.step == 1 {
		by = 1
	}
	for i := 0; i+1 < a.used; i += by {
		if a.moments[i] >= 0 && a.moments[i+1] >= 0 {
			f(a.moments[i], a.moments[i+1])
		}
	}
}

// rescaled are the gaps in ops that were intended meanwhile. Two ops whose
// threads overtook each other are as far apart as they are.
func (r *run) rescaled() (gaps []float64) {
	until := func(ns time.Duration) float64 { return float64(ns) / 1e9 * r.plan.Rate }
	if len(r.plan.Stages) > 0 {
		p := newProfile(r.plan.Stages)
		until = func(ns time.Duration) float64 { return p.until(float64(ns)) }
	}
	for _, s := range r.shards {
		s.sent.gaps(func(from, to time.Duration) {
			gaps = append(gaps, math.Abs(until(to)-until(from))/float64(len(r.shards)))
		})
	}
	return gaps
}

// andersonDarling is A² of gaps that ought to be exponential of mean 1. It
// sorts them.
func andersonDarling(gaps []float64) float64 {
	slices.Sort(gaps)
	n, sum := len(gaps), 0.0
	for i := range gaps {
		// ln F(x) and ln(1−F(x)) of F(x) = 1−e^−x. No gap is taken as less than a
		// millionth, where rounding to nanoseconds would make a logarithm of 0.
		sum += float64(2*i+1) * (math.Log(-math.Expm1(-max(gaps[i], 1e-6))) - gaps[n-1-i])
	}
	return -float64(n) - sum/float64(n)
}

// judgeArrivals finds out whether the ops of a Poisson round were sent as one.
func (r *run) judgeArrivals(res *Result) {
	gaps := r.rescaled()
	if len(gaps) < fewestArrivals {
		return
	}
	a2 := andersonDarling(gaps)
	if a2 <= arrivalLimit {
		return
	}
	const short = 0.1 // of the mean
	n, sum := 0, 0.0
	for _, x := range gaps {
		sum += x
		if x < short {
			n++
		}
	}
	count := float64(len(gaps))
	res.add(caution("arrivals", "the target did not see the Poisson arrivals that were asked for (A² = %.1f of %d gaps, want at most %g): "+
		"%.0f%% of the gaps were below a tenth of the mean, want %.0f%%; their mean was %.2f of the plan's: "+
		"allow more in flight, lower the rate or free the machine",
		a2, len(gaps), arrivalLimit, 100*float64(n)/count, -100*math.Expm1(-short), sum/count))
}
