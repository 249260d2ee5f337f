package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Digest returns the sha256 of the plugin's file as "sha256:hex"; that of
// this program for a built-in one.
func (c *Catalog) Digest(e Entry) (string, error) {
	path := e.Path
	if e.BuiltIn() {
		exe, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("digest of plugin %s: %w", e.Name, err)
		}
		path = exe
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d, ok := c.digests[path]; ok {
		return d, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("digest of plugin %s: %w", e.Name, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("digest of plugin %s: %w", e.Name, err)
	}
	c.digests[path] = "sha256:" + hex.EncodeToString(h.Sum(nil))
	return c.digests[path], nil
}

// Known returns what a plugin declares if that can be said without starting
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
	if p, ok := c.Known(e); ok {
		return p, nil
	}
	p, err := c.ask(ctx, e)
	if err != nil {
		return sdk.Plugin{}, err
	}
	if p.Name != e.Name {
		return sdk.Plugin{}, fmt.Errorf("plugin %s calls itself %q: rename the file to %s%s, or run it with --plugin %s=%s",
			e.Path, p.Name, Prefix, p.Name, p.Name, e.Path)
	}
	return p, nil
}

// ask starts a plugin to learn what it declares, and remembers that.
func (c *Catalog) ask(ctx context.Context, e Entry) (sdk.Plugin, error) {
	d, err := c.opts.Ask(ctx, e)
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
	return filepath.Join(c.opts.Cache, strings.TrimPrefix(d, "sha256:")+".json"), nil
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
