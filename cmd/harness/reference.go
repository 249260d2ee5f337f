package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/leftovers"
	"github.com/benchharness/harness/internal/stack"
	"github.com/benchharness/harness/plugins/reference"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
	"github.com/benchharness/harness/sdk/lifeline"
)

type referenceOptions struct {
	reference.Options
	announce    bool
	whatThereIs bool // no component was asked for by name
}

func newReference(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reference",
		Short: "The reference stack on its own",
		Args:  cobra.ArbitraryArgs,
		RunE:  needsSubcommand,
	}
	cmd.AddCommand(newReferenceUp(a))
	return cmd
}

func newReferenceUp(a *app) *cobra.Command {
	o := &referenceOptions{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Serve the reference stack to any client until Ctrl-C",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.whatThereIs = !cmd.Flags().Changed("components")
			return o.run(cmd.Context(), a)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Components, "components", []string{sdk.TargetVector, sdk.TargetService, sdk.TargetPostgres}, "`NAMES` with commas")
	f.StringVar(&o.Host, "host", "127.0.0.1", "`ADDRESS` to listen on")
	f.IntVar(&o.HTTPPort, "http-port", 0, "`PORT` of REST and GraphQL, 0 for a free one")
	f.IntVar(&o.GRPCPort, "grpc-port", 0, "`PORT` of the gRPC search, 0 for a free one")
	f.IntVar(&o.VectorPort, "vector-port", 0, "`PORT` of the vector index, 0 for a free one")
	f.IntVar(&o.PostgresPort, "postgres-port", 0, "`PORT` of PostgreSQL, 0 for a free one")
	f.StringVar(&o.Faults, "faults", "", "`FAULTS` of the service, such as fixed=20ms, share=0.05:100ms or /search:stall=200ms/2s")
	f.BoolVar(&o.SwitchFaults, "switch-faults", false, "let POST /faults change the faults while it serves")
	f.StringVar(&o.ModelDir, "model-dir", "", "`FOLDER` with real weights (safetensors) for the encoder")
	f.Uint64Var(&o.Seed, "seed", 1, "`N` that random weights and vectors are made from")
	f.StringVar(&o.RunID, "run-id", "", "run that the stack belongs to")
	f.StringVar(&o.Dir, "dir", "", "`FOLDER` for files")
	f.BoolVar(&o.announce, "announce", false, "print one JSON line when ready")
	for _, name := range []string{"run-id", "dir", "announce"} {
		_ = f.MarkHidden(name) // cannot fail: they were just added
	}
	return cmd
}

// referenceGrace bounds the shutdown of the stack.
const referenceGrace = 10 * time.Second

func (o *referenceOptions) run(ctx context.Context, a *app) error {
	if err := reference.Check(o.Options); err != nil {
		return &exit{exitUsage, err}
	}
	ctx, cancel, err := lifeline.Context(ctx, referenceGrace+2*time.Second)
	if err != nil {
		return err
	}
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	done, err := o.keepJournal(a)
	if err != nil {
		return err
	}
	o.TCP, o.Log = !o.announce, slog.New(slog.NewTextHandler(a.stderr, nil))
	return errors.Join(o.serve(ctx, a), done())
}

func (o *referenceOptions) serve(ctx context.Context, a *app) error {
	s, err := reference.Up(ctx, o.Options)
	var absent *sdk.NotMeasuredError
	if errors.As(err, &absent) && o.whatThereIs {
		fmt.Fprintf(a.stderr, "harness: warning: serving without PostgreSQL: %s; %s\n", absent.Reason, absent.Remedy)
		o.Components = slices.DeleteFunc(o.Components, func(c string) bool { return c == sdk.TargetPostgres })
		s, err = reference.Up(ctx, o.Options)
	}
	if err != nil {
		return o.failed(a, err)
	}
	if err := o.ready(a, s); err != nil {
		return errors.Join(err, o.close(s))
	}
	select {
	case <-ctx.Done():
		return o.close(s)
	case err := <-s.Down():
		return errors.Join(err, o.close(s))
	}
}

// keepJournal gives the stack the journal of the run that started it, or one
// of its own with a scratch folder. The function it returns ends that.
func (o *referenceOptions) keepJournal(a *app) (func() error, error) {
	if path := os.Getenv(journal.EnvPath); path != "" {
		j, err := journal.Open(path, "reference")
		if err != nil {
			return nil, err
		}
		o.Journal = j
		return j.Close, nil
	}
	o.RunID = newRunID(time.Now())
	j, dir, err := a.ground(journal.Run{ID: o.RunID, PID: os.Getpid(), Dir: a.dir})
	if err != nil {
		return nil, err
	}
	o.Journal, o.Dir = j.For("reference", ""), dir
	return func() error { return errors.Join(leftovers.RemoveScratch(o.Dir, j), j.Close()) }, nil
}

func (o *referenceOptions) close(s *reference.Stack) error {
	ctx, cancel := context.WithTimeout(context.Background(), referenceGrace)
	defer cancel()
	return s.Close(ctx)
}

// failed tells the harness why, when it is the harness that asked.
func (o *referenceOptions) failed(a *app, err error) error {
	if !o.announce {
		return err
	}
	r := stack.Ready{Error: err.Error()}
	var absent *sdk.NotMeasuredError
	if errors.As(err, &absent) {
		r.NotMeasured = absent
	}
	return errors.Join(stack.Announce(a.stdout, r), &exit{code: exitNotRun})
}

func (o *referenceOptions) ready(a *app, s *reference.Stack) error {
	r := stack.Ready{Components: map[string]stack.Component{}}
	for _, c := range s.Components() {
		r.Components[c.Target.Kind] = stack.Component{Target: c.Target, Provenance: c.Provenance}
	}
	if o.announce {
		return stack.Announce(a.stdout, r)
	}
	for _, c := range s.Components() {
		t := c.Target
		for _, line := range []struct{ what, value string }{{"url", t.URL}, {"grpc", t.GRPC}, {"dsn", t.DSN}} {
			if line.value != "" {
				fmt.Fprintf(a.stdout, "%-10s %-5s %s\n", t.Kind, line.what, line.value)
			}
		}
	}
	fmt.Fprintf(a.stdout, "serving %s until Ctrl-C\n", strings.Join(o.Components, ", "))
	return nil
}
