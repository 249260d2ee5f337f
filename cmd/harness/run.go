package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/machine"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/verdict"
	"github.com/benchharness/harness/plugins/reference"
	"github.com/benchharness/harness/sdk/serve"
)

type runOptions struct {
	plan     planFlags
	clocks   bool
	verbose  bool
	modelDir string
	faults   string
	pprof    string // folder, absolute
	history  historyFlag
	quiet    *quietness // the command's, once there is a plan
}

func newRun(a *app) *cobra.Command {
	o := &runOptions{}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Measure, write run.json and a report",
		Long: `Measure the benchmarks of a suite and write the run document and reports.

Without a config file the suite is all five areas on the reference stack, which
harness starts itself. Settings come from flags, the environment (BENCHMARK_…),
.env and harness.yaml, in that order; harness config shows which one won.

` + exitHelp,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	o.plan.add(cmd)
	a.pluginFlag(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.clocks, "clocks", false, "say what the four clocks and validity mean, and show all there is of the clocks, in the text report")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "pass on what plugins and the reference stack log")
	f.StringVar(&o.modelDir, "model-dir", "", "`FOLDER` with real weights (safetensors) for the reference encoder")
	historyFlagVar(cmd, &o.history)
	f.StringVar(&o.pprof, "pprof", "", "`FOLDER` for CPU and heap profiles of harness and of each plugin that is made with the Go sdk")
	f.StringVar(&o.faults, "faults", "", "`FAULTS` of the reference service, such as fixed=20ms or /search:stall=200ms/2s")
	return cmd
}

func (o *runOptions) run(ctx context.Context, a *app) error {
	if err := a.hold(&o.plan); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	plan, err := a.plan(ctx, c, o.plan.flags)
	if err != nil {
		return err
	}
	for _, w := range plan.Warnings {
		a.say("harness: warning: %s", w)
	}
	a.warnPlugins(c, plan)
	if len(plan.Benchmarks) == 0 {
		return usage("the plan has no benchmark: see harness list")
	}
	if err := reference.Check(reference.Options{Faults: o.faults, ModelDir: o.modelDir}); err != nil {
		return &exit{exitUsage, err}
	}
	if err := o.checkBefore(ctx, a, plan); err != nil {
		return err
	}
	stopProfile, err := o.profile()
	if err != nil {
		return err
	}
	defer stopProfile()
	lock, err := lockOutput(plan.Out, plan.Reports...)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the kernel drops it with the process
	sweepDead(ctx, a, c)
	o.quiet = a.quietness(plan)
	if o.quiet.before(ctx); ctx.Err() != nil {
		return interruptedEarly(a)
	}
	s, err := newSession(ctx, a, c, o, plan)
	if err != nil {
		return err
	}
	problems := append(s.measure(ctx), s.close())
	return o.conclude(context.WithoutCancel(ctx), a, s.run, plan, slices.DeleteFunc(problems, func(err error) bool { return err == nil }))
}

// profile begins to profile this process, where that is asked for.
func (o *runOptions) profile() (stop func(), err error) {
	if o.pprof == "" {
		return func() {}, nil
	}
	dir, err := filepath.Abs(o.pprof)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, usage("the folder %s for profiles cannot be made: %w; name another with --pprof", o.pprof, err)
	}
	o.pprof = dir
	return serve.Profile(dir, "harness"), nil
}

