package catalog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Declared returns what lists show of a plugin, without starting it: of one
// with a manifest that is without parameters and metrics.
func (c *Catalog) Declared(e Entry) (sdk.Plugin, bool) {
	switch {
	case e.Problem != nil:
		return sdk.Plugin{}, false
	case e.Manifest != nil:
		p := e.Manifest.Plugin()
		tidy(&p)
		return p, true
	}
	return c.Known(e)
}

// Known returns all that a plugin declares if that can be said without starting
// it: it is built in, or was asked before.
func (c *Catalog) Known(e Entry) (sdk.Plugin, bool) {
	if e.BuiltIn() {
		i := slices.IndexFunc(c.opts.Builtin, func(p sdk.Plugin) bool { return p.Name == e.Name })
		return c.opts.Builtin[i], true
	}
	p, ok := c.remembered(e)
	if !ok || p.Name != e.Name { // asked again, the difference is an error
		return sdk.Plugin{}, false
	}
	return p, true
}

// remembered returns what the file of an external plugin declared when it was
// asked before.
func (c *Catalog) remembered(e Entry) (sdk.Plugin, bool) {
	path, err := c.kept(e)
	if err != nil || path == "" {
		return sdk.Plugin{}, false
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return sdk.Plugin{}, false
	}
	var d pluginv1.DescribeResponse
	if protojson.Unmarshal(b, &d) != nil {
		return sdk.Plugin{}, false
	}
	p, err := wire.DescribeFromProto(&d)
	tidy(&p)
	return p, err == nil
}

// Describe returns what a plugin declares, asking it if need be.
func (c *Catalog) Describe(ctx context.Context, name string) (sdk.Plugin, error) {
	e, ok := c.Entry(name)
	if !ok {
		return sdk.Plugin{}, fmt.Errorf("no plugin %q", name)
	}
	if _, err := c.Admit(e); err != nil {
		return sdk.Plugin{}, err
	}
	p, ok := c.Known(e)
	if !ok {
		var err error
		if p, err = c.ask(ctx, e); err != nil {
			return sdk.Plugin{}, err
		}
	}
	if p.Name != e.Name {
		return sdk.Plugin{}, callsItself(e, p.Name)
	}
	return p, agrees(e, p)
}

// agrees says whether a plugin is what its manifest says, which lists believe.
func agrees(e Entry, p sdk.Plugin) error {
	if e.Manifest == nil {
		return nil
	}
	said, is := names(e.Manifest.Plugin()), names(p)
	switch {
	case e.Manifest.Version != p.Version:
		return fmt.Errorf("plugin %s says that it is version %q, and its manifest says %q: the manifest beside %s has to be of the same build",
			e.Name, p.Version, e.Manifest.Version, e.Path)
	case !slices.Equal(said, is):
		return fmt.Errorf("plugin %s has the benchmarks %s, and its manifest says %s: the manifest beside %s has to be of the same build",
			e.Name, strings.Join(is, ", "), strings.Join(said, ", "), e.Path)
	}
	return nil
}

// names are the names of a plugin's benchmarks and presets, sorted.
func names(p sdk.Plugin) []string {
	var out []string
	for _, b := range p.Benchmarks {
		out = append(out, b.Name)
		for _, s := range b.Presets {
			out = append(out, b.Name+"/"+s.Name)
		}
	}
	slices.Sort(out)
	return out
}

// ask starts a plugin to learn what it declares, and remembers that.
func (c *Catalog) ask(ctx context.Context, e Entry) (sdk.Plugin, error) {
	still, err := c.Admit(e)
	if err != nil {
		return sdk.Plugin{}, err
	}
	if e.Digest, err = c.Digest(e); err != nil {
		return sdk.Plugin{}, err
	}
	d, err := c.opts.Ask(ctx, e)
	if changed := still(); changed != nil {
		return sdk.Plugin{}, changed
	}
	if err != nil {
		return sdk.Plugin{}, err
	}
	p, err := wire.DescribeFromProto(d)
	if err != nil {
		return sdk.Plugin{}, fmt.Errorf("plugin %s: %w", e.Path, err)
	}
	tidy(&p)
	c.keep(e, d)
	return p, nil
}

// kept is the file that holds the description of an external plugin.
func (c *Catalog) kept(e Entry) (string, error) {
	if c.opts.Cache == "" {
		return "", nil
	}
	d, err := c.Digest(e)
	if err != nil {
		return "", err
	}
	return filepath.Join(c.opts.Cache, hexOf(d)+".json"), nil
}

// keep remembers a description. Failing to is no failure: it is asked again.
func (c *Catalog) keep(e Entry, d *pluginv1.DescribeResponse) {
	path, err := c.kept(e)
	if err != nil || path == "" {
		return
	}
	b, err := protojson.Marshal(d)
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if os.WriteFile(tmp, b, 0o600) != nil || os.Rename(tmp, path) != nil {
		os.Remove(tmp)
	}
}
