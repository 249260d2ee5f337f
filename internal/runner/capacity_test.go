package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// server is a plugin before a target that does up to a capacity, in no time of
// the machine's: its rounds last as long as they are planned to on a virtual
// clock.
type server struct {
	capacity float64
	plans    []loop.Plan
	// before is asked ahead of every round; what it returns is the round's end.
	before func(ctx context.Context, plan loop.Plan) error
	down   bool
	slow   time.Duration // of what a single user waits for
	late   float64       // rates above it are the generator's fault
}

func (s *server) Prepare(context.Context, string, string, sdk.SetupRequest) (sdk.SessionInfo, error) {
	return sdk.SessionInfo{}, nil
}
func (s *server) Teardown(context.Context, string) error { return nil }
func (s *server) PID() int                               { return 0 }
func (s *server) Stop()                                  {}

func (s *server) Round(ctx context.Context, _ string, plan loop.Plan, _ func(loop.Progress)) (loop.Result, error) {
	s.plans = append(s.plans, plan)
	if s.before != nil {
		if err := s.before(ctx, plan); err != nil {
			return loop.Result{}, err
		}
	}
	n, took := plan.Ops, plan.Duration
	response := 10*time.Millisecond + s.slow
	out := loop.Result{Started: time.Now(), Batch: 1}
	if plan.Model != loop.Closed {
		response = 10 * time.Millisecond
		n = uint64(plan.Rate * took.Seconds())
		switch {
		case s.late > 0 && plan.Rate > s.late:
			out.Validity = []loop.Finding{{Level: loop.Invalid, Code: "lag", Message: "the generator's lag is a second"}}
		case plan.Rate > s.capacity:
			out.Validity = []loop.Finding{{Level: loop.Invalid, Code: "under_achieved", Message: "the rate is more than was sustained"}}
		}
	} else if n == 0 {
		n = uint64(s.capacity * took.Seconds())
	}
	time.Sleep(took)
	h := loop.NewHistogram()
	if s.down {
		out.Counts = loop.Counts{Scheduled: n, Failed: n}
		out.Samples = []string{"connection refused"}
		out.Validity = []loop.Finding{{Level: loop.Invalid, Code: "no_success", Message: "no op succeeded"}}
	} else {
		out.Counts = loop.Counts{Scheduled: n, OK: n}
		_ = h.RecordValues(int64(response), int64(n))
	}
	out.Elapsed, out.Clocks = took, loop.Clocks{Response: h}
	return out, nil
}

// sustained is a criterion of the rounds' validity alone.
type sustained struct{ samples int64 }

func (sustained) Text() []string   { return []string{"the rate is sustained"} }
func (s sustained) Samples() int64 { return max(s.samples, 1) }
func (sustained) Judge(b *result.Benchmark) (outcome, reason string) {
	for _, f := range b.Rounds[0].Validity {
		switch {
		case f.Code == "lag":
			return result.GeneratorFailed, f.Message
		case f.Level == "invalid":
			return result.MissedRate, f.Message
		}
	}
	return result.HeldRate, ""
}

// hunt is one search on a virtual clock.
type hunt struct {
	doc    result.Benchmark
	run    *result.Run
	errs   []error
	events []SearchState
	kept   []result.Run
}

func search200(t *testing.T, s *server, limits suite.Capacity, change func(*Options, context.CancelFunc)) (h hunt) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if limits.Within == 0 {
			limits.Within = 0.05
		}
		if limits.MaxProbes == 0 {
			limits.MaxProbes = 50
		}
		if limits.MaxTime == 0 {
			limits.MaxTime = time.Hour
		}
		load := suite.Load{Model: loop.Constant, Workers: 16, Rounds: 3, Duration: 6 * time.Second, Capacity: &limits}
		o := Options{
			Plan: suite.Plan{Benchmarks: []suite.Benchmark{{ID: "x/b", Plugin: "x", Use: "b", Scenarios: []suite.Scenario{{Load: load}}}}},
			Run:  &result.Run{}, Dir: t.TempDir(), Lookup: described{},
			Plugin:     func(context.Context, string) (Plugin, error) { return s, nil },
			PluginInfo: func(name string) (result.Plugin, error) { return result.Plugin{Name: name}, nil },
			Criterion:  func(*result.Benchmark, time.Duration) Criterion { return sustained{} },
			Observe: func(e Event) {
				if e.Kind == Probed {
					h.events = append(h.events, *e.Search)
				}
			},
			Checkpoint: func(r *result.Run) {
				run := *r
				run.Benchmarks = slices.Clone(r.Benchmarks)
				h.kept = append(h.kept, run)
			},
		}
		if change != nil {
			change(&o, cancel)
		}
		h.run = o.Run
		h.errs = Run(ctx, o)
	})
	if len(h.run.Benchmarks) == 1 {
		h.doc = h.run.Benchmarks[0]
	}
	return h
}

// said tells whether a finding has a code, and a text in it.
func (h hunt) said(code, text string) bool {
	return slices.ContainsFunc(h.doc.Validity, func(f result.Finding) bool { return f.Code == code && strings.Contains(f.Message, text) })
}

