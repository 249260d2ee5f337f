package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/probe"
)

// benchmark prepares one benchmark and measures each of its scenarios.
func (r *run) benchmark(ctx context.Context, b suite.Benchmark) {
	r.observe(Event{Kind: Preparing, ID: b.ID, Index: r.scenario})
	declared, err := r.declared(ctx, b)
	if err != nil {
		r.giveUp(ctx, b, nil, err)
		return
	}
	spec, provenance, err := r.start(ctx, b)
	if err != nil {
		r.giveUp(ctx, b, provenance, err)
		return
	}
	session := fmt.Sprintf("s%d", r.sessions)
	r.sessions++
	dir := filepath.Join(r.Dir, session)
	if err := os.Mkdir(dir, 0o700); err != nil {
		r.giveUp(ctx, b, provenance, fmt.Errorf("make the benchmark's scratch folder: %w", err))
		return
	}
	defer os.RemoveAll(dir)
	info, err := r.plugin.Prepare(ctx, session, b.Use, sdk.SetupRequest{
		ID: b.ID, RunID: r.Run.ID, Params: b.Params, Target: spec, Seed: r.Plan.Seed,
		MaxWorkers: maxWorkers(b), Timeout: opTimeout(b), Dir: dir, KeepData: !r.Plan.Cleanup,
	})
	if err != nil {
		r.giveUp(ctx, b, provenance, err)
		return
	}
	for _, s := range b.Scenarios {
		if ctx.Err() != nil {
			break
		}
		doc := r.newBenchmark(b, s, spec)
		maps.Copy(doc.Provenance, provenance)
		maps.Copy(doc.Provenance, info.Provenance)
		doc.WorkloadDigest = info.WorkloadDigest
		if r.plugin == nil {
			r.fail(doc, errors.New("not run: the plugin failed in an earlier scenario"))
			r.finish(doc)
			continue
		}
		for _, f := range info.Figures {
			doc.Figures = append(doc.Figures, result.Figure(f))
		}
		r.measure(ctx, session, b, declared.Metrics, s, doc)
		if ctx.Err() != nil && len(doc.Rounds) == 0 {
			break // nothing of it was finished
		}
		r.finish(doc)
	}
	if r.plugin == nil {
		return
	}
	teardown, cancel := context.WithTimeout(context.WithoutCancel(ctx), teardownGrace)
	defer cancel()
	if err := r.plugin.Teardown(teardown, session); err != nil && r.deadReference(b) == nil {
		r.problems = append(r.problems, fmt.Errorf("tear down %s: %w", b.ID, err))
		r.forgetIfBroken(err)
	}
}

// settle is how long the end of a process may take to be known after its
// connections broke.
const settle = 500 * time.Millisecond

// deadReference says how the part of the reference stack that served the
// benchmark ended by itself, if it did.
func (r *run) deadReference(b suite.Benchmark) error {
	t, ok := r.targets[b.Target.Kind]
	if !ok || !b.Target.Reference {
		return nil
	}
	return t.Ended(settle)
}

// cause is what err comes from: a refused connection to the reference stack is
// not what went wrong when the stack is gone.
func (r *run) cause(b suite.Benchmark, err error) error {
	var target *sdk.TargetError
	if errors.As(err, &target) {
		if dead := r.deadReference(b); dead != nil {
			return dead
		}
	}
	return err
}

func (r *run) declared(ctx context.Context, b suite.Benchmark) (sdk.Benchmark, error) {
	p, err := r.Lookup.Describe(ctx, b.Plugin)
	if err != nil {
		return sdk.Benchmark{}, err
	}
	d, ok := p.Benchmark(b.Use)
	if !ok {
		return sdk.Benchmark{}, fmt.Errorf("plugin %s has no benchmark %q", b.Plugin, b.Use)
	}
	return d, nil
}

// giveUp notes that none of a benchmark's scenarios can be measured.
func (r *run) giveUp(ctx context.Context, b suite.Benchmark, provenance map[string]string, err error) {
	if ctx.Err() != nil {
		return // interrupted: nothing was finished, nothing is wrong
	}
	r.forgetIfBroken(err)
	err = r.cause(b, err)
	for i, s := range b.Scenarios {
		doc := r.newBenchmark(b, s, b.Target.Spec)
		maps.Copy(doc.Provenance, provenance)
		if r.fail(doc, err) && i == 0 {
			r.failed(b.ID, err)
		}
		r.blame(doc, err)
		r.finish(doc)
	}
}

// fail gives the document its status, and says whether err is a failure.
func (r *run) fail(doc *result.Benchmark, err error) bool {
	var absent *sdk.NotMeasuredError
	if errors.As(err, &absent) {
		doc.Status, doc.Reason, doc.Remedy = result.NotMeasured, absent.Reason, absent.Remedy
		return false
	}
	doc.Status, doc.Reason = result.Failed, reason(err)
	var target *sdk.TargetError
	if errors.As(err, &target) {
		doc.Reason = reason(fmt.Errorf("target %s: %w", target.Target, target.Err))
		doc.Remedy = target.Remedy
	}
	if len(doc.Rounds) > 0 {
		doc.Status = result.Partial
	}
	return true
}

// reason is an error as the document keeps it: on one line, also with the last
// lines of a plugin in it.
func reason(err error) string {
	const most = 2000 // bytes
	text := strings.NewReplacer("\n  | ", " | ", "\n  ", "; ").Replace(err.Error())
	return result.Printable(result.Plain(text), most)
}

