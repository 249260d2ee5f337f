package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/history"
	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/verdict"
)

type compareOptions struct {
	flags   suite.Flags // --config and --threshold
	formats []string
	dir     string
	all     bool
	ab      bool // the argument is a folder of harness ab
	history historyFlag
}

func newCompare(a *app) *cobra.Command {
	o := &compareOptions{}
	cmd := &cobra.Command{
		Use:   "compare BASE [HEAD]",
		Short: "Judge one run against another, or against a baseline",
		Long: `Judge a head run (default run.json) against a base. Each is the file of a run
document, the name of a baseline, or the id of a run in the history, of which
the beginning is enough. Where a name could be several of these, write
./FILE, baseline:NAME or history:ID.

With --interleaved, judge again what harness ab measured, from the documents
that it left in a folder, by today's thresholds, policy and budgets:

  harness compare --interleaved . --threshold 5%

` + exitHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.ab {
				return o.interleaved(cmd.Context(), a, args)
			}
			switch len(args) {
			case 1:
				args = append(args, "run.json")
			case 2:
			default:
				return usage("harness compare takes a base and a head, got %d arguments", len(args))
			}
			return o.run(cmd.Context(), a, args[0], args[1])
		},
	}
	for _, d := range suite.FlagDefs {
		if d.Name == "config" || d.Name == "threshold" {
			cmd.Flags().Var(&settingFlag{&o.flags, d}, d.Name, d.Usage)
		}
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.formats, "format", []string{"text"}, "`FORMATS` with commas: text, json, html, markdown")
	f.StringVar(&o.dir, "dir", "", "`FOLDER` to write the files to; without it one format goes to stdout")
	f.BoolVar(&o.all, "all", false, "show unchanged metrics, too, in the text")
	f.BoolVar(&o.ab, "interleaved", false, "judge again what harness ab left in a folder (default the working directory)")
	historyFlagVar(cmd, &o.history)
	return cmd
}

func historyFlagVar(cmd *cobra.Command, h *historyFlag) {
	cmd.Flags().StringVar((*string)(h), "history", "", "`FOLDER` of the history (default .harness/history, if it is there)")
}

func (o *compareOptions) run(ctx context.Context, a *app, baseName, headName string) error {
	settings, err := o.settings(a)
	if err != nil {
		return err
	}
	base, head, err := o.sides(ctx, a, baseName, headName)
	if err != nil {
		return err
	}
	if len(head.runs) > 1 {
		return usage("head: %s holds %d runs, and one is judged at a time; name the file of one", headName, len(head.runs))
	}
	policy, err := a.policy(settings.Thresholds, settings.Policy, head.runs[0].MachineID)
	if err != nil {
		return err
	}
	c, err := newComparison(base, head.runs[0], head.label, policy)
	if err != nil {
		return err
	}
	if err := o.show(ctx, a, c); err != nil {
		return err
	}
	return exitWith(c.Exit(c.policy))
}

// settings are the thresholds and the policy, once the flags make sense.
func (o *compareOptions) settings(a *app) (suite.Judging, error) {
	if err := checkFormats(o.formats); err != nil {
		return suite.Judging{}, err
	}
	if o.dir == "" && len(o.formats) > 1 {
		return suite.Judging{}, usage("several formats need --dir, the folder to write them to")
	}
	settings, err := suite.ResolveJudging(suite.Inputs{Flags: o.flags, Environ: os.Environ(), Dir: a.dir, Metrics: resourceMetrics})
	for _, w := range settings.Warnings {
		a.say("harness: warning: %s", w)
	}
	return settings, err
}

// sides reads both sides at once: of large documents, reading is what takes the
// time.
func (o *compareOptions) sides(ctx context.Context, a *app, baseName, headName string) (base, head *named, err error) {
	var headErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		head, headErr = o.side(ctx, a, "head", headName)
	}()
	base, err = o.side(ctx, a, "base", baseName)
	<-done
	if err == nil {
		err = headErr
	}
	return base, head, err
}

