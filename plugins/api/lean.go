package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/benchharness/harness/plugins/api/http1"
	"github.com/benchharness/harness/sdk"
)

// leanEngine does a session's requests over HTTP/1.1, one connection a worker.
type leanEngine struct {
	s        *httpSession
	options  http1.Options
	prefix   int    // bytes of scheme and host before the path of a rendered URL
	host     string // where no header says another
	head     bool
	fixed    []byte // the whole request, if it is the same for every op
	stopIdle func()
}

func newLeanEngine(s *httpSession, p httpParams, e *endpoint) *leanEngine {
	l := &leanEngine{s: s, prefix: len(address(e.url)), host: e.url.Host, head: p.Method == http.MethodHead, stopIdle: http1.Idle()}
	l.options = http1.Options{
		Dial: dialer(e, p.TLSInsecure, "http/1.1"), MaxBody: s.maxBody, PerConnection: p.PerConnection, FirstByte: p.FirstByte,
		KeepBody: s.expect.needsBody(), KeepHeader: len(s.expect.headers) > 0,
	}
	if s.spec.static() {
		l.fixed = l.render(nil, nil)
	}
	return l
}

func (l *leanEngine) close() { l.stopIdle() }

// dialer opens connections to the endpoint, for one of the protocols if there
// is TLS.
func dialer(e *endpoint, insecure bool, protocols ...string) func(context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: setupTimeout}
	port := e.url.Port()
	if port == "" {
		port = e.url.Scheme // the resolver knows http and https
	}
	addr := net.JoinHostPort(e.url.Hostname(), port)
	if e.url.Scheme != "https" {
		return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }
	}
	t := &tls.Dialer{NetDialer: d, Config: &tls.Config{
		ServerName: e.url.Hostname(), NextProtos: protocols, InsecureSkipVerify: insecure, // asked for by tls_insecure
	}}
	return func(ctx context.Context) (net.Conn, error) { return t.DialContext(ctx, "tcp", addr) }
}

// speaksHTTP2 asks the endpoint, as net/http would, by a handshake.
func speaksHTTP2(parent context.Context, req sdk.SetupRequest, e *endpoint, insecure bool) (bool, error) {
	timeout := req.Timeout
	if timeout <= 0 {
		timeout = setupTimeout
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	conn, err := dialer(e, insecure, "h2", "http/1.1")(ctx)
	if err != nil {
		return false, unfit(parent, e.label, e.secrets.error(classifyTransport(err)))
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().NegotiatedProtocol == "h2", nil
}

// render appends the request of a row to dst. What frames a request is the
// engine's to say, not the config's.
func (l *leanEngine) render(dst []byte, row []cell) []byte {
	spec := l.s.spec
	dst = append(append(dst, spec.method...), ' ')
	at := len(dst)
	dst = spec.url.append(dst, row)
	dst = append(dst[:at], dst[at+l.prefix:]...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	if !slices.ContainsFunc(spec.headers, func(h headerSpec) bool { return h.name == "Host" }) {
		dst = append(append(append(dst, "Host: "...), l.host...), "\r\n"...)
	}
	for _, h := range spec.headers {
		if h.name == "Content-Length" || h.name == "Transfer-Encoding" {
			continue
		}
		dst = append(append(dst, h.name...), ": "...)
		dst = append(h.value.append(dst, row), "\r\n"...)
	}
	if !spec.hasBody {
		if spec.method == http.MethodPost || spec.method == http.MethodPut || spec.method == http.MethodPatch {
			dst = append(dst, "Content-Length: 0\r\n"...)
		}
		return append(dst, "\r\n"...)
	}
	body := spec.body.append(nil, row)
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(body)), 10)
	return append(append(dst, "\r\n\r\n"...), body...)
}

// leanWorker does requests over its connection.
type leanWorker struct {
	l       *leanEngine
	client  *http1.Client
	ctx     context.Context // of the last op; a round has one
	op      *sdk.Op
	stamp   bool // the op says when it was sent
	request []byte
	resp    http1.Response
	seen    seenFunc // during setup only
}

func (l *leanEngine) worker(seen seenFunc) *leanWorker {
	w := &leanWorker{l: l, seen: seen}
	o := l.options
	o.Sent = func() {
		if w.stamp || w.resp.Opened {
			w.op.Sent()
		}
	}
	if seen != nil {
		o.KeepHeader = true
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			conn, err := l.options.Dial(ctx)
			if t, ok := conn.(*tls.Conn); ok && err == nil {
				state := t.ConnectionState()
				w.seen = func(proto, server string, _ *tls.ConnectionState) { seen(proto, server, &state) }
			}
			return conn, err
		}
	}
	w.client = http1.New(o)
	return w
}

// Close closes the connection.
func (w *leanWorker) Close() error {
	_ = w.client.Close() // nothing of it is needed any more
	return nil
}

// Do does one request and checks its answer.
//
// A request that is ready and has its connection is sent as the op begins, to
// the tenth of a microsecond, and needs no stamp. The first of a round has one
// all the same, so that its ops are never timed in batches.
func (w *leanWorker) Do(ctx context.Context, op *sdk.Op) error {
	w.op, w.stamp, w.ctx = op, ctx != w.ctx || w.l.fixed == nil, ctx
	request := w.l.fixed
	if request == nil {
		s := w.l.s
		w.request = w.l.render(w.request[:0], s.table.row(s.table.pick(op)))
		request = w.request
	}
	if err := w.client.Do(ctx, request, w.l.head, &w.resp); err != nil {
		return w.l.s.secrets.error(w.failed(ctx, err))
	}
	if w.resp.Opened {
		op.Record(metricConnect, w.resp.Connect.Seconds())
	}
	if w.l.options.FirstByte {
		op.Record(metricFirstByte, w.resp.FirstByte.Seconds())
	}
	if w.seen != nil {
		w.seen("HTTP/1."+strconv.Itoa(w.resp.Minor), w.resp.Header("Server"), nil)
	}
	err := w.l.s.expect.check(w.resp.Status, w.resp.Header, w.resp.Body)
	if err == nil {
		return nil
	}
	return w.l.s.secrets.error(err)
}

// failed classifies the error of a request without a whole answer.
func (w *leanWorker) failed(ctx context.Context, err error) error {
	if given := givenUp(ctx); given != nil {
		return given
	}
	if errors.Is(err, http1.ErrBodyTooLarge) {
		err = fmt.Errorf("%w of %d bytes", errBodyTooLarge, w.l.s.maxBody)
	}
	return classifyTransport(err)
}
