package hubtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// overSockets gives a client of a stand-in that listens.
func overSockets(t *testing.T, o Options) (*Server, client) {
	t.Helper()
	o.State = state
	s := Start(t, o)
	c := client{t: t, base: s.URL(), token: "t-bot"}
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	c.http.Transport = tr
	return s, c
}

// both runs a test with and without sockets: they have to agree.
func both(t *testing.T, o Options, f func(*testing.T, *Server, client)) {
	t.Run("over sockets", func(t *testing.T) {
		s, c := overSockets(t, o)
		f(t, s, c)
	})
	t.Run("inside", func(t *testing.T) {
		s, c := inside(t, o)
		c.http.CheckRedirect = nil
		f(t, s, c)
	})
}

func TestACutConnectionMayHaveHadItsEffect(t *testing.T) {
	for _, kind := range []Kind{Cut, Torn} {
		for _, applied := range []bool{false, true} {
			both(t, Options{}, func(t *testing.T, s *Server, hub client) {
				s.Inject(Fault{On: "POST …/comments", Kind: kind, Applied: applied})
				res, err := hub.try("POST", here+"/issues/7/comments", `{"body":"hello"}`)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					res.Body.Close()
				}
				if err == nil {
					t.Errorf("%s: the answer came through whole", kind)
				}
				if got := len(s.Comments("acme/search", 7)) == 2; got != applied {
					t.Errorf("%s: effect %v, want %v", kind, got, applied)
				}
			})
		}
	}
}

func TestAHungRequestEndsWithItsClient(t *testing.T) {
	both(t, Options{}, func(t *testing.T, s *Server, hub client) {
		s.Inject(Fault{On: "GET /repos/*/*/pulls/7", Kind: Hang})
		ctx, cancel := context.WithCancel(t.Context())
		s.Before("GET …/pulls/{pull_number}", func(*Call) { cancel() })
		r, err := http.NewRequestWithContext(ctx, "GET", hub.base+here+"/pulls/7", nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := hub.http.Do(r); !errors.Is(err, context.Canceled) {
			res.Body.Close()
			t.Errorf("error %v, want that of the context", err)
		}
		if c := s.Calls(); len(c) != 1 || c[0].Fault != "hang" || c[0].Status != 0 {
			t.Errorf("calls %v", c)
		}
	})
}

func TestASlowAnswerComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hub := inside(t, Options{})
		s.Inject(Fault{On: "GET …/pulls/{pull_number}", Kind: Slow, After: 20 * time.Second})
		begin := time.Now()
		hub.want(200, "GET", here+"/pulls/7", "", `"number":7`)
		if d := time.Since(begin); d != 20*time.Second {
			t.Errorf("the answer came after %v", d)
		}
	})
}

func TestPausesMakeTwoClientsMeet(t *testing.T) {
	both(t, Options{}, func(t *testing.T, s *Server, hub client) {
		before := s.PauseBefore("POST …/comments")
		done := make(chan int)
		go func() {
			res, err := hub.try("POST", here+"/issues/7/comments", `{"body":"slow bot"}`)
			if err != nil {
				done <- 0
				return
			}
			res.Body.Close()
			done <- res.StatusCode
		}()
		<-before.Reached()
		if n := len(s.Comments("acme/search", 7)); n != 1 {
			t.Errorf("%d comments while the request is held before its effect, want 1", n)
		}
		hub.want(201, "POST", here+"/issues/7/comments", `{"body":"fast bot"}`)
		before.Release()
		if status := <-done; status != 201 {
			t.Errorf("status %d", status)
		}
		got := s.Comments("acme/search", 7)
		if len(got) != 3 || got[1].Body != "fast bot" || got[2].Body != "slow bot" {
			t.Errorf("comments %+v", got)
		}
	})
}

func TestAPauseAfterTheEffectHoldsTheAnswerOnly(t *testing.T) {
	s, hub := inside(t, Options{})
	after := s.PauseAfter("POST …/comments")
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := hub.try("POST", here+"/issues/7/comments", `{"body":"there"}`); err == nil {
			res.Body.Close()
		}
	}()
	<-after.Reached()
	if n := len(s.Comments("acme/search", 7)); n != 2 {
		t.Errorf("%d comments, want 2", n)
	}
	after.Release()
	<-done
}

