package hub

import (
	"context"

	"github.com/benchharness/harness/ci/body"
)

// Mode says when a comment is made where there is none yet. An existing one is
// always kept up to date, so that a pull request that was fixed turns green.
type Mode string

// Modes of a comment.
const (
	Always       Mode = "always"
	OnChange     Mode = "on-change"     // where anything regressed or improved
	OnRegression Mode = "on-regression" // where anything regressed
)

// CommentRequest is a comment as it should be.
type CommentRequest struct {
	// Marker is the one that Body holds: whose comment it is (suite and leg), and
	// which run wrote it.
	Marker body.Marker
	Body   string
	Mode   Mode // "" is Always
	// Regressed and Changed are what OnRegression and OnChange ask for.
	Regressed, Changed bool
}

// Action is what became of a comment.
type Action string

// Actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged" // there it was, letter for letter
	Skipped   Action = "skipped"   // there is none, and the mode asks for none
	Stale     Action = "stale"     // there is one of a later run, which stays
)

// CommentResult says what was done.
type CommentResult struct {
	Action Action
	URL    string // of the comment; "" when skipped and in a dry run
	// Removed is the number of duplicates that were deleted.
	Removed int
	// Login is the author that comments were looked for by.
	Login string
}

// Comment brings the one comment of a suite and leg on a pull request up to
// date.
func (c *Client) Comment(ctx context.Context, repo Repo, number int, r CommentRequest) (CommentResult, error) {
	return CommentResult{}, errUnfinished
}