func (o *compareOptions) side(ctx context.Context, a *app, which, text string) (*named, error) {
	n, err := a.find(ctx, text, o.history)
	var coded *exit
	if errors.As(err, &coded) {
		err = coded.err
	}
	if err != nil {
		return nil, usage("%s: %w", which, err)
	}
	return n, nil
}

func (o *compareOptions) show(ctx context.Context, a *app, c *comparison) error {
	if slices.Contains(o.formats, "html") {
		c.remember(ctx, a, o.history)
	}
	if o.dir == "" {
		if o.formats[0] == "text" {
			return c.print(a, o.all)
		}
		return c.render(a.stdout, o.formats[0])
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return usage("the report folder %s cannot be made: %w; name another with --dir", o.dir, err)
	}
	files, err := c.write(o.formats, o.dir)
	for _, f := range files {
		fmt.Fprintln(a.stdout, f)
	}
	return err
}

// comparison is a comparison and what it was made of.
type comparison struct {
	*verdict.Comparison
	policy verdict.Policy
	base   *result.Run // the newest one; nil without any
	head   *result.Run
	past   []report.History
}

// newComparison judges head. base is nil when there is nothing to compare
// with: then everything is new.
func newComparison(base *named, head *result.Run, label string, p verdict.Policy) (*comparison, error) {
	runs := []*result.Run{{ID: "none", MachineID: head.MachineID, Complete: true}}
	c := &comparison{policy: p, head: head}
	if base != nil {
		runs, c.base = base.runs, base.newest()
	}
	var err error
	if c.Comparison, err = verdict.Compare(runs, head, p); err != nil {
		return nil, err
	}
	c.Head.Label = label
	if base != nil {
		c.Base.Label = base.label
	} else {
		c.Base.Label = "none"
	}
	return c, nil
}

// remember takes the history of the compared metrics along, to be drawn. One
// that cannot be read is a pity and no failure.
func (c *comparison) remember(ctx context.Context, a *app, h historyFlag) {
	if !h.exists() {
		return
	}
	open, err := history.Open(ctx, h.folder())
	if err != nil {
		a.say("harness: warning: %v", err)
		return
	}
	defer open.Close()
	compared := map[string]bool{}
	for _, r := range c.Rows {
		compared[r.ID()] = r.Gate
	}
	trends, err := open.Trends(ctx, "", func(s history.Series) bool {
		return compared[verdict.MetricID(s.Benchmark, s.Params, s.Metric)]
	})
	if err != nil {
		a.say("harness: warning: %v", err)
		return
	}
	for _, t := range trends {
		if t.Machine != c.head.MachineID {
			continue
		}
		past := report.History{Benchmark: t.Benchmark, Params: t.Params, Metric: t.Metric}
		for _, p := range t.Points {
			past.Values = append(past.Values, p.Value)
		}
		for _, ch := range t.Changes {
			past.Changes = append(past.Changes, ch.Index)
		}
		c.past = append(c.past, past)
	}
}

func (c *comparison) print(a *app, all bool) error {
	return report.ComparisonText(a.stdout, c.Comparison, textOptions(a, all))
}

func (c *comparison) render(w io.Writer, format string) error {
	switch format {
	case "json":
		return report.ComparisonJSON(w, c.Comparison)
	case "html":
		return report.ComparisonHTML(w, c.Comparison, c.base, c.head, c.past...)
	case "markdown":
		return report.ComparisonMarkdown(w, c.Comparison)
	default:
		return report.ComparisonText(w, c.Comparison, report.TextOptions{})
	}
}

// write writes one file per format into a folder and returns their paths.
func (c *comparison) write(formats []string, dir string) ([]string, error) {
	var files []string
	for _, format := range formats {
		path := filepath.Join(dir, "comparison"+extensions[format])
		if err := store.WriteFile(path, 0o644, func(w io.Writer) error { return c.render(w, format) }); err != nil {
			return files, fmt.Errorf("write the %s comparison: %w", format, err)
		}
		files = append(files, path)
	}
	return files, nil
}

// exitWith is the error for a code that needs no more words.
func exitWith(code int) error {
	if code == exitPass {
		return nil
	}
	return &exit{code: code}
}
