package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/ci/hubtest"
)

const secret = "ghs_0123456789secret"

// answers makes a transport of a function.
type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return f(r)
}

func reply(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func over(t *testing.T, f answers, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{API: "https://api.test", Token: secret, HTTP: f, Log: t.Logf, Rand: func() float64 { return 1 }}
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddressesOfAPIs(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "https://api.github.com/"},
		{"https://api.github.com", "https://api.github.com/"},
		{"https://ghe.example/api/v3", "https://ghe.example/api/v3/"},
		{"https://ghe.example/api/v3/", "https://ghe.example/api/v3/"},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080/"},
		{"http://[::1]:8080", "http://[::1]:8080/"},
		{"http://localhost:8080/api/v3", "http://localhost:8080/api/v3/"},
		{"http://ghe.example/api/v3", "error: use https"},
		{"http://127.0.0.1.evil.example", "error: use https"},
		{"ftp://ghe.example", "error: want https, not ftp"},
		{"https://ann:hunter2@ghe.example", "error: without a name, password"},
		{"https://ghe.example/?token=hunter2", "error: without a name, password"},
		{"ghe.example", "error: want an address"},
		{"https://", "error: want an address"},
		{"https://a b", "error: want an address"},
	} {
		u, err := apiBase(tt.in)
		if says, fails := strings.CutPrefix(tt.want, "error: "); fails {
			if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, %v", tt.in, u, err)
			}
		} else if err != nil || u.String() != tt.want {
			t.Errorf("%s: %v, %v", tt.in, u, err)
		}
	}
	for _, token := range []string{"ghs_a b", "ghs_a\n", "ghs_a\r\nX-Evil: 1"} {
		if _, err := New(Options{Token: token}); err == nil || strings.Contains(err.Error(), "ghs_") {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

func TestTheTokenGoesToTheAPIAlone(t *testing.T) {
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	var api *httptest.Server
	var seen []string
	api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/repos/acme/old/pulls/7": // the repository was renamed
			http.Redirect(w, r, api.URL+"/repositories/5/pulls/7", http.StatusMovedPermanently)
		case "/repos/acme/search/pulls/7":
			http.Redirect(w, r, other.URL+"/repos/acme/search/pulls/7", http.StatusTemporaryRedirect)
		case "/repos/acme/loop/pulls/7":
			http.Redirect(w, r, api.URL+r.URL.Path, http.StatusTemporaryRedirect)
		default:
			io.WriteString(w, `{"number":7}`)
		}
	}))
	defer api.Close()
	c, err := New(Options{API: api.URL, Token: secret, HTTP: &http.Transport{DisableKeepAlives: true}})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := c.Pull(t.Context(), Repo{"acme", "old"}, 7); err != nil || p.Number != 7 {
		t.Errorf("renamed: %+v, %v", p, err)
	}
	same(t, "requests", strings.Join(seen, "\n"), "/repos/acme/old/pulls/7 Bearer "+secret+"\n/repositories/5/pulls/7 Bearer "+secret)
	if _, err := c.Pull(t.Context(), acme, 7); err == nil || !strings.Contains(err.Error(), "leads to another host") || strings.Contains(err.Error(), secret) {
		t.Errorf("elsewhere: %v", err)
	}
	if len(elsewhere) > 0 {
		t.Errorf("the other host was asked: %q", elsewhere)
	}
	if _, err := c.Pull(t.Context(), Repo{"acme", "loop"}, 7); err == nil || !strings.Contains(err.Error(), "too many redirects") {
		t.Errorf("a loop: %v", err)
	}
}

func TestNoErrorAndNoLogHoldsTheToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log strings.Builder
		for name, f := range map[string]answers{
			"in the message": func(*http.Request) (*http.Response, error) {
				return reply(500, `{"message":"bad token `+secret+`"}`), nil
			},
			"in a network error": func(*http.Request) (*http.Response, error) { return nil, errors.New("dial with " + secret) },
			"in what is no JSON": func(*http.Request) (*http.Response, error) { return reply(200, `"`+secret+`"`), nil },
			"in a validation": func(*http.Request) (*http.Response, error) {
				return reply(422, `{"message":"no","errors":["`+secret+`"]}`), nil
			},
		} {
			c := over(t, f, func(o *Options) { o.Log = func(format string, args ...any) { fmt.Fprintf(&log, format, args...) } })
			_, err := c.Pull(t.Context(), acme, 7)
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if log.Len() == 0 || strings.Contains(log.String(), secret) {
			t.Errorf("log %s", log.String())
		}
	})
}

