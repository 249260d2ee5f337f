package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
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
	"github.com/benchharness/harness/sdk/serve"
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
	dir     string // scratch folder
	sockets string // the same, or one with a path short enough for sockets
}

func newSession(ctx context.Context, a *app, c *catalog.Catalog, o *runOptions, plan suite.Plan) (*session, error) {
	s := &session{app: a, options: o, catalog: c, plan: plan}
	s.run = newDocument(ctx, plan)
	s.run.Plan.Settings = append(s.run.Plan.Settings, s.further()...)
	o.quiet.record(s.run)
	var err error
	s.journal, s.dir, err = a.ground(journal.Run{ID: s.run.ID, PID: os.Getpid(), ConfigFile: plan.ConfigFile, Dir: a.dir, Keep: !plan.Cleanup})
	if err != nil {
		return nil, err
	}
	if s.sockets = s.dir; len(s.dir) > plughost.MaxDir {
		if s.sockets, err = leftovers.Scratch("/tmp", s.run.ID, s.journal); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// ground makes what everything that leaves something behind stands on: a
// journal and a scratch folder.
func (a *app) ground(run journal.Run) (*leftovers.Journal, string, error) {
	j, err := leftovers.Create(a.journals(), run)
	if err != nil {
		return nil, "", unusable("the journal of what is created", a.journals(), err, "HOME or XDG_STATE_HOME")
	}
	temp, err := filepath.Abs(os.TempDir()) // a later clean works from another folder
	dir := ""
	if err == nil {
		dir, err = leftovers.Scratch(temp, run.ID, j)
	}
	if err != nil {
		_ = j.Close() // the folder is what stands in the way
		return nil, "", unusable("a scratch folder", os.TempDir(), err, "TMPDIR")
	}
	if a.folders.Temporary {
		a.say("harness: warning: HOME is not a folder: %s stands in for it, and what is kept there may not last; set HOME",
			filepath.Dir(a.folders.State))
	}
	return j, dir, nil
}

// unusable says in one line that a folder of harness's own cannot be used, and
// which variable names another.
func unusable(what, dir string, err error, variable string) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the rest repeats the folder
	}
	return &exit{exitUsage, fmt.Errorf("%s cannot be made in %s: %w; set %s to a folder that can be written to", what, dir, err, variable)}
}

// close removes the scratch folder and, if nothing else is left, the journal.
func (s *session) close() error {
	var errs []error
	for _, dir := range slices.Compact([]string{s.dir, s.sockets}) {
		if dir == "" {
			continue
		}
		if err := leftovers.RemoveScratch(dir, s.journal); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, s.journal.Close())...)
}

// further are the settings that package suite does not know or, like the
// address of a target, does not show. They are without secrets.
func (s *session) further() []result.Setting {
	var out []result.Setting
	add := func(name, value string) {
		if value != "" {
			out = append(out, result.Setting{Name: name, Value: value, Source: "flag --" + name})
		}
	}
	for _, p := range s.app.plugins {
		add("plugin", p)
	}
	for _, t := range s.options.plan.flags.Targets {
		kind, _, _ := strings.Cut(t, "=")
		i := slices.IndexFunc(s.plan.Benchmarks, func(b suite.Benchmark) bool { return b.Target.Kind == kind || b.Target.Spec.Name == kind })
		if i >= 0 {
			add("target", kind+"="+s.plan.Benchmarks[i].Target.Redacted().URL)
		}
	}
	add("faults", s.options.faults)
	add("model-dir", s.options.modelDir)
	if s.app.pins != nil {
		out = append(out, result.Setting{Name: "locked", Value: "true", Source: s.app.pinsSource})
	}
	return out
}

// newRunID names a run so that names sort by time.
func newRunID(now time.Time) string {
	unique := make([]byte, 4)
	rand.Read(unique)
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
	o := plughost.Options{Name: name, Dir: s.sockets, Journal: s.journal, JournalPath: s.journal.Path, Log: s.log(name), CPUs: s.plan.Isolation.Generator}
	if s.options.pprof != "" {
		o.Env = append(o.Env, serve.EnvProfile+"="+s.options.pprof)
	}
	return s.app.startAdmitted(ctx, s.catalog, e, o)
}

// log passes on a child's log lines when the user asked for them.
func (s *session) log(who string) func(string) {
	if !s.options.verbose {
		return nil
	}
	return func(line string) { s.app.say("%s: %s", who, line) }
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
		CPUs: s.plan.Isolation.Target,
	})
}

// newView shows progress the way that fits here: on a terminal, under GitHub
// Actions, or somewhere else.
func (s *session) newView() *progress.View {
	o := progress.Options{Plan: s.plan}
	f, isFile := s.app.stderr.(*os.File)
	switch {
	case os.Getenv("GITHUB_ACTIONS") == "true":
		o.Mode = progress.Actions
	case isFile && term.IsTerminal(int(f.Fd())) && !s.options.verbose && !dumb():
		o.Mode = progress.Terminal
		o.Width = func() int {
			w, _, _ := term.GetSize(int(f.Fd())) // 0 where it is not known
			return w
		}
	}
	return progress.New(s.app.stderr, o)
}

// dumb says that the terminal knows no escape sequences.
func dumb() bool { return strings.EqualFold(os.Getenv("TERM"), "dumb") }

// interruptible returns a context that the first Ctrl-C, SIGTERM or closing of
// the terminal ends; the second one ends the process at once. Children hold
// lifelines and go with it. A reader of the output that goes away ends
// nothing: the documents are still to be written.
func interruptible(parent context.Context, a *app) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	broken := make(chan os.Signal, 1) // not signal.Ignore, which children would inherit
	signal.Notify(broken, syscall.SIGPIPE)
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
			a.say("harness: stopping and cleaning up; once more to stop now and leave the rest to harness clean")
			cancel(errInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(broken)
		close(done)
		cancel(nil)
	}
}

var errInterrupted = errors.New("interrupted")
