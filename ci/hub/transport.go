package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer is the largest answer of the API that is read. A page of 100
// comments of the greatest length, each character escaped, is 40 MB.
const maxAnswer = 64 << 20

// op is what a request is part of. It travels in the request's context, so
// that an error can say what could not be done.
type op struct {
	what string // "list the comments on o/r#7"
	need string // permission in a workflow's words, "pull-requests: write"
	// once keeps the request from being sent a second time: its caller reads
	// first.
	once bool
	// repeat lets a POST be sent again: doing it twice is doing it once.
	repeat bool
	// reads says that a POST changes nothing.
	reads bool
}

type opKey struct{}

func (o op) in(ctx context.Context) context.Context { return context.WithValue(ctx, opKey{}, o) }

func opOf(ctx context.Context) op {
	o, _ := ctx.Value(opKey{}).(op)
	return o
}

// origin sends a request on only if it is for the API's own host. Everything
// below it adds the token.
type origin struct {
	base *url.URL
	next http.RoundTripper
}

func (t origin) RoundTrip(req *http.Request) (*http.Response, error) {
	if !sameOrigin(req.URL, t.base) {
		closeBody(req)
		return nil, &ServerError{&Failure{Op: opOf(req.Context()).what,
			Message: fmt.Sprintf("the answer leads to another host, %s, which does not get the token", line(req.URL.Host)),
			Remedy:  "check GITHUB_API_URL"}}
	}
	return t.next.RoundTrip(req)
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) && a.User == nil
}

// bearer adds a token.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (t bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.token != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+t.token)
	}
	return t.next.RoundTrip(req)
}

// exchange is one request and its whole answer, within a time and a size. An
// answer that is no success becomes an error of a type of this package.
type exchange struct {
	next    http.RoundTripper
	timeout time.Duration
	now     func() time.Time
	redact  func(string) string
	app     bool
	count   atomic.Int64
}

func (t *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	t.count.Add(1)
	o := opOf(req.Context())
	if strings.HasSuffix(req.URL.Path, "/access_tokens") {
		o = op{what: "get a token for the GitHub App"}
	}
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	defer cancel()
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, t.broken(req.Context(), o, err)
	}
	defer resp.Body.Close()
	body, err := readUpTo(resp.Body, maxAnswer)
	if errors.Is(err, errTooLarge) {
		return nil, &TooLargeError{&Failure{Op: o.what, Message: fmt.Sprintf("the answer is larger than %d MiB", maxAnswer>>20)}}
	}
	if err != nil {
		return nil, t.broken(req.Context(), o, err)
	}
	if resp.StatusCode >= 400 {
		err := classify(answer{op: o, status: resp.StatusCode, header: resp.Header, body: body, now: t.now(), app: t.app})
		var f *Failure
		if errors.As(err, &f) {
			f.Message = t.redact(f.Message)
		}
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// broken is the error for a request without a whole answer.
func (t *exchange) broken(ctx context.Context, o op, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", o.what, ctx.Err())
	}
	f := &Failure{Op: o.what, Err: err, Remedy: "check the network and GITHUB_API_URL, or run this again"}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.Message = fmt.Sprintf("no whole answer within %s", t.timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.Message = "the connection was cut before the answer was whole"
	default:
		f.Message = t.redact(line(err.Error()))
	}
	return &NetworkError{f}
}

var errTooLarge = errors.New("too large")

// readUpTo reads all of r, or fails with errTooLarge.
func readUpTo(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(body)) > limit {
		return nil, errTooLarge
	}
	return body, err
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