// TestReadsAreRepeatedWithGrowingPauses counts attempts and time under a clock
// that jumps.
func TestReadsAreRepeatedWithGrowingPauses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		err      func() (*http.Response, error)
		attempts int
		took     time.Duration
	}{
		{"500", func() (*http.Response, error) { return reply(500, "{}"), nil }, 5, 15 * time.Second},
		{"a cut connection", func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, 5, 15 * time.Second},
		{"503 that asks for 10 s", func() (*http.Response, error) { return reply(503, "{}", "Retry-After", "10"), nil }, 5, 40 * time.Second},
		{"501", func() (*http.Response, error) { return reply(501, "{}"), nil }, 1, 0},
		{"409", func() (*http.Response, error) { return reply(409, "{}"), nil }, 2, time.Second},
		{"404", func() (*http.Response, error) { return reply(404, "{}"), nil }, 1, 0},
		{"401", func() (*http.Response, error) { return reply(401, "{}"), nil }, 1, 0},
		{"a secondary limit of a minute", func() (*http.Response, error) { return reply(429, "{}", "Retry-After", "60"), nil }, 2, 60250 * time.Millisecond},
		{"a limit beyond the bound", func() (*http.Response, error) { return reply(429, "{}", "Retry-After", "121"), nil }, 1, 0},
		{"no JSON", func() (*http.Response, error) { return reply(200, "<html>"), nil }, 1, 0},
	} {
		bubble(t, func(t *testing.T) {
			n := 0
			began := time.Now()
			c := over(t, func(*http.Request) (*http.Response, error) { n++; return tt.err() })
			_, err := c.Pull(t.Context(), acme, 7)
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "read pull request acme/search#7: ") {
				t.Errorf("%s: %v", tt.name, err)
			}
			if d := time.Since(began); n != tt.attempts || d != tt.took || c.Calls() != n {
				t.Errorf("%s: %d attempts in %s, want %d in %s", tt.name, n, d, tt.attempts, tt.took)
			}
		})
	}
}

func TestPausesAreSpread(t *testing.T) {
	r := &retrier{rand: func() float64 { return 0 }}
	low, _ := r.hopeful(3, &NetworkError{&Failure{}})
	r.rand = func() float64 { return 1 }
	high, _ := r.hopeful(3, &NetworkError{&Failure{}})
	if low != 2*time.Second || high != 4*time.Second {
		t.Errorf("from %s to %s", low, high)
	}
}

func TestTheLastCallOfAnHourIsRemembered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := 0
		c := over(t, func(*http.Request) (*http.Response, error) {
			n++
			return reply(200, `{"number":7}`, "X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "0",
				"X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(50*time.Second).Unix(), 10)), nil
		})
		began := time.Now()
		for range 2 {
			if _, err := c.Pull(t.Context(), acme, 7); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); n != 2 || d < 50*time.Second || d > 52*time.Second {
			t.Errorf("%d calls in %s", n, d)
		}
		c.http.max = 0
		var limit *LimitError
		if _, err := c.Pull(t.Context(), acme, 7); !errors.As(err, &limit) || n != 2 || !strings.Contains(err.Error(), "run this again at") {
			t.Errorf("%v after %d calls", err, n)
		}
	})
}

func TestARequestHasATimeOfItsOwnAndTheCallersComesFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hang := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
		var network *NetworkError
		_, err := over(t, hang, func(o *Options) { o.Timeout = 7 * time.Second }).Pull(t.Context(), acme, 7)
		if !errors.As(err, &network) || !strings.Contains(err.Error(), "no whole answer within 7s") {
			t.Errorf("its own: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err = over(t, hang).Pull(ctx, acme, 7)
		if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) || time.Since(began) != time.Second {
			t.Errorf("the caller's: %v after %s", err, time.Since(began))
		}
	})
}

