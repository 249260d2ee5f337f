package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/suite"
)

// planFlags are the flags that shape a run, for the commands that make a plan.
type planFlags struct {
	flags  suite.Flags
	locked bool // only pinned plugins may run
}

// add defines them but for those named, which the command has no use for.
func (p *planFlags) add(cmd *cobra.Command, without ...string) {
	for _, d := range suite.FlagDefs {
		if slices.Contains(without, d.Name) {
			continue
		}
		cmd.Flags().Var(&settingFlag{&p.flags, d}, d.Name, d.Usage)
	}
	cmd.Flags().StringArrayVar(&p.flags.Targets, "target", nil, "`KIND=URL` of a target in place of the reference stack's; may be repeated")
	cmd.Flags().BoolVar(&p.flags.NoCleanup, "no-cleanup", false, "leave what the run creates on targets in place")
	if !slices.Contains(without, "find-capacity") {
		cmd.Flags().BoolVar(&p.flags.FindCapacity, "find-capacity", false, "search for the highest rate at which the budgets hold")
	}
	grantFlag(cmd, &p.flags)
	cmd.Flags().BoolVar(&p.locked, "locked", false, "run only plugins that are as harness.lock pins them")
}

func grantFlag(cmd *cobra.Command, f *suite.Flags) {
	cmd.Flags().StringArrayVar(&f.Grants, "grant", nil, "`PLUGIN=CAPABILITIES` that a WASM plugin gets: clock, http, sql, blob:FOLDER, with commas; may be repeated")
}

// ofRunAlone are the flags of `harness run` that say what becomes of one run.
// Where sides are measured in turns they would do nothing.
var ofRunAlone = []string{"out", "report", "baseline", "until", "max-rounds", "find-capacity", "rate-from", "rate-to"}

// ofBothSides are those that mean both sides of `harness ab` or neither: what is
// measured under other conditions cannot be compared.
var ofBothSides = []string{"wait-quiet", "generator-cpus", "target-cpus"}

// settingFlag hands a flag's text on: package suite parses it, with everything
// else that can set the same thing.
type settingFlag struct {
	to  *suite.Flags
	def suite.FlagDef
}

func (f *settingFlag) String() string        { return "" }
func (f *settingFlag) Type() string          { return f.def.Arg }
func (f *settingFlag) Set(text string) error { return f.to.Set(f.def.Name, text) }
