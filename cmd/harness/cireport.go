package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/ci"
	"github.com/benchharness/harness/ci/body"
)

type ciReportOptions struct {
	ciOptions
	format, url, urlEnv string
}

func newCIReport(a *app) *cobra.Command {
	o := &ciReportOptions{}
	cmd := &cobra.Command{
		Use:   "report [NAME=]PATH…",
		Short: "Post the verdict to Slack or to another webhook",
		Long: `Post the verdict to a webhook. Its address is a secret and best comes from the
environment.

  HARNESS_WEBHOOK_URL=… harness ci report --format slack comparison.json

` + ciHelp,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), a, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "slack", "`FORMAT` of the message: slack, or webhook for JSON of the schema harness.webhook/v1")
	f.StringVar(&o.url, "url", "", "`URL` of the webhook (default from --url-env)")
	f.StringVar(&o.urlEnv, "url-env", "HARNESS_WEBHOOK_URL", "`NAME` of the environment variable with the webhook's URL")
	f.BoolVar(&o.always, "always-complete", false, alwaysUsage)
	o.addSaying(f)
	o.addReaching(f)
	o.addPull(f)
	return cmd
}

func (o *ciReportOptions) run(ctx context.Context, a *app, args []string) error {
	if err := oneOf("format", o.format, "slack", "webhook"); err != nil {
		return err
	}
	url := o.url
	if url == "" {
		url = os.Getenv(o.urlEnv)
	}
	if url == "" && !o.dryRun {
		return usage("there is no address to post to: set %s, or use --url", o.urlEnv)
	}
	if url != "" {
		if err := ci.CheckWebhook(url); err != nil {
			return &exit{exitUsage, err}
		}
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
	if ok, err := j.meetBase(ctx); err != nil || !ok {
		return j.orUndelivered("post to the webhook", err)
	}
	legs, err := j.legs(ctx, args)
	if err != nil {
		return j.orUndelivered("post to the webhook", err)
	}
	write := body.Slack
	if o.format == "webhook" {
		write = body.Webhook
	}
	payload, err := write(legs, j.sayings(legs))
	if err != nil {
		return err
	}
	if o.dryRun {
		return j.printDry(string(payload))
	}
	return j.deliver("report", legs, func() error { return ci.Post(ctx, url, payload) })
}
