package api

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func countNew(n *atomic.Int32) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			n.Add(1)
		}
	}
}

// closedPort is an address that nobody listens on. A port that was just given
// back would not do: another test may be handed it a moment later.
const closedPort = "127.0.0.1:1"

// raw answers every connection with what write does to it, after the request
// has begun to arrive.
func raw(t *testing.T, write func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				if _, err := c.Read(make([]byte, 4096)); err == nil {
					write(c)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

func TestATargetThatCannotBeMeasuredSaysWhyAndWhatToDo(t *testing.T) {
	status := func(code int) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }).URL
	}
	for _, c := range []struct {
		name, url   string
		class, text string
		remedy      string
	}{
		{"refused", "http://me:hunter2@" + closedPort, "connect", "no answer (connect)", "start it"},
		{"a name that does not exist", "http://nowhere.invalid:1", "dns", "no answer (dns)", "start it"},
		{"401", status(401), "http_401", "authentication refused", "check api_key"},
		{"403", status(403), "http_403", "authentication refused", "check api_key"},
		{"404", status(404), "http_404", "got 404", "check the path"},
		{"500", status(500), "http_500", "got 500", "check the request"},
		{"closed without an answer", raw(t, func(net.Conn) {}), "reset", "no answer (reset)", "start it"},
		{"half an answer", raw(t, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		}), "reset", "unexpected EOF", "start it"},
		{"not HTTP", raw(t, func(c net.Conn) { io.WriteString(c, "220 mail ready\r\n\r\n") }), "protocol", "malformed", "check the request"},
		{"plain HTTP where TLS is wanted", strings.Replace(status(200), "http://", "https://", 1), "tls", "does not look like a TLS handshake", "tls_insecure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := setup(t, "http", sdk.Target{Name: "demo", URL: c.url, APIKey: "very-secret"}, nil)
			var down *sdk.TargetError
			if !errors.As(err, &down) {
				t.Fatalf("got %v, want a target error", err)
			}
			if !strings.HasPrefix(down.Target, "demo (http") || !strings.Contains(err.Error(), c.text) || !strings.Contains(down.Remedy, c.remedy) {
				t.Errorf("got %v, want %q and the remedy %q", err, c.text, c.remedy)
			}
			if sdk.Class(err) != c.class {
				t.Errorf("class %q, want %q", sdk.Class(err), c.class)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "very-secret") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
}

func TestATargetThatGoesDownFailsItsOps(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := worker(t, mustSetup(t, "http", targetOf(srv), nil), 0)
	srv.Close()
	wantClass(t, do(t, w, 0), "connect", "refused")
}

func TestASecretThatTheTargetEchoesIsNotShown(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
	})
	target := targetOf(srv)
	target.APIKey = "very-secret"
	_, err := setup(t, "http", target, map[string]any{"expect": map[string]any{"headers": map[string]any{"X-Echo": "x"}}})
	if err == nil || strings.Contains(err.Error(), "very-secret") || !strings.Contains(err.Error(), "[secret]") {
		t.Errorf("got %v, want the secret replaced", err)
	}
	if sdk.Class(err) != "assertion_header" {
		t.Errorf("class %q is lost with the secret", sdk.Class(err))
	}
}