func TestASearchFindsTheCapacityOfItsTarget(t *testing.T) {
	s := &server{capacity: 200}
	h := search200(t, s, suite.Capacity{}, nil)
	c := h.doc.Capacity
	if c == nil || len(h.errs) > 0 || !c.Confirmed || c.Value == nil || *c.Value > 200 || *c.Value < 190 || c.LimitedBy != result.LimitTarget || c.Ended != result.SearchFound {
		t.Fatalf("%+v, %v", c, h.errs)
	}
	if h.doc.Status != result.Measured || len(h.doc.Rounds) != 3 || h.doc.Load.Rate != *c.Value || len(h.doc.Validity) > 0 {
		t.Errorf("%s, %d rounds at %v, %v", h.doc.Status, len(h.doc.Rounds), h.doc.Load.Rate, h.doc.Validity)
	}
	if len(h.events) != len(c.Probes) || !(c.From > 0) {
		t.Errorf("%d events of %d rounds, from %v", len(h.events), len(c.Probes), c.From)
	}
	seeds := map[uint64]bool{}
	for i, p := range s.plans {
		if seeds[p.Seed] || p.Round != i {
			t.Fatalf("round %d has the seed and the number of another: %+v", i, p)
		}
		seeds[p.Seed] = true
	}
}

func TestASearchThatTheGeneratorLimitsGivesNoCapacity(t *testing.T) {
	h := search200(t, &server{capacity: 200, late: 100}, suite.Capacity{}, nil)
	c := h.doc.Capacity
	if c.Value != nil || c.LimitedBy != result.LimitGenerator || !c.Confirmed || c.Lower == nil || *c.Lower > 100 {
		t.Errorf("%+v", c)
	}
	if q := h.doc.Lookup(result.CapacityMetric); q.Value != nil || !h.said("capacity_generator", "no capacity: the target may hold more") {
		t.Errorf("%+v, %v", q, h.doc.Validity)
	}
	h = search200(t, &server{capacity: 200, late: 1e-9}, suite.Capacity{}, nil)
	if c := h.doc.Capacity; c.Ended != result.SearchNone || c.LimitedBy != result.LimitGenerator || h.said("capacity_none", "") || !h.said("capacity_generator", "not known") {
		t.Errorf("nothing is known: %+v, %v", c, h.doc.Validity)
	}
}

func TestASearchEndsWithItsTimeAndItsRounds(t *testing.T) {
	h := search200(t, &server{capacity: 200}, suite.Capacity{MaxTime: 9 * time.Second}, nil)
	c := h.doc.Capacity
	if c.Ended != result.SearchTime || c.Confirmed || c.Value != nil || c.LimitedBy != result.LimitUnknown || !h.said("capacity_unconfirmed", "9s (max_time)") {
		t.Errorf("%+v, %v", c, h.doc.Validity)
	}
	if h.doc.Status != result.Measured || len(h.doc.Rounds) != 1 || c.Lower == nil || h.doc.Load.Rate != *c.Lower {
		t.Errorf("%s, %d rounds at %v", h.doc.Status, len(h.doc.Rounds), h.doc.Load.Rate)
	}
	h = search200(t, &server{capacity: 200}, suite.Capacity{MaxProbes: 5}, nil)
	if c := h.doc.Capacity; c.Ended != result.SearchProbes || len(c.Probes) != 5 || !h.said("capacity_unconfirmed", "5 rounds (max_probes)") {
		t.Errorf("%+v, %v", c, h.doc.Validity)
	}
}

// A target that needs a while after an overload is waited for; one that stays
// slow is taken as it is, which the document says.
func TestATargetSettlesBeforeTheNextRound(t *testing.T) {
	for _, c := range []struct {
		name    string
		rounds  int // of a single user that are slow after the first that missed
		settled bool
	}{
		{"after a while", 3, true},
		{"or never", 1000, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			left := 0
			s := &server{capacity: 200}
			s.before = func(_ context.Context, p loop.Plan) error {
				s.slow = 0
				switch {
				case p.Rate > 200 && left == 0:
					left = c.rounds
				case p.Model == loop.Closed && left > 0:
					left--
					s.slow = time.Second
				}
				return nil
			}
			h := search200(t, s, suite.Capacity{}, nil)
			i := slices.IndexFunc(h.doc.Capacity.Probes, func(p result.Probe) bool { return p.Outcome == result.MissedRate })
			p := h.doc.Capacity.Probes[i]
			if p.Settled != c.settled || p.Settle < 1.5 || p.Settle > 11 || h.said("capacity_unsettled", "single user") == c.settled {
				t.Errorf("%+v, %v", p, h.doc.Validity)
			}
		})
	}
}

