package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/install"
	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/suite"
)

type lockOptions struct{ config string }

func newPluginLock(a *app) *cobra.Command {
	o := &lockOptions{}
	cmd := &cobra.Command{
		Use:   "lock [NAME…]",
		Short: "Pin the plugins that are found in harness.lock, by the digests of their programs",
		Long: `Write harness.lock beside the config file: source, version, kind and sha256 of the
plugins that are found, or of those named. Commit it. harness run --locked then
refuses any other program under their names, and any plugin that is not pinned.
Built-in plugins are part of harness and not pinned. No plugin is started, but for
one without a manifest that the config file names by path: it is asked its name.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var config *string
			if o.config != "" {
				config = &o.config
			}
			return lockPlugins(cmd, a, config, args)
		},
	}
	a.pluginFlag(cmd)
	cmd.Flags().StringVar(&o.config, "config", "", "config `FILE` beside which the lockfile is")
	return cmd
}

func lockPlugins(cmd *cobra.Command, a *app, config *string, names []string) error {
	path := a.lockPath(config)
	lock, err := lockfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		lock = &lockfile.File{}
	} else if err != nil {
		return &exit{exitUsage, err}
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	// The config file may name plugins by path, too.
	if _, err := suite.Grants(cmd.Context(), suite.Inputs{Flags: suite.Flags{Config: config}, Environ: os.Environ(), Dir: a.dir, Catalog: c}); err != nil {
		return err
	}
	entries, err := toLock(c, names)
	if err != nil {
		return err
	}
	for _, e := range entries {
		changed, err := pin(a, c, lock, e, filepath.Dir(path))
		if err != nil {
			return err
		}
		word := "unchanged"
		if changed {
			word = "pinned"
		}
		p := lock.Plugins[e.Name]
		what := e.Name
		if p.Version != "" {
			what += " " + p.Version
		}
		fmt.Fprintln(a.stdout, printable(fmt.Sprintf("%s %s (%s) from %s", word, what, p.Kind, p.Source)))
	}
	if len(entries) == 0 {
		fmt.Fprintln(a.stdout, "no plugin besides the built-in ones is found, so there is nothing to pin")
	}
	for name := range lock.Plugins {
		if _, found := c.Entry(name); !found && len(names) == 0 {
			a.say("harness: warning: %s stays pinned, and no such plugin is found here", name)
		}
	}
	return lockfile.Write(path, lock)
}

// toLock are the external plugins of those names, or all.
func toLock(c *catalog.Catalog, names []string) ([]catalog.Entry, error) {
	for _, name := range names {
		e, ok := c.Entry(name)
		switch {
		case !ok:
			return nil, usage("no plugin %q%s; found are: %s", name, suggest(name, c.Plugins()), strings.Join(c.Plugins(), ", "))
		case e.BuiltIn():
			return nil, usage("plugin %s is built in: it is pinned by the version of harness", name)
		}
	}
	return slices.DeleteFunc(c.Entries(), func(e catalog.Entry) bool {
		return e.BuiltIn() || len(names) > 0 && !slices.Contains(names, e.Name)
	}), nil
}

// fromLock is a receipt's source as the lockfile has it: a path below the
// folder of the lockfile, or one that was relative, is relative to that folder.
func fromLock(work, dir, source string) string {
	src, err := install.ParseSource(source)
	if err != nil || src.Path == "" {
		return source
	}
	path, relative := src.Path, !filepath.IsAbs(src.Path)
	if relative {
		path = filepath.Join(work, path)
	}
	rel, err := filepath.Rel(dir, path)
	switch {
	case err != nil:
		return source
	case filepath.IsLocal(rel):
		return "./" + rel
	case relative:
		return rel
	}
	return source
}

// pin takes in one plugin. Its receipt says where it came from.
func pin(a *app, c *catalog.Catalog, lock *lockfile.File, e catalog.Entry, dir string) (bool, error) {
	if _, err := c.Admit(e); err != nil {
		return false, err
	}
	found, err := c.Find(e)
	if err != nil {
		return false, err
	}
	source, version := lockfile.Local, ""
	if p, ok := c.Declared(e); ok {
		version = p.Version
	}
	if r, err := install.Read(filepath.Dir(e.Path)); err == nil {
		source = fromLock(a.dir, dir, r.Source)
		if version == "" {
			version = r.Version
		}
	}
	other := otherPlatforms(e.Manifest, found.Digest)
	if e.Platform == manifest.AnyPlatform && other == nil {
		other = map[string]string{manifest.AnyPlatform: found.Digest}
	}
	return lock.Pin(found, source, version, other), nil
}
