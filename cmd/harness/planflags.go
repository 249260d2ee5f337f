package main

import (
	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/suite"
)

// planFlags are the flags that shape a run, for the commands that make a plan.
type planFlags struct{ flags suite.Flags }

func (p *planFlags) add(cmd *cobra.Command) {
	for _, d := range suite.FlagDefs {
		cmd.Flags().Var(&planFlag{p, d}, d.Name, d.Usage)
	}
	cmd.Flags().StringArrayVar(&p.flags.Targets, "target", nil, "`KIND=URL` of a target in place of the reference stack's; may be repeated")
	cmd.Flags().BoolVar(&p.flags.NoCleanup, "no-cleanup", false, "leave what the run creates on targets in place")
}

// planFlag hands a flag's text on: package suite parses it, with everything
// else that can set the same thing.
type planFlag struct {
	to  *planFlags
	def suite.FlagDef
}

func (f *planFlag) String() string        { return "" }
func (f *planFlag) Type() string          { return f.def.Arg }
func (f *planFlag) Set(text string) error { return f.to.flags.Set(f.def.Name, text) }
