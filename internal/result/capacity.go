package result

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// CapacityMetric is the name of the metric that a search for a capacity gives.
const CapacityMetric = "capacity"

// Capacity is a search for the highest rate of an open loop at which a
// criterion holds. The rounds of its benchmark are those at Lower: where it is
// confirmed, the ones that confirmed it.
type Capacity struct {
	// Value is the highest rate that held in as many fresh rounds as Confirm
	// says, in 1/s; null where no rate did, and where the generator was the limit:
	// then Lower is what the target holds at least, and no capacity.
	Value *float64 `json:"value"`
	Lower *float64 `json:"lower"` // 1/s, the highest rate that held below all that did not; null: none held
	Upper *float64 `json:"upper"` // 1/s, the lowest rate that did not hold; null: all held
	// Confirmed says that Lower held in as many fresh rounds as Confirm says.
	Confirmed bool   `json:"confirmed"`
	LimitedBy string `json:"limited_by"` // "target", "generator" (the target may hold more) "range" (the highest rate that was to be tried held) or "unknown" (it ended before any rate did not hold)
	// Ended says how the search ended: "found", "none" (not even the lowest rate
	// held), "probes" or "time" (it had no more of them), or "stopped" by an
	// interrupt or a failure.
	Ended     string   `json:"ended"`
	Criterion []string `json:"criterion"` // what had to hold, all of it
	From      float64  `json:"from"`      // 1/s, the lowest rate that was to be tried
	To        float64  `json:"to"`        // 1/s, the highest
	Within    float64  `json:"within"`    // by which Upper may be above Lower, by ratio
	Confirm   int      `json:"confirm"`   // rounds
	Unloaded  *float64 `json:"unloaded"`  // s, the median response of a single user before the search
	Gaps      []Gap    `json:"gaps"`      // where a higher rate held than one that did not
	Probes    []Probe  `json:"probes"`    // every round of the search, in its order
}

// Gap is a rate that did not hold, again and again, below one that did.
type Gap struct {
	Missed float64 `json:"missed"` // 1/s
	Held   float64 `json:"held"`   // 1/s
}

// Probe is one round of a search.
type Probe struct {
	Rate       float64     `json:"rate"`     // 1/s
	Phase      string      `json:"phase"`    // "descend", "grow", "above", "again", "bisect" or "confirm"
	Duration   float64     `json:"duration"` // s
	Outcome    string      `json:"outcome"`  // "held", "missed", or "generator": it was late, and nothing is known of the target
	Reason     string      `json:"reason,omitempty"`
	Counts     loop.Counts `json:"counts"`
	Throughput *float64    `json:"throughput"`    // 1/s
	P95        *float64    `json:"latency_p95"`   // s
	Success    *float64    `json:"success_ratio"` // of what was sent
	// Settled says, of a round that did not hold, that the target was back to
	// the response that it had before the search, after Settle.
	Settled bool    `json:"settled"`
	Settle  float64 `json:"settle"` // s until then, or until it was given up
}

// maxProbes is how many rounds a search can have: what a suite may ask for.
const maxProbes = 1000

// Words of a search.
const (
	HeldRate        = "held"
	MissedRate      = "missed"
	GeneratorFailed = "generator"

	LimitTarget    = "target"
	LimitGenerator = "generator"
	LimitRange     = "range"
	LimitUnknown   = "unknown"

	SearchFound   = "found"
	SearchNone    = "none"
	SearchProbes  = "probes"
	SearchTime    = "time"
	SearchStopped = "stopped"
)

// capacityMetric is the capacity where one was searched for. It is one number
// for all rounds, which all confirm the same, so that the first round alone has
// it: its spread between rounds is not known, and is not nothing. Where the
// generator was the limit it has no value, because the target's is not known.
// It never gates: one search is one observation.
func (b *Benchmark) capacityMetric() (Metric, bool) {
	if b.Capacity == nil {
		return Metric{}, false
	}
	m := Metric{Name: CapacityMetric, Unit: "1/s", Better: string(sdk.Higher), Scale: string(sdk.Ratio), PerRound: make([]*float64, len(b.Rounds))}
	if len(b.Rounds) > 0 && b.Capacity.Value != nil {
		m.PerRound[0] = b.Capacity.Value
	}
	return m, true
}

// reason is why a search gave no capacity of the target.
func (c *Capacity) reason() string {
	switch {
	case c.LimitedBy == LimitGenerator:
		return "the generator was the limit"
	case c.Ended == SearchNone:
		return "not even the lowest rate held"
	}
	return "no rate was confirmed"
}

// SamplesFor is how many ops a round needs to have a value of a metric.
func SamplesFor(metric string) int64 {
	if q, ok := latencyQuantiles[metric]; ok {
		return loop.SamplesFor(q)
	}
	return 1
}

// Lowest is the lowest rate that was tried, or 0.
func (c *Capacity) Lowest() float64 {
	low := 0.0
	for _, p := range c.Probes {
		if low == 0 || p.Rate < low {
			low = p.Rate
		}
	}
	return low
}

// ReasonAt is why a rate did not hold the last time, or "".
func (c *Capacity) ReasonAt(rate float64) string {
	for _, p := range slices.Backward(c.Probes) {
		if p.Rate == rate && p.Reason != "" {
			return p.Reason
		}
	}
	return ""
}

func (c *checker) capacity(path string, s *Capacity) {
	if s == nil {
		return
	}
	c.positive(path, s.Value, s.Lower, s.Upper, &s.From, &s.To, &s.Within, s.Unloaded)
	switch {
	case (s.Value != nil) != (s.Confirmed && s.LimitedBy != LimitGenerator):
		c.fail(path+".value", "is there if and only if it is confirmed and the generator was not the limit")
	case s.Confirmed && s.Lower == nil:
		c.fail(path+".lower", "is null, but confirmed")
	case s.Value != nil && *s.Lower != *s.Value:
		c.fail(path+".value", "is not lower")
	case len(s.Probes) > maxProbes:
		c.fail(path+".probes", "has %d rounds, at most %d are allowed", len(s.Probes), maxProbes)
	case s.Lower != nil && s.Upper != nil && *s.Lower >= *s.Upper:
		c.fail(path+".lower", "is %v, not below upper", *s.Lower)
	}
	c.word(path+".limited_by", s.LimitedBy, LimitTarget, LimitGenerator, LimitRange, LimitUnknown)
	c.word(path+".ended", s.Ended, SearchFound, SearchNone, SearchProbes, SearchTime, SearchStopped)
	for i := range s.Gaps {
		c.positive(fmt.Sprintf("%s.gaps[%d]", path, i), &s.Gaps[i].Missed, &s.Gaps[i].Held)
	}
	for i := range s.Probes {
		p, at := &s.Probes[i], fmt.Sprintf("%s.probes[%d]", path, i)
		c.positive(at, &p.Rate, &p.Duration, &p.Settle, p.Throughput, p.P95)
		c.part(at+".success_ratio", p.Success)
		c.name(at+".phase", p.Phase)
		c.word(at+".outcome", p.Outcome, HeldRate, MissedRate, GeneratorFailed)
		if p.Outcome != HeldRate && p.Reason == "" {
			c.fail(at+".reason", "is empty, but the outcome is %s", p.Outcome)
		}
	}
}

// word checks that a text is a known one.
func (c *checker) word(path, s string, known ...string) {
	if !slices.Contains(known, s) {
		c.fail(path, "is %q, want one of: %s", Printable(s, 40), strings.Join(known, ", "))
	}
}
