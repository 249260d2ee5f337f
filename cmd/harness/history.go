package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/history"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
)

func newHistory(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "What runs measured over time: list, show, add, rebuild",
		Long: `The history is a folder of run documents. An SQLite index beside them makes
trends quick; it follows the folder by itself, so documents may come and go in
any way, and it need not be kept.

harness run adds its document when there is a folder .harness/history, or when
--history names one.`,
		RunE: needsSubcommand,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newHistoryList(a), newHistoryShow(a), newHistoryAdd(a), newHistoryRebuild(a))
	return cmd
}

// openHistory opens the history and says what of it was skipped.
func openHistory(ctx context.Context, a *app, folder string, open func(context.Context, string) (*history.History, error)) (*history.History, error) {
	h, err := open(ctx, folder)
	if err != nil {
		return nil, historyError(err)
	}
	for _, s := range h.Skipped {
		a.say("harness: warning: %s is left out: %v", s.File, s.Err)
	}
	return h, nil
}

// historyError is a mistake in how things are set up, unless it is an
// interruption.
func historyError(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &exit{exitUsage, err}
}

func newHistoryList(a *app) *cobra.Command {
	var flag historyFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "The runs of the history, oldest first",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := openHistory(cmd.Context(), a, flag.folder(), history.Open)
			if err != nil {
				return err
			}
			defer h.Close()
			runs, err := h.Runs(cmd.Context())
			if err != nil {
				return historyError(err)
			}
			w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "RUN\tSTARTED\tMACHINE\tSUITE\tPROFILE\tSCENARIOS")
			for _, r := range runs {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\n", r.ID, day(r.Started), shortID(r.Machine), r.Suite, r.Profile, r.Benchmarks)
			}
			return w.Flush()
		},
	}
	historyFlagVar(cmd, &flag)
	return cmd
}

func newHistoryShow(a *app) *cobra.Command {
	var flag historyFlag
	var metrics []string
	cmd := &cobra.Command{
		Use:   "show BENCHMARK",
		Short: "How a benchmark's metrics went, and where they changed",
		Long: `How the metrics of a benchmark went on the machine of the newest run, doing the
same work, and where they changed (E-divisive, p at most 0.05, at least three
runs on each side). BENCHMARK is an id such as api/search, or a pattern in
which * stands for anything.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness history show takes one benchmark, got %d", len(args))
			}
			return showHistory(cmd.Context(), a, flag, args[0], metrics)
		},
	}
	cmd.Flags().StringSliceVar(&metrics, "metric", nil, "`METRICS` with commas, or patterns (default those that gate)")
	historyFlagVar(cmd, &flag)
	return cmd
}

func showHistory(ctx context.Context, a *app, flag historyFlag, benchmark string, metrics []string) error {
	h, err := openHistory(ctx, a, flag.folder(), history.Open)
	if err != nil {
		return err
	}
	defer h.Close()
	var benchmarks, known []string
	matches := func(s history.Series) bool { return suite.Match(benchmark, s.Benchmark) }
	trends, err := h.Trends(ctx, "", func(s history.Series) bool {
		if !slices.Contains(benchmarks, s.Benchmark) {
			benchmarks = append(benchmarks, s.Benchmark)
		}
		if matches(s) && !slices.Contains(known, s.Metric) {
			known = append(known, s.Metric)
		}
		return matches(s) && wantsMetric(metrics, s)
	})
	switch {
	case err != nil:
		return historyError(err)
	case len(trends) > 0:
		return printTrends(a.stdout, trends)
	case len(benchmarks) == 0:
		return usage("the history %s has no run with numbers yet: harness history add RUN", flag.folder())
	case len(known) == 0:
		return usage("no benchmark %q in the history%s; it has %s", benchmark, suggest(benchmark, benchmarks), someOf(benchmarks))
	case len(metrics) > 0:
		return usage("%s has no metric %q%s; it has %s", benchmark, metrics[0], suggest(metrics[0], known), someOf(known))
	}
	return usage("no metric of %s gates; choose with --metric of %s", benchmark, someOf(known))
}

func wantsMetric(metrics []string, s history.Series) bool {
	if len(metrics) == 0 {
		return s.Gate
	}
	return slices.ContainsFunc(metrics, func(m string) bool { return suite.Match(m, s.Metric) })
}

func newHistoryAdd(a *app) *cobra.Command {
	var flag historyFlag
	cmd := &cobra.Command{
		Use:   "add RUN...",
		Short: "Put run documents into the history, which is made where there is none",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("harness history add takes run documents, such as run.json")
			}
			return addToHistory(cmd.Context(), a, flag, args)
		},
	}
	historyFlagVar(cmd, &flag)
	return cmd
}

func addToHistory(ctx context.Context, a *app, flag historyFlag, paths []string) error {
	run, err := readAny(paths[0]) // before there is a history that every later run goes into
	if err != nil {
		return err
	}
	h, err := openHistory(ctx, a, flag.folder(), history.Create)
	if err != nil {
		return err
	}
	defer h.Close()
	for i, path := range paths {
		if i > 0 {
			if run, err = readAny(path); err != nil {
				return err
			}
		}
		file, added, err := h.Add(ctx, run)
		switch {
		case err != nil:
			return historyError(err)
		case added:
			fmt.Fprintf(a.stdout, "added run %s (%s)\n", run.ID, file)
		default:
			fmt.Fprintf(a.stdout, "run %s is there already (%s)\n", run.ID, file)
		}
	}
	return nil
}

// readAny reads a run document that somebody named.
func readAny(path string) (*result.Run, error) {
	run, err := store.ReadRun(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("no run document %s: make one with harness run", path)
	}
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return run, nil
}

func newHistoryRebuild(a *app) *cobra.Command {
	var flag historyFlag
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the history's index anew from the run documents",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := openHistory(cmd.Context(), a, flag.folder(), history.Rebuild)
			if err != nil {
				return err
			}
			defer h.Close()
			runs, err := h.Runs(cmd.Context())
			if err != nil {
				return historyError(err)
			}
			fmt.Fprintf(a.stdout, "the index of %s has %s\n", flag.folder(), plural(len(runs), "run"))
			return nil
		},
	}
	historyFlagVar(cmd, &flag)
	return cmd
}
