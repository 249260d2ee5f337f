package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	maxAttempts = 5
	firstPause  = time.Second
	maxPause    = 30 * time.Second
)

// retrier sends requests again that may be sent again, and waits for limits.
// All requests of a client share one bound on waiting.
type retrier struct {
	next  http.RoundTripper
	max   time.Duration // to wait in all
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	rand  func() float64
	log   func(string, ...any)

	mu     sync.Mutex
	waited time.Duration
	// usedUp is when the hour's calls are given anew, once there are none left.
	usedUp time.Time
}

func (t *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, o := req.Context(), opOf(req.Context())
	defer closeBody(req)
	for attempt := 1; ; attempt++ {
		if err := t.awaitReset(ctx, o); err != nil {
			return nil, err
		}
		again, err := copyRequest(req)
		if err != nil {
			return nil, err
		}
		resp, err := t.next.RoundTrip(again)
		if err == nil {
			t.note(resp.Header)
			return resp, nil
		}
		if o.once || !t.mayRepeat(req.Method, o, err) {
			return nil, err
		}
		if err := t.pause(ctx, attempt, err); err != nil {
			return nil, err
		}
	}
}

// copyRequest is a request that can be sent while the original can be copied
// again.
func copyRequest(req *http.Request) (*http.Request, error) {
	again := req.Clone(req.Context())
	if req.Body == nil || req.GetBody == nil {
		return again, nil
	}
	body, err := req.GetBody()
	again.Body = body
	return again, err
}

// mayRepeat says whether sending a request twice does what sending it once
// does: a POST that may have arrived is not sent again.
func (t *retrier) mayRepeat(method string, o op, err error) bool {
	var limit *LimitError
	var dial *net.OpError
	return method != http.MethodPost || o.repeat || o.reads || isUnsent(err) || errors.As(err, &limit) ||
		errors.As(err, &dial) && dial.Op == "dial"
}

// pause waits before the attempt after this one, or returns err where another
// would not help or would come too late.
func (t *retrier) pause(ctx context.Context, attempt int, err error) error {
	wait, ok := t.hopeful(attempt, err)
	if !ok {
		return err
	}
	var limit *LimitError
	if errors.As(err, &limit) {
		return t.wait(ctx, limit, wait)
	}
	if !t.take(ctx, wait) {
		return err
	}
	t.log("%v; trying again in %s", plainly(err), wait.Round(time.Millisecond))
	if t.sleep(ctx, wait) != nil {
		return err
	}
	return nil
}

// plainly is an error without what other packages put around it.
func plainly(err error) error {
	var t typed
	if errors.As(err, &t) {
		return t
	}
	return err
}

// hopeful says whether an error may pass, and after how long. Pauses double
// and are drawn from their upper half, so that bots which failed together do
// not come back together.
func (t *retrier) hopeful(attempt int, err error) (time.Duration, bool) {
	var (
		limit    *LimitError
		server   *ServerError
		network  *NetworkError
		conflict *ConflictError
	)
	pause := min(firstPause<<(attempt-1), maxPause)
	pause = pause/2 + time.Duration(t.rand()*float64(pause/2))
	switch {
	case attempt >= maxAttempts:
	case errors.As(err, &limit):
		return limit.Wait + pause/4, true
	case errors.As(err, &conflict):
		return pause, attempt == 1
	case errors.As(err, &server):
		return max(pause, server.after), server.Status != http.StatusNotImplemented && server.Status >= 500
	case errors.As(err, &network):
		return pause, true
	}
	return 0, false
}

// awaitReset waits where it is known that there are no calls left, instead of
// making one to be told so.
func (t *retrier) awaitReset(ctx context.Context, o op) error {
	t.mu.Lock()
	left := t.usedUp.Sub(t.now())
	t.mu.Unlock()
	if left <= 0 {
		return nil
	}
	f := &Failure{Op: o.what, Message: "the calls of this hour are used up"}
	return t.wait(ctx, &LimitError{Failure: f, Wait: left}, left)
}

// wait waits for a limit, or says that it would take too long.
func (t *retrier) wait(ctx context.Context, limit *LimitError, wait time.Duration) error {
	if !t.take(ctx, wait) {
		limit.Remedy = fmt.Sprintf("it would take %s, which is longer than the bot may wait; run this again at %s UTC, or use a GitHub App, which has a limit of its own",
			wait.Round(time.Second), t.now().Add(wait).UTC().Format("15:04"))
		return limit
	}
	t.log("%v; waiting %s", limit.Failure, wait.Round(time.Second))
	if t.sleep(ctx, wait) != nil {
		return limit
	}
	return nil
}

// take reserves time to wait, if there is as much left.
func (t *retrier) take(ctx context.Context, wait time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < wait || ctx.Err() != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waited+wait > t.max {
		return false
	}
	t.waited += wait
	return true
}

// note learns from an answer that it was the last for now, and takes the
// counts out of it: go-github would refuse the next call by itself.
func (t *retrier) note(h http.Header) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.usedUp = time.Time{}
	if left, err := strconv.Atoi(h.Get("X-RateLimit-Remaining")); err == nil && left == 0 && h.Get("X-RateLimit-Reset") != "" {
		t.usedUp = t.now().Add(untilReset(h, t.now()))
	}
	for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
		h.Del(name)
	}
}
