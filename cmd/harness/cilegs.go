package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/benchharness/harness/ci"
	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/internal/verdict"
)

// ciSource is where the documents of a leg are.
type ciSource struct {
	name       string
	from       string // path or artifact, for errors
	files      fs.FS
	comparison string // name of the comparison document; "" = not to be read
	problem    error  // why there are none
}

// legs reads and judges the documents of all legs.
func (j *ciJob) legs(ctx context.Context, args []string) ([]body.Leg, error) {
	judge, err := j.judge(ctx)
	if err != nil {
		return nil, err
	}
	sources, closeAll, err := j.sources(ctx, args)
	defer closeAll()
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		sources = []ciSource{{problem: errors.New("no document was given")}}
	}
	nameLegs(sources, j.options.leg)
	var legs []body.Leg
	for _, s := range sources {
		leg, err := s.leg(judge)
		if err != nil {
			if !j.options.always {
				return nil, &exit{exitUsage, err}
			}
			j.app.say("harness: warning: %v", err)
			leg = judge.Missing(s.name, err)
		}
		legs = append(legs, leg)
	}
	return legs, nil
}

func (s ciSource) leg(judge ci.Judge) (body.Leg, error) {
	if s.problem != nil {
		return body.Leg{}, s.problem
	}
	d, err := ci.Read(s.files, s.comparison)
	if err != nil {
		return body.Leg{}, fmt.Errorf("%s: %w", s.from, err)
	}
	d.Name = s.name
	leg, err := judge.Leg(d)
	if err != nil {
		return body.Leg{}, fmt.Errorf("%s: %w", s.from, err)
	}
	return leg, nil
}

// nameLegs makes names of legs that are told apart: where there is one, it is the
// one that --leg says.
func nameLegs(sources []ciSource, leg string) {
	if len(sources) == 1 {
		sources[0].name = leg
		return
	}
	seen := map[string]int{}
	for i := range sources {
		s := &sources[i]
		if seen[s.name]++; seen[s.name] > 1 {
			s.name = fmt.Sprintf("%s (%d)", s.name, seen[s.name])
		}
	}
}

// sources finds the documents that arguments and --artifact name.
func (j *ciJob) sources(ctx context.Context, args []string) (out []ciSource, closeAll func(), err error) {
	var roots []*os.Root
	closeAll = func() {
		for _, r := range roots {
			_ = r.Close() // nothing was written
		}
	}
	for _, arg := range args {
		found, root, err := j.argument(arg)
		if root != nil {
			roots = append(roots, root)
		}
		if err != nil {
			given, _, ok := strings.Cut(arg, "=")
			if !ok {
				given = legName(arg)
			}
			found = []ciSource{{name: given, problem: err}}
		}
		out = append(out, found...)
	}
	if len(j.options.artifacts) == 0 {
		return out, closeAll, nil
	}
	if j.where.WorkflowRun == nil {
		return nil, closeAll, usage("--artifact is for the event workflow_run, which says whose artifacts: name folders with documents instead")
	}
	artifacts, err := ci.Download(ctx, j.client, j.where.Repo, j.where.WorkflowRun.ID, j.options.artifacts)
	if err != nil {
		return nil, closeAll, err
	}
	for _, a := range artifacts {
		s := ciSource{name: a.Name, from: "artifact " + a.Name, files: a.Files, problem: a.Problem}
		if a.Problem == nil && !ci.IsFolder(a.Files) {
			s.problem = fmt.Errorf("artifact %s holds no documents of a comparison", a.Name)
		}
		out = append(out, s)
	}
	return out, closeAll, nil
}

