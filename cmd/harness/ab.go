package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/ab"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/variant"
	"github.com/benchharness/harness/internal/verdict"
)

type abOptions struct {
	shared           runOptions
	served           abVariants
	baseSet, headSet []string
	looks            []int
	formats          []string
	dir              string
}

func newAB(a *app) *cobra.Command {
	o := &abOptions{}
	cmd := &cobra.Command{
		Use:   "ab",
		Short: "Measure base and head in turns on this machine, and judge head",
		Long: `Measure two sides in turns on this machine (base, head, head, base, …) and judge
head against base. Every round starts the target and the plugin anew, and nothing
of the other side runs meanwhile. The sides differ by what --base-set and
--head-set say: NAME=VALUE of any flag of harness run, and of faults, model-dir,
plugin and target; or by what is served: a variant of the config file for each
side, or one variant of two git refs. After 6, 12 and 24 rounds it looks whether it can tell; what
stands out as better or worse is then measured again before it is called that.

  harness ab --plugins api --head-set faults=fixed=20ms
  harness ab --base-ref main --head-ref HEAD
  harness ab --base-variant go --head-variant rust
  harness ab --plugins hash --base-set plugin=hash=./old --head-set plugin=hash=./new

` + exitHelp,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	o.shared.plan.add(cmd)
	a.pluginFlag(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.baseSet, "base-set", nil, "`NAME=VALUE` that holds for base only; may be repeated")
	f.StringArrayVar(&o.headSet, "head-set", nil, "`NAME=VALUE` that holds for head only; may be repeated")
	o.served.add(f)
	f.IntSliceVar(&o.looks, "looks", verdict.DefaultLooks(), "`ROUNDS` at which to look, with commas")
	f.StringSliceVar(&o.formats, "format", []string{"json", "html"}, "`FORMATS` of the report files: text, json, html, markdown")
	f.StringVar(&o.dir, "dir", ".", "`FOLDER` for base.json, head.json and the reports")
	f.BoolVarP(&o.shared.verbose, "verbose", "v", false, "pass on what plugins and the reference stack log")
	return cmd
}

func (o *abOptions) run(ctx context.Context, a *app) (err error) {
	if err := o.served.check(); err != nil {
		return err
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	lock, err := lockOutput(filepath.Join(o.dir, "base.json"))
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the kernel drops it with the process
	base, err := newABSide(ctx, a, "base", o.served.of("base", o.shared), o.baseSet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, base.session.close()) }()
	head, err := newABSide(ctx, a, "head", o.served.of("head", o.shared), o.headSet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, head.session.close()) }()
	sweepDead(ctx, a, base.session.catalog)
	undo, err := o.served.prepare(ctx, a, base, head)
	defer func() { err = errors.Join(err, undo()) }()
	if err != nil {
		return err
	}

	d := &abDuel{app: a, base: base, head: head, left: map[string]error{}}
	policy, err := a.policy(head.plan.Thresholds, head.plan.Policy, base.session.run.MachineID)
	if err != nil {
		return err
	}
	comparison, sets, err := d.decide(ctx, policy, o.looks)
	if err != nil {
		return err
	}
	return o.conclude(a, d, sets, comparison, policy)
}

// abDuel measures the two sides as a sequential comparison asks for it.
type abDuel struct {
	app        *app
	base, head *abSide
	left       map[string]error // benchmarks that could not be measured

	interrupted bool
}

// decide measures until the comparison is decided. It returns the first set of
// rounds, the one that is written.
func (d *abDuel) decide(ctx context.Context, p verdict.Policy, looks []int) (*verdict.Comparison, *ab.Duel, error) {
	seq, err := verdict.NewSequential(p, looks...)
	if err != nil {
		return nil, nil, &exit{exitUsage, err}
	}
	var first, repeat *ab.Duel
	for {
		step, done := seq.Next()
		if done {
			break
		}
		set := &first
		if step.Repeat {
			set = &repeat
		}
		if *set == nil {
			if *set, err = d.newSet(ctx); err != nil {
				return nil, nil, err
			}
		}
		if step.Repeat {
			d.app.say("measuring again what stands out: %s", strings.Join(step.Benchmarks, ", "))
		}
		err := d.extend(ctx, *set, step)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if err := seq.Add((*set).Base.Run, (*set).Head.Run); err != nil {
			return nil, nil, err
		}
	}
	if ctx.Err() != nil && (first == nil || !anyRound(first.Base.Run)) {
		d.app.say("harness: interrupted before a pair of rounds was finished; nothing was written")
		return nil, nil, &exit{code: exitInterrupted}
	}
	if ctx.Err() != nil {
		d.interrupted = true
		c, err := verdict.ComparePairs(first.Base.Run, first.Head.Run, p, verdict.Look{Planned: looks, Confirm: true})
		return c, first, err
	}
	c, err := seq.Comparison()
	return c, first, err
}

// newSet is a set of rounds that begins from none.
func (d *abDuel) newSet(ctx context.Context) (*ab.Duel, error) {
	quiet := func(runner.Event) {} // a line per pair says enough
	set := &ab.Duel{Base: d.base.side(quiet), Head: d.head.side(quiet)}
	set.Base.Run, set.Head.Run = d.base.document(ctx), d.head.document(ctx)
	if err := set.Check(); err != nil {
		return nil, &exit{exitUsage, err}
	}
	return set, nil
}

// extend brings the benchmarks of a step to its number of rounds. Its error is
// that of a variant, without which nothing can be measured.
func (d *abDuel) extend(ctx context.Context, set *ab.Duel, step verdict.Step) error {
	set.Paired = func(id string, pair int) { d.app.say("%s: pair %d of %d", id, pair+1, step.Rounds) }
	for i, b := range set.Base.Plan.Benchmarks {
		if step.Benchmarks != nil && !slices.Contains(step.Benchmarks, b.ID) || d.left[b.ID] != nil || ctx.Err() != nil {
			continue
		}
		err := set.Pairs(ctx, i, set.Rounds(b.ID), step.Rounds)
		if failed := (*variant.Error)(nil); errors.As(err, &failed) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			d.app.say("harness: %v", err)
			d.left[b.ID] = err
		}
	}
	return nil
}

// conclude writes the documents, prints the verdict and says how it went.
func (o *abOptions) conclude(a *app, d *abDuel, set *ab.Duel, c *verdict.Comparison, p verdict.Policy) error {
	c.Base.Label, c.Head.Label = o.served.label("base", o.baseSet), o.served.label("head", o.headSet)
	for name, s := range map[string]*ab.Side{"base.json": set.Base, "head.json": set.Head} {
		s.Run.Finished = set.Finished()
		s.Run.Complete = true
		if err := store.WriteRun(filepath.Join(o.dir, name), s.Run); err != nil {
			return err
		}
	}
	full := &comparison{Comparison: c, policy: p, base: set.Base.Run, head: set.Head.Run}
	files, err := full.write(o.formats, o.dir)
	if err != nil {
		return err
	}
	if err := full.print(a, false); err != nil {
		return err
	}
	a.say("\nwrote %s", strings.Join(append([]string{filepath.Join(o.dir, "base.json"), filepath.Join(o.dir, "head.json")}, files...), ", "))
	code := c.Exit(p)
	if len(d.left) > 0 {
		code = first(code, exitNotRun)
	}
	if d.interrupted {
		code = exitInterrupted
	}
	return exitWith(code)
}
