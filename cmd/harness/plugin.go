package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/serve"
)

func newPlugin(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "List, describe, install, pin, make and check plugins",
		Args:  cobra.ArbitraryArgs,
		RunE:  needsSubcommand,
	}
	cmd.AddCommand(newPluginList(a), newPluginDescribe(a), newPluginInstall(a), newPluginUpdate(a), newPluginRemove(a), newPluginLock(a), newPluginVerify(a), newPluginNew(a), newPluginManifest(a), newPluginServe(), newPluginServeWASM())
	return cmd
}

// describe says what a plugin measures.
func describe(a *app, p sdk.Plugin) {
	for _, b := range p.Benchmarks {
		fmt.Fprintf(a.stdout, "\n%s/%s: %s\n", p.Name, b.Name, b.Doc)
		if b.Target != "" {
			fmt.Fprintf(a.stdout, "  needs a target of kind %s\n", b.Target)
		}
		for _, s := range b.Presets {
			fmt.Fprintf(a.stdout, "  preset %s/%s  %s\n", p.Name, s.Name, s.Doc)
		}
		describeParams(a, "  with ", b.Params)
		for _, m := range b.Metrics {
			fmt.Fprintf(a.stdout, "  metric %s (%s, %s is better): %s\n", m.Name, m.Unit, orLower(m.Better), m.Doc)
		}
	}
}

func orLower(b sdk.Better) sdk.Better {
	if b == "" {
		return sdk.Lower
	}
	return b
}

func describeParams(a *app, indent string, params []sdk.Param) {
	for _, p := range params {
		fmt.Fprintf(a.stdout, "%s%s: %s", indent, p.Name, p.Type)
		if len(p.Enum) > 0 {
			fmt.Fprintf(a.stdout, " (%s)", strings.Join(p.Enum, ", "))
		}
		if p.Min != nil {
			fmt.Fprintf(a.stdout, " from %v", *p.Min)
		}
		if p.Max != nil {
			fmt.Fprintf(a.stdout, " to %v", *p.Max)
		}
		if p.Default != nil {
			fmt.Fprintf(a.stdout, " = %s", p.Default)
		}
		if p.Required {
			fmt.Fprint(a.stdout, ", required")
		}
		if p.Doc != "" {
			fmt.Fprintf(a.stdout, "  %s", p.Doc)
		}
		fmt.Fprintln(a.stdout)
		describeParams(a, indent+"  ", p.Fields)
	}
}

// newPluginServe is how the harness starts its own plugins.
func newPluginServe() *cobra.Command {
	return &cobra.Command{
		Use:    "serve NAME",
		Short:  "Serve a built-in plugin to the harness that started this process",
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness plugin serve takes the name of one built-in plugin")
			}
			p, ok := sdk.Lookup(args[0])
			if !ok {
				return usage("no built-in plugin %q%s", args[0], suggest(args[0], areas))
			}
			if code := serve.Serve(p); code != 0 {
				return &exit{code: code}
			}
			return nil
		},
	}
}
