package wasmhost

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

// callHTTP is the op that calls http_do with texts in its memory. It returns
// the status, or the code.
func callHTTP(t *testing.T, method, path, headers, body string) []byte {
	t.Helper()
	g := w.Guest(w.Plugin(), w.Of("http_do"))
	var args w.Code
	at := uint32(16 << 10)
	for _, text := range []string{method, path, headers, body} {
		g.Data[at] = text
		args = w.Join(args, w.I32(int32(at)), w.I32(int32(len(text))))
		at += uint32(len(text)) + 8
	}
	g.Set(abi.Op, w.Join(args, w.I32(64<<10), w.I32(32<<10), w.Call(1),
		w.I64(32), w.Code{0x87}, w.Code{0xa7})) // i64.shr_s, i32.wrap_i64
	return g.Bytes()
}

// served is a target that answers with what it was asked.
func served(t *testing.T) (s *httptest.Server, seen func() string) {
	var mu sync.Mutex
	var all strings.Builder
	seen = func() string {
		mu.Lock()
		defer mu.Unlock()
		defer all.Reset()
		return all.String()
	}
	s = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		fmt.Fprintf(&all, "%s %s key=%q team=%q x=%q body=%q host=%s\n", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("X-Team"), r.Header.Get("X-Own"), body, r.Host)
		mu.Unlock()
		switch r.URL.Path {
		case "/base/redirect":
			http.Redirect(out, r, "/base/elsewhere", http.StatusFound)
		case "/base/large":
			out.Write(make([]byte, 100<<10))
		case "/base/slow":
			<-r.Context().Done()
		case "/base/broken":
			c, _, _ := http.NewResponseController(out).Hijack()
			c.Close()
		default:
			out.WriteHeader(http.StatusTeapot)
			fmt.Fprint(out, "hello")
		}
	}))
	t.Cleanup(s.Close)
	return s, seen
}

func targetOf(s *httptest.Server) sdk.Target {
	return sdk.Target{Name: "search", URL: s.URL + "/base", APIKey: "very-secret", Headers: map[string]string{"X-Team": "blue"}}
}

func TestARequestGoesToTheTargetWithItsCredentials(t *testing.T) {
	s, seen := served(t)
	host := strings.TrimPrefix(s.URL, "http://")
	for _, tt := range []struct {
		name, method, path, headers, body string
		returns                           int // the status, or the code
		want                              string
	}{
		{"a get", "GET", "/a?b=c%20d", "", "", 418, `GET /base/a?b=c%20d key="Bearer very-secret" team="blue" x="" body=""`},
		{"a post with a header", "POST", "/", "X-Own: 1\n", "text", 418, `POST /base/ key="Bearer very-secret" team="blue" x="1" body="text"`},
		{"a header that is the host's", "GET", "/", "Host: evil.example", "", abi.Invalid, ""},
		{"another key", "GET", "/", "authorization: Bearer mine", "", abi.Invalid, ""},
		{"another team", "GET", "/", "X-Team: red", "", 418, `GET /base/ key="Bearer very-secret" team="blue"`},
		{"a header in a header", "GET", "/", "X-Own: a\rX-Team: red", "", abi.Failed, ""},
		{"another host", "GET", "//evil.example/", "", "", abi.Invalid, ""},
		{"a whole url", "GET", "http://evil.example/", "", "", abi.Invalid, ""},
		{"user and host", "GET", "@evil.example/", "", "", abi.Invalid, ""},
		{"above the target", "GET", "/../admin", "", "", abi.Invalid, ""},
		{"above the target, encoded", "GET", "/%2e%2e/admin", "", "", abi.Invalid, ""},
		{"above the target, encoded slash", "GET", "/..%2fadmin", "", "", abi.Invalid, ""},
		{"a second request in the path", "GET", "/a HTTP/1.1\r\nHost: evil\r\n\r\n", "", "", abi.Invalid, ""},
		{"a second request in the method", "GET / HTTP/1.1\r\n\r\nGET", "/", "", "", abi.Invalid, ""},
		{"no path", "GET", "", "", "", abi.Invalid, ""},
		{"a redirect", "GET", "/redirect", "", "", 302, "GET /base/redirect"},
		{"a broken connection", "GET", "/broken", "", "", abi.Failed, "GET /base/broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen()
			wk := worker(t, options(t, callHTTP(t, tt.method, tt.path, tt.headers, tt.body), abi.HTTP), sdk.SetupRequest{Target: targetOf(s)})
			op, err := do(wk)
			wantReturned(t, err, tt.returns)
			got := seen()
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" || strings.Count(got, "\n") > 1 && tt.returns != abi.Failed {
				t.Errorf("the target saw\n%s, want %s", got, tt.want)
			}
			if tt.returns == 418 {
				in := wk.(*instance)
				if b, _ := in.mem.Read(64<<10, 6); string(b) != "hello\x00" {
					t.Errorf("the guest has %q", b)
				}
				if op.SentAt() == 0 || op.DoneAt() < op.SentAt() {
					t.Errorf("the host's request is not stamped: sent %v, done %v", op.SentAt(), op.DoneAt())
				}
			}
			if last := wk.(*instance).last; strings.Contains(last, host) || strings.Contains(last, "secret") {
				t.Errorf("the guest is told %q", last)
			}
		})
	}
}

// wantReturned compares what the op returned: the high half of the result.
func wantReturned(t *testing.T, err error, status int) {
	t.Helper()
	if status < 0 {
		status = -1 // the high half of any code
	}
	wantError(t, err, fmt.Sprintf("the op returned %d", status))
}

func TestAnAnswerOverTheLimitFailsTheOp(t *testing.T) {
	s, _ := served(t)
	_, err := do(worker(t, options(t, callHTTP(t, "GET", "/large", "", ""), abi.HTTP), sdk.SetupRequest{Target: targetOf(s)}))
	wantError(t, err, "the target's answer has more than the limit of 65536 bytes")
}

func TestATargetThatIsDownIsToldWithoutItsAddress(t *testing.T) {
	wk := worker(t, options(t, callHTTP(t, "GET", "/", "", ""), abi.HTTP), sdk.SetupRequest{Target: sdk.Target{Name: "search", URL: "http://127.0.0.1:1"}})
	_, err := do(wk)
	wantReturned(t, err, abi.Failed)
	if last := wk.(*instance).last; last != "the target refused the connection" {
		t.Errorf("the guest is told %q", last)
	}
}

func TestARequestEndsWithItsOp(t *testing.T) {
	s, _ := served(t)
	wk := worker(t, options(t, callHTTP(t, "GET", "/slow", "", ""), abi.HTTP), sdk.SetupRequest{Target: targetOf(s)})
	ctx, cancel := context.WithCancel(context.Background())
	stop := time.AfterFunc(20*time.Millisecond, cancel)
	defer stop.Stop()
	op := &sdk.Op{}
	op.Begin(0, 0, time.Now())
	wantReturned(t, wk.Do(ctx, op), abi.Stopped)
}

func TestATargetThatIsNoURLIsATypedError(t *testing.T) {
	for _, url := range []string{"ftp://x", "http://", "://", "http://a b"} {
		_, _, err := setUp(t, open(t, options(t, callHTTP(t, "GET", "/", "", ""), abi.HTTP)), sdk.SetupRequest{Target: sdk.Target{Name: "search", URL: url}})
		wantError(t, err, "target search: ", "set it in harness.yaml")
	}
}
