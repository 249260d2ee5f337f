package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/benchharness/harness/internal/suite"
)

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "harness",
		Short: "Measure with benchmark plugins, under one clock, one load model and one sampler",
		Long: `harness runs benchmark plugins under one clock, one load model and one resource
sampler, and writes down what it measured so that it can be audited.

  harness run --plugins all     measure all five areas on the reference stack
  harness list                  what can be measured

` + exitHelp + "\n5 harness ci could not deliver what there is to say.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          needsSubcommand,
		Args:          cobra.ArbitraryArgs,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newRun(a), newAB(a), newAA(a), newCompare(a), newBaseline(a), newHistory(a), newList(a), newReport(a), newConfig(a), newDoctor(a), newPlugin(a),
		newReference(a), newCI(a), newClean(a), newVersion(a),
	)
	return root
}

// needsSubcommand is the run function of a command that only groups others.
func needsSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	return cmd.Help()
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usage("unknown command %q%s", strings.TrimSpace(cmd.CommandPath()+" "+name), suggest(name, names))
}

// flagError makes one line of a mistake in a flag, with the nearest name.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return usage("flag --%s is %q, want %s; see %s --help", f.Name, invalid.GetValue(), kindOf(f), cmd.CommandPath())
	case errors.As(err, &missing):
		return usage("flag --%s needs a value; see %s --help", missing.GetFlag().Name, cmd.CommandPath())
	case !errors.As(err, &unknown):
		return usage("%w; see %s --help", err, cmd.CommandPath())
	}
	name := unknown.GetSpecifiedName()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return usage("unknown flag --%s%s; see %s --help", name, suggest("--"+name, names), cmd.CommandPath())
}

// kindOf says what values of a flag look like.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "uint64":
		return "a whole number from 0"
	}
	return "a value of type " + f.Value.Type()
}

// suggest names the candidate nearest to a name that is unknown.
func suggest(name string, candidates []string) string {
	if near := suite.Nearest(name, candidates); near != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	return ""
}

// noArgs refuses arguments in one line.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no argument, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
