package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/leftovers"
	"github.com/benchharness/harness/internal/machine"
	"github.com/benchharness/harness/internal/plughost"
	"github.com/benchharness/harness/internal/progress"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/runner"
	"github.com/benchharness/harness/internal/stack"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk/journal"
	"github.com/benchharness/harness/sdk/probe"
)

// session is what one run has of the machine: its journal, its scratch
// folder, and the ways to start processes that both know of.
type session struct {
	app     *app
	options *runOptions
	catalog *catalog.Catalog
	plan    suite.Plan
	run     *result.Run
	journal *leftovers.Journal
	dir     string
}

func newSession(ctx context.Context, a *app, c *catalog.Catalog, o *runOptions, plan suite.Plan) (*session, error) {
	s := &session{app: a, options: o, catalog: c, plan: plan}
	s.run = newDocument(ctx, plan)
	var err error
	s.journal, err = leftovers.Create(a.journals(), journal.Run{ID: s.run.ID, PID: os.Getpid(), ConfigFile: plan.ConfigFile, Dir: a.dir})
	if err != nil {
		return nil, err
	}
	if s.dir, err = leftovers.Scratch(os.TempDir(), s.run.ID, s.journal); err != nil {
		return nil, errors.Join(err, s.journal.Close())
	}
	return s, nil
}

// close removes the scratch folder and, if nothing else is left, the journal.
func (s *session) close() error {
	var errs []error
	if err := leftovers.RemoveScratch(s.dir, s.journal); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, s.journal.Close())...)
}

// newRunID names a run so that names sort by time.
func newRunID(now time.Time) string {
	unique := make([]byte, 4)
	rand.Read(unique) //nolint:errcheck // never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(unique)
}

// newDocument fills in the head of the run's document.
func newDocument(ctx context.Context, plan suite.Plan) *result.Run {
	now := time.Now().UTC()
	m := machine.Read(ctx)
	fingerprint, err := json.Marshal(m)
	if err != nil {
		fingerprint = []byte("{}")
	}
	run := &result.Run{
		Schema: result.Schema, ID: newRunID(now),
		Started: now, Finished: now, Harness: identity(), Machine: fingerprint, MachineID: m.ID,
		Plan:    result.Plan{Suite: plan.Suite, Profile: plan.Profile, ConfigFile: plan.ConfigFile, Seed: plan.Seed, Gating: plan.Gating},
		Plugins: []result.Plugin{}, Benchmarks: []result.Benchmark{}, Resources: []result.Resource{},
		Validity: []result.Finding{}, Budgets: []result.Budget{},
	}
	for _, st := range plan.Settings {
		run.Plan.Settings = append(run.Plan.Settings, result.Setting(st))
	}
	for _, f := range machine.Check(ctx, machine.Needs{Dir: filepath.Dir(plan.Out), Users: mostUsers(plan)}) {
		run.Validity = append(run.Validity, finding(f))
	}
	return run
}

func mostUsers(plan suite.Plan) int {
	n := 0
	for _, b := range plan.Benchmarks {
		for _, s := range b.Scenarios {
			n = max(n, s.Load.Workers)
		}
	}
	return n
}

func finding(f machine.Finding) result.Finding {
	return result.Finding{Level: string(f.Level), Code: f.Code, Message: f.Message}
}

// watchMachine remembers the machine's counters at the start of a round and
// says at its end what happened to the machine meanwhile.
func watchMachine() func(probe.Series) []result.Finding {
	w := machine.Begin()
	return func(seen probe.Series) []result.Finding {
		var out []result.Finding
		for _, f := range w.Findings(seen) {
			out = append(out, finding(f))
		}
		return out
	}
}

func (s *session) startPlugin(ctx context.Context, name string) (runner.Plugin, error) {
	e, ok := s.catalog.Entry(name)
	if !ok {
		return nil, fmt.Errorf("no plugin %q", name)
	}
	path, args := s.app.command(e)
	return plughost.Start(ctx, plughost.Options{
		Name: name, Path: path, Args: args, Journal: s.journal, JournalPath: s.journal.Path, Log: s.log(name),
	})
}

// log passes on a child's log lines when the user asked for them.
func (s *session) log(who string) func(string) {
	if !s.options.verbose {
		return nil
	}
	return func(line string) { fmt.Fprintf(s.app.stderr, "%s: %s\n", who, line) }
}

func (s *session) pluginInfo(name string) (result.Plugin, error) {
	e, _ := s.catalog.Entry(name)
	out := result.Plugin{Name: name, Path: e.Where()}
	var err error
	if out.Digest, err = s.catalog.Digest(e); err != nil {
		return out, err
	}
	p, ok := s.catalog.Known(e)
	if !ok {
		return out, nil
	}
	out.Version = p.Version
	out.Table = result.Table{Title: p.Table.Title, Subject: p.Table.Subject, Columns: []result.Column{}}
	for _, c := range p.Table.Columns {
		out.Table.Columns = append(out.Table.Columns, result.Column(c))
	}
	return out, nil
}

func (s *session) startReference(ctx context.Context, kind string) (runner.Target, error) {
	args := []string{"reference", "up", "--announce", "--components", kind, "--run-id", s.run.ID, "--dir", s.dir,
		"--seed", fmt.Sprint(s.plan.Seed)}
	if s.options.faults != "" {
		args = append(args, "--faults", s.options.faults)
	}
	if s.options.modelDir != "" {
		args = append(args, "--model-dir", s.options.modelDir)
	}
	return stack.Start(ctx, stack.Options{
		Exe: s.app.exe, Args: args, Kind: kind, Journal: s.journal, JournalPath: s.journal.Path, Log: s.log("reference " + kind),
	})
}

// view is how progress is shown here: on a terminal, under GitHub Actions, or
// somewhere else.
func (s *session) view() *progress.View {
	mode, width := progress.Plain, 0
	if f, ok := s.app.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !s.options.verbose {
		mode, width = progress.Terminal, 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = w
		}
	} else if os.Getenv("GITHUB_ACTIONS") == "true" {
		mode = progress.Actions
	}
	return progress.New(s.app.stderr, mode, width, s.plan)
}

// interruptible returns a context that the first Ctrl-C or SIGTERM ends; the
// second one ends the process at once. Children hold lifelines and go with it.
func interruptible(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-signals:
			}
			if n > 0 {
				os.Exit(exitInterrupted)
			}
			fmt.Fprintln(stderr, "\nharness: stopping and cleaning up; once more to stop now")
			cancel(errInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

var errInterrupted = errors.New("interrupted")
