package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/ab"
	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/verdict"
)

type aaOptions struct {
	shared runOptions
	pairs  int
}

func newAA(a *app) *cobra.Command {
	o := &aaOptions{}
	cmd := &cobra.Command{
		Use:   "aa",
		Short: "Measure this machine against itself: the noise floor of every metric",
		Long: `Measure one and the same thing twice, in turns, and keep by how much each metric
differs from itself on this machine. Comparisons made here use it: a difference
below a metric's floor is never called one, and against a single stored run the
threshold is widened by it.

` + exitHelp,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	o.shared.plan.add(cmd, ofRunAlone...)
	a.pluginFlag(cmd)
	cmd.Flags().IntVar(&o.pairs, "pairs", 12, "`N` pairs of rounds")
	cmd.Flags().BoolVarP(&o.shared.verbose, "verbose", "v", false, "pass on what plugins and the reference stack log")
	return cmd
}

// minPairs is the least number of pairs whose spread says anything.
const minPairs = 3

func (o *aaOptions) run(ctx context.Context, a *app) (err error) {
	if o.pairs < minPairs {
		return usage("--pairs is %d, want %d or more", o.pairs, minPairs)
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	var sides [2]*abSide
	for i, name := range []string{"base", "head"} {
		if sides[i], err = newABSide(ctx, a, name, o.shared, nil); err != nil {
			return err
		}
		s := sides[i]
		defer func() { err = errors.Join(err, s.session.close()) }()
	}
	if _, err := store.ReadFloors(a.folders, sides[0].session.run.MachineID); err != nil {
		return &exit{exitUsage, err} // now, and not after all pairs
	}
	sweepDead(ctx, a, sides[0].session.catalog)
	d := &abDuel{app: a, base: sides[0], head: sides[1], looks: []int{o.pairs}, left: map[string]error{}}
	d.quiet = a.quietness(sides[0].plan)
	d.quiet.before(ctx)
	set, err := d.set(ctx, false)
	if err != nil {
		return err
	}
	err = d.extend(ctx, set, verdict.Step{Rounds: o.pairs})
	if ctx.Err() != nil {
		a.say("harness: interrupted; no floor was kept")
		return &exit{code: exitInterrupted}
	}
	if err != nil {
		return err
	}
	floors := floorsOf(set, policyOf(sides[0].plan.Thresholds))
	if len(floors) == 0 {
		return &exit{exitNotRun, errors.New("nothing could be measured, so there is no floor")}
	}
	path, err := store.AddFloors(a.folders, set.Base.Run.MachineID, floors)
	if err != nil {
		return err
	}
	if err := printFloors(a, set.Base.Run, floors); err != nil {
		return err
	}
	a.say("\nwrote %s", path)
	if len(d.left) > 0 {
		return exitWith(exitNotRun)
	}
	return nil
}

// floorsOf are the floors between interleaved rounds, and those between runs:
// every round had processes of its own, so a few of them stand for a run.
func floorsOf(set *ab.Duel, p verdict.Policy) map[string]store.Floor {
	now := time.Now().UTC()
	out := map[string]store.Floor{}
	for id, f := range verdict.RoundFloors(set.Base.Run, set.Head.Run, p) {
		out[id] = store.Floor{Rounds: f.Rounds, Workload: f.Workload, Measured: now}
	}
	for id, f := range verdict.RunFloors(asRuns(set), p) {
		x := out[id]
		x.Runs, x.Workload, x.Measured = f.Runs, f.Workload, now
		out[id] = x
	}
	return out
}

// asRuns cuts the rounds of both sides into runs of as many rounds as a run of
// the plan has.
func asRuns(set *ab.Duel) []*result.Run {
	var out []*result.Run
	for _, s := range []*ab.Side{set.Base, set.Head} {
		for _, b := range s.Plan.Benchmarks {
			size := b.Scenarios[0].Load.Rounds
			for i, have := range s.Run.Benchmarks {
				if have.ID != b.ID {
					continue
				}
				for k := 0; k+size <= len(have.Rounds); k += size {
					out = append(out, &result.Run{MachineID: s.Run.MachineID, Benchmarks: []result.Benchmark{s.Run.Benchmarks[i].Part(k, k+size)}})
				}
			}
		}
	}
	return out
}

func printFloors(a *app, run *result.Run, floors map[string]store.Floor) error {
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "BENCHMARK\tMETRIC\tBETWEEN ROUNDS\tBETWEEN RUNS\tGATES")
	for _, b := range run.Benchmarks {
		for _, m := range b.Metrics {
			f, ok := floors[verdict.MetricID(b.ID, b.Params, m.Name)]
			if !ok {
				continue
			}
			gates := ""
			if m.Gate {
				gates = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t±%s\t±%s\t%s\n", b.ID, m.Name, report.Quantity(f.Rounds, "ratio"), runFloor(f), gates)
		}
	}
	return w.Flush()
}

func runFloor(f store.Floor) string {
	if f.Runs == 0 {
		return "?"
	}
	return report.Quantity(f.Runs, "ratio")
}
