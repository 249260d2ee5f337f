package ci

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/benchharness/harness/ci/hub"
	"github.com/benchharness/harness/internal/result"
)

// Baseline are runs to compare with, and where they are from.
type Baseline struct {
	Runs []*result.Run // oldest first; none means that there are none
	From string        // in a few words: "the history .harness/history"
}

// Choose picks the runs that a head on a machine is best compared with: those
// of the first source that has any of this machine, else the newest run of the
// first that has any. At most most runs are taken. The sentence says which,
// and what the sources before it lacked.
func Choose(sources []Baseline, lacking []string, machineID string, most int) (runs []*result.Run, sentence string) {
	for _, s := range sources {
		if own := ofMachine(s.Runs, machineID); len(own) > 0 {
			own = own[max(0, len(own)-most):]
			return own, fmt.Sprintf("baseline: %s of this machine from %s, the newest of %s%s",
				count(len(own), "run"), s.From, day(own[len(own)-1]), because(lacking))
		}
		if len(s.Runs) > 0 {
			lacking = append(lacking, s.From+" has no run of this machine")
		}
	}
	for _, s := range sources {
		if n := len(s.Runs); n > 0 {
			newest := s.Runs[n-1]
			return []*result.Run{newest}, fmt.Sprintf("baseline: a run of another machine (%s) from %s, of %s%s",
				result.Printable(newest.MachineID, 40), s.From, day(newest), because(lacking))
		}
	}
	return nil, "there is no baseline yet" + because(lacking)
}

func ofMachine(runs []*result.Run, id string) []*result.Run {
	var out []*result.Run
	for _, r := range runs {
		if r.MachineID == id {
			out = append(out, r)
		}
	}
	return out
}

func day(r *result.Run) string { return r.Started.UTC().Format("2006-01-02") }

func because(lacking []string) string {
	if len(lacking) == 0 {
		return ""
	}
	return " (" + strings.Join(lacking, "; ") + ")"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// LastRun reads the run document of an artifact that the newest successful run
// of a workflow on a branch left behind.
func LastRun(ctx context.Context, c *hub.Client, repo hub.Repo, workflow, branch, artifact string) (Baseline, error) {
	run, err := c.LatestRun(ctx, repo, workflow, branch)
	if err != nil {
		return Baseline{}, err
	}
	legs, err := Download(ctx, c, repo, run.ID, []string{artifact})
	if err != nil {
		return Baseline{}, err
	}
	if legs[0].Problem != nil {
		return Baseline{}, legs[0].Problem
	}
	d, err := Read(legs[0].Files, "")
	if err != nil {
		return Baseline{}, fmt.Errorf("artifact %s: %w", artifact, err)
	}
	runs := d.runs()
	return Baseline{
		Runs: runs[len(runs)-1:],
		From: fmt.Sprintf("run %d of %s on %s (%.7s)", run.ID, workflow, branch, run.HeadSHA),
	}, nil
}

// Downloaded is one artifact of a workflow's run. Problem says why it has no
// files.
type Downloaded struct {
	Name    string
	Files   Memory
	Problem error
}

// maxArtifacts is the most bytes that all artifacts of one command may unpack
// to: a pattern takes as many as a stranger made.
const maxArtifacts = 256 << 20

// Download reads artifacts of a workflow's run. A name may be a pattern, * for
// any characters; a name without one that is not there is a Problem, and so is
// an artifact that is not what the bot takes. An error is one of the API.
func Download(ctx context.Context, c *hub.Client, repo hub.Repo, run int64, names []string) ([]Downloaded, error) {
	return download(ctx, c, repo, run, names, maxArtifacts)
}

// download reads artifacts of up to left bytes in all.
func download(ctx context.Context, c *hub.Client, repo hub.Repo, run int64, names []string, left int64) ([]Downloaded, error) {
	all, err := c.Artifacts(ctx, repo, run)
	if err != nil {
		return nil, err
	}
	var out []Downloaded
	for _, name := range names {
		found, err := newest(all, name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			out = append(out, Downloaded{Name: name, Problem: fmt.Errorf("run %d left no artifact %s", run, name)})
		}
		for _, a := range found {
			d := Downloaded{Name: a.Name}
			if left <= 0 {
				d.Problem = fmt.Errorf("artifact %s was not read: all of them together may hold %d MiB", a.Name, maxArtifacts>>20)
				out = append(out, d)
				continue
			}
			files, err := c.Download(ctx, a, hub.Limits{File: MaxDocument, Total: left})
			for _, f := range files {
				left -= int64(len(f.Data))
			}
			switch {
			case err == nil:
				d.Files = FromArtifact(files)
			case ours(err):
				return nil, err
			default:
				d.Problem = err
			}
			out = append(out, d)
		}
	}
	return out, nil
}

// ours says that an error is not the artifact's fault, so that another attempt
// may do better.
func ours(err error) bool {
	var f *hub.Failure
	var large *hub.TooLargeError
	var gone *hub.GoneError
	return errors.As(err, &f) && f.Status != 200 && !errors.As(err, &large) && !errors.As(err, &gone) || errors.Is(err, context.Canceled)
}

// newest are the artifacts whose name matches: of one name, the last attempt's.
func newest(all []hub.Artifact, pattern string) ([]hub.Artifact, error) {
	var out []hub.Artifact
	for _, a := range all {
		ok, err := path.Match(pattern, a.Name)
		if err != nil {
			return nil, fmt.Errorf("artifact %q: is no pattern", pattern)
		}
		if !ok || a.Expired {
			continue
		}
		i := slices.IndexFunc(out, func(o hub.Artifact) bool { return o.Name == a.Name })
		switch {
		case i < 0:
			out = append(out, a)
		case out[i].ID < a.ID:
			out[i] = a
		}
	}
	slices.SortFunc(out, func(a, b hub.Artifact) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
