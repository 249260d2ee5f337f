package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/doctor"
)

func newDoctor(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Is this machine fit to measure on",
		Long: `Look at what makes timings drift on this machine, and measure for some seconds
what a load generator depends on: clocks, timers, wake-ups, the loopback, whether
the machine gets slower as it gets warm. It changes nothing. The exit code is 0
whatever it finds; harness aa says what that means for each metric.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd.Context(), a)
			defer stop()
			return examine(ctx, a, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func examine(ctx context.Context, a *app, asJSON bool) error {
	a.say("looking at the machine; this takes about seven seconds …")
	r, err := doctor.Examine(ctx)
	if err != nil {
		return &exit{code: exitInterrupted}
	}
	if asJSON {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	return prescribe(a.stdout, r)
}

// prescribe prints a line for each finding, and below those that are not good
// why that matters and what to do.
func prescribe(w io.Writer, r doctor.Report) error {
	count := map[doctor.Grade]int{}
	for _, f := range r.Findings {
		count[f.Grade]++
		if _, err := fmt.Fprintf(w, "%-8s %-18s %s\n", f.Grade, f.Name, printable(f.Value)); err != nil {
			return err
		}
		if f.Remedy == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%27s why: %s\n%27s do:  %s\n", "", f.Why, "", f.Remedy); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d good, %d warning, %d bad, %d unknown\n", count[doctor.Good], count[doctor.Warning], count[doctor.Bad], count[doctor.Unknown])
	return err
}
