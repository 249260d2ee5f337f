package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/result"
)

// cell is a text of a table that may hold anything, such as the name of a file
// that somebody else named: on one line, and without what drives terminals.
func cell(text string) string { return result.Printable(text, maxSaid) }

func newPluginList(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Plugins that were found, and where; starts none",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "PLUGIN\tVERSION\tKIND\tSOURCE\tFILE")
			for _, e := range c.Entries() {
				v := "not asked yet"
				if e.Problem != nil {
					v = "unusable"
				} else if p, ok := c.Declared(e); ok {
					v = p.Version
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", cell(e.Name), cell(v), e.Kind, cell(e.Source), cell(e.Where()))
				for _, s := range e.Shadows {
					fmt.Fprintf(w, "\t\t\tshadowed\t%s\n", cell(s))
				}
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for _, e := range c.Entries() {
				if e.Problem != nil {
					a.say("harness: warning: plugin %s cannot be used: %v", e.Name, e.Problem)
				}
			}
			return nil
		},
	}
	a.pluginFlag(cmd)
	return cmd
}
