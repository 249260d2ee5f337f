package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/variant"
)

// abVariants is how the sides of `harness ab` differ by what is served: by
// variants of the config file, or by git refs that one variant is served from.
type abVariants struct {
	variants map[string]*string // by side
	refs     map[string]*string
	shared   string // variant that is served from both refs
}

func (o *abVariants) add(f *pflag.FlagSet) {
	o.variants, o.refs = map[string]*string{}, map[string]*string{}
	for _, side := range []string{"base", "head"} {
		o.variants[side] = f.String(side+"-variant", "", "`NAME` of the config file's variant that is "+side)
		o.refs[side] = f.String(side+"-ref", "", "git `REF` that is "+side+", built and served in a worktree of its own")
	}
	f.StringVar(&o.shared, "variant", "", "`NAME` of the variant that is served from both refs (default: the only one)")
}

// byRef says whether the sides are git refs. One that is not given is HEAD.
func (o *abVariants) byRef() bool { return *o.refs["base"] != "" || *o.refs["head"] != "" }

func (o *abVariants) ref(side string) string {
	if ref := *o.refs[side]; ref != "" {
		return ref
	}
	return "HEAD"
}

// label says in a few words what a side is. What --target says may be secret
// and stays out.
func (o *abVariants) label(side string, set []string) string {
	var words []string
	if o.byRef() {
		words = append(words, o.ref(side))
	} else if v := *o.variants[side]; v != "" {
		words = append(words, "variant "+v)
	}
	for _, kv := range set {
		if key, value, _ := strings.Cut(kv, "="); key == "target" {
			kind, _, _ := strings.Cut(value, "=")
			kv = "target " + kind
		}
		words = append(words, kv)
	}
	if len(words) == 0 {
		return "as configured"
	}
	return result.Printable(strings.Join(words, ", "), 100)
}

func (o *abVariants) check() error {
	base, head := *o.variants["base"], *o.variants["head"]
	switch {
	case o.byRef() && (base != "" || head != ""):
		return usage("--base-ref and --head-ref go with --variant, not with --base-variant and --head-variant")
	case !o.byRef() && o.shared != "":
		return usage("--variant goes with --base-ref and --head-ref; without them use --base-variant and --head-variant")
	case (base == "") != (head == ""):
		return usage("--base-variant and --head-variant go together: neither side may be served while the other is measured")
	}
	return nil
}

// of returns the options of a side, with its variant.
func (o *abVariants) of(side string, options runOptions) runOptions {
	f := &options.plan.flags
	if f.Variant = *o.variants[side]; o.byRef() {
		f.Variant, f.SoleVariant = o.shared, true
	}
	return options
}

// prepare checks the refs out and builds both sides. The function it returns
// undoes that, also after an error.
func (o *abVariants) prepare(ctx context.Context, a *app, sides ...*abSide) (undo func() error, err error) {
	var trees []func() error
	undo = func() error {
		var errs []error
		for _, remove := range trees {
			errs = append(errs, remove())
		}
		return errors.Join(errs...)
	}
	var repo *variant.Repo
	if o.byRef() {
		if repo, err = o.openRepo(ctx, a, sides[0].plan); err != nil {
			return undo, err
		}
	}
	for _, s := range sides {
		if s.plan.Variant == nil {
			continue
		}
		dir := filepath.Dir(s.plan.ConfigFile)
		if repo != nil {
			tree, commit, err := o.checkOut(ctx, repo, s)
			if err != nil {
				return undo, err
			}
			trees = append(trees, func() error { return repo.RemoveTree(tree) })
			s.note("ref", o.ref(s.name), "flag --"+s.name+"-ref")
			s.note("commit", commit, "git")
			dir = filepath.Join(tree, repo.Prefix)
		}
		s.note("variant", s.plan.Variant.Name, s.plan.Variant.Source)
		s.variant = &variant.Variant{Spec: *s.plan.Variant, Dir: filepath.Join(dir, s.plan.Variant.Dir), Journal: s.session.journal, Log: s.session.log(s.name),
			CPUs: s.plan.Isolation.Target}
	}
	if commits := commitsOf(sides); len(commits) == 2 && commits[0] == commits[1] {
		a.say("harness: warning: both sides are commit %.12s: what differs between them is chance, or what --base-set and --head-set say", commits[0])
	}
	for _, s := range sides {
		if s.variant == nil || s.variant.Spec.Build == "" {
			continue
		}
		a.say("%s: building variant %s", s.name, s.variant.Spec.Name)
		if err := s.variant.Build(ctx); err != nil {
			return undo, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return undo, nil
}

// commitsOf are the commits that sides are served from.
func commitsOf(sides []*abSide) []string {
	var out []string
	for _, s := range sides {
		for _, setting := range s.settings {
			if setting.Name == "commit" {
				out = append(out, setting.Value)
			}
		}
	}
	return out
}

// openRepo opens the repository that the config file is in.
func (o *abVariants) openRepo(ctx context.Context, a *app, plan suite.Plan) (*variant.Repo, error) {
	repo, err := variant.OpenRepo(ctx, filepath.Dir(plan.ConfigFile))
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	if err := repo.Forget(ctx); err != nil {
		a.say("harness: warning: %v", err)
	}
	if dirty, err := repo.Dirty(ctx); err == nil && dirty {
		a.say("harness: warning: uncommitted changes of %s are in no ref and are not measured", repo.Top)
	}
	return repo, nil
}

// checkOut makes the worktree of a side.
func (o *abVariants) checkOut(ctx context.Context, repo *variant.Repo, s *abSide) (tree, commit string, err error) {
	if commit, err = repo.Commit(ctx, o.ref(s.name)); err != nil {
		return "", "", &exit{exitUsage, fmt.Errorf("%s: %w", s.name, err)}
	}
	tree, err = repo.AddTree(ctx, s.session.dir, s.name, commit)
	return tree, commit, err
}

// note adds to the settings of the side's run document.
func (s *abSide) note(name, value, source string) {
	s.settings = append(s.settings, result.Setting{Name: name, Value: value, Source: source})
}

// served has the side's variant, if it has one, serve while a round is measured.
func (s *abSide) served(ctx context.Context, run *result.Run, measure func() []error) []error {
	if s.variant == nil {
		return measure()
	}
	up, err := s.variant.Up(ctx)
	if err != nil {
		return []error{err}
	}
	errs := measure()
	for i := range run.Benchmarks {
		for k := range run.Benchmarks[i].Rounds {
			if r := &run.Benchmarks[i].Rounds[k]; r.TargetProcess == 0 {
				r.TargetProcess = up.PID()
			}
		}
	}
	if err := up.Down(); err != nil {
		errs = append(errs, err)
	}
	return errs
}
