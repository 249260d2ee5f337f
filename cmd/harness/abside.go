package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/ab"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/variant"
	"github.com/benchharness/harness/plugins/reference"
)

// abSide is one side of `harness ab` on this machine: what differs from the
// other, and the session in which its rounds are measured.
type abSide struct {
	name    string // "base" or "head"
	app     *app   // with the side's own --plugin files
	options *runOptions
	plan    suite.Plan
	session *session

	variant  *variant.Variant // that serves while a round is measured; nil = none
	settings []result.Setting // of the variant
}

// newABSide makes a side from the flags that both share and its own --…-set
// values.
func newABSide(ctx context.Context, a *app, name string, shared runOptions, set []string) (*abSide, error) {
	own := &app{stdout: a.stdout, stderr: a.stderr, dir: a.dir, exe: a.exe, folders: a.folders, plugins: slices.Clone(a.plugins)}
	s := &abSide{name: name, app: own, options: &shared}
	s.options.plan.flags.Targets = slices.Clone(shared.plan.flags.Targets)
	for _, kv := range set {
		if err := s.set(kv); err != nil {
			return nil, err
		}
	}
	if err := reference.Check(reference.Options{Faults: s.options.faults, ModelDir: s.options.modelDir}); err != nil {
		return nil, &exit{exitUsage, fmt.Errorf("%s: %w", name, err)}
	}
	if err := s.app.hold(&s.options.plan); err != nil {
		return nil, err
	}
	c, err := s.app.catalog()
	if err != nil {
		return nil, err
	}
	if s.plan, err = s.app.plan(ctx, c, s.options.plan.flags); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if id := searched(s.plan); id != "" {
		return nil, usage("%s: %s asks for its capacity (find_capacity), and sides are compared at one rate: remove it, or compare two runs of harness run --find-capacity", name, id)
	}
	s.app.warnPlugins(c, s.plan)
	s.ignoreUntil()
	if s.session, err = newSession(ctx, s.app, c, s.options, s.plan); err != nil {
		return nil, err
	}
	return s, nil
}

// ignoreUntil says, once for both sides, that the file's rule to end by is none
// here.
func (s *abSide) ignoreUntil() {
	for _, b := range s.plan.Benchmarks {
		if u := b.Scenarios[0].Load.Until; u.Asked() && s.name == "base" {
			s.app.say("harness: warning: until %s is a rule of harness run: where sides are measured in turns, the comparison says how many rounds it takes", u)
			return
		}
	}
}

// set applies one NAME=VALUE.
func (s *abSide) set(kv string) error {
	key, value, ok := strings.Cut(kv, "=")
	flag := "--" + s.name + "-set"
	if !ok {
		return usage("%s %q: want NAME=VALUE, where NAME is a flag of harness run", flag, kv)
	}
	switch key {
	case "faults":
		s.options.faults = value
	case "model-dir":
		s.options.modelDir = value
	case "plugin":
		s.app.plugins = append(s.app.plugins, value)
	case "target":
		s.options.plan.flags.Targets = append(s.options.plan.flags.Targets, value)
	case "threshold":
		return usage("%s %q: both sides are judged by one threshold, which is --threshold", flag, kv)
	default:
		if slices.Contains(ofRunAlone, key) {
			return usage("%s %q: this is a setting of harness run alone", flag, kv)
		}
		if slices.Contains(ofBothSides, key) {
			return usage("%s %q: both sides are measured under the same conditions: set it for both, with --%s", flag, kv, key)
		}
		if err := s.options.plan.flags.Set(key, value); err != nil {
			names := []string{"faults", "model-dir", "plugin", "target"}
			for _, d := range suite.FlagDefs {
				names = append(names, d.Name)
			}
			return usage("%s %q: unknown setting %q%s", flag, kv, key, suggest(key, names))
		}
	}
	return nil
}

// side is what package ab measures.
func (s *abSide) side(observe func(runner.Event)) *ab.Side {
	return &ab.Side{Label: s.name, Plan: s.plan, Pass: func(ctx context.Context, plan suite.Plan, round int, run *result.Run) []error {
		o := s.session.runnerOptions(observe)
		o.Plan, o.Run, o.FirstRound = plan, run, round
		return s.served(ctx, run, func() []error { return runner.Run(ctx, o) })
	}}
}

// document is a fresh run document of the side.
func (s *abSide) document(ctx context.Context) *result.Run {
	run := newDocument(ctx, s.plan)
	run.Plan.Settings = append(append(run.Plan.Settings, s.session.further()...), s.settings...)
	return run
}
