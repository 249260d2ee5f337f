package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/leftovers"
	"github.com/benchharness/harness/internal/plughost"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/plugins/reference"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
)

func newClean(a *app) *cobra.Command {
	var all bool
	var targets []string
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove what runs that died left behind",
		Long: `Remove what runs that died left behind: processes, folders, tables, collections.
Only what such a run's journal names is touched; what --no-cleanup left on
targets is in it and is removed, too. With --all also what harness
keeps on this machine between runs: fetched binaries and descriptions of
plugins. Baselines, run documents and installed plugins are never removed.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			n := 0
			hooks := a.hooks(c, targets, func(run, what string) {
				n++
				fmt.Fprintln(a.stdout, printable(fmt.Sprintf("removed %s (run %s)", what, run)))
			})
			hooks.Kept = true
			err = leftovers.Sweep(cmd.Context(), a.journals(), hooks)
			// A target that is down keeps nothing else from being removed.
			err = errors.Join(err, a.removeLock(&n))
			if all {
				err = errors.Join(err, a.removeKept(&n))
			}
			if n == 0 && err == nil {
				fmt.Fprintln(a.stdout, "nothing to clean up")
			}
			return err
		},
	}
	a.pluginFlag(cmd)
	cmd.Flags().StringArrayVar(&targets, "target", nil, "`NAME=URL` of a target that the dead run took from a flag; may be repeated")
	cmd.Flags().BoolVar(&all, "all", false, "also remove what is cached")
	return cmd
}

// sweepDead cleans up after earlier runs before a new one. What cannot be
// removed now is said and does not stop the run.
func sweepDead(ctx context.Context, a *app, c *catalog.Catalog) {
	err := leftovers.Sweep(ctx, a.journals(), a.hooks(c, nil, func(run, what string) {
		a.say("harness: removed %s, left behind by run %s", what, run)
	}))
	if err != nil {
		a.say("harness: warning: %v; harness clean tries again", err)
	}
}

func (a *app) hooks(c *catalog.Catalog, targets []string, removed func(run, what string)) leftovers.Hooks {
	return leftovers.Hooks{
		Removed: removed,
		Clean: func(ctx context.Context, run journal.Run, owner, target string, objects []sdk.Object) error {
			if err := a.cleanTarget(ctx, c, run, owner, target, targets, objects); err != nil {
				return fmt.Errorf("remove %d objects of plugin %s on target %s: %w", len(objects), owner, target, err)
			}
			return nil
		},
	}
}

// cleanTarget has a plugin remove its objects on a target, which is named in
// the config of the run that died: no secret is in the journal.
func (a *app) cleanTarget(ctx context.Context, c *catalog.Catalog, run journal.Run, owner, target string, targets []string, objects []sdk.Object) error {
	e, ok := c.Entry(owner)
	if !ok {
		return fmt.Errorf("the plugin is not there any more; install it again, or pass it with --plugin")
	}
	spec, err := suite.FindTarget(run.ConfigFile, run.Dir, target, targets)
	if err != nil {
		return err
	}
	p, err := a.startAdmitted(ctx, c, e, plughost.Options{Name: owner})
	if err != nil {
		return err
	}
	defer p.Stop()
	return p.Clean(ctx, sdk.CleanRequest{Target: spec, Objects: objects})
}

// removeLock removes the lock that a run which was killed left in the working
// directory. One that a run holds stays.
func (a *app) removeLock(n *int) error {
	path := filepath.Join(a.dir, store.LockName)
	if _, err := os.Lstat(path); err != nil {
		return nil // there is none
	}
	lock, err := store.Lock(a.dir)
	var held *store.LockedError
	if errors.As(err, &held) {
		return nil
	}
	if err != nil {
		return err
	}
	*n++
	fmt.Fprintf(a.stdout, "removed %s\n", path)
	return lock.Unlock()
}

// removeKept removes what harness keeps between runs and can make again.
func (a *app) removeKept(n *int) error {
	for _, dir := range append(reference.Caches(), a.folders.Cache) {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove cache: %w", err)
		}
		*n++
		fmt.Fprintf(a.stdout, "removed %s\n", dir)
	}
	return nil
}
