package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

func TestARequestIsSentAsTheConfigSays(t *testing.T) {
	srv, got := recording(t, `{}`)
	base := sdk.Target{Name: "demo", URL: srv.URL + "/v1/?token=tkn-123", APIKey: "key-123", Headers: map[string]string{"X-Team": "blue-team"}}
	rows := []map[string]any{{"id": 5, "name": "a/b ü", "list": []any{1, "x"}, "q": `say "hi"`}}
	for _, c := range []struct {
		name   string
		target sdk.Target
		with   map[string]any
		uri    string
		body   string
		header map[string]string
	}{
		{"a bare path", targetOf(srv), map[string]any{"path": "x/y"}, "/x/y", "", map[string]string{"Authorization": "", "Accept-Encoding": ""}},
		{"no path", targetOf(srv), nil, "/", "", nil},
		{"a target with path, query, key and headers", base, map[string]any{"path": "/a?b=c d"},
			"/v1/a?token=tkn-123&b=c%20d", "", map[string]string{"Authorization": "Bearer key-123", "X-Team": "blue-team"}},
		{"a header over the target's", base, map[string]any{"headers": map[string]any{"x-team": "red"}},
			"/v1?token=tkn-123", "", map[string]string{"X-Team": "red"}},
		{"user and password", sdk.Target{URL: strings.Replace(srv.URL, "http://", "http://me:pass@", 1)}, nil,
			"/", "", map[string]string{"Authorization": "Basic bWU6cGFzcw=="}},
		{"an absolute URL, without the target's key", base, map[string]any{"url": srv.URL + "/z/${name}?id=${id}", "rows": rows},
			"/z/a%2Fb%20%C3%BC?id=5", "", map[string]string{"Authorization": "", "X-Team": ""}},
		{"placeholders in path and header", targetOf(srv), map[string]any{"path": "/i/${id}?q=${q}", "headers": map[string]any{"X-N": "n=${id}"}, "rows": rows},
			"/i/5?q=say+%22hi%22", "", map[string]string{"X-N": "n=5"}},
		{"a text body", targetOf(srv), map[string]any{"method": "POST", "body": "${list} $${id} ${q}", "rows": rows},
			"/", `[1,"x"] ${id} say "hi"`, map[string]string{"Content-Type": ""}},
		{"a JSON body", targetOf(srv), map[string]any{"method": "PUT", "json": map[string]any{"id": "${id}", "l": "${list}", "s": "<${q}>", "n": 1.50}, "rows": rows},
			"/", `{"id":5,"l":[1,"x"],"n":1.5,"s":"\u003csay \"hi\"\u003e"}`, map[string]string{"Content-Type": "application/json"}},
		{"a host of its own", targetOf(srv), map[string]any{"headers": map[string]any{"Host": "example.test"}}, "/", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustSetup(t, "http", c.target, c.with)
			if err := do(t, worker(t, s, 0), 0); err != nil {
				t.Fatal(err)
			}
			for range 2 { // setup's request and the op's are the same
				r := <-got
				if r.uri != c.uri || r.body != c.body {
					t.Errorf("uri %s, body %s\nwant %s and %s", r.uri, r.body, c.uri, c.body)
				}
				for k, want := range c.header {
					if v := r.header.Get(k); v != want {
						t.Errorf("header %s is %q, want %q", k, v, want)
					}
				}
			}
		})
	}
}

func TestRowsArePickedByTheOp(t *testing.T) {
	srv, got := recording(t, `{}`)
	for _, c := range []struct {
		name string
		with map[string]any
		want []string
	}{
		{"in order, from CSV", map[string]any{"path": "/${id}?c=${collection}", "data": "testdata/texts.csv"}, []string{"/1?c=docs", "/2?c=docs", "/1?c=docs"}},
		{"in order, from JSONL with nested values", map[string]any{"path": "/${user.id}?n=${tags.#}", "data": "testdata/rows.jsonl"}, []string{"/7?n=2", "/8?n=0", "/7?n=2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustSetup(t, "http", targetOf(srv), c.with)
			<-got
			w := worker(t, s, 0)
			for i, want := range c.want {
				if err := do(t, w, uint64(i)); err != nil {
					t.Fatal(err)
				}
				if r := <-got; r.uri != want {
					t.Errorf("op %d asked for %s, want %s", i, r.uri, want)
				}
			}
		})
	}
	t.Run("at random, the same for the same seed", func(t *testing.T) {
		with := map[string]any{"path": "/${id}", "data": "testdata/texts.csv", "data_order": "random"}
		var runs [2][]string
		for i := range runs {
			w := worker(t, mustSetup(t, "http", targetOf(srv), with), 0)
			<-got
			for op := range uint64(40) {
				if err := do(t, w, op); err != nil {
					t.Fatal(err)
				}
				runs[i] = append(runs[i], (<-got).uri)
			}
		}
		if !slices.Equal(runs[0], runs[1]) {
			t.Error("two runs picked different rows")
		}
		if !slices.Contains(runs[0], "/1") || !slices.Contains(runs[0], "/2") || slices.Equal(runs[0], slices.Repeat([]string{"/1", "/2"}, 20)) {
			t.Errorf("picked %v, want both rows out of order", runs[0])
		}
	})
}

