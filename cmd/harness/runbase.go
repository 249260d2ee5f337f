package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/benchharness/harness/internal/history"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
)

// checkBefore finds out, before anything is measured, that the baseline or the
// history cannot be used.
func (o *runOptions) checkBefore(ctx context.Context, a *app, plan suite.Plan) error {
	if plan.Baseline != "" {
		if _, err := o.baseline(ctx, a, plan); err != nil {
			return err
		}
		if _, _, err := suite.ReadAcknowledgements(a.acknowledged(), time.Now()); err != nil {
			return err
		}
	}
	if !o.keepsHistory() {
		return nil
	}
	h, err := openHistory(ctx, a, o.history.folder(), history.Create)
	if err != nil {
		return err
	}
	return h.Close()
}

// baseline reads the plan's baseline: nil when none is named, or when it is
// not there yet.
func (o *runOptions) baseline(ctx context.Context, a *app, plan suite.Plan) (*named, error) {
	if plan.Baseline == "" {
		return nil, nil
	}
	n, err := a.find(ctx, plan.Baseline, o.history)
	var missing *notFoundError
	switch {
	case errors.As(err, &missing):
		return nil, nil
	case err != nil:
		return nil, &exit{exitUsage, err}
	}
	return n, nil
}

// compare judges a run against the plan's baseline. It returns nil when none
// is named, or when rounds are missing.
func (o *runOptions) compare(ctx context.Context, a *app, run *result.Run, plan suite.Plan) (*comparison, error) {
	if plan.Baseline == "" || run.Interrupted || !run.Complete {
		return nil, nil
	}
	base, err := o.baseline(ctx, a, plan)
	if err != nil {
		return nil, err
	}
	policy, err := a.policy(plan.Thresholds, plan.Policy, run.MachineID)
	if err != nil {
		return nil, err
	}
	c, err := newComparison(base, run, plan.Out, policy)
	if err != nil {
		return nil, err
	}
	c.remember(ctx, a, o.history)
	return c, nil
}

// printFirst prints the comparison above the run's tables. Where everything is
// new, that is all there is to say.
func (c *comparison) printFirst(a *app) error {
	if c.base == nil {
		_, err := fmt.Fprintf(a.stdout, "%s\n\n", c.Sentence)
		return err
	}
	if err := c.print(a, false); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.stdout)
	return err
}

// adviseBaseline says how to have something to compare with.
func adviseBaseline(a *app, c *comparison, run *result.Run, plan suite.Plan) {
	switch {
	case run.Interrupted || !run.Complete:
	case c != nil && c.base == nil:
		a.say("there is no baseline %s yet; to make this run the baseline: harness baseline save %[1]s %s", plan.Baseline, plan.Out)
	case plan.Baseline == "" && len(a.baselineNames()) == 0:
		a.say("to compare later runs with this one: harness baseline save main %s, then harness run --baseline main", plan.Out)
	}
}

// keepsHistory says whether the run goes into a history: one that was named,
// or the usual one where it exists.
func (o *runOptions) keepsHistory() bool { return o.history != "" || o.history.exists() }

// keep puts a whole run into the history. The run's document is written
// already, so that a failure loses nothing.
func (o *runOptions) keep(ctx context.Context, a *app, run *result.Run, plan suite.Plan) {
	if !o.keepsHistory() || run.Interrupted || !run.Complete {
		return
	}
	h, err := history.Create(ctx, o.history.folder())
	if err == nil {
		_, _, err = h.Add(ctx, run)
		err = errors.Join(err, h.Close())
	}
	if err != nil {
		a.say("harness: warning: %v; harness history add %s tries again", err, filepath.Clean(plan.Out))
	}
}
