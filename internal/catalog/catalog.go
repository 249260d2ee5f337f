// Package catalog knows which plugins there are, where they come from and
// what they are: the built-in ones, and programs and WASM modules named
// harness-plugin-NAME in the search path, with a manifest beside them or not.
//
// Finding and listing plugins never executes one: what a manifest says is read,
// and what an external plugin without one declares is kept by the digest of its
// file, so that it is asked once. Before a plugin is started, its file has to be
// what its manifest, the lockfile and the beginning of the run say it is.
package catalog

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// Prefix is how the file name of an external plugin begins.
const Prefix = "harness-plugin-"

// EnvPath names the environment variable with more folders to search, in the
// form of PATH.
const EnvPath = "HARNESS_PLUGIN_PATH"

// Entry is one plugin.
type Entry struct {
	Name    string
	Path    string   // of its program or module; "" for a built-in one
	Source  string   // "built-in", "--plugin", "config file", "HARNESS_PLUGIN_PATH", "./.harness/plugins", …
	Shadows []string // plugins of the same name that lost to this one

	Kind     manifest.Kind      // of built-in ones, too
	Manifest *manifest.Manifest // nil without one
	SHA256   string             // that the manifest states for the file; may be ""
	Platform string             // the manifest's key for the file; "" without one
	Problem  error              // why it cannot be used, as found without running it
	Digest   string             // of the file that was admitted, "sha256:hex"; "" before that
}

// BuiltIn says whether the plugin is part of this binary.
func (e Entry) BuiltIn() bool { return e.Path == "" }

// Where is the plugin's file, or "built-in".
func (e Entry) Where() string { return cmp.Or(e.Path, "built-in") }

// Options say where to look.
type Options struct {
	Builtin  []sdk.Plugin // in the order of every table
	Explicit []string     // files given with --plugin; "NAME=FILE" gives a name
	Path     string       // value of HARNESS_PLUGIN_PATH
	Local    string       // ./.harness/plugins
	Data     string       // plugins folder below the XDG data folder
	Cache    string       // folder where descriptions are kept; "" = nowhere
	// Lock holds the plugins that may run, and LockPath is the file it was read
	// from; nil lets every plugin run. Built-in ones always may.
	Lock     *lockfile.File
	LockPath string
	// Ask starts a plugin to ask for its description.
	Ask func(ctx context.Context, e Entry) (*pluginv1.DescribeResponse, error)
}

// Catalog is the set of plugins that were found.
type Catalog struct {
	opts    Options
	entries []Entry
	mu      sync.Mutex
	seals   map[string]seal // by path
}

// Open looks for plugins. Earlier sources win: --plugin, built-in,
// HARNESS_PLUGIN_PATH, ./.harness/plugins, the data folder. An explicit file
// that does not exist is an error, an absent folder is not.
func Open(opts Options) (*Catalog, error) {
	c := &Catalog{opts: opts, seals: map[string]seal{}}
	for _, arg := range opts.Explicit {
		name, path, named := strings.Cut(arg, "=")
		if !named {
			name, path = "", arg
		}
		e, err := explicit(name, path, sourceFlag)
		if err != nil {
			return nil, err
		}
		c.add(e)
	}
	for _, p := range opts.Builtin {
		c.add(Entry{Name: p.Name, Source: "built-in", Kind: manifest.Exec})
	}
	for _, dir := range filepath.SplitList(opts.Path) {
		c.addFolder(dir, EnvPath)
	}
	c.addFolder(opts.Local, "./.harness/plugins")
	c.addFolder(opts.Data, opts.Data)
	c.sort()
	return c, nil
}

// Sources of plugins that were named one by one.
const (
	sourceFlag = "--plugin"
	sourceFile = "config file"
)

// AddPath takes in the plugin at path, which the config file names, and
// returns what it calls itself; unless its manifest says so it is started for
// that, if it was not asked before. Such a plugin wins over all but those of
// --plugin. AddPath must not be called beside other methods.
func (c *Catalog) AddPath(ctx context.Context, path string) (string, error) {
	e, err := explicit("", path, sourceFile)
	if err != nil {
		return "", err
	}
	if e.Manifest == nil && e.Problem == nil {
		if e.Name, err = c.nameAt(ctx, e); err != nil {
			return "", err
		}
	}
	i := slices.IndexFunc(c.entries, func(o Entry) bool { return o.Name == e.Name })
	if i >= 0 && c.entries[i].Source != sourceFlag && c.entries[i].Path != e.Path {
		e.Shadows = append([]string{c.entries[i].Where()}, c.entries[i].Shadows...)
		c.entries[i] = e
	} else {
		c.add(e)
	}
	c.sort()
	return e.Name, nil
}

// nameAt finds out what the plugin in a file calls itself.
func (c *Catalog) nameAt(ctx context.Context, e Entry) (string, error) {
	if p, known := c.remembered(e); known {
		return p.Name, nil
	}
	if c.opts.Lock != nil { // the file's name need not be the plugin's
		digest, err := c.Digest(e)
		if err != nil {
			return "", err
		}
		if name, ok := c.opts.Lock.NameOf(hexOf(digest), manifest.Platform()); ok {
			e.Name = name
		}
	}
	p, err := c.ask(ctx, e)
	return p.Name, err
}

func (c *Catalog) add(e Entry) {
	i := slices.IndexFunc(c.entries, func(o Entry) bool { return o.Name == e.Name })
	if i < 0 {
		c.entries = append(c.entries, e)
	} else if e.Path != c.entries[i].Path {
		c.entries[i].Shadows = append(c.entries[i].Shadows, e.Where())
	}
}

// sort puts the built-in plugins first, in their own order, then the others
// by name.
func (c *Catalog) sort() {
	rank := func(e Entry) int {
		i := slices.IndexFunc(c.opts.Builtin, func(p sdk.Plugin) bool { return p.Name == e.Name })
		if i < 0 {
			return len(c.opts.Builtin)
		}
		return i
	}
	slices.SortFunc(c.entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name))
	})
}

// Entries returns the plugins: built-in ones first, then the others by name.
func (c *Catalog) Entries() []Entry { return slices.Clone(c.entries) }

// Plugins returns the names of [Catalog.Entries].
func (c *Catalog) Plugins() []string {
	out := make([]string, 0, len(c.entries))
	for _, e := range c.entries {
		out = append(out, e.Name)
	}
	return out
}

// Entry returns the plugin of that name.
func (c *Catalog) Entry(name string) (Entry, bool) {
	i := slices.IndexFunc(c.entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, false
	}
	return c.entries[i], true
}
