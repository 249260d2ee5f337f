package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/ci"
	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hub"
)

type ciCommentOptions struct {
	ciOptions
	mode string
}

func newCIComment(a *app) *cobra.Command {
	o := &ciCommentOptions{}
	cmd := &cobra.Command{
		Use:   "comment [NAME=]PATH…",
		Short: "Write the verdict into the one comment on the pull request",
		Long: `Write the verdict into a comment on the pull request. There is one for each suite,
edited in place, so that a later push turns it green; a run that is older than
the one that wrote it changes nothing. Several documents are legs of a matrix
and share the comment, unless --leg gives each its own.

  harness ci comment comparison.json
  harness ci comment linux=out/linux mac=out/mac
  harness ci comment --dry-run comparison.json

` + ciHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.mode, "comment", string(hub.Always), "when to begin a comment: `WHEN` always, on-change, on-regression; one that is there is always kept up to date")
	f.BoolVar(&o.always, "always-complete", false, alwaysUsage)
	o.addSaying(f)
	o.addReaching(f)
	o.addPull(f)
	return cmd
}

func (o *ciCommentOptions) run(ctx context.Context, a *app, args []string) error {
	if err := oneOf("comment", o.mode, string(hub.Always), string(hub.OnChange), string(hub.OnRegression)); err != nil {
		return err
	}
	j, err := newCIJob(a, &o.ciOptions)
	if err != nil {
		return err
	}
	if err := j.needsDocuments(args); err != nil {
		return err
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	if j.nowhere() {
		return j.printOnly(ctx, args, body.Comment)
	}
	if err := j.connect(); err != nil {
		return err
	}
	if ok, err := j.findPull(ctx); err != nil || !ok {
		return j.orUndelivered("comment on the pull request", err)
	}
	legs, err := j.legs(ctx, args)
	if err != nil {
		return j.orUndelivered("comment on the pull request", err)
	}
	says := j.sayings(legs)
	text := body.Comment(legs, says)
	return j.deliver("comment on the pull request", legs, func() error {
		done, err := j.client.Comment(ctx, j.pull.Repo, j.pull.Number, hub.CommentRequest{
			Marker: says.Marker, Body: text, Mode: hub.Mode(o.mode), Regressed: ci.Regressed(legs), Changed: ci.Changed(legs),
		})
		if err != nil {
			return err
		}
		if j.dry != nil {
			return j.printDry(text)
		}
		_, err = fmt.Fprintln(a.stdout, said(done))
		return err
	})
}

// said is what became of a comment, in a line.
func said(r hub.CommentResult) string {
	words := map[hub.Action]string{
		hub.Created: "commented: ", hub.Updated: "updated the comment: ", hub.Unchanged: "the comment says so already: ",
		hub.Skipped: "no comment: there is none yet, and nothing that --comment asks for",
		hub.Stale:   "no comment: there is one of a later run: ",
	}
	line := words[r.Action] + r.URL
	if r.Removed > 0 {
		line += fmt.Sprintf(" (and removed %s)", numbered(r.Removed, "duplicate"))
	}
	return line
}

func numbered(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// needsDocuments refuses a command line that names none.
func (j *ciJob) needsDocuments(args []string) error {
	if len(args)+len(j.options.artifacts) > 0 || j.options.always {
		return nil
	}
	return usage("no document is named: name comparison.json of harness ab, or the folder that it is in")
}

// nowhere says that a dry run has no pull request to look at.
func (j *ciJob) nowhere() bool {
	return j.options.dryRun && !j.untrusted() && (j.where.Repo == hub.Repo{} || j.where.PR == 0 && j.where.HeadBranch == "")
}

// printOnly prints what would be said if it were known to whom.
func (j *ciJob) printOnly(ctx context.Context, args []string, write func([]body.Leg, body.Options) string) error {
	legs, err := j.legs(ctx, args)
	if err != nil {
		return err
	}
	if err := j.printDry(write(legs, j.sayings(legs))); err != nil {
		return err
	}
	j.app.say("no call would be made: it takes --repo and --pr to know where to")
	return nil
}

// orUndelivered makes a failed delivery of an error of the API; others stay
// what they are.
func (j *ciJob) orUndelivered(what string, err error) error {
	if err == nil || !fromHub(err) {
		return err
	}
	return j.deliver(what, nil, func() error { return err })
}
