package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/benchharness/harness/internal/capacity"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// Criterion is what has to hold for a rate to be held.
type Criterion interface {
	Text() []string // for people, one line each
	Samples() int64 // ops that a round needs to be judged
	// Judge judges a benchmark of a single round: [result.HeldRate],
	// [result.MissedRate] or [result.GeneratorFailed], and for the latter two why.
	Judge(b *result.Benchmark) (outcome, reason string)
}

// SearchState is where a search for a capacity is.
type SearchState struct {
	Phase        string  // of package capacity, or what the rounds between are for
	Rate         float64 // 1/s, 0 in a closed loop
	Lower, Upper float64 // 1/s, what is known; 0 = nothing
	Probe        int     // number of the round, from 1
	Outcome      string  // of [Probed]
	Reason       string
}

// What the rounds beside the search's own are for.
const (
	phaseUnloaded = "a single user"
	phaseUsers    = "as many users as may be in flight"
	phaseSettle   = "until the target has settled"
)

const (
	unloadedOps  = 20
	unloadedTime = 500 * time.Millisecond

	settleOps  = 5
	settleTime = 10 * time.Second // after which a target is taken as it is
	settlePace = 100 * time.Millisecond
	// A target has settled when a single user's response is at most that many
	// times, and that much beside, what it was before the search.
	settleFactor = 3
	settleSlack  = 2 * time.Millisecond

	// Where nobody says how long a round is it lasts that many responses of a
	// single user: the queue that the criterion overlooks is a share of the round.
	unloadedLength = 200
	longestLength  = 30 * time.Second
	longestSamples = time.Minute // for the quantiles of the criterion
	spareSamples   = 1.2         // arrivals at random are fewer than their mean, at times

	// Where nobody says where to begin: at a share of what a closed loop did.
	startShare = 4
	leastShare = 64 // of the start
	mostRate   = 10_000_000
)

// search is a search for a capacity in progress.
type search struct {
	*run
	ctx       context.Context
	session   string
	b         suite.Benchmark
	end       ending
	doc       *result.Benchmark
	load      suite.Load
	began     time.Time
	unloaded  time.Duration
	criterion Criterion
	machine   *capacity.Search
	driven    int // rounds of any kind
	rounds    []result.Round
	raised    bool   // the lowest rate, so that rounds can be judged
	stopped   string // why it ended early, of result.Search…
}

// findCapacity searches for the highest rate at which the criterion holds.
func (r *run) findCapacity(ctx context.Context, session string, b suite.Benchmark, end ending) {
	s := &search{
		run: r, ctx: ctx, session: session, b: b, end: end, doc: end.doc, load: end.load, began: time.Now(),
	}
	s.end.search = &SearchState{Phase: phaseUnloaded}
	c := s.load.Capacity
	s.doc.Capacity = &result.Capacity{
		LimitedBy: result.LimitUnknown, Ended: result.SearchStopped, Within: c.Within, Confirm: s.load.Rounds,
		Criterion: []string{}, Gaps: []result.Gap{}, Probes: []result.Probe{},
	}
	if !s.begin() {
		return
	}
	for s.probe() {
	}
	s.conclude()
}

// closed drives a closed loop beside the search. It is in no document.
func (s *search) closed(phase string, p loop.Plan) (result.Round, error) {
	p.Model, p.OpTimeout, p.NoBatch = loop.Closed, s.load.OpTimeout, p.Workers == 1
	s.end.search.Phase, s.end.search.Rate = phase, 0
	p.Seed, p.Round = s.seed()
	res, _, err := s.round(s.ctx, s.session, p, s.end)
	if err != nil {
		return result.Round{}, err
	}
	return result.NewRound(res), nil
}

// seed keeps the arrivals and the work of rounds apart, as [roundPlan] does.
func (s *search) seed() (seed uint64, round int) {
	n := s.driven
	s.driven++
	return s.Plan.Seed + uint64(n)*roundStride, n
}

