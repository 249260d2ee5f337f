package report

import (
	"fmt"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/loop"
)

// clock is one of the four: how it is called, where it is in a round, and what
// it means to a reader.
type clock struct {
	name    string
	of      result.Clock
	meaning string
}

// clocks are in the order of reading: what a user felt, then what it is made
// of.
var clocks = [4]clock{
	{"response", result.Response, "from the moment the op was meant to start to its end: what a user would have waited. It is the headline; " +
		"an op that was given up is in it, at the time it was given up"},
	{"service", result.Service, "from the send to the end: what the target took"},
	{"lag", result.Lag, "how late the generator itself was, although a worker was free. It is harness's own error: over 10% of the response, " +
		"the round is invalid. An op of a closed loop starts when its worker is free, so there it is none by definition"},
	{"wait", result.Wait, "for a free worker or connection"},
}

// clockSum is how the four hang together, clockPath the same as a drawing.
const (
	clockSum  = "response (from the intended start) = lag (the generator was late) + wait (no worker was free) + service (the target)"
	clockPath = "intended ──lag──▶ dispatch ──wait──▶ send ──service──▶ done"
)

// clockWords explains the words that stand in place of numbers.
const clockWords = "same: as the response. –: none, by definition."

// validityWords are what a row's validity can be, each with what it means.
var validityWords = []fact{
	{"valid", "nothing was found that limits trust in the row. Cautions about the whole machine stand at the head of the report"},
	{"caution", "less to be trusted than it looks; its code, or a letter that stands for one below the table, says why"},
	{"invalid", "it can neither pass nor miss anything"},
	{"not complete", "some of its rounds are missing"},
}

// clockNotes are what else a reader of the clocks has to know.
var clockNotes = []string{
	"Failed ops are in no clock: a fast refusal must not improve a latency.",
	"Quantiles are pooled: of all rounds' ops together, for reading only. No verdict uses them, the round is its unit.",
	fmt.Sprintf("A quantile that too few ops support is n/a: p50 needs %d, p95 %d, p99 %d, p99.9 %s.",
		loop.SamplesFor(0.5), loop.SamplesFor(0.95), loop.SamplesFor(0.99), digits(float64(loop.SamplesFor(0.999)))),
	"Short ops of a closed loop are timed in batches. A batch is one sample, the mean of its ops, so a maximum is that of the slowest batch.",
}

// clockStats is one clock of a scenario, pooled over its rounds, in seconds. What
// too few samples support is nil.
type clockStats struct {
	samples                        uint64
	mean, p50, p95, p99, p999, max *float64
}

// zero says whether nothing of the clock was above 0.
func (s clockStats) zero() bool { return s.max == nil || *s.max == 0 }

// scenarioClocks are the four clocks of a scenario, in the order of [clocks].
type scenarioClocks struct {
	of     [4]clockStats
	batch  uint64 // most ops that were timed together
	closed bool   // the loop was closed: there is no lag by definition
}

// The places of clocks.
const (
	responseClock = iota
	serviceClock
	lagClock
	waitClock
)

// clocksOf pools the clocks of a scenario. ok is false where none has a sample.
func clocksOf(b *result.Benchmark) (out scenarioClocks, ok bool) {
	out.closed = b.Load.Model == string(loop.Closed)
	for _, r := range b.Rounds {
		out.batch = max(out.batch, r.Batch)
	}
	for i, c := range clocks {
		if i == serviceClock && sameHistograms(b.Rounds, clocks[responseClock].of, c.of) {
			out.of[i] = out.of[responseClock]
			continue
		}
		out.of[i] = statsOf(b.Rounds, c.of, out.batch)
		ok = ok || out.of[i].samples > 0
	}
	return out, ok
}

// sameHistograms says whether two clocks hold the same, as they do where no op
// waited: then it is enough to open one of them.
func sameHistograms(rounds []result.Round, a, b result.Clock) bool {
	for i := range rounds {
		if a(&rounds[i].Clocks).V2 != b(&rounds[i].Clocks).V2 {
			return false
		}
	}
	return true
}

// statsOf pools a clock. Most clocks of most runs are zero throughout; those
// are not opened, because a page of a thousand scenarios has many.
func statsOf(rounds []result.Round, of result.Clock, batch uint64) (out clockStats) {
	var sum, most float64
	for i := range rounds {
		h := of(&rounds[i].Clocks)
		out.samples += h.Count
		if h.Mean != nil && h.Max != nil {
			sum += *h.Mean * float64(h.Count)
			most = max(most, *h.Max)
		}
	}
	switch {
	case out.samples == 0:
		return out
	case most == 0:
		return zeroStats(out.samples, batch)
	}
	h, err := result.Pool(rounds, of)
	if err != nil {
		return clockStats{} // a document that was decoded has none such
	}
	mean := sum / float64(out.samples)
	out.mean, out.max = &mean, &most
	for _, q := range []struct {
		q    float64
		into **float64
	}{{0.5, &out.p50}, {0.95, &out.p95}, {0.99, &out.p99}, {0.999, &out.p999}} {
		*q.into = result.Quantile(h, q.q, batch)
	}
	return out
}

// zeroStats are those of samples that are all 0.
func zeroStats(samples, batch uint64) clockStats {
	quantile := func(q float64) *float64 {
		if samples/max(batch, 1) < uint64(loop.SamplesFor(q)) {
			return nil
		}
		return new(float64)
	}
	return clockStats{
		samples: samples, mean: new(float64), max: new(float64),
		p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), p999: quantile(0.999),
	}
}
