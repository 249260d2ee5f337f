package main

import (
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

func newBaseline(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Runs that others are compared with: save, list, show, remove",
		Long: `A baseline is one or more runs under a name, or in a file of your choice: text
with a slash in it or with .json at its end is the path of a file.

With one run, head's rounds are tested against its rounds, and the threshold is
widened by what runs differ by on this machine. From five runs on, head is
tested against the spread between them: add them with save --add.`,
		RunE: needsSubcommand,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newBaselineSave(a), newBaselineList(a), newBaselineShow(a), newBaselineRemove(a))
	return cmd
}

func newBaselineSave(a *app) *cobra.Command {
	var add bool
	cmd := &cobra.Command{
		Use:   "save NAME [RUN]",
		Short: "Make a run (default run.json) the baseline; the one before is kept as a backup",
		RunE: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 1:
				args = append(args, "run.json")
			case 2:
			default:
				return usage("harness baseline save takes a name and a run document, got %d arguments", len(args))
			}
			return saveBaseline(a, args[0], args[1], add)
		},
	}
	cmd.Flags().BoolVar(&add, "add", false, fmt.Sprintf("add the run to those that the baseline has, of which the newest %d are kept", store.MaxBaselineRuns))
	return cmd
}

func saveBaseline(a *app, name, path string, add bool) error {
	run, err := readAny(path)
	if err != nil {
		return err
	}
	if !run.Complete || run.Interrupted {
		return usage("%s is not complete: it was interrupted, so rounds are missing; measure again", path)
	}
	var backup string
	runs := 1
	if add {
		runs, backup, err = store.AddToBaseline(a.folders, name, run)
	} else {
		backup, err = store.SaveBaseline(a.folders, name, run)
	}
	if err != nil {
		return usage("save baseline %s: %w", result.Printable(name, 80), err)
	}
	file, err := store.BaselinePath(a.folders, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "saved run %s as baseline %s (%s), which has %s now\n", run.ID, name, file, plural(runs, "run"))
	if backup != "" {
		fmt.Fprintf(a.stdout, "the one before is kept as %s\n", backup)
	}
	warnOfBase(a, run)
	return nil
}

// warnOfBase says what a run is not good for as a base.
func warnOfBase(a *app, run *result.Run) {
	bad := 0
	_, all := run.InvalidReason()
	for i := range run.Benchmarks {
		if _, invalid := run.Benchmarks[i].InvalidReason(); invalid || all {
			bad++
		}
	}
	if bad > 0 {
		a.say("harness: warning: %d of its %s invalid and cannot be compared with", bad, plural(len(run.Benchmarks), "scenario")+" are")
	}
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func newBaselineList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Baselines that have a name",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := store.ListBaselines(a.folders)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				a.say("no baseline yet: harness baseline save NAME makes one of run.json")
				return nil
			}
			w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tRUNS\tNEWEST\tSTARTED\tMACHINE\tBACKUPS")
			for _, b := range list {
				if b.Err != nil {
					fmt.Fprintf(w, "%s\tcannot be used\t\t\t\t%d\n", b.Name, b.Backups)
					continue
				}
				last := b.Runs[len(b.Runs)-1]
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\n", b.Name, len(b.Runs), last.ID, day(last.Started), shortID(last.MachineID), b.Backups)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for _, b := range list {
				if b.Err != nil {
					a.say("harness: warning: baseline %q: %v", b.Name, b.Err)
				}
			}
			return nil
		},
	}
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// shortID is enough of a machine's id to tell it from others.
func shortID(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}

func newBaselineShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "The runs of a baseline, and its backups",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness baseline show takes one name, got %d", len(args))
			}
			n, err := a.findBaseline(args[0], args[0])
			if err != nil {
				return notFoundIsUsage(err)
			}
			fmt.Fprintf(a.stdout, "%s: %s, checksums verified\n\n", n.path, plural(len(n.runs), "run"))
			w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "RUN\tSTARTED\tMACHINE\tSUITE\tPROFILE\tSCENARIOS\tHARNESS")
			for _, r := range n.runs {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", r.ID, day(r.Started), shortID(r.MachineID), r.Plan.Suite, r.Plan.Profile,
					len(r.Benchmarks), result.Printable(r.Harness.Version, 40))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for _, b := range store.Backups(n.path) {
				fmt.Fprintf(a.stdout, "\nbackup %s", b)
			}
			if len(store.Backups(n.path)) > 0 {
				fmt.Fprintln(a.stdout)
			}
			return nil
		},
	}
}

func newBaselineRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a baseline; a backup of it is left",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness baseline remove takes one name, got %d", len(args))
			}
			backup, err := store.RemoveBaseline(a.folders, args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return usage("there is no baseline %q%s", args[0], suggest(args[0], a.baselineNames()))
			}
			if err != nil {
				return usage("remove baseline %s: %w", result.Printable(args[0], 80), err)
			}
			fmt.Fprintf(a.stdout, "removed baseline %s; it is kept as %s\n", args[0], backup)
			return nil
		},
	}
}

func notFoundIsUsage(err error) error {
	var missing *notFoundError
	if errors.As(err, &missing) {
		return &exit{exitUsage, err}
	}
	return err
}
