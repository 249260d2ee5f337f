package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/ab"
	"github.com/benchharness/harness/internal/result"
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
--head-set say: NAME=VALUE of a flag of harness run, and of faults, model-dir,
plugin and target; or by what is served: a variant of the config file for each
side, or one variant of two git refs. After 6, 12 and 24 rounds it looks whether
it can tell; what stands out as better or worse is then measured again before it
is called that.

  harness ab --plugins api --head-set faults=fixed=20ms
  harness ab --base-ref main --head-ref HEAD
  harness ab --base-variant go --head-variant rust
  harness ab --plugins hash --base-set plugin=hash=./old --head-set plugin=hash=./new

` + exitHelp,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	o.shared.plan.add(cmd, ofRunAlone...)
	a.pluginFlag(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.baseSet, "base-set", nil, "`NAME=VALUE` that holds for base only; may be repeated")
	f.StringArrayVar(&o.headSet, "head-set", nil, "`NAME=VALUE` that holds for head only; may be repeated")
	o.served.add(f)
	f.IntSliceVar(&o.looks, "looks", verdict.DefaultLooks(), "`ROUNDS` at which to look, with commas")
	f.StringSliceVar(&o.formats, "format", []string{"json", "html"}, "`FORMATS` of the report files: text, json, html, markdown")
	f.StringVar(&o.dir, "dir", ".", "`FOLDER` for base.json, head.json, those of the repeat, and the reports")
	f.BoolVarP(&o.shared.verbose, "verbose", "v", false, "pass on what plugins and the reference stack log")
	return cmd
}

func (o *abOptions) run(ctx context.Context, a *app) (err error) {
	if err := o.served.check(); err != nil {
		return err
	}
	if _, err := verdict.NewSequential(verdict.Policy{}, o.looks...); err != nil {
		return &exit{exitUsage, fmt.Errorf("flag --looks: %w", err)} // before anything is built
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return usage("the folder %s cannot be made: %w; name another with --dir", o.dir, err)
	}
	lock, err := lockOutput(filepath.Join(o.dir, baseFile))
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

	d := &abDuel{app: a, base: base, head: head, looks: o.looks, left: map[string]error{}}
	policy, err := a.policy(head.plan.Thresholds, head.plan.Policy, base.session.run.MachineID)
	if err != nil {
		return err
	}
	d.quiet = a.quietness(base.plan)
	d.quiet.before(ctx)
	comparison, err := d.decide(ctx, policy)
	if err != nil {
		return err
	}
	return o.conclude(a, d, comparison, policy)
}

// abDuel measures the two sides as a sequential comparison asks for it.
type abDuel struct {
	app        *app
	base, head *abSide
	looks      []int
	left       map[string]error // benchmarks that could not be measured
	quiet      *quietness

	first, repeat *ab.Duel // the sets of rounds; nil before they begin
	interrupted   bool
}

// decide measures until the comparison is decided.
func (d *abDuel) decide(ctx context.Context, p verdict.Policy) (*verdict.Comparison, error) {
	seq, err := verdict.NewSequential(p, d.looks...)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	for {
		step, done := seq.Next()
		if done {
			break
		}
		set, err := d.set(ctx, step.Repeat)
		if err != nil {
			return nil, err
		}
		if step.Repeat {
			d.app.say("measuring again what stands out: %s", strings.Join(step.Benchmarks, ", "))
		}
		failed := d.extend(ctx, set, step)
		if ctx.Err() != nil {
			break
		}
		if failed != nil && !anyRound(d.first.Base.Run) {
			return nil, failed
		}
		d.finish(set)
		if err := seq.Add(set.Base.Run, set.Head.Run); err != nil {
			return nil, err
		}
		if failed != nil {
			d.app.say("harness: %v", failed)
			break
		}
	}
	if ctx.Err() != nil && (d.first == nil || !anyRound(d.first.Base.Run)) {
		d.app.say("harness: interrupted before a pair of rounds was finished; nothing was written")
		return nil, &exit{code: exitInterrupted}
	}
	if ctx.Err() != nil {
		d.interrupted = true
		d.finish(d.first)
		return verdict.ComparePairs(d.first.Base.Run, d.first.Head.Run, p, verdict.Look{Planned: d.looks, Confirm: true})
	}
	return seq.Comparison()
}

// set is the first set of rounds or the repeat, which begins from none.
func (d *abDuel) set(ctx context.Context, repeat bool) (*ab.Duel, error) {
	set := &d.first
	if repeat {
		set = &d.repeat
	}
	if *set != nil {
		return *set, nil
	}
	silent := func(runner.Event) {} // a line per pair says enough
	d.base.options.quiet, d.head.options.quiet = d.quiet, d.quiet
	duel := &ab.Duel{Base: d.base.side(silent), Head: d.head.side(silent)}
	duel.Base.Run, duel.Head.Run = d.base.document(ctx), d.head.document(ctx)
	if err := duel.Check(); err != nil {
		return nil, &exit{exitUsage, err}
	}
	of := duel.Base.Run.ID
	if repeat {
		of = d.first.Base.Run.ID
	}
	for _, s := range []*ab.Side{duel.Base, duel.Head} {
		verdict.Interleaving{Comparison: of, Side: s.Label, Repeat: repeat, Looks: d.looks}.Mark(s.Run)
	}
	*set = duel
	return duel, nil
}

// finish makes the documents of a set whole: when they ended, what of the plan
// is not in them, and whether head meets its budgets.
func (d *abDuel) finish(set *ab.Duel) {
	for _, s := range []*ab.Side{set.Base, set.Head} {
		s.Run.Finished, s.Run.Complete, s.Run.Interrupted = set.Finished(), true, d.interrupted
		d.quiet.record(s.Run)
		s.Run.Validity = slices.DeleteFunc(s.Run.Validity, func(f result.Finding) bool { return f.Code == notRun })
		for _, b := range s.Plan.Benchmarks {
			if err := d.left[b.ID]; err != nil {
				what, _, _ := strings.Cut(err.Error(), "\n") // the rest is what a command printed
				s.Run.Validity = append(s.Run.Validity, result.Finding{Level: "caution", Code: notRun, Message: result.Printable(what, 300)})
			}
		}
	}
	plan := d.head.plan
	set.Head.Run.Budgets = judged(set.Head.Run, plan.Budgets, plan.Gating)
}

// notRun is the code of the finding that a benchmark could not be measured to
// the end.
const notRun = "not_run"

// extend brings the benchmarks of a step to its number of rounds. Its error is
// that of a variant, without which nothing more can be measured.
func (d *abDuel) extend(ctx context.Context, set *ab.Duel, step verdict.Step) error {
	set.Paired = func(id string, pair int) { d.app.say("%s: pair %d of %d", id, pair+1, step.Rounds) }
	for i, b := range set.Base.Plan.Benchmarks {
		if step.Benchmarks != nil && !slices.Contains(step.Benchmarks, b.ID) || d.left[b.ID] != nil || ctx.Err() != nil {
			continue
		}
		err := set.Pairs(ctx, i, set.Rounds(b.ID), step.Rounds)
		if failed := (*variant.Error)(nil); errors.As(err, &failed) {
			d.left[b.ID] = fmt.Errorf("measuring ended early: %w", err)
			return d.left[b.ID]
		}
		if err != nil && ctx.Err() == nil {
			d.app.say("harness: %v", err)
			d.left[b.ID] = err
		}
	}
	return nil
}

// conclude writes the documents, prints the verdict and says how it went.
func (o *abOptions) conclude(a *app, d *abDuel, c *verdict.Comparison, p verdict.Policy) error {
	c.Base.Label, c.Head.Label = o.served.label("base", o.baseSet), o.served.label("head", o.headSet)
	written, err := d.write(o.dir)
	if err != nil {
		return err
	}
	full := &comparison{Comparison: c, policy: p, base: d.first.Base.Run, head: d.first.Head.Run}
	files, err := full.write(o.formats, o.dir)
	if err != nil {
		return err
	}
	if err := full.print(a, false); err != nil {
		return err
	}
	a.say("\nwrote %s", strings.Join(append(written, files...), ", "))
	code := c.Exit(p)
	if len(d.left) > 0 {
		code = first(code, exitNotRun)
	}
	if d.interrupted {
		code = exitInterrupted
	}
	return exitWith(code)
}

// write writes the documents of both sets into a folder. A repeat of an earlier
// comparison goes: beside the documents of this one it would be taken for
// theirs.
func (d *abDuel) write(dir string) ([]string, error) {
	var files []string
	for _, f := range []struct {
		name string
		set  *ab.Duel
		side func(*ab.Duel) *result.Run
	}{
		{baseFile, d.first, baseOf}, {headFile, d.first, headOf},
		{baseRepeatFile, d.repeat, baseOf}, {headRepeatFile, d.repeat, headOf},
	} {
		path := filepath.Join(dir, f.name)
		if f.set == nil || f.set == d.repeat && (d.interrupted || !anyRound(d.repeat.Base.Run)) { // half a repeat decides nothing
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return files, fmt.Errorf("remove the repeat of an earlier comparison: %w", err)
			}
			continue
		}
		if err := store.WriteRun(path, f.side(f.set)); err != nil {
			return files, err
		}
		files = append(files, path)
	}
	return files, nil
}

func baseOf(set *ab.Duel) *result.Run { return set.Base.Run }
func headOf(set *ab.Duel) *result.Run { return set.Head.Run }
