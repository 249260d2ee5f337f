package hubtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Transport gives a transport that calls the stand-in without sockets, in the
// caller's goroutine: fast, and fit for a testing/synctest bubble. Requests
// for the blob store's host go there; for any other host they fail. bot is put
// into X-Test-Bot, which tells clients apart in faults and calls.
func (s *Server) Transport(bot string) http.RoundTripper { return transport{s, bot} }

type transport struct {
	s   *Server
	bot string
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	api, _ := url.Parse(t.s.api)
	blob, _ := url.Parse(t.s.blob)
	var h http.Handler
	switch r.URL.Host {
	case api.Host:
		h = t.s
	case blob.Host:
		h = http.HandlerFunc(t.s.serveBlob)
	default:
		return nil, errors.New("hubtest: nobody listens at " + r.URL.Host)
	}
	in := r.Clone(r.Context())
	in.Header.Set("X-Test-Bot", t.bot)
	if in.Header.Get("User-Agent") == "" {
		in.Header.Set("User-Agent", "Go-http-client/1.1") // as Go's own transport does
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &recorder{header: http.Header{}}
	if err := w.serve(h, in); err != nil {
		return nil, err
	}
	return w.response(r), nil
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

// serve calls the handler. A handler that aborts is a connection that ends.
func (w *recorder) serve(h http.Handler, r *http.Request) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			if err = context.Cause(r.Context()); err == nil {
				err = io.ErrUnexpectedEOF
			}
		default:
			panic(v)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// response gives what a client reads. A body shorter than its promised length
// ends with an error.
func (w *recorder) response(r *http.Request) *http.Response {
	if w.status == 0 {
		w.status = 200
	}
	var body io.Reader = &w.body
	length := int64(w.body.Len())
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil && n > length {
		body, length = io.MultiReader(&w.body, broken{}), n
	}
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(body), ContentLength: length, Request: r,
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