func TestAWrongAnswerIsAFailedOpOfItsClass(t *testing.T) {
	var wrong atomic.Bool
	answer := func(good, bad func(http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if wrong.Load() {
				bad(w)
			} else {
				good(w)
			}
		}
	}
	body := func(status int, s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("X-Kind", "plain/1")
			w.WriteHeader(status)
			io.WriteString(w, s)
		}
	}
	for _, c := range []struct {
		name      string
		good, bad func(http.ResponseWriter)
		expect    map[string]any
		class     string
		text      string
	}{
		{"503 without an expectation", body(200, ""), body(503, "busy"), nil, "http_503", "got 503 Service Unavailable, want 200 to 299"},
		{"a redirect", body(204, ""), body(302, ""), nil, "assertion_status", "got 302 Found"},
		{"another status than listed", body(201, ""), body(200, ""), map[string]any{"status": []int{201, 202}}, "assertion_status", "want 201 or 202"},
		{"an error that was expected and does not come", body(404, ""), body(200, ""), map[string]any{"status": 404}, "assertion_status", "want 404"},
		{"a header", body(200, ""), func(w http.ResponseWriter) { w.Header().Set("X-Kind", "other") },
			map[string]any{"headers": map[string]any{"x-kind": "plain/*"}}, "assertion_header", `header X-Kind: got "other", want "plain/*"`},
		{"a text", body(200, "all is well"), body(200, "all is lost"), map[string]any{"body_contains": "well"}, "assertion_body", `without "well"`},
		{"a value", body(200, `{"a":{"b":[1,{"c":2.0}]}}`), body(200, `{"a":{"b":[1,{"c":3}]}}`),
			map[string]any{"json": map[string]any{"a.b.1.c": 2}}, "assertion_json", "json a.b.1.c: got 3, want 2"},
		{"a value by pointer", body(200, `{"a.b/c":true}`), body(200, `{"a.b/c":false}`),
			map[string]any{"json": map[string]any{"/a.b~1c": true}}, "assertion_json", "got false, want true"},
		{"a length", body(200, `[1,2]`), body(200, `[1]`), map[string]any{"json": map[string]any{"#": 2}}, "assertion_json", "got 1, want 2"},
		{"an absent value", body(200, `{"a":null}`), body(200, `{}`), map[string]any{"json": map[string]any{"a": nil}}, "assertion_json", "got nothing there, want null"},
		{"no JSON at all", body(200, `{"a":1}`), body(200, `<html>`), map[string]any{"json": map[string]any{"a": 1}}, "assertion_json", "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong.Store(false)
			srv := serve(t, answer(c.good, c.bad))
			with := map[string]any{}
			if c.expect != nil {
				with["expect"] = c.expect
			}
			w := worker(t, mustSetup(t, "http", targetOf(srv), with), 0)
			if err := do(t, w, 0); err != nil {
				t.Fatalf("a right answer: %v", err)
			}
			wrong.Store(true)
			wantClass(t, do(t, w, 1), c.class, c.text)
			var target *sdk.TargetError
			if _, err := setup(t, "http", targetOf(srv), with); !errors.As(err, &target) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("setup with a wrong answer: %v, want a target error with %q", err, c.text)
			}
		})
	}
}

func TestWorkersKeepTheirConnections(t *testing.T) {
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 100_000))
	}))
	srv.Config.ConnState = countNew(&opened)
	srv.Start()
	t.Cleanup(srv.Close)
	s := mustSetup(t, "http", targetOf(srv), nil)
	opened.Store(0) // the setup has one of its own, which it closes
	done := make(chan error, 2)
	for n := range 2 {
		w := worker(t, s, n)
		go func() {
			for i := range uint64(50) {
				if err := do(t, w, i); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := opened.Load(); n > 2 {
		t.Errorf("%d connections were opened for 2 workers", n)
	}
}

func TestTheServiceClockStartsWhenTheConnectionIsThere(t *testing.T) {
	srv, _ := recording(t, "")
	w := worker(t, mustSetup(t, "http", targetOf(srv), nil), 0)
	var op sdk.Op
	op.Begin(0, 0, time.Now())
	if err := w.Do(t.Context(), &op); err != nil || op.SentAt() <= 0 {
		t.Errorf("error %v, sent at %v; want a stamp", err, op.SentAt())
	}
}

func TestASlowAnswerEndsWithTheOpsContext(t *testing.T) {
	var slow atomic.Bool
	release := make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}
	})
	defer close(release)
	w := worker(t, mustSetup(t, "http", targetOf(srv), nil), 0)
	slow.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	wantClass(t, w.Do(ctx, &sdk.Op{}), "timeout", "deadline exceeded")
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	wantClass(t, w.Do(ctx, &sdk.Op{}), "canceled", "canceled")
	late, expire := context.WithCancelCause(t.Context()) // as the loop gives up a late op
	expire(context.DeadlineExceeded)
	wantClass(t, w.Do(late, &sdk.Op{}), "timeout", "deadline exceeded")
	slow.Store(false)
	if err := do(t, w, 2); err != nil {
		t.Errorf("the op after a given up one: %v", err)
	}
}

