package main

import (
	"path/filepath"
	"time"

	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/verdict"
)

// policy is what comparisons with a head run of a machine are judged by here:
// thresholds, the config file's policy, the machine's noise floors, and the
// regressions that the working directory's file accepts.
func (a *app) policy(thresholds []suite.Threshold, rules suite.Policy, machineID string) (verdict.Policy, error) {
	return a.ruled(a.withFloors(policyOf(thresholds), machineID), rules)
}

// ruled adds the config file's policy and the accepted regressions.
func (a *app) ruled(p verdict.Policy, rules suite.Policy) (verdict.Policy, error) {
	p.Inconclusive, p.Uncompared = action(rules.FailInconclusive), action(rules.FailUncompared)
	p.AllowOtherMachine = rules.CompareOtherMachine
	accepted, warnings, err := suite.ReadAcknowledgements(a.acknowledged(), p.Now)
	if err != nil {
		return p, err
	}
	for _, w := range warnings {
		a.say("harness: warning: %s", w)
	}
	for _, ack := range accepted {
		p.Acknowledgements = append(p.Acknowledgements, verdict.Acknowledgement(ack))
	}
	return p, nil
}

func action(fail bool) verdict.Action {
	if fail {
		return verdict.FailIt
	}
	return verdict.PassIt
}

// acknowledged is the file of accepted regressions.
func (a *app) acknowledged() string {
	return filepath.Join(a.dir, filepath.FromSlash(suite.AcknowledgedFile))
}

// policyOf is what a comparison is judged by, from the settings' thresholds.
func policyOf(thresholds []suite.Threshold) verdict.Policy {
	p := verdict.Policy{Match: suite.Match, Now: time.Now().UTC()}
	for _, t := range thresholds {
		p.Thresholds = append(p.Thresholds, verdict.Threshold(t))
	}
	return p
}

// withFloors adds this machine's floors to a policy. Floors that cannot be read
// are named and not used.
func (a *app) withFloors(p verdict.Policy, machineID string) verdict.Policy {
	if machineID == "" {
		return p // a document of another program: nobody measured its machine
	}
	f, err := store.ReadFloors(a.folders, machineID)
	if err != nil {
		a.say("harness: warning: %v", err)
		return p
	}
	p.Floors = map[string]verdict.Floor{}
	for id, x := range f.Metrics {
		p.Floors[id] = verdict.Floor{Rounds: x.Rounds, Runs: x.Runs, Workload: x.Workload}
	}
	return p
}
