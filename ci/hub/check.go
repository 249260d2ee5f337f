package hub

import (
	"context"

	"github.com/benchharness/harness/ci/body"
)

// CheckRequest names a check on a commit.
type CheckRequest struct {
	Repo Repo
	SHA  string // of the pull request's head, never of the merge commit
	Name string
	// ExternalID tells the bot's check from others of the same name; it should
	// be the same for every attempt, such as harness/SUITE/LEG.
	ExternalID string
	DetailsURL string // "" is none
	// Title is shown while the check is in progress; "" is "Measuring".
	Title string
}

// Check is a check in progress: a check run, or a commit status where check
// runs may not be created. Its JSON goes from `harness ci check` to the next
// step of a job.
type Check struct {
	CheckRequest
	// ID is the check run's; 0 means that it is a commit status.
	ID  int64
	URL string
	// Reused says that it was left in progress by an earlier attempt.
	Reused bool
}

// StartCheck shows that a check is in progress. One that an earlier attempt
// left in progress, of the same name, commit and ExternalID, is taken over.
// Without the right to create check runs (403, 404) it is a pending commit
// status.
func (c *Client) StartCheck(ctx context.Context, r CheckRequest) (Check, error) {
	return Check{}, errUnfinished
}

// CompleteCheck ends a check with its conclusion, then adds the annotations
// that are more than the first 50. It works with a context that is over, too:
// it then has completeGrace left, so that a job that is cancelled does not
// leave a check in progress.
//
// A commit status has no neutral: neutral is shown as success, as GitHub lets
// both pass.
func (c *Client) CompleteCheck(ctx context.Context, check Check, out body.CheckOutput) error {
	return errUnfinished
}