// conclude judges the budgets, prints the result, writes the documents and
// says how it went. What cannot be written is at least printed.
func (o *runOptions) conclude(ctx context.Context, a *app, run *result.Run, plan suite.Plan, problems []error) error {
	run.Budgets = judged(run, plan.Budgets, plan.Gating)
	if run.Interrupted && !anyRound(run) {
		return interruptedEarly(a)
	}
	unwritten := store.WriteRun(plan.Out, run)
	compared, err := o.compare(ctx, a, run, plan)
	if err != nil {
		problems = append(problems, fmt.Errorf("compare with the baseline: %w", err))
	}
	if err := printResult(a, run, compared, o.clocks); err != nil && !errors.Is(err, syscall.EPIPE) {
		problems = append(problems, err)
	}
	if unwritten != nil {
		problems = append(problems, unwritten)
	} else {
		files, err := writeReports(run, plan.Reports, reportBase(plan.Out))
		if err == nil && compared != nil {
			var more []string
			more, err = compared.write(plan.Reports, outFolder(plan.Out))
			files = append(files, more...)
		}
		if err != nil {
			problems = append(problems, err)
		}
		a.say("\nwrote %s", strings.Join(append([]string{plan.Out}, files...), ", "))
		adviseBaseline(a, compared, run, plan)
		o.keep(ctx, a, run, plan)
	}
	code := first(verdictCode(run), capacityCode(run))
	if compared != nil {
		code = first(code, compared.Exit(compared.policy))
	}
	for _, err := range problems {
		a.say("harness: %v", err)
		code = first(code, codeOf(err))
	}
	if run.Interrupted {
		code = exitInterrupted
		if unwritten == nil {
			a.say("harness: interrupted; the finished rounds are in %s", plan.Out)
		}
	}
	if code != exitPass {
		return &exit{code: code}
	}
	return nil
}

func interruptedEarly(a *app) error {
	a.say("harness: interrupted before a round was finished; nothing was written")
	return &exit{code: exitInterrupted}
}

// printResult prints the verdict, where there is one, and the tables.
func printResult(a *app, run *result.Run, c *comparison, clocks bool) error {
	if c != nil {
		if err := c.printFirst(a); err != nil {
			return err
		}
	}
	return printText(a, run, clocks)
}

func anyRound(run *result.Run) bool {
	return slices.ContainsFunc(run.Benchmarks, func(b result.Benchmark) bool { return len(b.Rounds) > 0 })
}

// verdictCode is what the numbers themselves say: a missed budget that gates,
// or a gating budget whose number is invalid.
func verdictCode(run *result.Run) int {
	code := exitPass
	for _, b := range run.Budgets {
		switch {
		case b.Gate && b.Verdict == verdict.Missed:
			code = first(code, exitGate)
		case b.Gate && b.Verdict == verdict.NotMeasured && strings.HasPrefix(b.Reason, "invalid"):
			code = first(code, exitInvalid)
		}
	}
	return code
}

// judged holds a run against budgets. gating says that they gate.
func judged(run *result.Run, limits []suite.Budget, gating bool) []result.Budget {
	out := verdict.Judge(budgets(limits), run, suite.Match)
	for i := range out {
		out[i].Gate = gating
	}
	return out
}

func budgets(in []suite.Budget) []verdict.Budget {
	out := make([]verdict.Budget, 0, len(in))
	for _, b := range in {
		out = append(out, verdict.Budget{
			ID: b.ID, Benchmark: b.Benchmark, Metric: b.Metric, Unit: b.Unit,
			Min: b.Min, Max: b.Max, ConcurrentUsers: b.ConcurrentUsers,
		})
	}
	return out
}

// measure runs the plan in the session.
func (s *session) measure(ctx context.Context) []error {
	view := s.newView()
	s.app.view.Store(view)
	defer func() {
		s.app.view.Store(nil)
		view.Close()
	}()
	o := s.runnerOptions(view.Observe)
	o.Checkpoint = s.checkpoint()
	return runner.Run(ctx, o)
}

// runnerOptions are what a run of the session's plan needs.
func (s *session) runnerOptions(observe func(runner.Event)) runner.Options {
	return runner.Options{
		Plan: s.plan, Run: s.run, Dir: s.dir, Lookup: s.catalog,
		Plugin: s.startPlugin, PluginInfo: s.pluginInfo, Reference: s.startReference,
		Watch: watchMachine, Observe: observe, Quiet: s.options.quiet.between(s.run),
		Criterion: s.criterion,
		Diagnose: func(message string) (result.Finding, bool) {
			f, ok := machine.Exhausted(message)
			return finding(f), ok
		},
	}
}

// checkpoint returns a function that keeps the document as it is so far, once
// a round is in it. That it cannot be written is said once: the end of the run
// tries again, and fails if it still cannot.
func (s *session) checkpoint() func(*result.Run) {
	said := false
	return func(run *result.Run) {
		if !anyRound(run) {
			return
		}
		if err := store.WriteRun(s.plan.Out, run); err != nil && !said {
			s.app.say("harness: warning: the finished rounds cannot be kept yet: %v", err)
			said = true
		}
	}
}