func TestAHookChangesTheWorldBetweenTwoCalls(t *testing.T) {
	s, hub := inside(t, Options{})
	moved := SHA("moved")
	s.After("GET …/pulls/{pull_number}", Once(func(*Call) {
		s.Push("acme/search", 7, moved)
		s.Lock("acme/search", 7, true)
		s.ClosePull("acme/search", 7, true)
	}))
	hub.want(200, "GET", here+"/pulls/7", "", SHA("first"), `"state":"open"`)
	hub.want(200, "GET", here+"/pulls/7", "", moved, `"state":"closed"`, `"locked":true`, `"merged":true`)
	hub.want(403, "POST", here+"/issues/7/comments", `{"body":"x"}`, "locked")
	s.DeleteFork("acme/search", 7)
	hub.want(200, "GET", here+"/pulls/7", "")
}

func TestADownloadLeadsToAnotherHostWithoutTheToken(t *testing.T) {
	s, hub := overSockets(t, Options{})
	id := s.Upload("acme/search", 51, "more", Zip(map[string]string{"a.txt": "hello"}))
	status, data, _ := hub.do("GET", here+"/actions/artifacts/"+fmtID(id)+"/zip", "")
	if status != 200 || !strings.HasPrefix(data, "PK") {
		t.Errorf("%d %q", status, data)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("Go's client dropped the token, and it was counted as a leak: %v", v)
	}
}

func TestATokenSentToTheBlobStoreIsAViolation(t *testing.T) {
	s := New(Options{State: state})
	hub := client{t: t, base: s.URL(), token: "t-bot"}
	hub.http.Transport = s.Transport("")
	hub.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		r.Header.Set("Authorization", "Bearer t-bot")
		return nil
	}
	id := s.Upload("acme/search", 51, "more", Zip(nil))
	hub.want(400, "GET", here+"/actions/artifacts/"+fmtID(id)+"/zip", "")
	if v := s.Violations(); len(v) != 1 || !strings.Contains(v[0], "blob store") {
		t.Errorf("violations %v", v)
	}
}

func TestPagesAreLinked(t *testing.T) {
	s, hub := inside(t, Options{})
	for range 249 {
		s.Say("acme/search", 7, "ann", "more")
	}
	next := hub.base + here + "/issues/7/comments?per_page=100"
	total, pages := 0, 0
	for next != "" {
		status, answer, header := hub.do("GET", strings.TrimPrefix(next, hub.base), "")
		if status != 200 {
			t.Fatal(status, answer)
		}
		total += strings.Count(answer, `"node_id":"IC_`)
		pages++
		next = ""
		for part := range strings.SplitSeq(header.Get("Link"), ", ") {
			if u, ok := strings.CutSuffix(part, `>; rel="next"`); ok {
				next = strings.TrimPrefix(u, "<")
			}
		}
	}
	if total != 250 || pages != 3 {
		t.Errorf("%d comments on %d pages, want 250 on 3", total, pages)
	}
	for _, tt := range []struct{ query, rels string }{
		{"per_page=100&page=1", "next last"}, {"per_page=100&page=2", "prev next last first"}, {"per_page=100&page=3", "prev first"},
		{"per_page=1000", "next last"}, {"", "next last"},
	} {
		_, _, header := hub.do("GET", here+"/issues/7/comments?"+tt.query, "")
		var rels []string
		for part := range strings.SplitSeq(header.Get("Link"), ", ") {
			_, rel, _ := strings.Cut(part, `rel="`)
			rels = append(rels, strings.TrimSuffix(rel, `"`))
		}
		if got := strings.Join(rels, " "); got != tt.rels {
			t.Errorf("%q: links %q, want %q", tt.query, got, tt.rels)
		}
	}
}

func TestAnEnterpriseServerHasAPrefix(t *testing.T) {
	_, hub := inside(t, Options{Prefix: "/api/v3"})
	if u, _ := url.Parse(hub.base); u.Path != "/api/v3" {
		t.Errorf("URL %s", hub.base)
	}
	hub.want(200, "GET", here+"/pulls/7", "", "/api/v3/repos/acme/search/pulls/7")
	hub.base = strings.TrimSuffix(hub.base, "/v3")
	hub.want(200, "POST", "/graphql", `{"query":"query{viewer{login}}"}`, "github-actions[bot]")
}
