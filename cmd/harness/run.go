package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/verdict"
)

type runOptions struct {
	plan     planFlags
	clocks   bool
	verbose  bool
	modelDir string
	faults   string
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
	f.BoolVar(&o.clocks, "clocks", false, "show the four clocks of every benchmark in the text report")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "pass on what plugins and the reference stack log")
	f.StringVar(&o.modelDir, "model-dir", "", "`FOLDER` with real weights (safetensors) for the reference encoder")
	f.StringVar(&o.faults, "faults", "", "`FAULTS` of the reference service, such as fixed=20ms or /search:stall=200ms/2s")
	return cmd
}

func (o *runOptions) run(ctx context.Context, a *app) error {
	c, err := a.catalog()
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx, a.stderr)
	defer stop()
	plan, err := a.plan(ctx, c, o.plan.flags)
	if err != nil {
		return err
	}
	for _, w := range plan.Warnings {
		fmt.Fprintln(a.stderr, "harness: warning:", w)
	}
	if len(plan.Benchmarks) == 0 {
		return usage("the plan has no benchmark: see harness list")
	}
	lock, err := lockOutput(plan.Out)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the kernel drops it with the process
	sweepDead(ctx, a, c)
	s, err := newSession(ctx, a, c, o, plan)
	if err != nil {
		return err
	}
	problems := s.measure(ctx)
	problems = append(problems, s.close())
	return o.conclude(a, s.run, plan, errors.Join(problems...))
}

// lockOutput keeps a second run out of the folder that this one writes to.
func lockOutput(out string) (*store.FolderLock, error) {
	lock, err := store.Lock(filepath.Dir(out))
	var held *store.LockedError
	if errors.As(err, &held) {
		return nil, &exit{exitUsage, err}
	}
	return lock, err
}

// conclude judges the budgets, writes the documents, prints the result and
// says how it went.
func (o *runOptions) conclude(a *app, run *result.Run, plan suite.Plan, problems error) error {
	run.Budgets = verdict.Judge(budgets(plan.Budgets), run, suite.Match)
	for i := range run.Budgets {
		run.Budgets[i].Gate = plan.Gating
	}
	code := exitPass
	if err := store.WriteRun(plan.Out, run); err != nil {
		return errors.Join(problems, err)
	}
	if len(run.Benchmarks) > 0 {
		if err := printText(a, run, o.clocks); err != nil {
			return err
		}
	}
	files, err := writeReports(run, plan.Reports, reportBase(plan.Out))
	if err != nil {
		problems = errors.Join(problems, err)
	}
	fmt.Fprintf(a.stderr, "\nwrote %s\n", strings.Join(append([]string{plan.Out}, files...), ", "))
	if problems != nil {
		for _, line := range strings.Split(problems.Error(), "\n") {
			fmt.Fprintf(a.stderr, "harness: %s\n", line)
		}
		code = codeOf(problems)
	}
	code = first(code, verdictCode(run))
	if run.Interrupted {
		fmt.Fprintln(a.stderr, "harness: interrupted; the finished rounds are in", plan.Out)
		code = exitInterrupted
	}
	if code != exitPass {
		return &exit{code: code}
	}
	return nil
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
	view := s.view()
	defer view.Close()
	return runner.Run(ctx, runner.Options{
		Plan: s.plan, Run: s.run, Dir: s.dir, Lookup: s.catalog,
		Plugin: s.startPlugin, PluginInfo: s.pluginInfo, Reference: s.startReference,
		Watch: watchMachine, Observe: view.Observe,
		Checkpoint: func(run *result.Run) error { return store.WriteRun(s.plan.Out, run) },
	})
}
