// Package loop drives the ops of one round and times every one of them.
//
// It owns the load models (closed; open at a constant or Poisson rate, which may
// change over time; open as recorded),
// the four clocks, the histograms and the identity of counts. It is code that
// runs in the plugin's process, between the benchmark's workers and the
// recorder. It is not a scheduler of rounds: what comes before and after a
// round is the harness's.
//
// Clocks, per op (all in nanoseconds on the monotonic clock):
//
//	intended ──lag──▶ dispatch ──wait──▶ send ──service──▶ done
//	intended ────────────response────────────────────────▶ done
//
// In a closed loop the intended start is the dispatch, so lag is zero. In an
// open loop an op whose intended start finds no idle worker is sent late, by
// the first worker that becomes idle. What passes until that worker is idle is
// wait, and only what passes from then until the send is lag: the generator's
// own fault. Where the worker is idle late because the generator sent its op
// late, that is lag, too. Wait also holds what the op itself spends before [sdk.Op.Sent].
package loop

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Model is a load model.
type Model string

// Load models.
const (
	Closed   Model = "closed"   // each of Workers starts its next op when the last is done
	Constant Model = "constant" // open: op i is intended at i/Rate, or where the integral of Stages reaches i
	Poisson  Model = "poisson"  // open: exponential gaps of mean 1/Rate, or of that which Stages have by then
	Replay   Model = "replay"   // open: op i is intended at Arrivals[i]
)

// Plan is the load of one round.
type Plan struct {
	Model     Model
	Workers   int             // closed: concurrent users; open: most ops in flight. At least 1.
	Rate      float64         // ops per second; open models without Stages and Arrivals
	Stages    []Stage         // Constant and Poisson: how the rate changes, in place of Rate. The round ends with them.
	Arrivals  []time.Duration // Replay: intended starts since the round's beginning, ascending
	Think     time.Duration   // closed: pause of a worker between two ops, on no clock
	SkipLate  time.Duration   // open: an op that has found no idle worker for as long is skipped, and counted in the response clock at that; 0: it is sent, however late
	Warmup    time.Duration   // driven like the round, recorded nowhere
	Duration  time.Duration   // 0: no limit, then Ops must be set
	Ops       uint64          // 0: no limit; the first of Duration and Ops ends the round
	OpTimeout time.Duration   // of one op; 0: none
	Drain     time.Duration   // how long an open loop's backlog may run on after Duration; default OpTimeout, else 5 s
	Seed      uint64
	Round     int  // number of the round, from 0
	NoBatch   bool // never time batches of short ops
}

// Counts are the ops of a round. Scheduled = OK + Failed + TimedOut + Skipped
// holds in every valid round.
type Counts struct {
	Scheduled uint64 `json:"scheduled"`
	OK        uint64 `json:"ok"`
	Failed    uint64 `json:"failed"`
	TimedOut  uint64 `json:"timed_out"`
	Skipped   uint64 `json:"skipped"` // open loops: intended and never sent, because the round was cancelled, the backlog given up, or Plan.SkipLate over
}

// Balanced says whether the identity holds.
func (c Counts) Balanced() bool { return c.Scheduled == c.OK+c.Failed+c.TimedOut+c.Skipped }

// Level grades a finding about a round's validity.
type Level string

// Levels of a [Finding].
const (
	Invalid Level = "invalid" // the round's numbers can never pass or improve anything
	Caution Level = "caution" // printed beside the number
)

// Finding is something about a round that limits trust in it.
type Finding struct {
	Level   Level  `json:"level"`
	Code    string `json:"code"` // stable, snake case: "identity", "no_success", "under_achieved", "backlog", "lag" (invalid or caution), "arrivals", "frozen", "gc", "overflow", "values"
	Message string `json:"message"`
}

// Clocks are the histograms of a round, in nanoseconds. Response and Service
// hold ok and timed-out ops (a timed-out op at the time it was given up: at
// least that), and, in Response, skipped ops of an open loop at the time they
// were given up. Failed ops are in none: a fast refusal must not improve a
// latency.
type Clocks struct {
	Response, Service, Lag, Wait *hdrhistogram.Histogram
}

// Value is what ops recorded of one declared metric.
type Value struct {
	Count         uint64
	Sum, Min, Max float64
}

// Result is one measured round.
type Result struct {
	Started  time.Time     // start of the measured part, after warm-up
	Elapsed  time.Duration // of the measured part: closed, until a worker's last op ended, as the mean of the workers; open, until the last op ended, and at least the schedule's length
	Counts   Counts
	Errors   map[string]uint64 // failed ops by class
	Samples  []string          // first error of each class as "class: message", timed_out too; at most 8, at most 300 bytes each
	Clocks   Clocks
	Batch    uint64 // ops per timed batch, at most ("mean per batch"); 1: every op was timed by itself
	Overflow uint64 // latencies above the histogram's range, counted at its limit
	Values   map[string]Value
	Validity []Finding
}

// Progress is the state of a running round.
type Progress struct {
	Warmup  bool
	Elapsed time.Duration // of the part that is running
	Done    uint64        // ops finished
	Failed  uint64        // of those, failed or timed out
	Rate    float64       // ops/s over the last interval
	P95     time.Duration // response, over the round so far; 0 while unknown
}

// The range and precision of every histogram.
const (
	// Limit is the largest latency that a histogram tells apart.
	Limit = 60 * time.Second
	// Digits is the number of significant decimal digits.
	Digits = 3
)

// NewHistogram returns an empty histogram of the loop's range and precision.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(Limit), Digits)
}
