package main

import (
	"context"
	"slices"
	"time"

	"github.com/benchharness/harness/internal/machine"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk/probe"
)

// quietness is a command's wait for a quiet machine; nil is none. Sides that
// are measured in turns share one.
type quietness struct {
	*machine.Patience
	found []machine.Finding
}

func (a *app) quietness(plan suite.Plan) *quietness {
	if plan.WaitQuiet == 0 {
		return nil
	}
	return &quietness{Patience: machine.NewPatience(plan.WaitQuiet, machine.Cores(), func(line string) { a.say("harness: %s", line) })}
}

// How long the first look at the machine takes: before a run, and before each
// scenario, where on a quiet machine there is a look for every one of them.
const (
	lookBefore  = 2 * time.Second
	lookBetween = 250 * time.Millisecond
)

// before waits before anything is started.
func (q *quietness) before(ctx context.Context) {
	if q != nil {
		q.found = append(q.found, q.Wait(ctx, lookBefore, machine.Observe)...)
	}
}

// between is what waits before each scenario of a run, nil for nothing.
func (q *quietness) between(run *result.Run) func(context.Context, func(context.Context, time.Duration) probe.Series) {
	if q == nil {
		return nil
	}
	return func(ctx context.Context, watch func(context.Context, time.Duration) probe.Series) {
		q.found = append(q.found, q.Wait(ctx, lookBetween, watch)...)
		q.record(run)
	}
}

// record writes down how it went so far.
func (q *quietness) record(run *result.Run) {
	if q == nil {
		return
	}
	run.WaitQuiet = &result.WaitQuiet{Most: q.Most().Seconds(), Waited: q.Waited().Seconds(), Quiet: q.Quiet()}
	if len(q.found) > 0 { // it says the same, and more than to wait
		run.Validity = slices.DeleteFunc(run.Validity, func(f result.Finding) bool { return f.Code == "busy" })
	}
	for _, f := range q.found {
		if !slices.Contains(run.Validity, finding(f)) {
			run.Validity = append(run.Validity, finding(f))
		}
	}
}
