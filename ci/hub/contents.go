package hub

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/go-github/v60/github"
)

// MaxFile is the largest file that File reads, in bytes.
const MaxFile = 1_000_000

// File reads a file of a repository at a commit, branch or tag; "" is the
// default branch. A folder, submodule or anything over MaxFile is an error; a
// file that is not there is a [NotFoundError].
func (c *Client) File(ctx context.Context, repo Repo, ref, path string) ([]byte, error) {
	if err := repo.check(); err != nil {
		return nil, err
	}
	if !fs.ValidPath(path) || strings.Contains(path, "..") || path == "." {
		return nil, fmt.Errorf("read a file of %s: %q is not a path below its root", repo, line(path))
	}
	o := op{what: fmt.Sprintf("read %s of %s at %s", line(path), repo, line(orElse(ref, "its default branch"))), need: "contents: read"}
	file, _, _, err := c.gh.Repositories.GetContents(o.in(ctx), repo.Owner, repo.Name, path, &github.RepositoryContentGetOptions{Ref: ref})
	switch {
	case err != nil:
		return nil, explain(o, err)
	case file == nil || file.GetType() != "file":
		return nil, &InvalidError{&Failure{Op: o.what, Message: "it is not a file"}}
	case file.GetSize() > MaxFile || file.GetEncoding() == "none":
		return nil, &TooLargeError{&Failure{Op: o.what, Message: fmt.Sprintf("it has %d bytes, of at most %d", file.GetSize(), MaxFile)}}
	}
	text, err := file.GetContent()
	if err != nil {
		return nil, explain(o, err)
	}
	return []byte(text), nil
}

// Run is a workflow's run.
type Run struct {
	ID      int64
	Attempt int
	HeadSHA string
	Event   string
	URL     string
}

// LatestRun finds the newest successful run of a workflow (its file's name,
// such as main.yml) on a branch of the repository itself. Runs of pull requests
// are left out: a fork's branch may have the same name, and its run's artifacts
// are the fork's. The error is a [NotFoundError] where there is none among the
// newest 100.
func (c *Client) LatestRun(ctx context.Context, repo Repo, workflow, branch string) (Run, error) {
	if err := repo.check(); err != nil {
		return Run{}, err
	}
	if !validName(workflow) || branch == "" {
		return Run{}, fmt.Errorf("find a run of %s: want a workflow's file, such as main.yml, and a branch, not %q and %q", repo, line(workflow), line(branch))
	}
	o := op{what: fmt.Sprintf("find the latest run of %s on %s of %s", workflow, line(branch), repo), need: "actions: read"}
	runs, _, err := c.gh.Actions.ListWorkflowRunsByFileName(o.in(ctx), repo.Owner, repo.Name, workflow, &github.ListWorkflowRunsOptions{
		Branch: branch, Status: "success", ExcludePullRequests: true, ListOptions: github.ListOptions{PerPage: 100},
	})
	if err != nil {
		return Run{}, explain(o, err)
	}
	for _, run := range runs.WorkflowRuns {
		if ownRun(run, repo, branch) {
			return Run{ID: run.GetID(), Attempt: run.GetRunAttempt(), HeadSHA: run.GetHeadSHA(), Event: run.GetEvent(), URL: run.GetHTMLURL()}, nil
		}
	}
	return Run{}, &NotFoundError{&Failure{Op: o.what, Message: "there is none that succeeded", Remedy: "run it once on " + line(branch)}}
}

// ownRun says whether a run was of the repository's own code.
func ownRun(run *github.WorkflowRun, repo Repo, branch string) bool {
	switch run.GetEvent() {
	case "push", "schedule", "workflow_dispatch":
	default:
		return false
	}
	return sameName(run.GetHeadRepository().GetFullName(), repo.String()) && run.GetHeadBranch() == branch && run.GetConclusion() == "success"
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
