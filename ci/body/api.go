package body

import (
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// Leg is one comparison of a pull request: all there is, or one of a matrix.
type Leg struct {
	// Name tells legs apart, such as "linux-amd64"; "" where there is one.
	Name string
	// Comparison is the verdict. nil means that there is none: nothing to
	// compare with, or nothing that could be measured.
	Comparison *verdict.Comparison
	// Head and Base are the runs that were compared, as far as they are at
	// hand. Machine, resources and the tables of the areas come from Head.
	Head, Base *result.Run
	// Exit is the exit code that the policy asks for: 0, 1, 3, 4 or 130. Every
	// other than 0 blocks.
	Exit int
	// Problem says why there is no Comparison, in a sentence; "" otherwise.
	Problem string
}

// Ref is a side of a pull request.
type Ref struct {
	Name string // branch or tag; may be empty
	SHA  string // full; may be empty
}

// Options is what the text says beside the documents.
type Options struct {
	Suite      string
	Base, Head Ref
	// RepoURL is such as https://github.com/owner/name. Commits are linked
	// where it is set.
	RepoURL string
	// ReportURL leads to the full report, RunURL to the workflow's run; "" is
	// none. Anything but http and https is left out.
	ReportURL, RunURL string
	// Notes are sentences about what limits trust: which baseline was used,
	// that it is another machine's, that a document was cut.
	Notes []string
	// Reproduce is the command that measures the same on a desk.
	Reproduce string
	// SaveBaseline is the command that makes this run a baseline, shown where
	// there is nothing to compare with; "" means harness baseline save main.
	SaveBaseline string
	// ConfigPath is the file in the repository that annotations point to, such
	// as harness.yaml; "" makes none.
	ConfigPath string
	// Limit is the greatest length of a comment in bytes, and so in characters,
	// too; 0 means [CommentLimit].
	Limit int
	// Marker is hidden in the comment.
	Marker Marker
}

const (
	// CommentLimit is the length that comments and the texts of checks keep
	// to, in bytes. GitHub refuses more than 65,536 characters.
	CommentLimit = 60_000
	// SummaryLimit is the same for job summaries, of which GitHub refuses more
	// than 1 MiB.
	SummaryLimit = 1_000_000
	// MaxAnnotations is the most annotations of a check, the worst first.
	MaxAnnotations = 100
)

// CheckOutput is what a check run shows.
type CheckOutput struct {
	Conclusion  string // one of the constants below
	Title       string // plain text of one line
	Summary     string // markdown, like Text
	Text        string
	Annotations []Annotation
}

// Conclusions of a check. GitHub lets success and neutral pass a required
// check.
const (
	// Success: nothing failed and every gating metric has a verdict.
	Success = "success"
	// Neutral: nothing blocks, but there is something that nobody knows: a gating
	// metric is undecided or was not compared, or a regression is not to block.
	Neutral = "neutral"
	// Failure: an exit code other than 0. That includes 4: a gating metric that is
	// invalid, or one without a verdict where the policy lets that fail.
	Failure = "failure"
	// Cancelled: the run was interrupted. GitHub lets it not pass.
	Cancelled = "cancelled"
)

// Annotation is a remark on a line of a file.
type Annotation struct {
	Path    string
	Line    int    // from 1
	Level   string // "failure" or "warning"
	Title   string // plain text, like Message
	Message string
}
