package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
)

// DefaultAPI is the API of github.com.
const DefaultAPI = "https://api.github.com"

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
	// an older run wrote over it; 0 is 1 s, less than 0 is at once. See
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
type Client struct {
	o    Options
	base *url.URL
	gh   *github.Client
	blob *http.Client // for what lies elsewhere; never with a token
	http *retrier
	sent *exchange
	app  *appAuth // nil with a token

	mu sync.Mutex
	me author
}

// New checks the options and makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := apiBase(o.API)
	if err != nil {
		return nil, err
	}
	if o.App == nil && o.Token == "" && o.DryRun == nil {
		return nil, errors.New("no token: set GITHUB_TOKEN (in a workflow: env: {GITHUB_TOKEN: ${{ github.token }}}), or give a GitHub App's ID and key")
	}
	if strings.ContainsAny(o.Token, " \t\r\n") {
		return nil, errors.New("the token has white space in it: give it without")
	}
	o = withDefaults(o)
	c := &Client{o: o, base: base}
	c.sent = &exchange{next: o.HTTP, timeout: o.Timeout, now: o.Now, redact: c.redact, app: o.App != nil}
	var auth http.RoundTripper = bearer{token: o.Token, next: c.sent}
	if o.App != nil {
		if c.app, err = newAppAuth(*o.App, base, c.sent); err != nil {
			return nil, err
		}
		auth = c.app
	}
	c.http = &retrier{next: auth, max: o.MaxWait, now: o.Now, sleep: o.Sleep, rand: o.Rand, log: o.Log}
	var top http.RoundTripper = c.http
	if o.DryRun != nil {
		top = recorder{o.DryRun, top}
	}
	c.gh = github.NewClient(&http.Client{Transport: origin{base, top}, CheckRedirect: fewRedirects})
	c.gh.BaseURL, c.gh.UserAgent = base, o.UserAgent
	c.blob = &http.Client{Transport: o.HTTP, CheckRedirect: noDowngrade(base)}
	return c, nil
}

// Calls is the number of requests to the API so far, each attempt counted.
func (c *Client) Calls() int { return int(c.sent.count.Load()) }

func withDefaults(o Options) Options {
	if o.HTTP == nil {
		o.HTTP = http.DefaultTransport.(*http.Transport).Clone()
	}
	if o.UserAgent == "" {
		o.UserAgent = "harness"
	}
	o.Timeout = positive(o.Timeout, 30*time.Second)
	o.MaxWait = positive(o.MaxWait, 2*time.Minute)
	if o.Settle == 0 {
		o.Settle = time.Second
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	return o
}

func positive(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// apiBase checks the address of an API. It ends in a slash, as go-github wants
// it.
func apiBase(s string) (*url.URL, error) {
	if s == "" {
		s = DefaultAPI
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		// The address is not repeated: it may hold a password.
		return nil, errors.New("GITHUB_API_URL: want an address such as https://api.github.com or https://HOST/api/v3, without a name, password or query")
	case u.Scheme == "http" && !private(u.Hostname()):
		return nil, fmt.Errorf("GITHUB_API_URL: http://%s would send the token for all to read: use https", line(u.Host))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("GITHUB_API_URL: want https, not %s", line(u.Scheme))
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	u.RawPath = ""
	return u, nil
}

// private says that what is sent to a host can leave this machine under no
// circumstances. Names below .test are reserved for tests (RFC 6761).
func private(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".test") || ip != nil && ip.IsLoopback()
}

// fewRedirects lets calls be redirected, as those for a renamed repository
// are. What leads to another host is refused by origin.
func fewRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("too many redirects")
	}
	return nil
}

// noDowngrade lets redirects of a download go anywhere, but never from https to
// http.
func noDowngrade(base *url.URL) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if err := fewRedirects(req, via); err != nil {
			return err
		}
		if req.URL.Scheme != "https" && base.Scheme == "https" {
			return errors.New("redirected from https to " + line(req.URL.Scheme))
		}
		return nil
	}
}

// redact takes the token out of a text.
func (c *Client) redact(s string) string {
	if len(c.o.Token) < 4 {
		return s
	}
	return strings.ReplaceAll(s, c.o.Token, "***")
}

// explain makes an error of this package of any that a call may give.
func explain(o op, err error) error {
	if err == nil {
		return nil
	}
	if t, ok := plainly(err).(typed); ok { //nolint:errorlint // plainly has unwrapped it
		return t
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", o.what, err)
	}
	f := &Failure{Op: o.what, Message: "the answer is not what its API answers: " + line(reason(err)), Err: err,
		Remedy: "check GITHUB_API_URL: is there a proxy or a page in between?"}
	return &ServerError{f}
}

// reason is an error's text without the address, which may be a signed one.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
