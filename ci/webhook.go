package ci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// postTimeout is the longest that a webhook may take.
const postTimeout = 30 * time.Second

// CheckWebhook says what is wrong with a webhook's address. The address is a
// secret, and no error holds it.
func CheckWebhook(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("the webhook's address is no URL")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || loopback(u.Hostname())):
		return nil
	}
	return errors.New("the webhook's address is not https: whoever listens on the way could use it")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Post sends JSON to a webhook, once: nobody knows whether one that did not
// answer took it. Redirects are not followed.
func Post(ctx context.Context, address string, payload []byte) error {
	if err := CheckWebhook(address); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return errors.New("the webhook's address is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("post to the webhook: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // what could be read is enough for a hint
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("post to the webhook: it answered %d %q: check its address", resp.StatusCode, said)
	}
	return nil
}

// withoutURL takes the address, which is a secret, out of an error.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return errors.New("it did not answer in time")
		}
		return u.Err
	}
	return err
}