func TestARequestThatNetHTTPSentAgainIsAFailedOp(t *testing.T) {
	var asked atomic.Int32
	reset := func(w http.ResponseWriter) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_ = c.(*net.TCPConn).SetLinger(0) // else it ends with an EOF, which is as good
		c.Close()
	}
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := asked.Add(1); {
		case r.URL.Path == "/to":
		case r.URL.Path == "/from":
			http.Redirect(w, r, "/to", http.StatusFound)
		case n == 3:
			reset(w)
		}
	})
	w := worker(t, mustSetup(t, "http", targetOf(srv), map[string]any{"engine": "net/http"}), 0)
	if err := do(t, w, 0); err != nil {
		t.Fatal(err)
	}
	wantClass(t, do(t, w, 1), "reset", "sent again")
	if n := asked.Load(); n != 4 {
		t.Errorf("the target was asked %d times; want 4, or net/http has changed and the check is of no use", n)
	}
	if err := do(t, w, 2); err != nil {
		t.Errorf("the op after it: %v", err)
	}
	followed := worker(t, mustSetup(t, "http", targetOf(srv), map[string]any{"path": "/from", "follow_redirects": true}), 0)
	for i := range uint64(3) {
		if err := do(t, followed, i); err != nil {
			t.Errorf("a redirect is taken for a request sent again: %v", err)
		}
	}
}

func TestRedirectsAreFollowedWhenAsked(t *testing.T) {
	other, got := recording(t, "there")
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/there", http.StatusFound)
	})
	target := targetOf(srv)
	target.Headers = map[string]string{"X-Api-Key": "very-secret"}
	if _, err := setup(t, "http", target, nil); err == nil || !strings.Contains(err.Error(), "got 302 Found") {
		t.Errorf("not followed: %v, want a failed status", err)
	}
	s := mustSetup(t, "http", target, map[string]any{"follow_redirects": true, "expect": map[string]any{"body_contains": "there"}})
	if err := do(t, worker(t, s, 0), 0); err != nil {
		t.Error(err)
	}
	if r := <-got; r.uri != "/there" || r.header.Get("X-Api-Key") != "" {
		t.Errorf("asked for %s with key %q; want /there without the target's key", r.uri, r.header.Get("X-Api-Key"))
	}
}

func TestABodyOverTheLimitFails(t *testing.T) {
	size := atomic.Int64{}
	size.Store(1 << 20)
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.Copy(w, io.LimitReader(zeros{}, size.Load()))
	})
	w := worker(t, mustSetup(t, "http", targetOf(srv), map[string]any{"max_body": 1 << 20}), 0)
	size.Add(1)
	wantClass(t, do(t, w, 0), "body_too_large", "1048576 bytes")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestProvenanceNamesWhatWasNegotiatedAndNoSecret(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "demo/1 "+r.Header.Get("X-Api-Key"))
	})
	s := mustSetup(t, "http", sdk.Target{Name: "demo", URL: strings.Replace(srv.URL, "http://", "http://me:hunter2@", 1), Headers: map[string]string{"X-Api-Key": "very-secret"}}, nil)
	p := s.(sdk.Describer).Describe().Provenance
	want := map[string]string{"engine": "http1", "http_version": "HTTP/1.1", "address": srv.URL, "server": "demo/1 [secret]"}
	for k, v := range want {
		if p[k] != v {
			t.Errorf("%s is %q, want %q", k, p[k], v)
		}
	}
	if len(p) != len(want) {
		t.Errorf("provenance %v", p)
	}
}

func TestTheWorkloadIsTheDataNotItsFile(t *testing.T) {
	srv, _ := recording(t, "")
	digest := func(data, path string) string {
		return mustSetup(t, "http", targetOf(srv), map[string]any{"path": path, "data": data}).(sdk.Describer).Describe().WorkloadDigest
	}
	a := digest("testdata/texts.csv", "/${id}")
	if a == "" || a != digest("./testdata/texts.csv", "/${id}") {
		t.Error("the same content under another name is another workload")
	}
	if a == digest("testdata/texts.csv", "/x/${id}") || digest("testdata/rows.jsonl", "/${text}") == digest("testdata/texts.csv", "/${text}") {
		t.Error("other work has the same digest")
	}
}
