package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/benchharness/harness/internal/history"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// named are runs that somebody named: a file, a baseline, or a run of the
// history.
type named struct {
	label string
	path  string
	runs  []*result.Run // oldest first
}

func (n *named) newest() *result.Run { return n.runs[len(n.runs)-1] }

// Prefixes that say what a name is, where it could be several things.
const (
	asBaseline = "baseline:"
	asHistory  = "history:"
)

// notFoundError says that a name stands for nothing that exists.
type notFoundError struct{ err error }

func (e *notFoundError) Error() string { return e.err.Error() }

// find reads what a name stands for. Text with a slash in it or with .json at
// its end is a file, also the file of a baseline. Anything else may be a file
// in the working directory, a baseline, or the beginning of an id in the
// history, and has to be just one of them.
func (a *app) find(ctx context.Context, text string, h historyFlag) (*named, error) {
	if name, ok := strings.CutPrefix(text, asBaseline); ok {
		return a.findBaseline(text, name)
	}
	if id, ok := strings.CutPrefix(text, asHistory); ok {
		return findHistory(ctx, text, id, h)
	}
	if store.IsBaselinePath(text) {
		return a.findBaseline(text, text)
	}
	return a.findAnything(ctx, text, h)
}

// findBaseline reads a baseline or a file, which are read the same way.
func (a *app) findBaseline(text, name string) (*named, error) {
	path, err := store.BaselinePath(a.folders, name)
	if err != nil {
		return nil, usage("%w", err)
	}
	runs, err := store.ReadBaseline(a.folders, name)
	var corrupt *store.CorruptError
	if errors.As(err, &corrupt) && corrupt.Backup == "" && store.IsBaselinePath(name) {
		err = corrupt.Err // a file like any other
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && store.IsBaselinePath(name):
		return nil, &notFoundError{fmt.Errorf("there is no file %s; check the path, or make one with harness run --out %[1]s", path)}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &notFoundError{fmt.Errorf("there is no baseline %q%s; harness baseline list shows what there is", name, suggest(name, a.baselineNames()))}
	case err != nil && store.IsBaselinePath(name):
		return nil, &exit{exitUsage, err}
	case err != nil:
		return nil, usage("baseline %q: %w", name, err)
	}
	return &named{label: text, path: path, runs: runs}, nil
}

func findHistory(ctx context.Context, text, id string, h historyFlag) (*named, error) {
	found, err := h.find(ctx, id)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	switch len(found) {
	case 0:
		return nil, &notFoundError{fmt.Errorf("no run in the history %s has an id that begins with %q; harness history list shows them", h.folder(), id)}
	case 1:
	default:
		return nil, usage("%d runs in the history %s have ids that begin with %q, such as %s and %s; name more of the id", len(found), h.folder(), id, found[0].ID, found[1].ID)
	}
	run, err := store.ReadRunUnopened(found[0].File)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return &named{label: text, path: found[0].File, runs: []*result.Run{run}}, nil
}

func (a *app) findAnything(ctx context.Context, text string, h historyFlag) (*named, error) {
	var is []string // what it could be, and how to say so
	var read func() (*named, error)
	if info, err := os.Stat(filepath.Join(a.dir, text)); err == nil && info.Mode().IsRegular() {
		is = append(is, "a file (./"+text+")")
		read = func() (*named, error) { return a.findBaseline(text, "./"+text) }
	}
	if path, err := store.BaselinePath(a.folders, text); err == nil {
		if _, err := os.Lstat(path); err == nil {
			is = append(is, "a baseline ("+asBaseline+text+")")
			read = func() (*named, error) { return a.findBaseline(text, text) }
		}
	}
	runs, err := h.find(ctx, text)
	if len(runs) > 0 {
		is = append(is, "a run in the history ("+asHistory+text+")")
		read = func() (*named, error) { return findHistory(ctx, text, text, h) }
	}
	switch {
	case len(is) > 1:
		return nil, usage("%q is %s: write the one you mean", text, strings.Join(is, " and "))
	case len(is) == 1:
		return read()
	case err != nil:
		return nil, &exit{exitUsage, err}
	}
	return nil, &notFoundError{fmt.Errorf("%q is no file, no baseline and no run in the history%s; see harness baseline list and harness history list",
		text, suggest(text, a.baselineNames()))}
}

// baselineNames are the names of baselines, whatever is in them.
func (a *app) baselineNames() []string {
	entries, err := os.ReadDir(a.folders.Baselines())
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && !store.IsBaselinePath(name) {
			names = append(names, name)
		}
	}
	return names
}

// historyFlag is the folder of the history, or "" for the usual one.
type historyFlag string

// usualHistory is the folder of the history where no other is named.
var usualHistory = filepath.Join(".harness", "history")

func (h historyFlag) folder() string {
	if h == "" {
		return usualHistory
	}
	return string(h)
}

// exists says whether there is a history.
func (h historyFlag) exists() bool {
	info, err := os.Stat(h.folder())
	return err == nil && info.IsDir()
}

// find returns the runs whose id begins with prefix. The usual history need
// not exist; one that was named has to.
func (h historyFlag) find(ctx context.Context, prefix string) ([]history.Run, error) {
	if h == "" && !h.exists() {
		return nil, nil
	}
	open, err := history.Open(ctx, h.folder())
	if err != nil {
		return nil, err
	}
	defer open.Close()
	return open.Find(ctx, prefix)
}
