package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/stack"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/wasmhost"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/conform"
	"github.com/benchharness/harness/sdk/lifeline"
)

type verifyOptions struct {
	flags         suite.Flags // of grants
	targets, with []string
	reference     []string
	presets       int
	bound         time.Duration
	format, out   string
}

func newPluginVerify(a *app) *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify NAME|FILE",
		Short: "Check that a plugin, in any language, does what the protocol asks",
		Long: `Check that a plugin, in any language, does what the protocol asks: it describes
itself always alike, refuses bad parameters by name, drives rounds whose counts
and times add up, ends when it is cancelled or its harness is gone, and leaves
nothing behind. It measures nothing.

  harness plugin verify ./harness-plugin-mine
  harness plugin verify hash --format junit --out verify.xml
  harness plugin verify mine --with 'search={"collection":"docs"}' --reference vector

Exit codes: 0 all checks passed or were skipped · 1 one failed · 2 usage.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness plugin verify takes the name or the file of one plugin")
			}
			return o.run(cmd.Context(), a, args[0])
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.targets, "target", nil, "`KIND=URL` of the target for benchmarks of that kind; may be repeated")
	f.StringSliceVar(&o.reference, "reference", nil, "`KINDS` of target to take from the reference stack: vector, service, postgres")
	f.StringArrayVar(&o.with, "with", nil, "`BENCHMARK=JSON` object of parameters that hold in every check; may be repeated")
	f.IntVar(&o.presets, "presets", 1, "`N` presets of each benchmark to run; 0 is all")
	f.DurationVar(&o.bound, "bound", 20*time.Second, "`D` in which a cancelled round, and a process that is told to end, must have ended")
	f.StringVar(&o.format, "format", "table", "`FORMAT` of the result: table, tap or junit")
	f.StringVar(&o.out, "out", "", "`FILE` for the result, in place of stdout")
	a.pluginFlag(cmd)
	grantFlag(cmd, &o.flags)
	return cmd
}

func (o *verifyOptions) run(ctx context.Context, a *app, plugin string) (err error) {
	write, ok := map[string]func(io.Writer, []conform.Check) error{
		"table": conform.Table, "tap": conform.TAP,
		"junit": func(w io.Writer, c []conform.Check) error { return conform.JUnit(w, "harness-plugin-"+plugin, c) },
	}[o.format]
	if !ok {
		return usage("--format %s: want table, tap or junit", o.format)
	}
	if a.grants, err = suite.Grants(ctx, suite.Inputs{Flags: o.flags, Environ: os.Environ(), Dir: a.dir}); err != nil {
		return err
	}
	e, err := a.pluginEntry(plugin)
	if err != nil {
		return err
	}
	path, args := a.command(e)
	command := append([]string{path}, args...)
	opts, err := o.options()
	if err != nil {
		return err
	}
	if e.Kind == manifest.WASM && !e.BuiltIn() {
		opts = append(opts, conform.WithWatcher(func() ([]string, func(int) func(), error) { return a.watched(e) }))
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	for _, kind := range o.reference {
		s, err := stack.Start(ctx, stack.Options{Exe: a.exe, Args: []string{"reference", "up", "--announce", "--components", kind}, Kind: kind})
		if err != nil {
			return fmt.Errorf("start the reference's %s: %w", kind, err)
		}
		defer s.Stop()
		opts = append(opts, conform.WithTarget(s.Spec()))
	}
	checks := conform.Record(ctx, func(t conform.T) { conform.Program(t, command, opts...) })
	if ctx.Err() != nil {
		a.say("harness: interrupted; no result was written")
		return &exit{code: exitInterrupted}
	}
	if o.out == "" {
		err = write(a.stdout, checks)
	} else {
		err = store.WriteFile(o.out, 0o644, func(w io.Writer) error { return write(w, checks) })
	}
	if err != nil {
		return err
	}
	if _, failed, _ := conform.Counts(checks); failed > 0 {
		a.say("harness: %s does not conform: %d of %d checks failed", plugin, failed, len(checks))
		return &exit{code: exitGate}
	}
	return nil
}

func (o *verifyOptions) options() ([]conform.Option, error) {
	opts := []conform.Option{conform.WithBound(o.bound)}
	if o.presets > 0 {
		opts = append(opts, conform.WithPresets(o.presets))
	}
	for _, text := range o.targets {
		kind, url, ok := strings.Cut(text, "=")
		if !ok || kind == "" || url == "" {
			return nil, usage("--target %s: want KIND=URL, such as vector=http://127.0.0.1:6334", text)
		}
		t := sdk.Target{Name: kind, Kind: kind, URL: url}
		if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
			t.URL, t.DSN = "", url
		}
		opts = append(opts, conform.WithTarget(t))
	}
	for _, text := range o.with {
		benchmark, object, _ := strings.Cut(text, "=")
		var with map[string]any
		if err := json.Unmarshal([]byte(object), &with); err != nil || benchmark == "" {
			return nil, usage(`--with %s: want BENCHMARK=JSON, such as search={"k":10}`, text)
		}
		opts = append(opts, conform.WithParams(benchmark, with))
	}
	return opts, nil
}

// watched watches over a process with guests, and kills it when one has used up
// its time: what loops cannot be stopped by the process that it runs in.
func (a *app) watched(e catalog.Entry) (args []string, watch func(pid int) (stop func()), err error) {
	g, err := newGuard(os.TempDir(), wasmhost.Limits(a.grants[e.Name].Limits).Watched())
	if err != nil {
		return nil, nil, err
	}
	return []string{"--pulse", g.page.Path()}, func(pid int) func() {
		ctx, cancel := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		ended.Go(func() {
			if err := g.Watch(ctx); err != nil && ctx.Err() == nil {
				a.say("harness: plugin %s: %v; its process is killed", e.Name, err)
				_ = lifeline.KillGroup(pid, syscall.SIGKILL) // it may have ended by itself
			}
		})
		return func() {
			cancel()
			ended.Wait()
		}
	}, nil
}

// pluginEntry is the plugin of a name or in a file.
func (a *app) pluginEntry(plugin string) (catalog.Entry, error) {
	if strings.ContainsRune(plugin, filepath.Separator) {
		path, err := filepath.Abs(plugin)
		if err != nil {
			return catalog.Entry{}, err
		}
		e, err := catalog.FileEntry(path)
		if err != nil {
			return e, &exit{exitUsage, err}
		}
		return e, nil
	}
	c, err := a.catalog()
	if err != nil {
		return catalog.Entry{}, err
	}
	e, ok := c.Entry(plugin)
	if !ok {
		return e, usage("no plugin %q%s; found are: %s; a file is named with its folder, as in ./%s",
			plugin, suggest(plugin, c.Plugins()), strings.Join(c.Plugins(), ", "), plugin)
	}
	return e, nil
}
