package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/sdk"
)

func newList(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Benchmarks that can be run; starts no plugin",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "BENCHMARK\tUSE\tTARGET\tWHAT")
			for _, e := range c.Entries() {
				p, ok := c.Declared(e)
				switch {
				case e.Problem != nil:
					fmt.Fprintf(w, "%s/…\t\t\tcannot be used: %s\n", cell(e.Name), cell(e.Problem.Error()))
					continue
				case !ok:
					fmt.Fprintf(w, "%s/…\t\t\tnot asked yet: harness plugin describe %s\n", cell(e.Name), cell(e.Name))
					continue
				}
				for _, b := range p.Benchmarks {
					listBenchmark(w, p, b)
				}
			}
			return w.Flush()
		},
	}
	a.pluginFlag(cmd)
	return cmd
}

func listBenchmark(w *tabwriter.Writer, p sdk.Plugin, b sdk.Benchmark) {
	target := b.Target
	if target == "" {
		target = "none"
	}
	if len(b.Presets) == 0 {
		fmt.Fprintf(w, "%s/%s\t%[1]s/%[2]s\t%s\t%s\n", p.Name, b.Name, target, b.Doc)
	}
	for _, s := range b.Presets {
		doc := s.Doc
		if doc == "" {
			doc = b.Doc
		}
		fmt.Fprintf(w, "%s/%s\t%s/%s\t%s\t%s\n", p.Name, s.Name, p.Name, b.Name, target, doc)
	}
}
