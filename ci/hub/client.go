package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// DefaultAPI is the API of github.com.
const DefaultAPI = "https://api.github.com"

// Repo names a repository.
type Repo struct{ Owner, Name string }

// String is owner/name.
func (r Repo) String() string { return r.Owner + "/" + r.Name }

// ParseRepo reads owner/name, as in GITHUB_REPOSITORY. Both consist of
// letters, digits, '-', '_' and '.'.
func ParseRepo(s string) (Repo, error) {
	owner, name, ok := strings.Cut(s, "/")
	if r := (Repo{owner, name}); ok && r.valid() {
		return r, nil
	}
	return Repo{}, fmt.Errorf("repository %q: want owner/name", s)
}

func (r Repo) valid() bool { return validName(r.Owner) && validName(r.Name) }

func validName(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 100 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return !(c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
	})
}

// Options say how to reach GitHub, and as whom. One of Token and App is
// needed, except for a dry run.
type Options struct {
	// API is the base of the API's addresses, as in GITHUB_API_URL: of GitHub
	// Enterprise Server https://HOST/api/v3. "" is [DefaultAPI]. Plain http is
	// refused for every host but this machine, as it would send the token for
	// all to read.
	API string
	// Token is that of a workflow (GITHUB_TOKEN), of a person or of an
	// installation of an App.
	Token string
	// App is used instead of Token where it is set.
	App *App
	// Login is the author of the bot's comments, such as github-actions[bot].
	// "" finds out, see [Client.Comment].
	Login string
	// DryRun records the calls that would change something and makes only the
	// others; nil makes all.
	DryRun *DryRun

	// HTTP makes the requests; nil is a transport like Go's default.
	HTTP      http.RoundTripper
	UserAgent string // "" is harness
	// Timeout is the longest that one request may take, with its answer's body;
	// 0 is 30 s.
	Timeout time.Duration
	// MaxWait is the longest that the client waits in all, for limits and
	// between attempts; 0 is 2 minutes. What would need longer fails at once with
	// a [LimitError].
	MaxWait time.Duration
	// Settle is how long after the update of a comment the client looks whether
	// an older run wrote over it; 0 is 1 s, less than 0 not at all. See
	// [Client.Comment].
	Settle time.Duration

	// Log is told of every wait and every second attempt; nil drops that.
	Log func(format string, args ...any)
	// Sleep, Now and Rand (from 0 to below 1) are for tests; nil is the real
	// thing.
	Sleep func(context.Context, time.Duration) error
	Now   func() time.Time
	Rand  func() float64
}

// Client talks to one GitHub. It is safe for concurrent use.
type Client struct{}

// New checks the options and makes a client. It sends nothing.
func New(o Options) (*Client, error) { return nil, errUnfinished }

// Calls is the number of requests so far, each attempt counted.
func (c *Client) Calls() int { return 0 }

func sameName(a, b string) bool { return strings.EqualFold(a, b) }
