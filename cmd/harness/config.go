package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

type configOptions struct {
	plan planFlags
	json bool
}

func newConfig(a *app) *cobra.Command {
	o := &configOptions{}
	cmd := &cobra.Command{
		Use:   "config",
		Short: "The effective settings, and where each came from",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd, a) },
	}
	o.plan.add(cmd)
	a.pluginFlag(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "the whole plan as JSON, without secrets")
	return cmd
}

func (o *configOptions) run(cmd *cobra.Command, a *app) error {
	if err := a.hold(&o.plan); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	plan, err := a.plan(cmd.Context(), c, o.plan.flags)
	if err != nil {
		return err
	}
	for _, w := range plan.Warnings {
		fmt.Fprintln(a.stderr, "harness: warning:", w)
	}
	if o.json {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		return e.Encode(plan.Redacted())
	}
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tVALUE\tSOURCE")
	for _, s := range plan.Settings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Value, s.Source)
	}
	return w.Flush()
}
