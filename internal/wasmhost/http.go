package wasmhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

// httpTarget is the one system that the instances of a session may talk to.
type httpTarget struct {
	base   *url.URL
	header http.Header
	client *http.Client
}

func newHTTPTarget(t sdk.Target) (*httpTarget, error) {
	text := t.URL
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, sdk.TargetDown(t.Name, errors.New("its url is none of http or https"), "set it in harness.yaml")
	}
	h := &httpTarget{base: base, header: http.Header{}}
	if t.APIKey != "" {
		h.header.Set("Authorization", "Bearer "+t.APIKey)
	}
	for name, value := range t.Headers {
		h.header.Set(name, value)
	}
	// No proxy and no redirect: a request goes to the target or nowhere.
	h.client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1 << 14, DisableCompression: true, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h, nil
}

func (h *httpTarget) close() { h.client.CloseIdleConnections() }

// request makes the request that a guest asks for. Its path stays below the
// target's, whatever is in it.
func (h *httpTarget) request(ctx context.Context, method, path, headers string, body []byte) (*http.Request, error) {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return nil, errors.New("the path does not begin with one /")
	}
	ref, err := url.ParseRequestURI(path)
	if err != nil || ref.Host != "" || ref.Scheme != "" {
		return nil, errors.New("the path is malformed")
	}
	for part := range strings.SplitSeq(ref.Path, "/") {
		if part == ".." {
			return nil, errors.New("the path has .. in it")
		}
	}
	u := *h.base.JoinPath(ref.EscapedPath())
	if ref.RawQuery != "" {
		u.RawQuery = strings.Trim(h.base.RawQuery+"&"+ref.RawQuery, "&")
	}
	var content io.Reader
	if len(body) > 0 {
		content = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, errors.New("the method is malformed")
	}
	if err := addHeaders(r.Header, headers); err != nil {
		return nil, err
	}
	for name, values := range h.header { // the host's win
		r.Header[name] = values
	}
	return r, nil
}

// hop are headers that are the host's to set.
var hop = map[string]bool{
	"Authorization": true, "Host": true, "Connection": true, "Content-Length": true, "Transfer-Encoding": true,
	"Upgrade": true, "Te": true, "Trailer": true, "Proxy-Authorization": true, "Proxy-Connection": true, "Expect": true,
}

func addHeaders(to http.Header, lines string) error {
	for line := range strings.Lines(lines) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		switch {
		case !ok || name == "":
			return errors.New("a header is not of the form Name: value")
		case hop[name]:
			return fmt.Errorf("the header %s is the host's to set", name)
		}
		to.Add(name, strings.TrimSpace(value))
	}
	return nil
}

// hostHTTP is http_do.
func (in *instance) hostHTTP(stack []uint64) {
	stack[0] = uint64(in.doHTTP(stack))
}

func (in *instance) doHTTP(stack []uint64) int64 {
	var args [4][]byte
	for i := range args {
		b, bad := in.small("http_do", stack[2*i], stack[2*i+1])
		if bad < 0 {
			return bad
		}
		args[i] = b
	}
	buf, ok := in.memory("http_do", stack[8], stack[9])
	if !ok {
		return abi.Fault
	}
	if bad := in.mayCall("http_do"); bad < 0 {
		return bad
	}
	if in.http == nil {
		return in.fail(abi.Failed, "the benchmark has no target with a url")
	}
	// The guest's memory may not move under the request, and its body must not
	// change: the transport may still send it when the call is over.
	r, err := in.http.request(in.ctx, string(args[0]), string(args[1]), string(args[2]), bytes.Clone(args[3]))
	if err != nil {
		return in.fail(abi.Invalid, "%v", err)
	}
	status, body, err := in.exchange(r)
	switch {
	case in.ctx.Err() != nil:
		return in.fail(abi.Stopped, "the time is over")
	case errors.Is(err, errTooLarge):
		in.note(abi.ClassLimit, "the target's answer has more than the limit of %d bytes for results", in.m.limits.Result)
		return in.fail(abi.TooLarge, "the answer is too large")
	case err != nil:
		return in.fail(abi.Failed, "%s", netError(err))
	}
	return int64(status)<<32 | int64(uint32(give(buf, body)))
}

// fail is refuse for a result of 64 bits.
func (in *instance) fail(n int64, format string, args ...any) int64 {
	in.refuse(n, format, args...)
	return n
}

var errTooLarge = errors.New("too large")

// exchange sends a request and reads the answer to its end, between the
// stamps of the op.
func (in *instance) exchange(r *http.Request) (status int, body []byte, err error) {
	defer in.stamps()()
	resp, err := in.http.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, in.m.limits.Result+1))
	if err == nil && int64(len(body)) > in.m.limits.Result {
		err = errTooLarge
	}
	return resp.StatusCode, body, err
}

// stamps marks the beginning of the host's own work, and its end by the
// function that it returns. Within it the guest waits.
func (in *instance) stamps() (done func()) {
	back := in.slot.Host()
	op := in.current
	if in.phase != pulse.Op {
		return back
	}
	op.Sent()
	return func() {
		op.Done()
		back()
	}
}

// mayCall says whether the guest may have the host work for it now.
func (in *instance) mayCall(name string) int64 {
	switch {
	case in.phase != pulse.Op && in.phase != pulse.SetUp && in.phase != pulse.TearDown, in.setup == nil:
		in.note(abi.ClassABI, "%s was called outside set up, op and tear down", name)
		return abi.NotNow
	case in.ctx.Err() != nil:
		return in.fail(abi.Stopped, "the time is over")
	}
	return 0
}

// netError says what went wrong in words that hold no address.
func netError(err error) string {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		return "the target's name is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the target refused the connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the target broke the connection"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the target took too long"
	}
	return "the exchange with the target failed"
}
