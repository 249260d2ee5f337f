package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/benchharness/harness/sdk"
)

// errBodyTooLarge says that a response is larger than max_body.
var errBodyTooLarge = errors.New("the body is larger than max_body")

// errResent says that net/http sent a request again, unasked. It does so with
// GET and the like when a kept-alive connection breaks before the answer: the
// target would have failed without being counted. (Over HTTP/2 only requests
// that the target says it has not looked at are sent again.)
var errResent = errors.New("the connection was closed before the answer; the one that came is to a request sent again")

// classifyTransport puts an error of a request that got no whole response
// into a class.
func classifyTransport(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text holds the URL
	}
	return sdk.Classify(transportClass(err), err)
}

// givenUp returns a classified error if the op is over for its caller, and
// nil otherwise. Clients tell that in words of their own, and the loop cancels
// a late op with the deadline's error as the cause. A server knows a deadline
// too, and its answer to it may be here before the context's timer fires.
func givenUp(ctx context.Context) error {
	err := context.Cause(ctx)
	if d, ok := ctx.Deadline(); ok && err == nil && !time.Now().Before(d) {
		err = context.DeadlineExceeded
	}
	if err == nil {
		return nil
	}
	return sdk.Classify(transportClass(err), fmt.Errorf("given up: %w", err))
}

func transportClass(err error) string {
	var (
		op  *net.OpError
		dns *net.DNSError
		to  interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &to) && to.Timeout():
		return "timeout"
	case errors.Is(err, errBodyTooLarge):
		return "body_too_large"
	case errors.As(err, &dns):
		return "dns"
	case isTLS(err):
		return "tls"
	case errors.As(err, &op) && op.Op == "dial":
		return "connect"
	case errors.Is(err, errResent), isReset(err):
		return "reset"
	case strings.Contains(err.Error(), "malformed"), strings.Contains(err.Error(), "http2: "):
		return "protocol" // net/http has no types for these
	}
	return sdk.ClassUnclassified
}

func isTLS(err error) bool {
	var (
		verify *tls.CertificateVerificationError
		record tls.RecordHeaderError
		alert  tls.AlertError
		ca     x509.UnknownAuthorityError
		host   x509.HostnameError
		bad    x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &ca) || errors.As(err, &host) || errors.As(err, &bad) ||
		strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "server closed idle connection") ||
		strings.Contains(err.Error(), "client connection lost") ||
		strings.Contains(err.Error(), "client connection force closed")
}
