package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// cmdServe starts one of the servers that scripts measure. Most of them
// misbehave.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve NAME KIND")
	}
	name, kind := args[0], args[1]
	if h, ok := handlers[kind]; ok {
		s := httptest.NewServer(h())
		ts.Defer(s.Close)
		ts.Setenv(name, s.URL)
		return
	}
	if kind == "nobody" { // a port that the system hands to no other program
		ts.Setenv(name, "http://127.0.0.1:1")
		ts.Setenv(name+"_PORT", "1")
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(name, "http://"+l.Addr().String())
	ts.Setenv(name+"_PORT", fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	switch kind {
	case "somebody": // listens and answers nothing
		ts.Defer(func() { l.Close() })
	case "grpc-refusing":
		s := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
			return status.Error(codes.Unauthenticated, "Must provide an API key or an Authorization bearer token")
		}))
		go s.Serve(l) // Stop ends it
		ts.Defer(s.Stop)
	default:
		ts.Fatalf("no server of kind %q", kind)
	}
}

var handlers = map[string]func() http.Handler{
	"fine":     func() http.Handler { return answer(http.StatusOK, `{"ok": true}`) },
	"failing":  func() http.Handler { return answer(http.StatusInternalServerError, `{"error": "out of cheese"}`) },
	"refusing": func() http.Handler { return answer(http.StatusUnauthorized, `{"error": "invalid key"}`) },
	// Every fourth answer is an error, from the second one on.
	"flaky": func() http.Handler {
		return counted(func(n uint64) http.Handler {
			if n%4 == 2 {
				return answer(http.StatusServiceUnavailable, "busy")
			}
			return answer(http.StatusOK, `{"ok": true}`)
		})
	},
	// The first answer is right, which is the one that is checked beforehand.
	"dying": func() http.Handler {
		return counted(func(n uint64) http.Handler {
			if n == 1 {
				return answer(http.StatusOK, `{"ok": true}`)
			}
			return answer(http.StatusInternalServerError, `{"error": "out of cheese"}`)
		})
	},
	// Sixteen at a time, 80 ms each: 200 a second, and never more.
	"slots": func() http.Handler {
		slots := make(chan struct{}, 16)
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			slots <- struct{}{}
			time.Sleep(80 * time.Millisecond) // is the service, and waits for nothing
			<-slots
			_, _ = io.WriteString(w, "ok")
		})
	},
	"stuck": func() http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // a server sees the client go only when the body is read
			<-r.Context().Done()
		})
	},
	"embedder":     func() http.Handler { return answer(http.StatusOK, vectors("0.6, 0.8")) },
	"embedder-nan": func() http.Handler { return answer(http.StatusOK, vectors("NaN, 0.8")) },
	"embedder-changing": func() http.Handler {
		return counted(func(n uint64) http.Handler {
			if n == 1 {
				return answer(http.StatusOK, vectors("0.6, 0.8"))
			}
			return answer(http.StatusOK, vectors("0.6, 0.8, 0.0"))
		})
	},
}

func answer(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// counted answers by the number of the request, from 1.
func counted(pick func(n uint64) http.Handler) http.Handler {
	var n atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pick(n.Add(1)).ServeHTTP(w, r) })
}

// vectors is an OpenAI-compatible answer with one vector.
func vectors(values string) string {
	return strings.Replace(`{"object": "list", "data": [{"index": 0, "embedding": [V]}], "usage": {"prompt_tokens": 3}}`, "V", values, 1)
}
