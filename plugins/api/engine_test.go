package api

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/benchharness/harness/sdk"
)

// engineOf is the engine that a setup chose.
func engineOf(s sdk.Session) string { return s.(sdk.Describer).Describe().Provenance["engine"] }

func TestTheEngineIsTheLeanestThatCan(t *testing.T) {
	srv, _ := recording(t, "")
	secure := func(h2 bool) sdk.Target {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		s.EnableHTTP2 = h2
		s.StartTLS()
		t.Cleanup(s.Close)
		return targetOf(s)
	}
	for _, c := range []struct {
		name   string
		target sdk.Target
		with   map[string]any
		want   string
	}{
		{"by default", targetOf(srv), nil, "http1"},
		{"TLS without HTTP/2", secure(false), map[string]any{"tls_insecure": true}, "http1"},
		{"TLS with HTTP/2", secure(true), map[string]any{"tls_insecure": true}, "net/http"},
		{"TLS with HTTP/2 that is not wanted", secure(true), map[string]any{"tls_insecure": true, "http_version": "1.1"}, "http1"},
		{"HTTP/2 in clear text", targetOf(srv), map[string]any{"http_version": 2}, "net/http"},
		{"redirects", targetOf(srv), map[string]any{"follow_redirects": true}, "net/http"},
		{"the other one, asked for", targetOf(srv), map[string]any{"engine": "net/http"}, "net/http"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustSetup(t, "http", c.target, c.with)
			if got := engineOf(s); got != c.want {
				t.Errorf("the engine is %s, want %s", got, c.want)
			}
			if err := do(t, worker(t, s, 0), 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBothEnginesSendTheSameRequest compares them byte for byte where the order
// of headers does not count.
func TestBothEnginesSendTheSameRequest(t *testing.T) {
	srv, got := recording(t, "{}")
	target := targetOf(srv)
	target.APIKey = "key"
	for name, with := range map[string]map[string]any{
		"a GET":                 {"path": "/a b/ü?q=1 2"},
		"a POST without a body": {"method": "POST"},
		"a DELETE":              {"method": "DELETE", "path": "/1"},
		"a HEAD":                {"method": "HEAD"},
		"JSON of a row":         {"method": "PUT", "json": map[string]any{"x": "${x}"}, "rows": []map[string]any{{"x": "ü"}}, "headers": map[string]any{"X-Row": "${x}", "Host": "example.test"}},
		"framing of one's own":  {"method": "POST", "body": "abc", "headers": map[string]any{"Content-Length": "7", "Transfer-Encoding": "chunked"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []seen
			for _, engine := range []string{"http1", "net/http"} {
				with["engine"] = engine
				mustSetup(t, "http", target, with) // its first request is as good as any
				r := <-got
				r.header.Del("Accept-Encoding")
				asked = append(asked, r)
			}
			a, b := asked[0], asked[1]
			if a.method != b.method || a.uri != b.uri || a.body != b.body || a.proto != b.proto || len(a.header) != len(b.header) {
				t.Errorf("http1 sent\n%+v\nnet/http\n%+v", a, b)
			}
			for k := range b.header {
				if a.header.Get(k) != b.header.Get(k) {
					t.Errorf("header %s: %q by http1, %q by net/http", k, a.header.Get(k), b.header.Get(k))
				}
			}
		})
	}
}

func TestConnectionsCanBeOpenedForEachRequestAndTimed(t *testing.T) {
	srv, _ := recording(t, "hello")
	w := worker(t, mustSetup(t, "http", targetOf(srv), map[string]any{"requests_per_connection": 2, "first_byte": true}), 0)
	connects, bytes := 0, 0
	for i := range uint64(6) {
		var op sdk.Op
		op.Begin(i, 0, time.Now())
		if err := w.Do(t.Context(), &op); err != nil {
			t.Fatal(err)
		}
		op.Values(func(name string, v float64) {
			switch {
			case name == metricConnect && v > 0:
				connects++
			case name == metricFirstByte && v > 0:
				bytes++
			default:
				t.Errorf("%s is %v", name, v)
			}
		})
	}
	if connects != 3 || bytes != 6 {
		t.Errorf("%d connections and %d first bytes timed, want 3 and 6", connects, bytes)
	}
}

func TestHTTP3IsSpokenOverQUIC(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS() // for its certificate
	defer cert.Close()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http3.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Server", "three")
			io.WriteString(w, r.Proto)
		}),
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: cert.TLS.Certificates}),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(pc) }()
	t.Cleanup(func() {
		_ = srv.Close()
		pc.Close()
		<-served
	})
	target := targetAt("https://" + pc.LocalAddr().String())
	s := mustSetup(t, "http", target, map[string]any{"http_version": 3, "tls_insecure": true, "expect": map[string]any{"body_contains": "HTTP/3"}})
	for n := range 2 {
		if err := do(t, worker(t, s, n), uint64(n)); err != nil {
			t.Error(err)
		}
	}
	if p := s.(sdk.Describer).Describe().Provenance; p["engine"] != "quic-go" || p["http_version"] != "HTTP/3.0" || p["server"] != "three" {
		t.Errorf("provenance %v", p)
	}
	if _, err := setup(t, "http", target, map[string]any{"http_version": 3}); err == nil || sdk.Class(err) != "tls" {
		t.Errorf("a certificate that is not trusted: %v of class %q", err, sdk.Class(err))
	}
}

func TestAWorkersConnectionIsItsOwnToClose(t *testing.T) {
	srv, _ := recording(t, "")
	s := mustSetup(t, "http", targetOf(srv), nil)
	w := worker(t, s, 0)
	if err := do(t, w, 0); err != nil {
		t.Fatal(err)
	}
	if err := w.(io.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // waits for every connection that is in use, and closes the idle ones
		_ = srv.Config.Shutdown(context.Background())
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("the connection is still there")
	}
}