// measure warms up and runs the rounds of one scenario.
func (r *run) measure(ctx context.Context, session string, b suite.Benchmark, declared []sdk.Metric, s suite.Scenario, doc *result.Benchmark) {
	end := ending{load: s.Load, declared: declared, doc: doc}
	if r.quiet(ctx); ctx.Err() != nil {
		return
	}
	if s.Load.Capacity != nil {
		r.findCapacity(ctx, session, b, end)
		return
	}
	for n := 0; end.more(n); n++ {
		plan := roundPlan(s.Load, r.Plan.Seed+uint64(r.FirstRound)*roundStride, n)
		round, err := r.recorded(ctx, session, plan, end)
		if err != nil {
			r.broke(ctx, b, doc, err)
			break
		}
		doc.Rounds = append(doc.Rounds, round)
		if round.Counts.OK == 0 {
			r.gaveNothing(b, doc, round)
			return
		}
		r.keep(false)
	}
	end.settle()
	result.Summarise(doc, declared)
}

// recorded runs one round and returns what the document keeps of it.
func (r *run) recorded(ctx context.Context, session string, plan loop.Plan, end ending) (result.Round, error) {
	var watched func(probe.Series) []result.Finding
	if r.Watch != nil {
		watched = r.Watch()
	}
	res, series, err := r.round(ctx, session, plan, end)
	if err != nil {
		return result.Round{}, err
	}
	round := result.NewRound(res)
	round.Position = r.position
	r.position++
	round.PluginProcess, round.TargetProcess = r.tree.pids()
	round.Resources = resources(series)
	if watched != nil {
		round.Validity = append(round.Validity, watched(series)...)
	}
	round.Validity = append(round.Validity, r.diagnose(round.Samples...)...)
	return round, nil
}

// broke notes that a round could not be run to its end.
func (r *run) broke(ctx context.Context, b suite.Benchmark, doc *result.Benchmark, err error) {
	if ctx.Err() != nil {
		doc.Status, doc.Reason = result.Partial, "interrupted"
		return
	}
	err = r.cause(b, err)
	if r.fail(doc, err) {
		r.failed(doc.ID, err)
		r.blame(doc, err)
	}
	r.forgetIfBroken(err)
}

// gaveNothing notes that no op of a round succeeded.
func (r *run) gaveNothing(b suite.Benchmark, doc *result.Benchmark, round result.Round) {
	err := r.cause(b, noSuccess(doc.Target, round))
	r.fail(doc, err)
	r.blame(doc, err)
	doc.Status, doc.Metrics = result.Failed, []result.Metric{} // whatever the rounds before it gave
	r.failed(doc.ID, err)
}

// round runs one round with the probe beside its measured part.
func (r *run) round(ctx context.Context, session string, plan loop.Plan, end ending) (loop.Result, probe.Series, error) {
	e := Event{
		Kind: Measuring, ID: end.doc.ID, Params: end.doc.Params, Index: r.scenario, Round: plan.Round,
		Rounds: end.most(), UpTo: end.load.Until.Asked(), Expected: plan.Duration, Ops: plan.Ops, Search: end.search,
	}
	window := r.sampler.Open()
	warm := plan.Warmup > 0
	res, err := r.plugin.Round(ctx, session, plan, func(p loop.Progress) {
		if warm && !p.Warmup {
			_, window = window.Cut()
			warm = false
		}
		e.Kind, e.Progress = Measuring, p
		if p.Warmup {
			e.Kind = Warming
		}
		r.observe(e)
	})
	return res, window.Close(), err
}

func (r *run) finish(doc *result.Benchmark) {
	r.Run.Benchmarks = append(r.Run.Benchmarks, *doc)
	r.observe(Event{Kind: Finished, ID: doc.ID, Params: doc.Params, Index: r.scenario, Benchmark: doc})
	r.scenario++
	r.keep(true)
}

// roundStride keeps the seeds of rounds far apart: 2⁶⁴ divided by the golden
// ratio, so that no small multiple comes near another.
const roundStride = 0x9e3779b97f4a7c15

// roundPlan is the n-th round's share of a load. What a count does not divide
// evenly goes to the first rounds.
func roundPlan(l suite.Load, seed uint64, n int) loop.Plan {
	p := loop.Plan{
		Model: l.Model, Workers: l.Workers, Rate: l.Rate, Duration: l.Duration / time.Duration(l.Rounds),
		OpTimeout: l.OpTimeout, Seed: seed + uint64(n)*roundStride, Round: n,
		Stages: l.Stages, Arrivals: l.Arrivals, Think: l.Think, SkipLate: l.SkipLate,
	}
	if l.Ops > 0 {
		p.Ops = l.Ops / uint64(l.Rounds)
		if uint64(n) < l.Ops%uint64(l.Rounds) {
			p.Ops++
		}
		p.Ops = max(p.Ops, 1)
	}
	if n == 0 {
		p.Warmup = l.Warmup
	}
	return p
}

func maxWorkers(b suite.Benchmark) int {
	n := 1
	for _, s := range b.Scenarios {
		n = max(n, s.Load.Workers)
	}
	return n
}

func opTimeout(b suite.Benchmark) time.Duration {
	var d time.Duration
	for _, s := range b.Scenarios {
		d = max(d, s.Load.OpTimeout)
	}
	return d
}
