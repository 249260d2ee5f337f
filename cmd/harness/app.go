package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/ci/actions"
	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/plughost"
	"github.com/benchharness/harness/internal/progress"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// app is what every command works with.
type app struct {
	stdout, stderr io.Writer
	dir            string // working directory
	exe            string // this program, which starts itself again
	folders        store.Folders
	plugins        []string                      // --plugin
	grants         map[string]suite.Grant        // of WASM plugins, by name: the plan's
	pins           *lockfile.File                // plugins that alone may run; nil = all
	pinsPath       string                        // where pins come from
	pinsSource     string                        // who asked for them
	view           atomic.Pointer[progress.View] // of the run that goes on, or nil
}

// say prints to stderr, above the live line where there is one.
func (a *app) say(format string, args ...any) {
	text := printable(fmt.Sprintf(format, args...))
	if v := a.view.Load(); v != nil {
		v.Note("%s", text)
		return
	}
	fmt.Fprintln(a.stderr, text)
}

// maxSaid is the length in bytes of the longest line that is said.
const maxSaid = 4000

// printable makes a text that may hold words of plugins and targets safe for a
// terminal: its lines stay, whatever else could drive the terminal goes. In a job
// of GitHub Actions no line is taken for a command, either.
func printable(text string) string {
	job := os.Getenv("GITHUB_ACTIONS") == "true"
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		rest := strings.TrimLeft(line, " ")
		lines[i] = line[:len(line)-len(rest)] + result.Printable(rest, maxSaid)
		if job {
			lines[i] = actions.Quiet(lines[i])
		}
	}
	return strings.Join(lines, "\n")
}

func newApp(stdout, stderr io.Writer) (*app, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	folders, err := store.Dirs(os.Getenv)
	if err != nil {
		return nil, err
	}
	return &app{stdout: stdout, stderr: stderr, dir: dir, exe: exe, folders: folders}, nil
}

// journals is the folder of the runs' journals.
func (a *app) journals() string { return filepath.Join(a.folders.State, "journal") }

// pluginFlag adds --plugin to a command that looks for plugins.
func (a *app) pluginFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.plugins, "plugin", nil, "`FILE` of one more plugin, or NAME=FILE; may be repeated")
}

// pluginsFolder is where plugins are installed: the project's folder, or the
// user's.
func (a *app) pluginsFolder(global bool) string {
	if global {
		return filepath.Join(a.folders.Data, "plugins")
	}
	return filepath.Join(a.dir, ".harness", "plugins")
}

func (a *app) catalog() (*catalog.Catalog, error) {
	c, err := catalog.Open(catalog.Options{
		Builtin: builtins(), Explicit: a.plugins, Path: os.Getenv(catalog.EnvPath),
		Local: a.pluginsFolder(false), Data: a.pluginsFolder(true),
		Cache: filepath.Join(a.folders.Cache, "plugins"), Ask: a.ask, Lock: a.pins, LockPath: a.pinsPath,
	})
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return c, nil
}

// ask starts a plugin to have it describe itself.
func (a *app) ask(ctx context.Context, e catalog.Entry) (*pluginv1.DescribeResponse, error) {
	o := plughost.Options{}
	if e.Kind == manifest.WASM {
		o.Args = []string{"--describe"}
	}
	p, err := a.start(ctx, e, o)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	d, err := p.Describe(ctx)
	if err != nil {
		return nil, err
	}
	return d.Wire, nil
}

// command is how the plugin's process is started.
func (a *app) command(e catalog.Entry) (path string, args []string) {
	if e.BuiltIn() {
		return a.exe, []string{"plugin", "serve", e.Name}
	}
	if e.Kind == manifest.WASM {
		return a.exe, a.wasmCommand(e)
	}
	return e.Path, nil
}

// plan makes the plan of a run from its flags and everything else.
func (a *app) plan(ctx context.Context, c *catalog.Catalog, f suite.Flags) (suite.Plan, error) {
	p, err := suite.Resolve(ctx, suite.Inputs{Flags: f, Environ: os.Environ(), Dir: a.dir, Catalog: c, Metrics: resourceMetrics})
	a.grants = p.Grants
	return p, err
}

// resourceMetrics are what the probe adds to what benchmarks declare; budgets
// may name them.
var resourceMetrics = []sdk.Metric{
	{Name: "gpu_util", Unit: "ratio", Better: sdk.Higher, Scale: sdk.Absolute},
	{Name: result.CapacityMetric, Unit: "1/s", Better: sdk.Higher},
	{Name: "host.cpu", Unit: "ratio", Scale: sdk.Absolute},
	{Name: "host.memory_used", Unit: "B"},
	{Name: "plugin.cpu", Unit: "cores"},
	{Name: "plugin.memory", Unit: "B"},
	{Name: "target.cpu", Unit: "cores"},
	{Name: "target.memory", Unit: "B"},
}
