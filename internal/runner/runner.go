// Package runner does the work of a plan in order: it starts plugins and
// targets, prepares benchmarks, drives their rounds with the resource probe
// beside them, and puts what comes out into the Run document.
//
// It takes interfaces for everything that has a process: it knows neither how
// plugins are found nor how they are spoken to, neither reports nor the
// command line. It judges nothing.
package runner

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/probe"
)

// Plugin is a running plugin process.
type Plugin interface {
	Prepare(ctx context.Context, session, benchmark string, r sdk.SetupRequest) (sdk.SessionInfo, error)
	Round(ctx context.Context, session string, plan loop.Plan, progress func(loop.Progress)) (loop.Result, error)
	Teardown(ctx context.Context, session string) error
	PID() int
	Stop()
}

// Target is a running component of the reference stack.
type Target interface {
	Spec() sdk.Target
	Provenance() map[string]string
	PID() int
	// Ended says how the component ended by itself, or nil while it runs. It
	// waits for patience.
	Ended(patience time.Duration) error
	Stop()
}

// Options are what a run needs.
type Options struct {
	Plan suite.Plan
	Run  *result.Run // its head (id, harness, machine, plan) is filled in
	Dir  string      // scratch folder of the run, existing
	// FirstRound is the number of the first round, where rounds of one load are
	// spread over several calls: it keeps their arrival times apart.
	FirstRound int
	Lookup     suite.Catalog
	// Plugin starts a plugin, PluginInfo says what goes into the document.
	Plugin     func(ctx context.Context, name string) (Plugin, error)
	PluginInfo func(name string) (result.Plugin, error)
	// Reference starts the component of that kind. An absent prerequisite is
	// a [sdk.NotMeasuredError].
	Reference func(ctx context.Context, kind string) (Target, error)
	// Watch is called at the start of a round, and what it returns at its end:
	// it says what happened to the machine meanwhile. May be nil.
	Watch func() func(probe.Series) []result.Finding
	// Quiet waits until the machine is quiet, or until patience is at an end, before
	// a scenario is driven. watch shows what the machine does for a while, the run's
	// own processes apart. May be nil.
	Quiet func(ctx context.Context, watch func(context.Context, time.Duration) probe.Series)
	// Diagnose says which of the machine's resources an error text tells the end
	// of. May be nil.
	Diagnose func(message string) (result.Finding, bool)
	// Criterion makes what a search for a capacity judges a benchmark's rounds by.
	// unloaded is the median response of a single user. It is needed where a load
	// asks for a search.
	Criterion func(b *result.Benchmark, unloaded time.Duration) Criterion
	// Observe is told what happens, from one goroutine at a time.
	Observe func(Event)
	// Checkpoint keeps the document as it is so far. That it cannot be kept is
	// no reason to stop measuring.
	Checkpoint func(*result.Run)
}

// Event is something that happened.
type Event struct {
	Kind      EventKind
	ID        string // of the benchmark
	Params    map[string]string
	Index     int // number of the scenario in the plan, from 0
	Total     int // number of scenarios
	Round     int // from 0
	Rounds    int
	UpTo      bool          // Rounds is the most there can be
	Expected  time.Duration // length of the round, 0 if bounded by ops only
	Ops       uint64        // bound of the round, 0 if none
	Progress  loop.Progress
	Search    *SearchState      // while a capacity is searched for
	Benchmark *result.Benchmark // of Finished
}

// EventKind tells events apart.
type EventKind string

// Kinds of [Event].
const (
	Preparing EventKind = "preparing" // a benchmark is being set up
	Warming   EventKind = "warming up"
	Measuring EventKind = "measuring"
	Probed    EventKind = "probed"   // a round of a search is done
	Finished  EventKind = "finished" // a scenario is done
)

// checkpointEvery bounds how often the document is written between scenarios.
const checkpointEvery = 2 * time.Second

// teardownGrace is how long set-up may take to be undone after an interrupt.
const teardownGrace = 20 * time.Second

// run is the state of one run.
type run struct {
	Options
	sampler    *probe.Sampler
	tree       tree
	plugin     Plugin // of group
	group      string
	targets    map[string]Target
	sessions   int
	position   int
	scenario   int
	total      int
	failures   []*Failure
	problems   []error // what went wrong beside the benchmarks
	checkpoint time.Time
}

