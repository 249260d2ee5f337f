package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/ci"
	"github.com/benchharness/harness/ci/actions"
	"github.com/benchharness/harness/internal/history"
	"github.com/benchharness/harness/internal/machine"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

type ciBaselineOptions struct {
	ciOptions
	history       historyFlag
	historyBranch string
	workflow      string
	artifact      string
	out           string
	runs          int
}

func newCIBaseline(a *app) *cobra.Command {
	o := &ciBaselineOptions{}
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Find the runs to compare with: in a history, on a branch, or in an artifact",
		Long: `Find the runs that a run on this machine is best compared with, and write them to
a baseline file. Runs of this machine come before others; sources are looked at
in the order history folder, history branch, artifact of the last successful run
of a workflow. One line on stdout, which is also the output "sentence" of the
step, says which it was; give it to the other commands with --note. Where there
is nothing yet, no file is written, and harness run says that everything is new.

  harness ci baseline --history-branch harness-history --out base.json
  harness ci baseline --workflow main.yml --artifact run --branch main --out base.json
  harness run --baseline base.json

Exit codes: 0 · 2 usage or configuration · 5 no source could be reached ·
130 interrupted.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	f := cmd.Flags()
	f.StringVar((*string)(&o.history), "history", "", "`FOLDER` of a history")
	f.StringVar(&o.historyBranch, "history-branch", "", "`BRANCH` of the remote origin that holds a history")
	f.StringVar(&o.workflow, "workflow", "", "`FILE` of the workflow whose last successful run left an artifact, such as main.yml")
	f.StringVar(&o.artifact, "artifact", "harness-run", "`NAME` of that artifact")
	f.StringVar(&o.out, "out", "baseline.json", "`FILE` to write the baseline to")
	f.IntVar(&o.runs, "runs", 10, "`N` runs at most")
	f.StringVar(&o.suite, "suite", "", "only runs of the suite `NAME`")
	o.addReaching(f)
	f.Lookup("branch").Usage = "`BRANCH` that the workflow ran on (default the base branch of the event, else main)"
	return cmd
}

func (o *ciBaselineOptions) run(ctx context.Context, a *app) error {
	if o.history == "" && o.historyBranch == "" && o.workflow == "" {
		return usage("no source is named: use --history, --history-branch or --workflow")
	}
	if o.runs < 1 {
		return usage("--runs is %d, want 1 or more", o.runs)
	}
	branch := o.branch
	o.branch = "" // it is the base's, not the head's
	j, err := newCIJob(a, &o.ciOptions)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx, a)
	defer stop()
	var sources []ci.Baseline
	var lacking []string
	var failed error
	for _, s := range o.sources(j, branch) {
		b, err := s.read(ctx)
		var missing *fs.PathError
		switch {
		case ctx.Err() != nil:
			return &exit{exitInterrupted, fmt.Errorf("find a baseline: interrupted")}
		case err != nil:
			a.say("harness: warning: %v", err)
			lacking = append(lacking, s.name+" could not be read")
			if !errors.As(err, &missing) {
				failed = err
			}
		case len(b.Runs) == 0:
			lacking = append(lacking, b.From+" holds no complete run")
		default:
			sources = append(sources, b)
		}
	}
	runs, sentence := ci.Choose(sources, lacking, machine.Read(ctx).ID, o.runs)
	return o.conclude(a, j, runs, sentence, failed)
}

// conclude writes the baseline and says what it is.
func (o *ciBaselineOptions) conclude(a *app, j *ciJob, runs []*result.Run, sentence string, failed error) error {
	if len(runs) > 0 && !o.dryRun {
		if err := store.WriteRuns(o.out, runs); err != nil {
			return err
		}
	}
	fmt.Fprintln(a.stdout, printable(sentence))
	if j.where.Output != "" {
		file := ""
		if len(runs) > 0 {
			file = o.out
		}
		for _, kv := range [][2]string{{"sentence", sentence}, {"baseline", file}} {
			if err := actions.SetOutput(j.where.Output, kv[0], kv[1]); err != nil {
				return err
			}
		}
	}
	if len(runs) == 0 && failed != nil {
		return &exit{exitDelivery, errors.New("there is no baseline: no source could be read")}
	}
	return nil
}

type baselineSource struct {
	name string
	read func(context.Context) (ci.Baseline, error)
}

// sources are those that were named, in their order.
func (o *ciBaselineOptions) sources(j *ciJob, branch string) []baselineSource {
	var out []baselineSource
	if o.history != "" {
		out = append(out, baselineSource{"the history", func(ctx context.Context) (ci.Baseline, error) {
			runs, err := o.fromHistory(ctx, o.history.folder())
			return ci.Baseline{Runs: runs, From: "the history " + o.history.folder()}, err
		}})
	}
	if o.historyBranch != "" {
		out = append(out, baselineSource{"the branch " + o.historyBranch, func(ctx context.Context) (ci.Baseline, error) {
			runs, err := o.fromBranch(ctx, j.app.dir)
			return ci.Baseline{Runs: runs, From: "the branch " + o.historyBranch}, err
		}})
	}
	if o.workflow != "" {
		if branch == "" {
			branch = j.where.BaseRef
		}
		if branch == "" {
			branch = "main"
		}
		out = append(out, baselineSource{"the workflow " + o.workflow, func(ctx context.Context) (ci.Baseline, error) {
			if err := j.connect(); err != nil {
				return ci.Baseline{}, err
			}
			b, err := ci.LastRun(ctx, j.client, j.where.Repo, o.workflow, branch, o.artifact)
			if err != nil {
				return b, err
			}
			b.Runs = o.usable(b.Runs)
			return b, nil
		}})
	}
	return out
}

// usable leaves out runs of another suite and those that are not whole.
func (o *ciBaselineOptions) usable(runs []*result.Run) []*result.Run {
	var out []*result.Run
	for _, r := range runs {
		if r.Complete && !r.Interrupted && (o.suite == "" || r.Plan.Suite == o.suite) {
			out = append(out, r)
		}
	}
	return out
}

// fromHistory reads the newest runs of a history, oldest first. More than the
// baseline takes are read only as far as they are of this machine.
func (o *ciBaselineOptions) fromHistory(ctx context.Context, dir string) ([]*result.Run, error) {
	h, err := history.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	index, err := h.Runs(ctx)
	if err != nil {
		return nil, err
	}
	here := machine.Read(ctx).ID
	var out []*result.Run
	own, others := 0, 0
	for i := len(index) - 1; i >= 0 && own < o.runs; i-- {
		if index[i].Machine != here {
			if others++; others > 1 { // one is enough to fall back on
				continue
			}
		}
		run, err := store.ReadRunUnopened(index[i].File)
		if err != nil {
			return nil, err
		}
		if usable := o.usable([]*result.Run{run}); len(usable) > 0 {
			out = append(usable, out...)
			if index[i].Machine == here {
				own++
			}
		} else if index[i].Machine != here {
			others--
		}
	}
	return out, nil
}

// maxHistory is how many bytes of a history branch are read.
const maxHistory = 1 << 30

// fromBranch fetches a branch that holds a history and reads it from a folder
// of its own.
func (o *ciBaselineOptions) fromBranch(ctx context.Context, dir string) ([]*result.Run, error) {
	if strings.HasPrefix(o.historyBranch, "-") {
		return nil, usage("--history-branch is %q, which cannot be the name of a branch", o.historyBranch)
	}
	fetch := exec.CommandContext(ctx, "git", "fetch", "--quiet", "--no-tags", "--depth=1", "origin", "refs/heads/"+o.historyBranch)
	fetch.Dir = dir
	if out, err := fetch.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("fetch the branch %s of origin: %s", o.historyBranch, lastLine(out, err))
	}
	temp, err := os.MkdirTemp("", "harness-history")
	if err != nil {
		return nil, unusable("a scratch folder", os.TempDir(), err, "TMPDIR")
	}
	defer os.RemoveAll(temp)
	archive := exec.CommandContext(ctx, "git", "archive", "--format=tar", "FETCH_HEAD")
	archive.Dir = dir
	pipe, err := archive.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := archive.Start(); err != nil {
		return nil, fmt.Errorf("read the branch %s: %w", o.historyBranch, err)
	}
	err = unpackDocuments(io.LimitReader(pipe, maxHistory), temp)
	_, _ = io.Copy(io.Discard, pipe) // so that git is not left writing
	if wait := archive.Wait(); err == nil {
		err = wait
	}
	if err != nil {
		return nil, fmt.Errorf("read the branch %s: %w", o.historyBranch, err)
	}
	return o.fromHistory(ctx, temp)
}

// unpackDocuments writes the run documents at the top of a tar archive into a
// folder.
func unpackDocuments(r io.Reader, dir string) error {
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Name != filepath.Base(h.Name) || filepath.Ext(h.Name) != ".json" {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, h.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, io.LimitReader(archive, result.MaxSize+1))
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}

// lastLine is what a program said at its end.
func lastLine(out []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return result.Printable(last, 300)
	}
	return err.Error()
}
