package ci

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/benchharness/harness/ci/actions"
	"github.com/benchharness/harness/ci/hub"
)

// Stop says that there is nothing to do, which is no failure: the pull request
// has moved on, is closed, or there never was one.
type Stop struct{ Reason string }

func (s *Stop) Error() string { return s.Reason }

// ErrNoPull says that nothing tells which pull request is meant.
var ErrNoPull = errors.New("no pull request is named: use --pr, or run on the event pull_request, pull_request_target or workflow_run")

// FindPull finds the open pull request that a job is about, by the event and
// the API alone. It is a [Stop] where its head is not any more the commit that
// was measured.
func FindPull(ctx context.Context, c *hub.Client, w actions.Context) (hub.Pull, error) {
	p, err := findPull(ctx, c, w)
	var moved *hub.HeadMovedError
	switch {
	case errors.As(err, &moved):
		return p, &Stop{err.Error()}
	case err != nil:
		return p, err
	case w.HeadSHA != "" && p.HeadSHA != w.HeadSHA:
		return p, &Stop{(&hub.HeadMovedError{Pull: p, Want: w.HeadSHA}).Error()}
	case p.State != "open":
		return p, &Stop{fmt.Sprintf("the pull request %s#%d is closed: nothing is written to it any more", p.Repo, p.Number)}
	}
	return p, nil
}

func findPull(ctx context.Context, c *hub.Client, w actions.Context) (hub.Pull, error) {
	run := w.WorkflowRun
	switch {
	case w.PR > 0:
		return c.Pull(ctx, w.Repo, w.PR)
	case run != nil && !strings.HasPrefix(run.Event, "pull_request"):
		return hub.Pull{}, &Stop{fmt.Sprintf("the run was started by %s and not by a pull request: there is none to write to", run.Event)}
	case run != nil:
		return c.FindPull(ctx, w.Repo, hub.Head{Owner: run.HeadOwner, Repo: run.HeadRepo, Branch: run.HeadBranch, SHA: run.HeadSHA})
	case w.HeadBranch != "" && w.HeadSHA != "":
		owner := w.HeadOwner
		if owner == "" {
			owner = w.Repo.Owner
		}
		return c.FindPull(ctx, w.Repo, hub.Head{Owner: owner, Branch: w.HeadBranch, SHA: w.HeadSHA})
	}
	return hub.Pull{}, ErrNoPull
}