// argument is one PATH or NAME=PATH.
func (j *ciJob) argument(arg string) ([]ciSource, *os.Root, error) {
	path, given := arg, ""
	info, err := os.Stat(path)
	if before, after, ok := strings.Cut(arg, "="); err != nil && ok {
		given, path = before, after
		info, err = os.Stat(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("%s is not there: name what harness ab or harness compare --format json --dir wrote", path)
	case err != nil:
		return nil, nil, err
	}
	dir, file := path, ""
	if !info.IsDir() {
		dir, file = filepath.Dir(path), filepath.Base(path)
	}
	root, err := os.OpenRoot(dir) // links do not lead out of it
	if err != nil {
		return nil, nil, err
	}
	files := root.FS()
	if file != "" || ci.IsFolder(files) {
		s := ciSource{name: given, from: dir, files: files, comparison: file}
		if s.name == "" {
			s.name = legName(path)
		}
		if file == "" {
			if _, err := fs.Stat(files, ci.ComparisonFile); err == nil {
				s.comparison = ci.ComparisonFile
			}
		}
		if j.untrusted() {
			s.comparison = ""
		}
		return []ciSource{s}, root, nil
	}
	out, err := j.folders(files, path)
	return out, root, err
}

// folders are the legs in a folder that holds one folder for each.
func (j *ciJob) folders(files fs.FS, path string) ([]ciSource, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var out []ciSource
	for _, e := range entries {
		sub, err := fs.Sub(files, e.Name())
		if err != nil || !e.IsDir() || !ci.IsFolder(sub) {
			continue
		}
		s := ciSource{name: e.Name(), from: filepath.Join(path, e.Name()), files: sub}
		if _, err := fs.Stat(sub, ci.ComparisonFile); err == nil && !j.untrusted() {
			s.comparison = ci.ComparisonFile
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no documents: name what harness ab or harness compare --format json --dir wrote", path)
	}
	return out, nil
}

// legName is what a path says of a leg.
func legName(path string) string {
	path = filepath.Clean(path)
	if filepath.Base(path) == ci.ComparisonFile {
		path = filepath.Dir(path)
	}
	return strings.TrimSuffix(filepath.Base(path), ".json")
}

// judge is how documents are judged: by what this folder says, or by what the
// base branch says of a stranger's.
func (j *ciJob) judge(ctx context.Context) (ci.Judge, error) {
	out := ci.Judge{FailOn: j.failOn, Untrusted: j.untrusted()}
	if j.options.baseline != "" {
		runs, err := store.ReadRuns(j.options.baseline)
		if err != nil {
			return out, &exit{exitUsage, err}
		}
		out.Base = runs
	}
	dir, config, environ := j.app.dir, j.options.config, os.Environ()
	if out.Untrusted {
		var err error
		if dir, config, err = j.fromBase(ctx); err != nil {
			return out, err
		}
		defer os.RemoveAll(dir)
		environ = nil
	}
	in := suite.Inputs{Environ: environ, Dir: dir, Metrics: resourceMetrics}
	if config != "" {
		in.Flags.Config = &config
	}
	settings, err := suite.ResolveJudging(in)
	if err != nil {
		return out, err
	}
	for _, w := range settings.Warnings {
		j.app.say("harness: warning: %s", w)
	}
	own := &app{stdout: j.app.stdout, stderr: j.app.stderr, dir: dir, folders: j.app.folders}
	rules, err := own.ruled(policyOf(settings.Thresholds), settings.Policy)
	if err != nil {
		return out, err
	}
	out.Policy = func(machineID string) (verdict.Policy, error) {
		if out.Untrusted {
			return rules, nil // floors are this machine's, and a stranger names any
		}
		return j.app.withFloors(rules, machineID), nil
	}
	if len(settings.Budgets) > 0 {
		out.Budgets = func(head *result.Run) []result.Budget { return judged(head, settings.Budgets, true) }
	} else if out.Untrusted {
		out.Budgets = func(*result.Run) []result.Budget { return nil }
	}
	return out, nil
}

// measuredCommit is the base commit that trusted run documents name, where
// head's is the one that the pull request has.
func measuredCommit(legs []body.Leg, head string) string {
	for _, l := range legs {
		if l.Base == nil || l.Head == nil {
			continue
		}
		if base := setting(l.Base, "commit"); isSHA(base) && setting(l.Head, "commit") == head {
			return base
		}
	}
	return ""
}

// elsewhere is a commit that the documents say they are of, where it is not
// head.
func elsewhere(legs []body.Leg, head string) string {
	for _, l := range legs {
		if l.Head == nil {
			continue
		}
		if commit := setting(l.Head, "commit"); isSHA(commit) && commit != head {
			return commit
		}
	}
	return ""
}

func setting(run *result.Run, name string) string {
	i := slices.IndexFunc(run.Plan.Settings, func(s result.Setting) bool { return s.Name == name })
	if i < 0 {
		return ""
	}
	return run.Plan.Settings[i].Value
}

// interleaved says that the legs come from harness ab.
func interleaved(legs []body.Leg) bool {
	return slices.ContainsFunc(legs, func(l body.Leg) bool {
		return l.Comparison != nil && l.Comparison.Method.Design == verdict.Interleaved
	})
}
