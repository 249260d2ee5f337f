package install

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Network says how to reach the outside. The zero value is the usual one:
// proxies and certificates as the environment has them.
type Network struct {
	API       string // of GitHub; "" is https://api.github.com
	Token     string // for the API; "" asks without
	UserAgent string
	// Stall is how long a server may take to answer, and to send the next
	// bytes; default 30 s.
	Stall time.Duration
	// MaxSize is the most bytes of one file; default 512 MiB.
	MaxSize int64
}

const (
	defaultAPI   = "https://api.github.com"
	maxRedirects = 10
)

// notFoundError says that an address has nothing.
type notFoundError struct{ what string }

func (e *notFoundError) Error() string { return e.what + " is not there (404)" }

// client follows redirects, and only to where it might have gone at once.
func (n Network) client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = n.stall()
	return &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return fmt.Errorf("it redirects more than %d times", maxRedirects)
		}
		if last := via[len(via)-1].URL; last.Scheme == "https" && r.URL.Scheme != "https" {
			return fmt.Errorf("it redirects from https to %s at %s", r.URL.Scheme, r.URL.Host)
		}
		return allowed(r.URL)
	}}
}

func (n Network) stall() time.Duration { return cmp.Or(n.Stall, 30*time.Second) }

func (n Network) maxSize() int64 { return cmp.Or(n.MaxSize, 512<<20) }

var errStalled = errors.New("the server sends nothing any more; try again")

// get asks for an address and hands the answer's body to read. header may be
// nil.
func (n Network) get(ctx context.Context, address string, header http.Header, read func(io.Reader) error) error {
	what := shownURL(address)
	u, err := url.Parse(address)
	if err == nil {
		err = allowed(u)
	}
	if err != nil {
		return fmt.Errorf("fetch %s: %w", what, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("fetch %s: the address is malformed", what)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", cmp.Or(n.UserAgent, "harness"))
	client := n.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", what, plainly(ctx, err))
	}
	defer resp.Body.Close()
	if err := checkStatus(resp, what); err != nil {
		return err
	}
	if resp.ContentLength > n.maxSize() {
		return fmt.Errorf("fetch %s: it has %d MiB, more than the %d that are taken", what, resp.ContentLength>>20, n.maxSize()>>20)
	}
	watch := time.AfterFunc(n.stall(), func() { cancel(errStalled) })
	defer watch.Stop()
	body := &counted{from: resp.Body, left: n.maxSize(), moved: func() { watch.Reset(n.stall()) }}
	if err := read(body); err != nil {
		return fmt.Errorf("fetch %s: %w", what, plainly(ctx, err))
	}
	return nil
}

// counted reads up to a number of bytes and says whenever it got some.
type counted struct {
	from  io.Reader
	left  int64
	moved func()
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	if n > 0 {
		c.moved()
	}
	if c.left -= int64(n); c.left < 0 {
		return 0, errors.New("it is larger than what is taken")
	}
	return n, err
}

func checkStatus(resp *http.Response, what string) error {
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotFound || code == http.StatusGone:
		return &notFoundError{what}
	case (code == http.StatusForbidden || code == http.StatusTooManyRequests) && resp.Header.Get("X-Ratelimit-Remaining") == "0":
		return fmt.Errorf("fetch %s: GitHub answers no more questions for now (%d); set GITHUB_TOKEN, or try again later", what, code)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("fetch %s: access is refused (%d); for a private repository set GITHUB_TOKEN", what, code)
	default:
		return fmt.Errorf("fetch %s: the server answers %s", what, resp.Status)
	}
}

// plainly says what went wrong without the words of the library.
func plainly(ctx context.Context, err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	var timeout net.Error
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // the rest repeats the address, with its query
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errStalled):
		return cause
	case cause != nil:
		return cause
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return fmt.Errorf("its certificate is not trusted (%w); SSL_CERT_FILE names more authorities", err)
	case errors.As(err, &dns):
		return fmt.Errorf("the host %s is not found; check the name, the network and HTTPS_PROXY", dns.Name)
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("the server does not answer; check the network and HTTPS_PROXY")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the connection ended in the middle; try again")
	}
	return err
}

// download fetches a file.
func (n Network) download(ctx context.Context, address string, header http.Header, to string) error {
	return n.get(ctx, address, header, func(r io.Reader) error {
		f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		return err
	})
}

// text fetches a small file.
func (n Network) text(ctx context.Context, address string, header http.Header, most int) (string, error) {
	var b strings.Builder
	err := n.get(ctx, address, header, func(r io.Reader) error {
		m, err := io.Copy(&b, io.LimitReader(r, int64(most)+1))
		if err == nil && m > int64(most) {
			err = fmt.Errorf("it is larger than %d KiB", most>>10)
		}
		return err
	})
	return b.String(), err
}