func TestAnInterruptKeepsTheRoundsAtTheBestRate(t *testing.T) {
	s := &server{capacity: 200}
	h := search200(t, s, suite.Capacity{From: 50}, func(_ *Options, cancel context.CancelFunc) {
		s.before = func(ctx context.Context, _ loop.Plan) error {
			if len(s.plans) == 7 { // a single user, and 50, 100, 200, 400, its settling
				cancel()
			}
			return ctx.Err()
		}
	})
	c := h.doc.Capacity
	if c == nil || !h.run.Interrupted || h.doc.Status != result.Partial || h.doc.Reason != "interrupted" || len(h.errs) > 0 {
		t.Fatalf("%+v, %v", h.doc, h.errs)
	}
	if c.Ended != result.SearchStopped || c.Value != nil || *c.Lower != 200 || *c.Upper != 400 || h.doc.Load.Rate != 200 || len(h.doc.Rounds) != 1 {
		t.Errorf("%+v, %d rounds at %v", c, len(h.doc.Rounds), h.doc.Load.Rate)
	}
	if h = search200(t, s, suite.Capacity{}, func(_ *Options, cancel context.CancelFunc) { cancel() }); len(h.run.Benchmarks) > 0 {
		t.Errorf("before a round of the search nothing is kept: %+v", h.run.Benchmarks)
	}
}

func TestATargetThatStopsAnsweringEndsTheSearchAndKeepsWhatWasMeasured(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(s *server) error
	}{
		{"its ops fail", func(s *server) error { s.down = true; return nil }},
		{"its plugin says so", func(*server) error { return sdk.TargetDown("t", errors.New("refused"), "restart it") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{capacity: 200}
			s.before = func(_ context.Context, p loop.Plan) error {
				if p.Rate > 200 {
					return c.end(s)
				}
				return nil
			}
			h := search200(t, s, suite.Capacity{From: 50}, nil)
			var down *sdk.TargetError
			if len(h.errs) != 1 || !errors.As(h.errs[0], &down) || h.run.Interrupted {
				t.Fatalf("errors %v, want that the target is down", h.errs)
			}
			k := h.doc.Capacity
			if h.doc.Status != result.Partial || h.doc.Remedy == "" || k.Ended != result.SearchStopped || k.Value != nil || *k.Lower != 200 || h.doc.Load.Rate != 200 || len(h.doc.Rounds) != 1 {
				t.Errorf("%s, %+v, %d rounds at %v", h.doc.Status, k, len(h.doc.Rounds), h.doc.Load.Rate)
			}
		})
	}
	h := search200(t, &server{capacity: 200, down: true}, suite.Capacity{}, nil)
	if h.doc.Status != result.Failed || len(h.errs) != 1 || h.doc.Capacity.LimitedBy != result.LimitUnknown {
		t.Errorf("a target that is down from the start: %+v, %v", h.doc, h.errs)
	}
}

// What kill -9 leaves behind is the last document that was written.
func TestTheRoundsSoFarAreInTheDocumentWhileTheSearchGoesOn(t *testing.T) {
	h := search200(t, &server{capacity: 200}, suite.Capacity{}, nil)
	if len(h.kept) < 10 {
		t.Fatalf("the document was written %d times in %d rounds", len(h.kept), len(h.doc.Capacity.Probes))
	}
	for i, run := range h.kept[:len(h.kept)-1] {
		if len(run.Benchmarks) != 1 {
			t.Fatalf("document %d has %d benchmarks", i, len(run.Benchmarks))
		}
		b := run.Benchmarks[0]
		if b.Status != result.Partial || b.Reason == "" || len(b.Rounds) == 0 || len(b.Capacity.Probes) == 0 || b.Capacity.Ended != result.SearchStopped {
			t.Fatalf("document %d: %s, %d rounds, %+v", i, b.Status, len(b.Rounds), b.Capacity)
		}
	}
	if len(h.run.Benchmarks) != 1 || h.doc.Status != result.Measured || len(h.doc.Validity) > 0 {
		t.Errorf("what was written meanwhile is left: %s, %v", h.doc.Status, h.doc.Validity)
	}
}

// A rate at which a round is too short for a quantile says nothing of the
// target: it is not tried.
func TestRatesWhoseRoundsCannotBeJudgedAreNotTried(t *testing.T) {
	many := func(o *Options, _ context.CancelFunc) {
		o.Criterion = func(*result.Benchmark, time.Duration) Criterion { return sustained{samples: 5000} }
	}
	h := search200(t, &server{capacity: 200}, suite.Capacity{From: 10}, many)
	c := h.doc.Capacity
	if c.From != 100 || !c.Confirmed || !h.said("capacity_samples", "no rate below 100/s was tried: the criterion needs 5000 ops in a round of at most 1m0s") {
		t.Errorf("%+v, %v", c, h.doc.Validity)
	}
	for _, p := range c.Probes {
		if p.Rate < 100 || float64(p.Counts.Scheduled) < 5000 {
			t.Errorf("%v/s: %d ops", p.Rate, p.Counts.Scheduled)
		}
	}
	h = search200(t, &server{capacity: 200}, suite.Capacity{From: 10, To: 20}, many)
	if c := h.doc.Capacity; c.From != 20 || c.To != 20 {
		t.Errorf("where the range ends below that: %s", fmt.Sprint(c.From, c.To))
	}
}
