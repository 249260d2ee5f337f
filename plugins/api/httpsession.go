package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk"
)

// setupTimeout bounds a setup's first request when ops have no timeout.
const setupTimeout = 30 * time.Second

// httpSession is a prepared HTTP or GraphQL scenario. Its workers share one
// transport, and with it the connections.
type httpSession struct {
	spec      *requestSpec
	table     *table
	expect    *expectation
	secrets   redactor
	maxBody   int64
	transport *http.Transport
	follow    bool
	headers   map[string]string // of the target, which no other host gets
	info      sdk.SessionInfo
}

func setupHTTP(ctx context.Context, req sdk.SetupRequest, p httpParams, graphql bool) (sdk.Session, error) {
	e, path, err := resolve(req.Target, p.URL, p.Path)
	if err != nil {
		return nil, err
	}
	s := &httpSession{secrets: e.secrets, maxBody: int64(p.MaxBody), follow: p.FollowRedirects, headers: e.headers}
	if s.expect, err = compileExpect(p.Expect); err != nil {
		return nil, err
	}
	s.expect.graphql = graphql
	version, err := httpVersion(p.HTTPVersion)
	if err != nil {
		return nil, err
	}
	var data *dataFile
	if s.spec, s.table, data, err = compileRequest(p, e, path); err != nil {
		return nil, err
	}
	s.transport = newTransport(req.MaxWorkers, version, e.url.Scheme, p.TLSInsecure)
	s.info.WorkloadDigest = workload(req, data)
	s.info.Provenance = map[string]string{"engine": "net/http", "address": address(e.url)}
	if err := s.firstRequest(ctx, req, e.label); err != nil {
		s.transport.CloseIdleConnections()
		return nil, err
	}
	return s, nil
}

// httpVersion reads the parameter http_version, which YAML makes a number of
// unless it is quoted.
func httpVersion(raw json.RawMessage) (string, error) {
	v := strings.Trim(string(raw), `"`)
	switch v {
	case "", "null", "auto":
		return "auto", nil
	case "1.1", "2":
		return v, nil
	}
	return "", sdk.BadParam("http_version", "is %s, want auto, 1.1 or 2", raw)
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

// firstRequest does one request before anything is timed: it finds a target
// that is down or answers wrongly, and learns what was negotiated.
func (s *httpSession) firstRequest(parent context.Context, req sdk.SetupRequest, label string) error {
	timeout := req.Timeout
	if timeout <= 0 {
		timeout = setupTimeout
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	w := newHTTPWorker(s)
	w.seen = func(r *http.Response) {
		s.info.Provenance["http_version"] = r.Proto
		if v := r.Header.Get("Server"); v != "" {
			s.info.Provenance["server"] = s.secrets.text(clip(v, 100))
		}
		if r.TLS != nil {
			s.info.Provenance["tls_version"] = tls.VersionName(r.TLS.Version)
		}
	}
	if err := w.Do(ctx, &sdk.Op{}); err != nil {
		return unfit(parent, label, err)
	}
	return nil
}

// Describe says what is measured.
func (s *httpSession) Describe() sdk.SessionInfo { return s.info }

// Worker returns a worker over the session's connections.
func (s *httpSession) Worker(context.Context, int) (sdk.Worker, error) { return newHTTPWorker(s), nil }

// Close closes the connections.
func (s *httpSession) Close(context.Context) error {
	s.transport.CloseIdleConnections()
	return nil
}

// httpWorker does requests, one at a time.
type httpWorker struct {
	s       *httpSession
	tripper http.RoundTripper // the session's transport, or what follows redirects over it
	op      *sdk.Op
	trace   *httptrace.ClientTrace
	conns   int  // connections that the request, or its last hop, was given
	resent  bool // a hop was given more than one
	body    bytes.Buffer
	seen    func(*http.Response) // during setup only
}

func newHTTPWorker(s *httpSession) *httpWorker {
	w := &httpWorker{s: s, tripper: s.transport}
	if s.follow {
		w.tripper = newFollower(s.transport, s.headers, func() { w.conns = 0 })
	}
	// GotConn is called by the goroutine of Do. The trace costs an op two
	// allocations of 70 bytes together, in 52 of 4.2 KB; see BenchmarkOp.
	w.trace = &httptrace.ClientTrace{GotConn: w.gotConn}
	return w
}

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
		w.seen(resp)
	}
	if err := w.read(resp.Body); err != nil {
		return w.failed(ctx, err)
	}
	if w.resent && resp.ProtoMajor == 1 {
		return sdk.Classify(transportClass(errResent), errResent)
	}
	return w.s.expect.check(resp.StatusCode, resp.Header, w.body.Bytes())
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
