package loop

import (
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/benchharness/harness/sdk"
)

// emptyResult is the result of a round that was given up before it was
// measured.
func emptyResult() Result {
	return Result{
		Batch: 1, Errors: map[string]uint64{}, Values: map[string]Value{},
		Clocks: Clocks{Response: NewHistogram(), Service: NewHistogram(), Lag: NewHistogram(), Wait: NewHistogram()},
	}
}

// result merges the recorders of a run that is over.
func (r *run) result(metrics []sdk.Metric) Result {
	res := emptyResult()
	res.Started, res.Batch = r.base, uint64(max(r.batched.Load(), 1))
	if r.plan.Model == Closed {
		res.Counts.Scheduled = min(r.tickets.Load(), r.maxOps)
	}
	for _, s := range r.shards {
		if r.stopped.Load() {
			s.abandon(r, r.stopAt)
		}
		res.Counts.Scheduled += s.issued
		res.Counts.Skipped += s.skipped
		res.Overflow += s.overflow
		merge(res.Clocks.Response, s.censored)
	}
	var worked time.Duration
	var workers int64
	values := make([]Value, len(metrics))
	samples, dropped := map[string]string{}, map[string]uint64{}
	for _, c := range r.recorders {
		c.mu.Lock()
		c.collect(&res, values, samples, dropped)
		worked, workers = worked+c.worked, workers+c.workers
		c.run = nil // whatever an abandoned worker brings later is not taken
		c.mu.Unlock()
	}
	for i, m := range metrics {
		if values[i].Count > 0 {
			res.Values[m.Name] = values[i]
		}
	}
	for _, class := range slices.Sorted(maps.Keys(samples)) {
		if len(res.Samples) < maxSamples {
			res.Samples = append(res.Samples, samples[class])
		}
	}
	for _, what := range slices.Sorted(maps.Keys(dropped)) {
		res.Validity = append(res.Validity, caution("values", "%d values of %s: not used", dropped[what], what))
	}
	// The records of an abandoned worker died with it: those of its last op,
	// and of the short ops just before.
	if len(r.stuck) > 0 {
		c := &res.Counts
		c.TimedOut += c.Scheduled - min(c.Scheduled, c.OK+c.Failed+c.TimedOut+c.Skipped)
	}
	res.Elapsed = r.elapsed(res.Elapsed, worked, workers)
	return res
}

// collect adds a recorder to the result. The lock is held.
func (c *recorder) collect(res *Result, values []Value, samples map[string]string, dropped map[string]uint64) {
	res.Counts.OK += c.ok
	res.Counts.Failed += c.failed
	res.Counts.TimedOut += c.timedOut
	res.Overflow += c.overflow
	res.Elapsed = max(res.Elapsed, c.end)
	k := res.Clocks
	merge(k.Response, c.both)
	merge(k.Response, c.response)
	merge(k.Service, c.both)
	merge(k.Service, c.service)
	merge(k.Lag, c.lag)
	merge(k.Wait, c.wait)
	_ = k.Lag.RecordValues(0, c.zeroLag)
	_ = k.Wait.RecordValues(0, c.zeroWait)
	for class, n := range c.errors {
		if n > 0 {
			res.Errors[class] += n
		}
	}
	for class, s := range c.samples {
		if _, known := samples[class]; !known {
			samples[class] = s
		}
	}
	for i := range values {
		values[i].merge(c.values[i])
	}
	for what, n := range c.dropped {
		dropped[what] += n
	}
}

// merge adds a histogram of the loop's own, or nil, to another.
func merge(into, from *hdrhistogram.Histogram) {
	if from != nil && from.TotalCount() > 0 {
		into.Merge(from)
	}
}

// elapsed is the length of the measured part, by which ops are divided to give
// their rate. end is when its last op ended.
//
// An open loop lasts at least as long as its schedule: a last op that comes and
// ends before the time is up must not make the rate look higher.
//
// A closed loop lasts as long as its workers did on average. Until the last one
// is done the others do nothing, because the round is over for them and not
// because the target is slow: one op of 10 s at the end of a second's round
// would make a tenth of the rate.
func (r *run) elapsed(end, worked time.Duration, workers int64) time.Duration {
	switch {
	case r.stopped.Load():
		return max(end, r.stopAt)
	case r.plan.Model != Closed:
		return max(end, r.scheduleEnd)
	case workers > 0:
		return worked / time.Duration(workers)
	}
	return end
}
