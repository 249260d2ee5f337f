package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/install"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/wasmhost"
	"github.com/benchharness/harness/sdk"
)

type describeOptions struct {
	flags  suite.Flags
	config string
}

func newPluginDescribe(a *app) *cobra.Command {
	o := &describeOptions{}
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "What a plugin may do and what it measures: its benchmarks, parameters and metrics",
		Long: `What a plugin is, what it may do, and what it measures: its benchmarks, parameters
and metrics. A plugin that was not asked before is started to be asked, unless
--no-start is given: then its manifest has to do.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness plugin describe takes the name of one plugin; see harness plugin list")
			}
			if cmd.Flags().Changed("config") {
				o.flags.Config = &o.config
			}
			noStart, err := cmd.Flags().GetBool("no-start")
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), a, args[0], noStart)
		},
	}
	a.pluginFlag(cmd)
	grantFlag(cmd, &o.flags)
	cmd.Flags().StringVar(&o.config, "config", "", "config `FILE` that grants (default harness.yaml, if there is one)")
	cmd.Flags().Bool("no-start", false, "do not start the plugin, whatever that leaves unsaid")
	return cmd
}

func (o *describeOptions) run(ctx context.Context, a *app, name string, noStart bool) error {
	c, err := a.catalog()
	if err != nil {
		return err
	}
	grants, err := suite.Grants(ctx, suite.Inputs{Flags: o.flags, Environ: os.Environ(), Dir: a.dir, Catalog: c})
	if err != nil {
		if len(o.flags.Grants) > 0 || o.flags.Config != nil {
			return err
		}
		a.say("harness: warning: what the config file grants is not known: %v", err)
	}
	a.grants = grants
	e, ok := c.Entry(name)
	if !ok {
		return usage("no plugin %q%s; found are: %s", name, suggest(name, c.Plugins()), strings.Join(c.Plugins(), ", "))
	}
	var p sdk.Plugin
	if noStart {
		if e.Problem != nil {
			return fmt.Errorf("plugin %s cannot be used: %w", name, e.Problem)
		}
		var known bool
		if p, known = c.Known(e); !known {
			p, known = c.Declared(e)
		}
		if !known {
			p = sdk.Plugin{Name: name, Version: "(not asked yet)", Doc: "it has no manifest, and was not started"}
		}
	} else if p, err = c.Describe(ctx, name); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s %s: %s\n", p.Name, p.Version, p.Doc)
	if err := a.describeRights(c, e, grants[name], a.lockPath(o.flags.Config)); err != nil {
		return err
	}
	describe(a, p)
	return nil
}

// describeRights says what a plugin is and may do.
func (a *app) describeRights(c *catalog.Catalog, e catalog.Entry, g suite.Grant, lock string) error {
	line := func(key, format string, args ...any) {
		fmt.Fprintln(a.stdout, printable(fmt.Sprintf("  %-12s %s", key, fmt.Sprintf(format, args...))))
	}
	for _, other := range e.Shadows {
		line("shadows", "%s", other)
	}
	if e.BuiltIn() {
		line("kind", "built-in: part of harness")
		return nil
	}
	digest, err := c.Digest(e)
	if err != nil {
		return err
	}
	line("file", "%s", e.Path)
	line("digest", "%s", digest)
	if r, err := install.Read(filepath.Dir(e.Path)); err == nil {
		line("installed", "from %s, checked by %s, on %s", r.Source, r.Verified, r.Installed.Format(time.DateOnly))
	}
	line("pinned", "%s", a.pinned(c, e, lock))
	if e.Kind != manifest.WASM {
		line("kind", "exec: trusted code, a program that runs with your rights and that nothing limits")
		return nil
	}
	line("kind", "wasm: a module in a sandbox, without files, network, environment and clock unless granted")
	var asks []manifest.Capability
	if e.Manifest != nil {
		asks = e.Manifest.Capabilities
		line("asks for", "%s", cmp.Or(manifest.Join(asks), "nothing"))
	} else {
		line("asks for", "not said: it has no manifest; a run names what is missing")
	}
	from := ""
	if len(g.Capabilities) > 0 {
		from = " (" + g.Source + ")"
	}
	line("is granted", "%s%s", cmp.Or(manifest.Join(g.Capabilities), "nothing"), from)
	for _, x := range g.Capabilities {
		if x == manifest.Blob {
			line("", "%s: %s, which is %s", x, x.Describe(), led(g.Blobs))
			continue
		}
		line("", "%s: %s", x, x.Describe())
	}
	for _, x := range asks {
		if !slices.Contains(g.Capabilities, x) {
			line("is refused", "%s: %s; it will not start without, unless --grant or plugins.%s.grant names it", x, x.Describe(), e.Name)
		}
	}
	l := wasmhost.Limits(g.Limits).Or()
	line("limits", "memory %d KiB, op_time %v, round_time %v, set_up_time %v, log %d KiB, result %d KiB",
		l.Memory>>10, l.OpTime, l.RoundTime, l.SetUpTime, l.Log>>10, l.Result>>10)
	return nil
}

// led is a path, and where it leads if that is elsewhere.
func led(path string) string {
	to, err := filepath.EvalSymlinks(path)
	if err != nil || to == filepath.Clean(path) {
		return path
	}
	return path + ", a link to " + to
}
