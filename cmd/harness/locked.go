package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/plughost"
	"github.com/benchharness/harness/internal/suite"
)

// envLocked names the environment variable that does what --locked does.
const envLocked = "HARNESS_LOCKED"

// lockPath is the path of the lockfile: beside the config file.
func (a *app) lockPath(config *string) string {
	dir := a.dir
	if config != nil {
		if dir = filepath.Dir(*config); !filepath.IsAbs(dir) {
			dir = filepath.Join(a.dir, dir)
		}
	}
	return filepath.Join(dir, lockfile.FileName)
}

// short is a path as people see it from the working directory.
func (a *app) short(path string) string {
	if rel, err := filepath.Rel(a.dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// hold has the catalogs that are made from now on let only those plugins run
// that the lockfile pins, if that was asked for.
func (a *app) hold(p *planFlags) error {
	locked, source := p.locked, "flag --locked"
	if text := os.Getenv(envLocked); !locked && text != "" {
		source = "environment " + envLocked
		var err error
		if locked, err = strconv.ParseBool(text); err != nil {
			return usage("environment %s is %q, want true or false", envLocked, text)
		}
	}
	if !locked {
		return nil
	}
	path := a.lockPath(p.flags.Config)
	lock, err := lockfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return usage("only pinned plugins may run (--locked), and there is no %s: make it with harness plugin lock", a.short(path))
	} else if err != nil {
		return &exit{exitUsage, err}
	}
	a.pins, a.pinsPath, a.pinsSource = lock, a.short(path), source
	return nil
}

// warnPlugins says what is odd about the plugins of a plan and stops nothing:
// a program that is not the pinned one, a grant that binds or helps nobody.
func (a *app) warnPlugins(c *catalog.Catalog, plan suite.Plan) {
	var config *string
	if plan.ConfigFile != "" {
		config = &plan.ConfigFile
	}
	path := a.lockPath(config)
	lock, err := lockfile.Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.say("harness: warning: %v", err)
	}
	seen := map[string]bool{}
	for _, b := range plan.Benchmarks {
		e, ok := c.Entry(b.Plugin)
		if !ok || seen[b.Plugin] {
			continue
		}
		seen[b.Plugin] = true
		if lock != nil && !e.BuiltIn() {
			if found, err := c.Find(e); err == nil {
				err = lock.Check(a.short(path), found)
				if err != nil {
					a.say("harness: warning: %v; with --locked it would not run", err)
				}
			}
		}
		if g, granted := plan.Grants[b.Plugin]; granted {
			a.warnGrant(e, g)
		}
	}
}

func (a *app) warnGrant(e catalog.Entry, g suite.Grant) {
	if e.Kind != manifest.WASM {
		if len(g.Capabilities) > 0 || g.Limits != (suite.Limits{}) {
			a.say("harness: warning: %s: plugin %s is a program of its own, which no grant and no limit binds: it is trusted code", g.Source, e.Name)
		}
		return
	}
	if e.Manifest == nil {
		return
	}
	for _, c := range g.Capabilities {
		if !slices.Contains(e.Manifest.Capabilities, c) {
			a.say("harness: warning: %s: plugin %s is granted %s, which its manifest does not ask for (it asks for: %s)",
				g.Source, e.Name, c, cmp.Or(manifest.Join(e.Manifest.Capabilities), "nothing"))
		}
	}
}

// pinned says in a few words how a plugin stands to the lockfile.
func (a *app) pinned(c *catalog.Catalog, e catalog.Entry, path string) string {
	lock, err := lockfile.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no, there is no " + a.short(path)
	case err != nil:
		return err.Error()
	}
	found, err := c.Find(e)
	if err == nil {
		err = lock.Check(a.short(path), found)
	}
	if err != nil {
		return fmt.Sprintf("no: %v", err)
	}
	return "yes, by " + a.short(path)
}

// startAdmitted starts a plugin whose file is what it has to be, before and
// after the start.
func (a *app) startAdmitted(ctx context.Context, c *catalog.Catalog, e catalog.Entry, o plughost.Options) (*plughost.Plugin, error) {
	still, err := c.Admit(e)
	if err != nil {
		return nil, err
	}
	if e.Digest, err = c.Digest(e); err != nil {
		return nil, err
	}
	p, err := a.start(ctx, e, o)
	if err != nil {
		return nil, err
	}
	if err := still(); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}