func TestASetupThatIsGivenUpBlamesNobody(t *testing.T) {
	srv, _ := recording(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, _ := Plugin().Benchmark("http")
	params, err := sdk.CheckParams(b.Params, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Setup(ctx, sdk.SetupRequest{Params: params, Target: targetOf(srv), MaxWorkers: 1})
	var down *sdk.TargetError
	if !errors.Is(err, context.Canceled) || errors.As(err, &down) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestTLSIsCheckedUnlessToldOtherwise(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake is meant
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, err := setup(t, "http", targetOf(srv), nil)
	wantClass(t, err, "tls", "tls_insecure")
	for version, want := range map[string]string{"auto": "HTTP/2.0", "1.1": "HTTP/1.1", "2": "HTTP/2.0"} {
		s := mustSetup(t, "http", targetOf(srv), map[string]any{"tls_insecure": true, "http_version": version})
		if err := do(t, worker(t, s, 0), 0); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
		p := s.(sdk.Describer).Describe().Provenance
		if p["http_version"] != want || p["tls_version"] != tls.VersionName(tls.VersionTLS13) {
			t.Errorf("version %s: provenance %v, want %s", version, p, want)
		}
	}
}

func TestABadParameterIsNamed(t *testing.T) {
	srv, _ := recording(t, "{}")
	rows := []map[string]any{{"id": 1, "nl": "a\nb"}}
	for _, c := range []struct {
		name, bench string
		with        map[string]any
		param, text string
	}{
		{"a version that does not exist", "http", map[string]any{"http_version": 4}, "http_version", "want auto, 1.1, 2 or 3"},
		{"a version that needs TLS", "http", map[string]any{"http_version": 3}, "http_version", "https://"},
		{"an engine that cannot do it", "http", map[string]any{"http_version": 2, "engine": "http1"}, "engine", "http_version is 2"},
		{"what only one engine can do", "http", map[string]any{"follow_redirects": true, "first_byte": true}, "engine", "redirects"},
		{"what the other engine cannot do", "http", map[string]any{"engine": "net/http", "requests_per_connection": 1}, "engine", "asks for another"},
		{"a method with a space", "http", map[string]any{"method": "G ET"}, "method", "want a method"},
		{"two bodies", "http", map[string]any{"body": "x", "json": 1}, "json", "one of them"},
		{"a file and rows", "http", map[string]any{"data": "x.csv", "rows": rows, "path": "${id}"}, "rows", "one of them"},
		{"a placeholder without data", "http", map[string]any{"path": "/${id}"}, "data", "${id} is used"},
		{"a placeholder without an end", "http", map[string]any{"path": "/${id"}, "path", "without a column's name"},
		{"an unknown column", "http", map[string]any{"path": "/${nope}", "rows": rows}, "data", `no column "nope" in row 1 of rows; the row has: id, nl`},
		{"a header with a line break", "http", map[string]any{"headers": map[string]any{"X": "${nl}"}, "rows": rows}, "headers.X", "line break"},
		{"a header with a wrong name", "http", map[string]any{"headers": map[string]any{"X Y": "1"}}, "headers", "malformed name"},
		{"a status of a word", "http", map[string]any{"expect": map[string]any{"status": "ok"}}, "expect.status", "want a status"},
		{"an absurd status", "http", map[string]any{"expect": map[string]any{"status": 99}}, "expect.status", "100 to 599"},
		{"a malformed URL", "http", map[string]any{"url": "ftp://user:hunter2@x"}, "url", "malformed"},
		{"a file that is absent", "http", map[string]any{"data": "testdata/none.csv", "path": "${id}"}, "data", "no such file"},
		{"a file of another kind", "http", map[string]any{"data": "doc.go", "path": "${id}"}, "data", ".jsonl"},
		{"an unknown parameter", "http", map[string]any{"verb": "GET"}, "verb", "unknown"},
		{"variables of a list", "graphql", map[string]any{"query": "{a}", "variables": []int{1}}, "variables", "want a mapping"},
		{"no query", "graphql", nil, "query", "required"},
		{"a method without a service", "grpc", map[string]any{"method": "Search"}, "method", "want package.Service/Method"},
		{"an unknown code", "grpc", map[string]any{"method": "a.B/C", "expect": map[string]any{"code": "NOPE"}}, "expect.code", "want a code"},
		{"binary metadata", "grpc", map[string]any{"method": "a.B/C", "metadata": map[string]any{"x-bin": "1"}}, "metadata", "cannot be sent as text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := setup(t, c.bench, targetOf(srv), c.with)
			var p *sdk.ParamError
			if !errors.As(err, &p) || p.Param != c.param || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want parameter %q and %q", err, c.param, c.text)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
	if _, err := setup(t, "http", sdk.Target{}, nil); err == nil || !strings.Contains(err.Error(), "no target") {
		t.Errorf("without a target: %v", err)
	}
}
