package main

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/sdk/loop"
)

// view is a round as the server saw it.
type view struct {
	start  int64 // of the round, on the log's clock
	stamps []known.Stamp
	resets map[int64]bool // by index
}

// beforeStart is by how much a wall clock may be wrong when it is compared
// with another reading of itself. The request of the set-up comes earlier.
const beforeStart = 200 * time.Microsecond

func viewOf(o *outcome, log *known.Log) *view {
	v := &view{start: o.round.Started.UnixNano() - log.Base, resets: map[int64]bool{}}
	for _, s := range log.Stamps {
		if s.Received < v.start-int64(beforeStart) {
			continue
		}
		if s.Reset {
			v.resets[s.Index] = true
			continue
		}
		v.stamps = append(v.stamps, s)
	}
	return v
}

// histogram puts a time of every answered request into a histogram like the
// client's, so that both sides are rounded alike.
func (v *view) histogram(of func(known.Stamp) int64) *hdrhistogram.Histogram {
	h := loop.NewHistogram()
	for _, s := range v.stamps {
		_ = h.RecordValue(min(max(of(s), 0), int64(loop.Limit))) // within its range
	}
	return h
}

// service is the server's own time for a request.
func service(s known.Stamp) int64 { return s.Answered - s.Received }

// response returns how long a request took from its intended start at a
// constant rate until the server had answered.
func (v *view) response(rate float64) func(known.Stamp) int64 {
	return func(s known.Stamp) int64 { return s.Answered - v.intended(s.Index, rate) }
}

func (v *view) intended(index int64, rate float64) int64 {
	return v.start + int64(float64(index)/rate*1e9)
}

// exact returns the quantile of durations: the smallest that at least that
// share of them does not exceed.
func exact(ds []time.Duration, q float64) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	slices.Sort(ds)
	rank := int(q*float64(len(ds))+0.999999) - 1
	return ds[min(max(rank, 0), len(ds)-1)]
}

// imposed computes what freezes alone do to requests that arrive evenly from
// start: each waits for the end of the freeze that it arrives in.
func imposed(start int64, rate float64, n uint64, freezes []known.Freeze) []time.Duration {
	ds := make([]time.Duration, 0, n)
	for i := range n {
		at, d := start+int64(float64(i)/rate*1e9), time.Duration(0)
		for _, f := range freezes {
			if at >= f.From && at < f.To {
				d = time.Duration(f.To - at)
			}
		}
		ds = append(ds, d)
	}
	return ds
}