// Run does the plan's work. The document in opts.Run is complete unless ctx
// ended. The errors are what went wrong, besides what the document says of it:
// a [*Failure] for each cause that benchmarks could not run for.
func Run(ctx context.Context, opts Options) []error {
	r := &run{Options: opts, targets: map[string]Target{}}
	r.sampler = probe.New(probe.Options{
		Trees:     map[string]func() []int32{"plugin": r.tree.pluginPIDs, "target": r.tree.targetPIDs},
		Processes: map[string]func() []int32{"harness": probe.Pids(int32(os.Getpid()))},
	})
	r.sampler.Start(ctx)
	defer r.sampler.Stop()
	whole := r.sampler.Open()
	for _, b := range opts.Plan.Benchmarks {
		r.total += len(b.Scenarios)
	}
	for _, b := range opts.Plan.Benchmarks {
		if ctx.Err() != nil {
			break
		}
		if b.Plugin != r.group {
			r.endGroup()
			r.beginGroup(b.Plugin)
		}
		r.benchmark(ctx, b)
	}
	r.endGroup()
	opts.Run.Resources = resources(whole.Close())
	opts.Run.Finished = time.Now().UTC()
	opts.Run.Complete, opts.Run.Interrupted = ctx.Err() == nil, ctx.Err() != nil
	errs := make([]error, 0, len(r.failures)+len(r.problems))
	for _, f := range r.failures {
		errs = append(errs, f)
	}
	return append(errs, r.problems...)
}

func (r *run) beginGroup(plugin string) {
	r.group = plugin
	info, err := r.PluginInfo(plugin)
	if err != nil {
		r.problems = append(r.problems, err)
		info.Name = plugin
	}
	r.Run.Plugins = append(r.Run.Plugins, info)
}

// endGroup stops the plugin and the targets that served it, so that the next
// plugin's measurements share the machine with nobody.
func (r *run) endGroup() {
	r.stopPlugin()
	for kind, t := range r.targets {
		t.Stop()
		delete(r.targets, kind)
	}
	r.tree.target.Store(0)
}

func (r *run) stopPlugin() {
	if r.plugin != nil {
		r.plugin.Stop()
		r.plugin = nil
		r.tree.plugin.Store(0)
	}
}

// start makes sure that the benchmark's plugin and target run.
func (r *run) start(ctx context.Context, b suite.Benchmark) (sdk.Target, map[string]string, error) {
	spec, provenance := b.Target.Spec, map[string]string(nil)
	r.tree.target.Store(0)
	if b.Target.Reference {
		t, ok := r.targets[b.Target.Kind]
		if ok && t.Ended(0) != nil { // the benchmark before saw that, and said it
			t.Stop()
			delete(r.targets, b.Target.Kind)
			ok = false
		}
		if !ok {
			var err error
			if t, err = r.Reference(ctx, b.Target.Kind); err != nil {
				return spec, nil, err
			}
			r.targets[b.Target.Kind] = t
		}
		spec, provenance = t.Spec(), t.Provenance()
		r.tree.target.Store(int32(t.PID()))
	}
	if r.plugin == nil {
		p, err := r.Plugin(ctx, b.Plugin)
		if err != nil {
			return spec, provenance, err
		}
		r.plugin = p
		r.tree.plugin.Store(int32(p.PID()))
	}
	return spec, provenance, nil
}

func (r *run) observe(e Event) {
	if r.Observe != nil {
		e.Total = r.total
		r.Observe(e)
	}
}

// keep writes the document as it is, not too often unless asked.
func (r *run) keep(now bool) {
	if r.Checkpoint == nil || !now && time.Since(r.checkpoint) < checkpointEvery {
		return
	}
	r.Checkpoint(r.Run)
	r.checkpoint = time.Now()
}

// Broken is implemented by errors after which a plugin process cannot be used
// any more.
type Broken interface {
	error
	Broken() bool
}

// forgetIfBroken stops a plugin that failed as a process, so that the next
// benchmark gets a fresh one.
func (r *run) forgetIfBroken(err error) {
	var b Broken
	if errors.As(err, &b) && b.Broken() {
		r.stopPlugin()
	}
}