// begin measures a single user, and finds out where the search is to start. It
// returns false when that could not be done, which the document then says.
func (s *search) begin() bool {
	single, err := s.closed(phaseUnloaded, loop.Plan{Workers: 1, Warmup: s.load.Warmup, Duration: unloadedTime, Ops: unloadedOps})
	if err != nil {
		s.broke(s.ctx, s.b, s.doc, err)
		return false
	}
	if single.Counts.OK == 0 {
		s.gaveNothing(s.b, s.doc, single)
		return false
	}
	s.unloaded = median(single)
	seconds := s.unloaded.Seconds()
	s.doc.Capacity.Unloaded = &seconds
	s.criterion = s.Criterion(s.doc, s.unloaded)
	s.doc.Capacity.Criterion = s.criterion.Text()

	c := s.load.Capacity
	o := capacity.Options{
		Start: c.From, Least: c.From, Most: c.To, Within: c.Within, Confirm: s.load.Rounds, MostProbes: c.MaxProbes,
	}
	if o.Most == 0 {
		o.Most = mostRate
	}
	if o.Start == 0 {
		users, err := s.closed(phaseUsers, loop.Plan{Workers: s.load.Workers, Duration: s.length(mostRate)})
		if err != nil {
			s.broke(s.ctx, s.b, s.doc, err)
			return false
		}
		if users.Counts.OK == 0 {
			s.gaveNothing(s.b, s.doc, users)
			return false
		}
		o.Start = min(capacity.Tidy(float64(users.Counts.OK)/users.Elapsed/startShare), o.Most)
		o.Least = capacity.Tidy(o.Start / leastShare)
	}
	// In the longest round too few ops arrive at a lower rate.
	if least := min(capacity.Tidy(spareSamples*float64(s.criterion.Samples())/s.longest().Seconds()), o.Most); least > o.Least {
		o.Least, o.Start, s.raised = least, max(o.Start, least), true
	}
	if s.machine, err = capacity.New(o); err != nil {
		s.broke(s.ctx, s.b, s.doc, err)
		return false
	}
	s.doc.Capacity.From, s.doc.Capacity.To = o.Least, o.Most
	return true
}

// median is the median response, or the mean where there are too few for it.
func median(r result.Round) time.Duration {
	for _, x := range []*float64{r.Clocks.Response.P50, r.Clocks.Response.Mean} {
		if x != nil {
			return time.Duration(*x * float64(time.Second))
		}
	}
	return 0
}

// length is that of a round at a rate: what was asked for, and long enough for
// the quantiles of the criterion.
func (s *search) length(rate float64) time.Duration {
	d := s.load.Duration / time.Duration(s.load.Rounds)
	if !s.load.Capacity.Stated {
		d = max(d, min(unloadedLength*s.unloaded, longestLength))
	}
	need := time.Duration(min(spareSamples*float64(s.criterion.Samples())/rate, longestSamples.Seconds()) * float64(time.Second))
	return max(d, need)
}

// longest is how long a round can be.
func (s *search) longest() time.Duration {
	return max(s.load.Duration/time.Duration(s.load.Rounds), longestSamples)
}

// probe runs one round of the search. It returns false when there is none left
// to run.
func (s *search) probe() bool {
	next, ok := s.machine.Next()
	if !ok {
		return false
	}
	length := s.length(next.Rate)
	if time.Since(s.began)+length > s.load.Capacity.MaxTime {
		s.stopped = result.SearchTime
		return false
	}
	state := s.end.search
	known := s.machine.Result()
	*state = SearchState{Phase: string(next.Phase), Rate: next.Rate, Lower: known.Lower, Upper: known.Upper, Probe: len(s.rounds) + 1}
	plan := loop.Plan{
		Model: s.load.Model, Workers: s.load.Workers, Rate: next.Rate, Duration: length, SkipLate: s.load.SkipLate,
		OpTimeout: s.load.OpTimeout, Drain: drain(length, s.load.OpTimeout),
	}
	plan.Seed, plan.Round = s.seed()
	round, err := s.recorded(s.ctx, s.session, plan, s.end)
	if err != nil {
		s.stopped = result.SearchStopped
		s.broke(s.ctx, s.b, s.doc, err)
		return false
	}
	one := s.single(next.Rate, length, round)
	outcome, reason := s.criterion.Judge(one)
	s.machine.Report(capacity.Outcome(outcome))
	p := result.Probe{
		Rate: next.Rate, Phase: string(next.Phase), Duration: length.Seconds(), Outcome: outcome, Reason: reason, Counts: round.Counts,
		Throughput: one.Lookup("throughput").Value, P95: one.Lookup("latency_p95").Value, Success: one.Lookup("success_ratio").Value,
		Settled: true,
	}
	s.rounds = append(s.rounds, round)
	known = s.machine.Result()
	state.Outcome, state.Reason, state.Lower, state.Upper = outcome, reason, known.Lower, known.Upper
	s.observe(Event{Kind: Probed, ID: s.doc.ID, Params: s.doc.Params, Index: s.scenario, Search: state})
	state.Outcome = ""
	ok = outcome == result.HeldRate || s.settle(&p)
	s.doc.Capacity.Probes = append(s.doc.Capacity.Probes, p)
	if ok {
		s.keepSoFar()
	}
	return ok
}

