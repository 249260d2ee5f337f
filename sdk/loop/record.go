package loop

import (
	"math"
	"math/bits"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// entry is the record of n ok ops with the same times, in nanoseconds.
type entry struct {
	response, service, lag, wait time.Duration
	n                            int64
}

// A recorder is one shard of a round's records. Every worker belongs to one,
// and there are as many as processors (at most maxRecorders), not as many as
// workers: a set of histograms is close to a megabyte. Workers lock it to
// empty their buffers, which short ops do every 64th time.
type recorder struct {
	mu sync.Mutex
	records
}

type records struct {
	run *run // whose records are taken; others come from abandoned workers

	// An op whose service is its response is in both; any other is in
	// response and service. Lags and waits of zero are only counted.
	both, response, service, lag, wait *hdrhistogram.Histogram
	zeroLag, zeroWait                  int64

	ok, failed, timedOut, overflow uint64

	errors  map[string]uint64
	samples map[string]string
	values  []Value
	dropped map[string]uint64 // values that cannot be used, by "name: reason"
	end     time.Duration     // of the last op
	worked  time.Duration     // closed: sum over workers of when their last ops ended
	workers int64             // closed: those that did an op
	live    liveCounts
}

const maxRecorders = 8

// reset empties the recorder for a run. Histograms are kept.
func (c *recorder) reset(r *run, metrics int, open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.records
	c.records = records{
		run: r, values: make([]Value, metrics),
		both: old.both, response: old.response, service: old.service, lag: old.lag, wait: old.wait,
	}
	for _, h := range []**hdrhistogram.Histogram{&c.both, &c.response, &c.service, &c.lag, &c.wait} {
		switch {
		case *h != nil:
			(*h).Reset()
		case open || h == &c.both:
			*h = NewHistogram() // now rather than in the middle of the round
		}
	}
}

// workedUntil takes in when the last op of a worker ended.
func (c *recorder) workedUntil(r *run, end time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == r {
		c.worked += end
		c.workers++
	}
}

// latency records one op, or n ops of one batch. The lock is held.
func (c *recorder) latency(e entry) {
	response := c.clamp(e.response, e.n)
	if e.response == e.service {
		record(&c.both, response, e.n)
	} else {
		record(&c.response, response, e.n)
		record(&c.service, min(e.service, Limit), e.n)
	}
	if e.lag <= 0 {
		c.zeroLag += e.n
	} else {
		record(&c.lag, min(e.lag, Limit), e.n)
	}
	if e.wait <= 0 {
		c.zeroWait += e.n
	} else {
		record(&c.wait, min(e.wait, Limit), e.n)
	}
}

// plain records one op whose service is its response, without lag or wait:
// latency for the short ops of a closed loop.
func (c *recorder) plain(d time.Duration) {
	_ = c.both.RecordValue(int64(c.clamp(d, 1)))
}

func (c *recorder) clamp(d time.Duration, n int64) time.Duration {
	if d > Limit {
		c.overflow += uint64(n)
		return Limit
	}
	return d
}

// record adds to a histogram that is made when first needed. Values are
// within its range, so it cannot fail.
func record(h **hdrhistogram.Histogram, d time.Duration, n int64) {
	if *h == nil {
		*h = NewHistogram()
	}
	_ = (*h).RecordValues(max(int64(d), 0), n)
}

// Bounds on what errors may cost: a plugin may make up a class for every op.
const (
	maxClasses  = 64
	otherClass  = "other"
	maxSamples  = 8
	sampleBytes = 300
)

// failure counts a failed op, or keeps a sample of a timed-out one. The lock
// is held.
func (c *recorder) failure(class string, err error, count bool) {
	if c.errors == nil {
		c.errors, c.samples = make(map[string]uint64), make(map[string]string)
	}
	if _, known := c.errors[class]; !known && len(c.errors) >= maxClasses {
		class = otherClass
	}
	if count {
		c.errors[class]++
	}
	if _, known := c.samples[class]; !known && len(c.samples) < maxSamples {
		c.samples[class] = clip(class + ": " + err.Error())
	}
}

// clip shortens to sampleBytes without cutting a character in two.
func clip(s string) string {
	if len(s) <= sampleBytes {
		return s
	}
	s = s[:sampleBytes]
	for len(s) > 0 {
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

// drop counts values that cannot be used. The lock is held.
func (c *recorder) drop(what string, n uint64) {
	if c.dropped == nil {
		c.dropped = make(map[string]uint64)
	}
	if _, known := c.dropped[what]; known || len(c.dropped) < maxClasses {
		c.dropped[what] += n
	}
}

func (v *Value) add(x float64) {
	if v.Count == 0 {
		v.Min, v.Max = x, x
	}
	v.Count++
	v.Sum += x
	v.Min, v.Max = min(v.Min, x), max(v.Max, x)
}

func (v *Value) merge(o Value) {
	if o.Count == 0 {
		return
	}
	if v.Count == 0 {
		*v = o
		return
	}
	v.Count += o.Count
	v.Sum += o.Sum
	v.Min, v.Max = min(v.Min, o.Min), max(v.Max, o.Max)
}

// liveCounts is a coarse histogram for the progress display: 16 steps to the
// octave, so 6% wide, and small enough to be copied under the lock. Of a
// buffer of short ops only the first is looked at, and stands for all.
type liveCounts [64 * liveSteps]uint64

const liveSteps = 16

func (l *liveCounts) add(d time.Duration, n uint64) {
	v := uint64(max(d, 1))
	octave := bits.Len64(v) - 1
	step := v << (63 - octave) << 1 >> 60
	l[octave*liveSteps+int(step)] += n
}

// quantile returns the middle of the step that holds quantile q, 0 if empty.
func (l *liveCounts) quantile(q float64) time.Duration {
	var total uint64
	for _, n := range l {
		total += n
	}
	rank := uint64(math.Ceil(q * float64(total)))
	for i, n := range l {
		if n >= rank && n > 0 {
			low := math.Exp2(float64(i/liveSteps)) * (1 + (float64(i%liveSteps)+0.5)/liveSteps)
			return toDuration(low)
		}
		rank -= min(rank, n)
	}
	return 0
}
