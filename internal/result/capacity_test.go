package result

import (
	"encoding/json"
	"strings"
	"testing"
)

// searched is a search that found 200/s.
func searched() *Capacity {
	x, upper := 200.0, 210.0
	return &Capacity{
		Value: &x, Lower: &x, Upper: &upper, Confirmed: true, LimitedBy: LimitTarget, Ended: SearchFound,
		Criterion: []string{"all"}, From: 10, To: 1000, Within: 0.05, Confirm: 3, Gaps: []Gap{{Missed: 300, Held: 400}},
		Probes: []Probe{
			{Rate: 200, Phase: "confirm", Duration: 1, Outcome: HeldRate},
			{Rate: 210, Phase: "again", Duration: 1, Outcome: MissedRate, Reason: "slow"},
		},
	}
}

func TestHostileSearchesAreRefused(t *testing.T) {
	nan, inf := func() *float64 { x := 0.0; x /= x; return &x }(), func() *float64 { x := 1e308; x *= 10; return &x }()
	for _, c := range []struct {
		name   string
		change func(*Capacity)
		want   string // part of the error; empty: accepted
	}{
		{"a search as it is written", func(*Capacity) {}, ""},
		{"rates beyond any machine", func(c *Capacity) { *c.Value, *c.Upper, c.To = 1e300, 2e300, 1e301 }, ""},
		{"a value that is no number", func(c *Capacity) { c.Value, c.Lower = nan, nan }, "finite"},
		{"an upper end without end", func(c *Capacity) { c.Upper = inf }, "finite"},
		{"a probe at a rate that is no number", func(c *Capacity) { c.Probes[0].Rate = *nan }, "finite"},
		{"a rate below nothing", func(c *Capacity) { c.From = -1 }, "is -1, want 0 or more"},
		{"a bracket upside down", func(c *Capacity) { *c.Upper = 100 }, "not below upper"},
		{"a value without confirmation", func(c *Capacity) { c.Confirmed = false }, "if and only if"},
		{"a confirmation without a value", func(c *Capacity) { c.Value = nil }, "if and only if"},
		{"a capacity that the generator limited", func(c *Capacity) { c.LimitedBy = LimitGenerator }, "the generator was not the limit"},
		{"a lower bound that the generator limited", func(c *Capacity) { c.LimitedBy, c.Value = LimitGenerator, nil }, ""},
		{"a confirmation of nothing", func(c *Capacity) { c.Value, c.Lower, c.LimitedBy = nil, nil, LimitGenerator }, "capacity.lower: is null"},
		{"a value beside its bracket", func(c *Capacity) { x := 150.0; c.Value = &x }, "is not lower"},
		{"a million rounds", func(c *Capacity) { c.Probes = make([]Probe, 1_000_000) }, "has 1000000 rounds"},
		{"a success of more than all", func(c *Capacity) { x := 1.5; c.Probes[0].Success = &x }, "success_ratio"},
		{"a limit that nobody knows", func(c *Capacity) { c.LimitedBy = "\x1b[2Jmoon" }, "want one of: target"},
		{"an end that nobody knows", func(c *Capacity) { c.Ended = "" }, "want one of: found"},
		{"an outcome that nobody knows", func(c *Capacity) { c.Probes[0].Outcome = "won" }, "want one of: held"},
		{"a miss without a reason", func(c *Capacity) { c.Probes[1].Reason = "" }, "is empty"},
		{"a phase that moves the cursor", func(c *Capacity) { c.Probes[0].Phase = "\x1b[2J" }, "control character"},
		{"a gap below nothing", func(c *Capacity) { c.Gaps[0].Held = -3 }, "gaps[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := searched()
			c.change(s)
			k := &checker{}
			k.capacity("capacity", s)
			switch {
			case c.want == "" && k.err != nil:
				t.Error(k.err)
			case c.want != "" && (k.err == nil || !strings.Contains(k.err.Error(), c.want) || strings.Contains(k.err.Error(), "\x1b")):
				t.Errorf("%v, want %q", k.err, c.want)
			}
		})
	}
}

// What the generator limited is no capacity, in whichever place it is looked for.
func TestAGeneratorsLimitIsNoCapacity(t *testing.T) {
	s := searched()
	s.Value, s.LimitedBy = nil, LimitGenerator
	b := Benchmark{Capacity: s, Rounds: make([]Round, 3)}
	Summarise(&b, nil)
	if q := b.Lookup(CapacityMetric); q.Value != nil || q.Reason != "the generator was the limit" {
		t.Errorf("%+v", q)
	}
	s.Lower, s.Confirmed, s.Ended = nil, false, SearchNone
	if q := b.Lookup(CapacityMetric); q.Reason != "the generator was the limit" {
		t.Errorf("where nothing held: %+v", q)
	}
	s.LimitedBy = LimitTarget
	if q := b.Lookup(CapacityMetric); q.Reason != "not even the lowest rate held" {
		t.Errorf("where the target held nothing: %+v", q)
	}
	if _, err := json.Marshal(&b); err != nil {
		t.Error(err)
	}
}
