package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/verdict"
)

// Files of an interleaved comparison, by which it can be judged again.
const (
	baseFile       = "base.json"
	headFile       = "head.json"
	baseRepeatFile = "base-repeat.json"
	headRepeatFile = "head-repeat.json"
)

// interleaved judges the documents that harness ab left in a folder once more,
// by what counts as a regression now.
func (o *compareOptions) interleaved(ctx context.Context, a *app, args []string) error {
	dir := "."
	switch len(args) {
	case 0:
	case 1:
		dir = args[0]
	default:
		return usage("harness compare --interleaved takes one folder, got %d arguments", len(args))
	}
	settings, err := o.settings(a)
	if err != nil {
		return err
	}
	set, repeat, err := readInterleaved(dir)
	if err != nil {
		return err
	}
	head := set.Head
	if len(settings.Budgets) > 0 {
		head.Budgets = judged(head, settings.Budgets, true)
	}
	policy, err := a.policy(settings.Thresholds, settings.Policy, head.MachineID)
	if err != nil {
		return err
	}
	c, err := verdict.Replay(set, repeat, policy)
	if err != nil {
		return &exit{exitUsage, fmt.Errorf("%s: %w", dir, err)}
	}
	c.Base.Label, c.Head.Label = filepath.Join(dir, baseFile), filepath.Join(dir, headFile)
	if err := o.show(ctx, a, &comparison{Comparison: c, policy: policy, base: set.Base, head: head}); err != nil {
		return err
	}
	code := c.Exit(policy)
	if unfinished(set, repeat) {
		code = first(code, exitNotRun)
	}
	return exitWith(code)
}

// readInterleaved reads the documents of both sets; repeat is nil when there is
// none.
func readInterleaved(dir string) (set verdict.Pair, repeat *verdict.Pair, err error) {
	var runs [4]*result.Run
	for i, name := range []string{baseFile, headFile, baseRepeatFile, headRepeatFile} {
		path := filepath.Join(dir, name)
		run, err := store.ReadRunUnopened(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && i < 2:
			return set, nil, usage("%s is not there: name the folder that harness ab wrote to", path)
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return set, nil, &exit{exitUsage, err}
		default:
			runs[i] = run
		}
	}
	if runs[2] != nil || runs[3] != nil {
		repeat = &verdict.Pair{Base: runs[2], Head: runs[3]}
	}
	return verdict.Pair{Base: runs[0], Head: runs[1]}, repeat, nil
}

// unfinished says that a benchmark could not be measured to the end.
func unfinished(set verdict.Pair, repeat *verdict.Pair) bool {
	runs := []*result.Run{set.Base, set.Head}
	if repeat != nil {
		runs = append(runs, repeat.Base, repeat.Head)
	}
	return slices.ContainsFunc(runs, func(r *result.Run) bool {
		return slices.ContainsFunc(r.Validity, func(f result.Finding) bool { return f.Code == notRun })
	})
}
