package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"

	"github.com/quic-go/quic-go/http3"

	"github.com/benchharness/harness/sdk"
)

// newTripper returns what does requests of a version of HTTP with connections
// that are kept, and a function that closes them.
func newTripper(workers int, version, scheme string, insecure bool) (http.RoundTripper, func()) {
	if version == "3" {
		t := &http3.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: insecure}} // asked for by tls_insecure
		return t, func() { _ = t.Close() }                                                                          // says only how the connections ended
	}
	t := newTransport(workers, version, scheme, insecure)
	return t, t.CloseIdleConnections
}

// newTransport returns a transport that keeps one connection for each worker,
// so that no op of a warm round opens one.
func newTransport(workers int, version, scheme string, insecure bool) *http.Transport {
	p := new(http.Protocols)
	p.SetHTTP1(version != "2")
	p.SetHTTP2(version != "1.1" && scheme == "https")
	p.SetUnencryptedHTTP2(version == "2" && scheme == "http")
	t := &http.Transport{
		Protocols:           p,
		DialContext:         (&net.Dialer{Timeout: setupTimeout}).DialContext,
		TLSHandshakeTimeout: setupTimeout,
		DisableCompression:  true,
		MaxIdleConns:        workers,
		MaxIdleConnsPerHost: workers,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: insecure}, // asked for by tls_insecure
	}
	if !p.HTTP2() && !p.UnencryptedHTTP2() {
		// Without it net/http dials one more connection than there are
		// workers whenever a worker finds none idle for a moment.
		t.MaxConnsPerHost = workers
	}
	return t
}

// follower follows redirects, which a transport does not.
type follower struct{ client *http.Client }

// newFollower keeps the target's headers from other hosts: net/http does so
// for Authorization and cookies only. It calls hop before each further request.
func newFollower(t http.RoundTripper, secret map[string]string, hop func()) *follower {
	return &follower{&http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return fmt.Errorf("stopped after %d redirects", len(via))
		}
		if r.URL.Host != via[0].URL.Host {
			for name := range secret {
				r.Header.Del(name)
			}
		}
		hop()
		return nil
	}}}
}

// RoundTrip does a request and follows where it leads.
func (f *follower) RoundTrip(r *http.Request) (*http.Response, error) { return f.client.Do(r) }

// httpWorker does requests by net/http or quic-go, one at a time.
type httpWorker struct {
	s       *httpSession
	tripper http.RoundTripper // the session's transport, or what follows redirects over it
	op      *sdk.Op
	trace   *httptrace.ClientTrace
	conns   int  // connections that the request, or its last hop, was given
	resent  bool // a hop was given more than one
	body    bytes.Buffer
	seen    seenFunc // during setup only
}

func newHTTPWorker(s *httpSession) *httpWorker {
	w := &httpWorker{s: s, tripper: s.tripper}
	if s.follow {
		w.tripper = newFollower(s.tripper, s.headers, func() { w.conns = 0 })
	}
	// GotConn is called by the goroutine of Do. The trace costs an op two
	// allocations of 70 bytes together, in 52 of 4.2 KB; see BenchmarkOp.
	w.trace = &httptrace.ClientTrace{GotConn: w.gotConn}
	return w
}

// Close does nothing: the connections are the session's.
func (w *httpWorker) Close() error { return nil }

func (w *httpWorker) gotConn(httptrace.GotConnInfo) {
	w.op.Sent()
	w.conns++
	w.resent = w.resent || w.conns > 1
}

// Do does one request and checks its answer.
func (w *httpWorker) Do(ctx context.Context, op *sdk.Op) error {
	return w.s.secrets.error(w.do(ctx, op))
}

func (w *httpWorker) do(ctx context.Context, op *sdk.Op) error {
	w.op, w.conns, w.resent = op, 0, false
	r := w.request(httptrace.WithClientTrace(ctx, w.trace), op)
	resp, err := w.tripper.RoundTrip(r)
	if err != nil {
		return w.failed(ctx, err)
	}
	defer resp.Body.Close()
	if w.seen != nil {
		w.seen(resp.Proto, resp.Header.Get("Server"), resp.TLS)
	}
	if err := w.read(resp.Body); err != nil {
		return w.failed(ctx, err)
	}
	if w.resent && resp.ProtoMajor == 1 {
		return sdk.Classify(transportClass(errResent), errResent)
	}
	return w.s.expect.check(resp.StatusCode, resp.Header.Get, w.body.Bytes())
}

// failed classifies the error of a request without a whole answer.
func (w *httpWorker) failed(ctx context.Context, err error) error {
	if given := givenUp(ctx); given != nil {
		return given
	}
	return classifyTransport(err)
}

// request builds the op's request. A body's reader and its bytes are new for
// every op that has its own, because net/http may still read those of an op
// that was answered early.
func (w *httpWorker) request(ctx context.Context, op *sdk.Op) *http.Request {
	spec := w.s.spec
	r, body := spec.fixed, spec.bytes
	if r == nil {
		r, body = spec.render(w.s.table.row(w.s.table.pick(op)))
	}
	r = r.WithContext(ctx)
	if spec.hasBody {
		r.ContentLength = int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
	}
	return r
}

// read reads the whole body, so that the connection can serve the next op,
// and keeps it only if something is expected of it.
func (w *httpWorker) read(body io.Reader) error {
	w.body.Reset()
	var dst io.Writer = io.Discard
	if w.s.expect.needsBody() {
		dst = &w.body
	}
	n, err := io.Copy(dst, io.LimitReader(body, w.s.maxBody+1))
	if err == nil && n > w.s.maxBody {
		return fmt.Errorf("%w of %d bytes", errBodyTooLarge, w.s.maxBody)
	}
	return err
}
