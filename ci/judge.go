package ci

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// FailOn is what blocks a pull request.
type FailOn string

// What blocks. By policy is what the exit code of harness ab and harness
// compare says.
const (
	ByPolicy       FailOn = "policy"
	OnRegression   FailOn = "regression"   // a regression or a missed budget, and nothing else
	OnInconclusive FailOn = "inconclusive" // like ByPolicy, and a gating metric that is undecided
	Never          FailOn = "never"
)

// FailOns are the values that there are.
func FailOns() []FailOn { return []FailOn{ByPolicy, OnRegression, OnInconclusive, Never} }

// Exit codes of a leg, as harness has them.
const (
	passed      = 0
	failed      = 1
	notRun      = 3
	untrusted   = 4
	interrupted = 130
)

// Judge makes verdicts of documents.
type Judge struct {
	// Policy is what a head run that was measured on a machine is judged by.
	Policy func(machineID string) (verdict.Policy, error)
	// Budgets holds a head run against the budgets; nil leaves those of the
	// document.
	Budgets func(head *result.Run) []result.Budget
	// Base are the runs that a head without a base of its own is compared with.
	Base []*result.Run
	// Untrusted says that the documents come from strangers: what a comparison
	// says is not looked at.
	Untrusted bool
	FailOn    FailOn // "" is ByPolicy
}

// Leg judges the documents of a leg.
func (j Judge) Leg(d Documents) (body.Leg, error) {
	leg := body.Leg{Name: d.Name}
	if d.Set != nil {
		leg.Base, leg.Head = d.Set.Base, d.Set.Head
	} else {
		leg.Head = d.Head
	}
	c, p, err := j.compare(d)
	if err != nil {
		return leg, err
	}
	leg.Comparison = c
	leg.Exit = j.blocking(exit(c, p, d.runs()))
	if leg.Exit == passed && j.Untrusted && j.FailOn != Never && unrepeated(c) {
		leg.Exit = untrusted
	}
	return leg, nil
}

// unrepeated says that a gating metric looks worse and that the documents lack
// the repeat which would tell. By the policy here it was due: whoever measured
// had thresholds of their own, or left it out. Of strangers' documents that
// cannot pass, as it would be the easiest way around the policy.
func unrepeated(c *verdict.Comparison) bool {
	return slices.ContainsFunc(c.Rows, func(r verdict.Row) bool {
		return r.Gate && r.Verdict == verdict.Inconclusive && r.Reason == verdict.NotRepeated && (r.Worse == nil || *r.Worse > 0)
	})
}

// Missing is the leg of documents that are not there or cannot be judged.
func (j Judge) Missing(name string, why error) body.Leg {
	leg := body.Leg{Name: name, Problem: why.Error(), Exit: notRun}
	if j.FailOn == Never {
		leg.Exit = passed
	}
	return leg
}

// compare gives the comparison and what it was judged by.
func (j Judge) compare(d Documents) (*verdict.Comparison, verdict.Policy, error) {
	if d.Comparison != nil && !j.Untrusted {
		p, err := j.policy(d.Comparison.Head.MachineID)
		return d.Comparison, p, err
	}
	head := d.Head
	if d.Set != nil {
		head = d.Set.Head
	}
	if head == nil {
		return nil, verdict.Policy{}, errors.New("the comparison is not believed here, and the run documents to judge it again by are not there")
	}
	if j.Budgets != nil {
		head.Budgets = j.Budgets(head)
	}
	p, err := j.policy(head.MachineID)
	if err != nil {
		return nil, p, err
	}
	var c *verdict.Comparison
	switch {
	case d.Set != nil:
		c, err = verdict.Replay(*d.Set, d.Repeat, p)
	case len(j.Base) > 0:
		c, err = verdict.Compare(j.Base, head, p)
	default:
		err = errors.New("there is a head run and nothing to compare it with: name a baseline")
	}
	if err == nil {
		c.Base.Label, c.Head.Label = "base", "head"
	}
	return c, p, err
}

func (j Judge) policy(machineID string) (verdict.Policy, error) {
	p, err := j.Policy(machineID)
	if j.FailOn == OnInconclusive {
		p.Inconclusive = verdict.FailIt
	}
	return p, err
}

// blocking is the exit code as far as it is to block.
func (j Judge) blocking(code int) int {
	switch {
	case j.FailOn == Never, j.FailOn == OnRegression && code != failed:
		return passed
	}
	return code
}

// exit is the exit code of a comparison and of the runs behind it.
func exit(c *verdict.Comparison, p verdict.Policy, runs []*result.Run) int {
	codes := []int{c.Exit(p)}
	if slices.ContainsFunc(c.Validity, unfinished) {
		codes = append(codes, notRun)
	}
	for _, b := range c.Budgets {
		if b.Gate && b.Verdict == verdict.NotMeasured && strings.HasPrefix(b.Reason, "invalid") {
			codes = append(codes, untrusted)
		}
	}
	for _, run := range runs {
		if run.Interrupted {
			codes = append(codes, interrupted)
		}
		if slices.ContainsFunc(run.Validity, unfinished) {
			codes = append(codes, notRun)
		}
		for i := range run.Benchmarks {
			if _, bad := report.Failed(run, &run.Benchmarks[i]); bad {
				codes = append(codes, notRun)
			}
		}
	}
	return First(codes...)
}

// unfinished finds what harness ab says of a benchmark that it could not
// measure to the end.
func unfinished(f result.Finding) bool { return f.Code == "not_run" }

// First is the exit code that wins.
func First(codes ...int) int {
	for _, c := range []int{interrupted, failed, notRun, untrusted} {
		if slices.Contains(codes, c) {
			return c
		}
	}
	return passed
}

// Exit is the exit code of all legs together.
func Exit(legs []body.Leg) int {
	codes := make([]int, len(legs))
	for i := range legs {
		codes[i] = legs[i].Exit
	}
	return First(codes...)
}

// Regressed says that somebody has to look: something failed, or nobody knows.
func Regressed(legs []body.Leg) bool {
	return slices.ContainsFunc(legs, func(l body.Leg) bool {
		return l.Exit != passed || l.Comparison == nil || slices.ContainsFunc(l.Comparison.Rows, func(r verdict.Row) bool { return r.Fails() }) ||
			slices.ContainsFunc(l.Comparison.Budgets, func(b result.Budget) bool { return b.Gate && b.Verdict == verdict.Missed })
	})
}

// Changed says that there is a difference, for better or worse.
func Changed(legs []body.Leg) bool {
	return Regressed(legs) || slices.ContainsFunc(legs, func(l body.Leg) bool {
		n := l.Comparison.Counts
		return n[verdict.Regressed]+n[verdict.Improved]+n[verdict.Slower]+n[verdict.Faster] > 0
	})
}

// ParseFailOn reads the value of a flag.
func ParseFailOn(text string) (FailOn, error) {
	if f := FailOn(text); slices.Contains(FailOns(), f) {
		return f, nil
	}
	return "", fmt.Errorf("want one of %s", strings.Trim(fmt.Sprint(FailOns()), "[]"))
}
