package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/ci/actions"
	"github.com/benchharness/harness/ci/body"
)

type ciSummaryOptions struct{ ciOptions }

func newCISummary(a *app) *cobra.Command {
	o := &ciSummaryOptions{}
	cmd := &cobra.Command{
		Use:   "summary [NAME=]PATH…",
		Short: "Write the verdict into the job's summary, or print it",
		Long: `Append the verdict to the summary of the job (GITHUB_STEP_SUMMARY), or print it
where there is none. It takes no token.

  harness ci summary comparison.json

` + ciHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.always, "always-complete", false, alwaysUsage)
	o.addSaying(f)
	o.addReaching(f)
	o.addPull(f)
	return cmd
}

func (o *ciSummaryOptions) run(ctx context.Context, a *app, args []string) error {
	j, err := newCIJob(a, &o.ciOptions)
	if err != nil {
		return err
	}
	if err := j.needsDocuments(args); err != nil {
		return err
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	if ok, err := j.meetBase(ctx); err != nil || !ok {
		return j.orUndelivered("write the job summary", err)
	}
	legs, err := j.legs(ctx, args)
	if err != nil {
		return j.orUndelivered("write the job summary", err)
	}
	text := body.Summary(legs, j.sayings(legs))
	return j.deliver("write the job summary", legs, func() error {
		if j.where.StepSummary == "" || o.dryRun {
			return j.show(text)
		}
		return actions.AppendSummary(j.where.StepSummary, text)
	})
}

// meetBase finds the pull request where a stranger's documents have to be
// judged by its base branch.
func (j *ciJob) meetBase(ctx context.Context) (ok bool, err error) {
	if !j.untrusted() {
		return true, nil
	}
	if err := j.connect(); err != nil {
		return false, err
	}
	return j.findPull(ctx)
}