// keepSoFar writes the document with what the search knows by now, so that the
// rounds of an hour outlive a process that is killed.
func (s *search) keepSoFar() {
	if s.Checkpoint == nil || time.Since(s.checkpoint) < checkpointEvery {
		return
	}
	doc, known := *s.doc, *s.doc.Capacity
	doc.Capacity, doc.Validity = &known, slices.Clone(doc.Validity)
	doc.Status, doc.Reason = result.Partial, "the search for the capacity was not over"
	part := *s
	part.doc, part.stopped = &doc, result.SearchStopped
	part.conclude()
	run := *s.Run
	run.Benchmarks = append(slices.Clone(run.Benchmarks), doc)
	s.Checkpoint(&run)
	s.checkpoint = time.Now()
}

// drain is how long a backlog may run on after the round. A rate with more of
// it than the round is long is not held, however it ends, and the next round
// shall not wait for that.
func drain(length, opTimeout time.Duration) time.Duration {
	d := max(length, time.Second)
	if opTimeout > 0 {
		d = min(d, opTimeout)
	}
	return d
}

// single is the benchmark as if that round were all that was measured of it.
func (s *search) single(rate float64, length time.Duration, round result.Round) *result.Benchmark {
	one := *s.doc
	one.Load.Rate, one.Load.Duration, one.Load.Rounds = rate, length.Seconds(), 1
	one.Capacity, one.Validity, one.Rounds = nil, nil, []result.Round{round}
	result.Summarise(&one, s.end.declared)
	return &one
}

// settle waits until a single user gets the response that it got before the
// search, so that what one round left behind in the target is not counted
// against the next. It returns false when the target does not answer any more.
func (s *search) settle(p *result.Probe) bool {
	began := time.Now()
	answered := false
	var last result.Round
	for {
		r, err := s.closed(phaseSettle, loop.Plan{Workers: 1, Duration: unloadedTime, Ops: settleOps})
		if err != nil {
			s.stopped = result.SearchStopped
			s.broke(s.ctx, s.b, s.doc, err)
			return false
		}
		last = r
		answered = answered || r.Counts.OK > 0
		p.Settled = r.Counts.OK == r.Counts.Scheduled && r.Counts.OK > 0 && median(r) <= settleFactor*s.unloaded+settleSlack
		p.Settle = time.Since(began).Seconds()
		if p.Settled || p.Settle >= settleTime.Seconds() {
			break
		}
		select {
		case <-time.After(settlePace):
		case <-s.ctx.Done():
		}
	}
	if answered {
		return true
	}
	s.stopped = result.SearchStopped
	target := s.doc.Target.Name
	if target == "" {
		target = s.doc.ID
	}
	err := s.cause(s.b, sdk.TargetDown(target, fmt.Errorf("it did not answer again within %s of a round at %v ops a second: %w", settleTime, p.Rate, noSuccess(result.Target{}, last)),
		"restart it, and search up to a lower rate (--rate-to)"))
	s.broke(s.ctx, s.b, s.doc, err)
	return false
}
