package variant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	pollPause = 20 * time.Millisecond // between two looks whether it is ready
	pollLimit = 2 * time.Second       // of one look at a URL
	lingering = 3 * time.Second       // that what served before may take to let go of its address
)

// await waits until the variant that c started is ready.
func (v *Variant) await(ctx context.Context, c *command) error {
	limit, cancel := context.WithTimeoutCause(ctx, v.Spec.ReadyTimeout, errSlow)
	defer cancel()
	var last error
	for {
		err := v.ready(limit)
		if err == nil {
			return nil
		}
		if last == nil || limit.Err() == nil {
			last = err // a whole answer says more than one that was cut off
		}
		// Status 0 means that another serves, such as a container.
		if c.EndsWithin(0) {
			if how := c.Wait(); how != nil {
				c.lastWords()
				return v.fail("start", c.tail.Lines(), "ended before it was ready (%w)", how)
			}
		}
		select {
		case <-limit.Done():
		case <-time.After(pollPause):
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return v.late(c, last)
	}
}

// late says that the variant was not ready in time.
func (v *Variant) late(c *command, last error) error {
	said := c.tail.Lines()
	var probe *Error
	if errors.As(last, &probe) {
		last, said = probe.Err, append(said, probe.Said...)
	}
	hint := ""
	if c.EndsWithin(0) {
		hint = "; start has ended with status 0, and what it leaves in the background ends with it: keep the server in the foreground"
	}
	return v.fail("ready", said, "not within %v (%w)%s", v.Spec.ReadyTimeout, last, hint)
}

// ready says why the variant is not ready.
func (v *Variant) ready(ctx context.Context) error {
	if v.Spec.ReadyURL == "" {
		return v.do(ctx, "ready", v.Spec.ReadyCommand)
	}
	status, err := ask(ctx, v.Spec.ReadyURL)
	if err == nil && (status < 200 || status > 399) {
		err = fmt.Errorf("%s answers with status %d", v.Spec.ReadyURL, status)
	}
	return err
}

// silent makes sure that nobody answers yet where the variant is going to: that
// would be measured in its place.
func (v *Variant) silent(ctx context.Context) error {
	if v.Spec.ReadyURL == "" {
		return nil
	}
	for deadline := time.Now().Add(lingering); ; {
		if _, err := ask(ctx, v.Spec.ReadyURL); err != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return v.fail("start", nil, "something else answers at %s already; stop it, or give the variant another port", v.Spec.ReadyURL)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollPause):
		}
	}
}

// client asks directly and afresh each time: a variant is on this machine or
// near it, and what answered before may be gone.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       pollLimit,
}

// ask returns the status of an answer.
func ask(ctx context.Context, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}
