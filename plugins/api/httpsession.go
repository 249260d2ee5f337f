package api

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/benchharness/harness/sdk"
)

// setupTimeout bounds a setup's first request when ops have no timeout.
const setupTimeout = 30 * time.Second

// httpSession is a prepared HTTP or GraphQL scenario. Its workers have a
// connection each (engine http1), or share what keeps connections.
type httpSession struct {
	spec    *requestSpec
	table   *table
	expect  *expectation
	secrets redactor
	maxBody int64
	follow  bool
	headers map[string]string // of the target, which no other host gets
	info    sdk.SessionInfo

	lean     *leanEngine       // or
	tripper  http.RoundTripper // of net/http or quic-go
	closeAll func()            // closes the tripper's connections
}

// seenFunc is told of the first answer.
type seenFunc func(proto, server string, state *tls.ConnectionState)

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
	var data *dataFile
	if s.spec, s.table, data, err = compileRequest(p, e, path); err != nil {
		return nil, err
	}
	s.info.WorkloadDigest = workload(req, data)
	s.info.Provenance = map[string]string{"address": address(e.url)}
	if err := s.choose(ctx, req, p, e); err != nil {
		return nil, err
	}
	if err := s.firstRequest(ctx, req, e.label); err != nil {
		s.closeAll()
		return nil, err
	}
	return s, nil
}

// choose picks the engine: our own for HTTP/1.1, which costs the generator a
// fraction of the others, and net/http or quic-go for what it cannot do.
func (s *httpSession) choose(ctx context.Context, req sdk.SetupRequest, p httpParams, e *endpoint) error {
	version, err := httpVersion(p.HTTPVersion)
	if err != nil {
		return err
	}
	if version == "3" && e.url.Scheme != "https" {
		return sdk.BadParam("http_version", "is 3, which needs a target with https://")
	}
	why := s.needsNetHTTP(version, p, e)
	if why == "" && version == "auto" && e.url.Scheme == "https" {
		if h2, err := speaksHTTP2(ctx, req, e, p.TLSInsecure); err != nil {
			return err
		} else if h2 {
			why = "the target speaks HTTP/2"
		}
	}
	switch {
	case why == "" && p.Engine != engineNetHTTP:
		s.lean = newLeanEngine(s, p, e)
		s.closeAll = s.lean.close
		s.info.Provenance["engine"] = engineHTTP1
		return nil
	case p.Engine == engineHTTP1:
		return sdk.BadParam("engine", "is %s, but %s", engineHTTP1, why)
	case p.PerConnection > 0 || p.FirstByte:
		return sdk.BadParam("engine", "has to be %s for requests_per_connection and first_byte, but %s", engineHTTP1, cmp.Or(why, "engine asks for another"))
	}
	s.info.Provenance["engine"] = engineNetHTTP
	if version == "3" {
		s.info.Provenance["engine"] = "quic-go"
	}
	s.tripper, s.closeAll = newTripper(req.MaxWorkers, version, e.url.Scheme, p.TLSInsecure)
	return nil
}

// Engines, as the parameter and the provenance call them.
const (
	engineAuto    = "auto"
	engineHTTP1   = "http1"
	engineNetHTTP = "net/http"
)

// needsNetHTTP says why our own engine cannot do the requests, or nothing.
func (s *httpSession) needsNetHTTP(version string, p httpParams, e *endpoint) string {
	_, expects := lookupFold(p.Headers, "Expect")
	switch {
	case version == "2" || version == "3":
		return "http_version is " + version
	case p.FollowRedirects:
		return "redirects are to be followed"
	case expects:
		return "a header Expect has to be waited for"
	case p.Method == http.MethodConnect:
		return "the method is CONNECT"
	case strings.ContainsFunc(e.url.Host, func(r rune) bool { return r > unicode.MaxASCII }):
		return "the host's name is not ASCII"
	}
	return ""
}

// httpVersion reads the parameter http_version, which YAML makes a number of
// unless it is quoted.
func httpVersion(raw json.RawMessage) (string, error) {
	v := strings.Trim(string(raw), `"`)
	switch v {
	case "", "null", "auto":
		return "auto", nil
	case "1.1", "2", "3":
		return v, nil
	}
	return "", sdk.BadParam("http_version", "is %s, want auto, 1.1, 2 or 3", raw)
}

// firstRequest does one request before anything is timed: it finds a target
// that is down or answers wrongly, and learns what was negotiated.
func (s *httpSession) firstRequest(parent context.Context, req sdk.SetupRequest, label string) error {
	timeout := req.Timeout
	if timeout <= 0 {
		timeout = setupTimeout
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	seen := func(proto, server string, state *tls.ConnectionState) {
		s.info.Provenance["http_version"] = proto
		if server != "" {
			s.info.Provenance["server"] = s.secrets.text(clip(server, 100))
		}
		if state != nil {
			s.info.Provenance["tls_version"] = tls.VersionName(state.Version)
		}
	}
	w := s.worker(seen)
	defer w.Close()
	if err := w.Do(ctx, &sdk.Op{}); err != nil {
		return unfit(parent, label, err)
	}
	return nil
}

// Describe says what is measured.
func (s *httpSession) Describe() sdk.SessionInfo { return s.info }

// Worker returns a worker.
func (s *httpSession) Worker(context.Context, int) (sdk.Worker, error) { return s.worker(nil), nil }

// closingWorker is a worker that may have a connection of its own.
type closingWorker interface {
	sdk.Worker
	io.Closer
}

func (s *httpSession) worker(seen seenFunc) closingWorker {
	if s.lean != nil {
		return s.lean.worker(seen)
	}
	w := newHTTPWorker(s)
	w.seen = seen
	return w
}

// Close closes the connections.
func (s *httpSession) Close(context.Context) error {
	s.closeAll()
	return nil
}