func TestAnAnswerThatNeverEndsIsCutOff(t *testing.T) {
	read := 0
	endless := readFunc(func(p []byte) (int, error) { read += len(p); return len(p), nil })
	c := over(t, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(endless)}, nil
	})
	var large *TooLargeError
	if _, err := c.Pull(t.Context(), acme, 7); !errors.As(err, &large) || read > 2*maxAnswer {
		t.Errorf("%v after %d bytes", err, read)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestAPostIsRepeatedOnlyIfItDidNotArrive uses a commit status, with and
// without the mark that twice is as good as once.
func TestAPostIsRepeatedOnlyIfItDidNotArrive(t *testing.T) {
	_, refused := net.Dial("tcp", "127.0.0.1:1")
	for _, tt := range []struct {
		name   string
		o      op
		reply  func() (*http.Response, error)
		repeat bool
	}{
		{"500", op{}, func() (*http.Response, error) { return reply(500, "{}"), nil }, false},
		{"a cut connection", op{}, func() (*http.Response, error) { return nil, io.EOF }, false},
		{"nobody listens", op{}, func() (*http.Response, error) { return nil, refused }, true},
		{"a limit", op{}, func() (*http.Response, error) { return reply(429, "{}", "Retry-After", "1"), nil }, true},
		{"500 of what may be repeated", op{repeat: true}, func() (*http.Response, error) { return reply(500, "{}"), nil }, true},
		{"a limit on what is sent once", op{once: true}, func() (*http.Response, error) { return reply(429, "{}", "Retry-After", "1"), nil }, false},
	} {
		bubble(t, func(t *testing.T) {
			var bodies []string
			c := over(t, func(*http.Request) (*http.Response, error) { return tt.reply() })
			c.sent.next = roundTrip(func(r *http.Request) (*http.Response, error) {
				raw, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(raw))
				return tt.reply()
			})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.test/x", bytes.NewReader([]byte("body")))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.gh.Do(tt.o.in(t.Context()), req, nil); err == nil {
				t.Errorf("%s: no error", tt.name)
			}
			if (len(bodies) > 1) != tt.repeat {
				t.Errorf("%s: sent %d times", tt.name, len(bodies))
			}
			if strings.Trim(strings.Join(bodies, " ")+" ", "body ") != "" || bodies[len(bodies)-1] != "body" {
				t.Errorf("%s: bodies %q", tt.name, bodies)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestOverSocketsItIsTheSame goes through Go's own transport, on an Enterprise
// server's path, with connections that are really cut.
func TestOverSocketsItIsTheSame(t *testing.T) {
	s := hubtest.Start(t, hubtest.Options{State: setup + "runs: [{id: 51, workflow: bench.yml, branch: main, sha: a, event: push, artifacts: {results: {run.json: \"{}\"}}}]\n", Prefix: "/api/v3"})
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	quick := func(o *Options) {
		o.HTTP, o.Settle = tr, -1
		o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	for _, kind := range []hubtest.Kind{hubtest.Cut, hubtest.Torn, hubtest.BadGateway} {
		for _, on := range []string{"POST …/comments", "PATCH …/comments/{comment_id}", "GET …/issues/{issue_number}/comments"} {
			s.Inject(hubtest.Fault{On: on, Kind: kind, Applied: true})
		}
		c := client(t, s, "ghs_job", quick)
		for run := range int64(2) {
			put(t, c, said(string(kind), run+int64(len(s.Calls()))))
		}
		if got := len(s.Comments("acme/search", 7)); got != 1 {
			t.Fatalf("%s: %d comments:\n%s", kind, got, s.DumpCalls())
		}
	}
	c := client(t, s, "ghs_job", quick)
	list, err := c.Artifacts(t.Context(), acme, 51)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if files, err := c.Download(t.Context(), list[0], Limits{}); err != nil || len(files) != 1 || string(files[0].Data) != "{}" {
		t.Errorf("%v, %v", files, err)
	}
	if login, err := c.viewer(t.Context()); err != nil || login != "github-actions[bot]" {
		t.Errorf("viewer %q, %v", login, err)
	}
}
