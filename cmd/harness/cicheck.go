package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hub"
)

type ciCheckOptions struct {
	ciOptions
	start bool
	name  string
}

func newCICheck(a *app) *cobra.Command {
	o := &ciCheckOptions{}
	cmd := &cobra.Command{
		Use:   "check [NAME=]PATH…",
		Short: "Put the verdict on the commit as a check",
		Long: `Complete a check run on the commit that was measured: failure where something
blocks, neutral where a gating metric is undecided (GitHub lets neutral pass).
With --start it is put in progress instead, before anything is measured; the
later call takes it over. Where the token may not create check runs, it is a
commit status. Without documents the check fails and says why: it never stays
in progress.

  harness ci check --start
  harness ci check comparison.json

` + ciHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a, args) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.start, "start", false, "put the check in progress")
	f.StringVar(&o.name, "name", "", "`NAME` of the check (default harness, with suite and leg)")
	f.BoolVar(&o.always, "always-complete", true, alwaysUsage)
	o.addSaying(f)
	o.addReaching(f)
	o.addPull(f)
	return cmd
}

func (o *ciCheckOptions) run(ctx context.Context, a *app, args []string) error {
	j, err := newCIJob(a, &o.ciOptions)
	if err != nil {
		return err
	}
	if o.start && len(args)+len(o.artifacts) > 0 {
		return usage("--start takes no document: there is nothing to say before anything is measured")
	}
	if !o.start {
		if err := j.needsDocuments(args); err != nil {
			return err
		}
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	if j.nowhereToCheck() && !o.start {
		return j.printOnly(ctx, args, func(legs []body.Leg, s body.Options) string { return shown(body.Check(legs, s)) })
	}
	if err := j.connect(); err != nil {
		return err
	}
	if j.where.HeadSHA == "" || j.untrusted() && !o.start {
		if ok, err := j.findPull(ctx); err != nil || !ok {
			return j.orUndelivered("check the commit", err)
		}
		j.where.HeadSHA = j.pull.HeadSHA
	}
	request := o.request(j)
	if o.start {
		return j.deliver("start the check", nil, func() error {
			check, err := j.client.StartCheck(ctx, request)
			if err != nil {
				return err
			}
			if j.dry != nil {
				return j.printDry("")
			}
			_, err = fmt.Fprintf(a.stdout, "in progress: %s\n", check.URL)
			return err
		})
	}
	return o.complete(ctx, j, args, request)
}

// complete ends the check. What stands in the way of a verdict ends it, too.
func (o *ciCheckOptions) complete(ctx context.Context, j *ciJob, args []string, request hub.CheckRequest) error {
	legs, problem := j.legs(ctx, args)
	if problem != nil {
		if !o.always {
			return j.orUndelivered("check the commit", problem)
		}
		legs = []body.Leg{{Name: o.leg, Problem: problem.Error(), Exit: exitNotRun}}
	}
	out := body.Check(legs, j.sayings(legs))
	err := j.deliver("check the commit", legs, func() error {
		check, err := j.client.StartCheck(context.WithoutCancel(ctx), request)
		if err != nil {
			return err
		}
		if err := j.client.CompleteCheck(ctx, check, out); err != nil {
			return err
		}
		if j.dry != nil {
			return j.printDry(shown(out))
		}
		_, err = fmt.Fprintf(j.app.stdout, "%s: %s\n", out.Conclusion, check.URL)
		return err
	})
	if problem == nil {
		return err
	}
	var coded *exit
	if errors.As(err, &coded) && coded.err != nil {
		j.app.say("harness: %v", coded.err)
	}
	return j.orUndelivered("check the commit", problem)
}

func (o *ciCheckOptions) request(j *ciJob) hub.CheckRequest {
	name := "harness"
	if o.suite != "default" {
		name += " " + o.suite
	}
	if o.leg != "" {
		name += " (" + o.leg + ")"
	}
	if o.name != "" {
		name = o.name
	}
	url := o.reportURL
	if url == "" {
		url = j.sayings(nil).RunURL
	}
	return hub.CheckRequest{Repo: j.where.Repo, SHA: j.where.HeadSHA, Name: name, ExternalID: "harness/" + o.suite + "/" + o.leg, DetailsURL: url}
}

// nowhereToCheck says that a dry run has no commit to look at.
func (j *ciJob) nowhereToCheck() bool {
	return j.options.dryRun && !j.untrusted() && (j.where.Repo == hub.Repo{} || j.where.HeadSHA == "" && j.where.PR == 0)
}

// shown is what a check shows, as text.
func shown(out body.CheckOutput) string {
	text := fmt.Sprintf("%s: %s\n\n%s\n", out.Conclusion, out.Title, out.Summary)
	if out.Text != "" {
		text += "\n" + out.Text + "\n"
	}
	for _, a := range out.Annotations {
		line, err := json.Marshal(a)
		if err == nil {
			text += string(line) + "\n"
		}
	}
	return text
}

// fromHub says that an error came from GitHub.
func fromHub(err error) bool {
	var f *hub.Failure
	var ambiguous *hub.AmbiguousPullError
	return errors.As(err, &f) || errors.As(err, &ambiguous)
}
