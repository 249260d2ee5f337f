package hub

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-github/v60/github"
)

// Pull is what the bot has to know of a pull request.
type Pull struct {
	Repo   Repo // where it is open, not where it comes from
	Number int
	State  string // open or closed
	Locked bool
	Merged bool
	Draft  bool
	// HeadOwner and HeadRepo are "" where the fork was deleted.
	HeadOwner, HeadRepo, HeadRef, HeadSHA string
	BaseRef, BaseSHA                      string
	URL                                   string
}

// Fork says whether the head is in another repository, or in none any more.
func (p Pull) Fork() bool {
	return !sameName(p.HeadOwner, p.Repo.Owner) || !sameName(p.HeadRepo, p.Repo.Name)
}

// Head names what a pull request wants to merge, as a workflow_run event does.
type Head struct {
	Owner  string
	Repo   string // name of the fork; "" is not compared
	Branch string
	SHA    string
}

// Pull reads a pull request.
func (c *Client) Pull(ctx context.Context, repo Repo, number int) (Pull, error) {
	if err := repo.check(); err != nil {
		return Pull{}, err
	}
	o := op{what: fmt.Sprintf("read pull request %s#%d", repo, number), need: "pull-requests: read"}
	pull, _, err := c.gh.PullRequests.Get(o.in(ctx), repo.Owner, repo.Name, number)
	if err != nil {
		return Pull{}, explain(o, err)
	}
	return pullOf(repo, pull), nil
}

// FindPull finds the pull request of repo whose head is h: the right owner,
// branch and commit, and the right fork where h names it. Open ones come first,
// then the newest closed one, which the caller tells by State. The error is a
// [HeadMovedError] where there is an open one of that branch with another
// commit, an [AmbiguousPullError] where several open ones have this very head,
// and a [NotFoundError] where there is none.
func (c *Client) FindPull(ctx context.Context, repo Repo, h Head) (Pull, error) {
	if err := repo.check(); err != nil {
		return Pull{}, err
	}
	if !validName(h.Owner) || h.Branch == "" || !validSHA(h.SHA) {
		return Pull{}, fmt.Errorf("find the pull request: want the head's owner, branch and the 40 digits of its SHA, not %q, %q, %q",
			line(h.Owner), line(h.Branch), line(h.SHA))
	}
	var open, closed, moved []Pull
	pulls, err := c.pullsOf(ctx, repo, h)
	if err != nil {
		return Pull{}, err
	}
	for _, p := range pulls {
		switch {
		case p.HeadSHA != h.SHA && p.State == "open":
			moved = append(moved, p)
		case p.HeadSHA != h.SHA:
		case p.State == "open":
			open = append(open, p)
		default:
			closed = append(closed, p)
		}
	}
	switch {
	case len(open) == 1:
		return open[0], nil
	case len(open) > 1:
		return Pull{}, &AmbiguousPullError{Head: h, Pulls: open}
	case len(moved) > 0:
		return Pull{}, &HeadMovedError{Pull: moved[0], Want: h.SHA}
	case len(closed) > 0:
		return closed[0], nil
	}
	return Pull{}, &NotFoundError{&Failure{Op: "find the pull request",
		Message: fmt.Sprintf("none of %s has the head %s:%s at %.12s", repo, line(h.Owner), line(h.Branch), h.SHA),
		Remedy:  "name one with --pr"}}
}

// pullsOf lists the pull requests whose head is a branch, the newest first.
// GitHub ignores a filter that it cannot read, so what comes is filtered again.
func (c *Client) pullsOf(ctx context.Context, repo Repo, h Head) ([]Pull, error) {
	o := op{what: fmt.Sprintf("list the pull requests of %s from %s:%s", repo, line(h.Owner), line(h.Branch)), need: "pull-requests: read"}
	opts := &github.PullRequestListOptions{
		State: "all", Head: h.Owner + ":" + h.Branch, Sort: "created", Direction: "desc",
		ListOptions: github.ListOptions{PerPage: 100},
	}
	var pulls []Pull
	for range 10 {
		page, resp, err := c.gh.PullRequests.List(o.in(ctx), repo.Owner, repo.Name, opts)
		if err != nil {
			return nil, explain(o, err)
		}
		for _, pull := range page {
			p := pullOf(repo, pull)
			owner := p.HeadOwner
			if owner == "" { // the fork is gone
				owner = pull.GetHead().GetUser().GetLogin()
			}
			if sameName(owner, h.Owner) && p.HeadRef == h.Branch && (h.Repo == "" || p.HeadRepo == "" || sameName(p.HeadRepo, h.Repo)) {
				pulls = append(pulls, p)
			}
		}
		if resp.NextPage <= opts.Page {
			break
		}
		opts.Page = resp.NextPage
	}
	return pulls, nil
}

func pullOf(repo Repo, p *github.PullRequest) Pull {
	head := p.GetHead()
	return Pull{
		Repo: repo, Number: p.GetNumber(), State: strings.ToLower(p.GetState()), Locked: p.GetLocked(), Draft: p.GetDraft(),
		// Lists leave merged out and give the time.
		Merged:    p.GetMerged() || !p.GetMergedAt().IsZero(),
		HeadOwner: head.GetRepo().GetOwner().GetLogin(), HeadRepo: head.GetRepo().GetName(),
		HeadRef: head.GetRef(), HeadSHA: head.GetSHA(),
		BaseRef: p.GetBase().GetRef(), BaseSHA: p.GetBase().GetSHA(), URL: p.GetHTMLURL(),
	}
}
