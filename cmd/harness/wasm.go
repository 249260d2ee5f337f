package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/plughost"
	"github.com/benchharness/harness/internal/wasmhost"
	"github.com/benchharness/harness/internal/wasmhost/pulse"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/serve"
)

// start starts the process of a plugin. o.Path is made here, and o.Args are
// further ones.
func (a *app) start(ctx context.Context, e catalog.Entry, o plughost.Options) (*plughost.Plugin, error) {
	o.Name = cmp.Or(o.Name, e.Name)
	path, args := a.command(e)
	o.Path, o.Args = path, append(args, o.Args...)
	if e.Kind != manifest.WASM {
		return plughost.Start(ctx, o)
	}
	limits := wasmhost.Limits(a.grants[e.Name].Limits).Watched()
	limits.Describe = describeTime
	guard, err := newGuard(cmp.Or(o.Dir, os.TempDir()), limits)
	if err != nil {
		return nil, fmt.Errorf("start plugin %s: %w", o.Name, err)
	}
	o.Args, o.Guard, o.Deaf = append(o.Args, "--pulse", guard.page.Path()), guard, true
	if e.Digest != "" {
		o.Args = append(o.Args, "--digest", e.Digest)
	}
	// A guest that may compute for long may be silent for as long.
	o.DescribeTime = compileTime
	o.Silence = max(limits.Op, limits.SetUp) + silence
	p, err := plughost.Start(ctx, o)
	if err != nil {
		guard.close()
	}
	return p, err
}

// describeTime is how long a WASM plugin may take to say what it is. It is
// asked that before there is a plan with limits of its own.
const describeTime = 3 * time.Second

// compileTime bounds what comes before that: compiling a module that nobody has
// compiled before takes seconds, on a busy machine many.
const compileTime = 3 * time.Minute

// silence is how long a WASM plugin may say nothing beyond what its guest may
// take.
const silence = 30 * time.Second

// guard watches over the guests of one process.
type guard struct {
	*pulse.Watcher
	page *pulse.Page
	once sync.Once
}

func newGuard(dir string, limits pulse.Limits) (*guard, error) {
	page, err := pulse.Create(dir)
	if err != nil {
		return nil, err
	}
	return &guard{Watcher: pulse.NewWatcher(page, limits), page: page}, nil
}

// Watch gives the page back when it ends.
func (g *guard) Watch(ctx context.Context) error {
	defer g.close()
	return g.Watcher.Watch(ctx)
}

func (g *guard) close() {
	g.once.Do(func() { _ = g.page.Close() }) // nothing is kept in it
}

// wasmCommand is how a WASM plugin's process is started.
func (a *app) wasmCommand(e catalog.Entry) []string {
	g := a.grants[e.Name]
	grant := wasmhost.Grant{Blobs: g.Blobs, Limits: wasmhost.Limits(g.Limits)}
	for _, c := range g.Capabilities {
		grant.Capabilities = append(grant.Capabilities, string(c))
	}
	text, err := json.Marshal(grant)
	if err != nil { // texts and numbers
		panic(err)
	}
	return []string{"plugin", "serve-wasm", "--name", e.Name, "--grant", string(text),
		"--cache", filepath.Join(a.folders.Cache, "wasm"), e.Path}
}

// newPluginServeWASM is how the harness starts WASM plugins.
func newPluginServeWASM() *cobra.Command {
	o := wasmhost.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	var grant, page string
	cmd := &cobra.Command{
		Use:    "serve-wasm FILE",
		Short:  "Serve a WASM plugin to the harness that started this process",
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness plugin serve-wasm takes the file of one module")
			}
			o.File = args[0]
			if err := json.Unmarshal([]byte(grant), &o.Grant); err != nil {
				return usage("flag --grant: %w", err)
			}
			if page != "" {
				var err error
				if o.Pulse, err = pulse.Open(page); err != nil {
					return &exit{exitNotRun, err}
				}
			}
			if code := serve.Loading(o.Name, loadOnce(o)); code != 0 {
				return &exit{code: code}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "", "the plugin's name")
	f.StringVar(&o.Digest, "digest", "", "sha256:HEX that the module has to have")
	f.StringVar(&o.Cache, "cache", "", "folder of compiled modules")
	f.StringVar(&grant, "grant", "{}", "what it may do, as JSON")
	f.BoolVar(&o.Describing, "describe", false, "only to describe it: imports that were not granted do nothing")
	f.StringVar(&page, "pulse", "", "file by which the guest is watched")
	return cmd
}

// loadOnce loads a module when it is first wanted. The process ends with it.
func loadOnce(o wasmhost.Options) func(context.Context) (sdk.Plugin, error) {
	var mu sync.Mutex
	var loaded bool
	var p sdk.Plugin
	var err error
	return func(ctx context.Context) (sdk.Plugin, error) {
		mu.Lock()
		defer mu.Unlock()
		if loaded {
			return p, err
		}
		loaded = true
		ctx = context.WithoutCancel(ctx) // what is loaded outlives the call
		var m *wasmhost.Module
		if m, err = wasmhost.Open(ctx, o); err == nil {
			p, err = m.Plugin(ctx)
		}
		return p, err
	}
}
