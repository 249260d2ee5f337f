// Command calibrate measures how often verdicts are wrong: on simulated runs
// whose truth is known, and on a published series of measurements of unchanged
// code. It prints the tables of docs/verdicts.md.
//
// It goes through the package's own entry points with whole run documents, so
// that what it measures is what people get. It is no test: it fails nothing.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

type options struct {
	suites int
	seed   uint64
	until  bool
}

func run(w io.Writer, args []string) error {
	var o options
	fs := flag.NewFlagSet("calibrate", flag.ContinueOnError)
	fs.IntVar(&o.suites, "suites", 500, "simulated suites of 100 metrics for each row without a change; a fifth of that for each with one")
	fs.Uint64Var(&o.seed, "seed", 1, "of the random numbers: the same seed prints the same tables")
	fs.BoolVar(&o.until, "until", false, "only what it costs to end rounds when a metric is known")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.suites < 5 {
		return fmt.Errorf("-suites is %d, want 5 or more", o.suites)
	}
	untilTable(w, o)
	if o.until {
		return nil
	}
	if err := simulations(w, o); err != nil {
		return err
	}
	return publishedSeries(w)
}
