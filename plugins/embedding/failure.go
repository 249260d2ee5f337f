package embedding

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/benchharness/harness/sdk"
)

// Classes of requests that got no answer, or not the one that was asked for;
// http_STATUS is the class of the others.
const (
	classConnect  = "connect"
	classDNS      = "dns"
	classTLS      = "tls"
	classReset    = "reset"
	classTimeout  = "timeout"
	classCanceled = "canceled"
	classTooLarge = "body_too_large"
	classReply    = "bad_reply"
)

var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxReply>>20)

// classify puts an error of the transport into a class. Errors of net/http's
// transport name the host and never the URL or a header's value.
func classify(err error) error {
	var (
		op  *net.OpError
		dns *net.DNSError
		to  interface{ Timeout() bool }
	)
	class := sdk.ClassUnclassified
	switch {
	case errors.Is(err, context.Canceled):
		class = classCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &to) && to.Timeout():
		class = classTimeout
	case errors.Is(err, errTooLarge):
		class = classTooLarge
	case errors.As(err, &dns):
		class = classDNS
	case strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "),
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		class = classTLS
	case errors.As(err, &op) && op.Op == "dial":
		class = classConnect
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		class = classReset
	}
	return sdk.Classify(class, err)
}

// refused is the error of an answer with another status than 200, with what
// the server says about it.
func (s *endpointSession) refused(status int, body []byte) error {
	text := fmt.Sprintf("status %d %s", status, http.StatusText(status))
	if said := s.addr.redact(string(body[:min(len(body), 1<<16)])); said != "" {
		text += ": " + said
	}
	return sdk.Classify(fmt.Sprintf("http_%d", status), errors.New(text))
}

// unfit turns the error of the first request into one that says why the target
// cannot be measured.
func (s *endpointSession) unfit(p endpointParams, err error) error {
	down := func(what, remedy string) error {
		return sdk.TargetDown(s.addr.label, fmt.Errorf("%s: %w", what, err), remedy)
	}
	switch sdk.Class(err) {
	case classConnect, classDNS, classReset, classTimeout:
		return down("no answer", "start it, or check the target's url")
	case classTLS:
		return down("no secure connection", "check the target's url and its certificate")
	case "http_401", "http_403":
		return down("authentication refused", "check api_key and headers of the target")
	case "http_404", "http_405":
		what := "path " + s.path + " is unknown"
		if p.Model != "" && p.Kind != "tei" {
			what = fmt.Sprintf("path %s or model %q is unknown", s.path, p.Model)
		}
		return down(what, "check the parameters kind, path and model, and the target's url")
	case "http_301", "http_302", "http_307", "http_308":
		return down("it redirects, which is not followed", "set the target's url to where it redirects")
	case classDimension:
		return down("it is another model than expected", "check the parameters model and dimensions")
	case classNorm:
		return down("its vectors are not normalised", "set normalised: false, or check the server's settings")
	case classReply, classCount:
		return down("it does not speak this protocol", "check the parameters kind and path")
	}
	return down("the first request failed", "check the parameters and the target")
}
