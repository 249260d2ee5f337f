package hub

import "context"

// MaxFile is the largest file that File reads, in bytes.
const MaxFile = 1_000_000

// File reads a file of a repository at a commit, branch or tag. "" is the
// default branch. A folder, submodule or anything over MaxFile is an error; a
// file that is not there is a [NotFoundError].
func (c *Client) File(ctx context.Context, repo Repo, ref, path string) ([]byte, error) {
	return nil, errUnfinished
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
	return Run{}, errUnfinished
}
