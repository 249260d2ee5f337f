package conform

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/wire"
)

// SleepParam is the parameter by which a benchmark offers to be checked for its
// times: a duration for which every op of it sleeps. It is optional.
const SleepParam = "sleep"

// sleep is what ops of a benchmark with SleepParam are asked for.
const sleep = 5 * time.Millisecond

// wall fails if the ops of a closed loop took longer, put together, than its
// workers were there: the times are in another unit, or made up.
func wall(t T, p loop.Plan, c loop.Clocks, took time.Duration) {
	t.Helper()
	if p.Model != loop.Closed {
		return
	}
	most := time.Duration(p.Workers) * took
	for name, h := range map[string]*hdrhistogram.Histogram{"response": c.Response, "service": c.Service} {
		sum := time.Duration(h.Mean() * float64(h.TotalCount()))
		if sum > most+most/100 { // a histogram's values are within 0.1%
			t.Errorf("the ops' %s times add up to %v, but %d workers were called for %v: a time is in nanoseconds", name, sum, p.Workers, took)
		}
	}
}

// sleeps checks a benchmark with SleepParam: an op that sleeps 5 ms takes no
// less, and together they take no more than the round.
func (s *suite) sleeps(t T, b sdk.Benchmark) {
	if !slices.ContainsFunc(b.Params, func(p sdk.Param) bool { return p.Name == SleepParam && p.Type == sdk.DurationP }) {
		t.Skipf("has no parameter %q, a duration for which every op sleeps", SleepParam)
	}
	text, err := json.Marshal(sleep.String())
	if err != nil {
		t.Fatal(err)
	}
	session := s.open(t, b, s.presets(b)[0], sdk.Params{SleepParam: text})
	p := fewOps(b.Load)
	p.Workers = 1
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	before := time.Now()
	m, err := s.round(ctx, session, p, nil)
	took := time.Since(before)
	if err != nil {
		t.Fatal(err)
	}
	r, err := wire.ResultFromProto(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := time.Duration(r.Clocks.Service.Min()); got < sleep-sleep/100 {
		t.Errorf("an op that sleeps %v is reported as %v", sleep, got)
	}
	wall(t, p, r.Clocks, took)
}
