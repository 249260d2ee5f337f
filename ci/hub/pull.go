package hub

import "context"

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
	Repo   string // "" is not compared
	Branch string
	SHA    string
}

// Pull reads a pull request.
func (c *Client) Pull(ctx context.Context, repo Repo, number int) (Pull, error) {
	return Pull{}, errUnfinished
}

// FindPull finds the pull request of repo whose head is h. Open ones come
// first, then closed ones, which the caller tells by State. The error is a
// [HeadMovedError] where there is an open one of that branch with another
// commit, an [AmbiguousPullError] where several open ones have this very head,
// and a [NotFoundError] where there is none.
func (c *Client) FindPull(ctx context.Context, repo Repo, h Head) (Pull, error) {
	return Pull{}, errUnfinished
}
