package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

// BenchmarkOp is one GET over a kept connection by each engine, and by net/http
// without the trace that stamps the send: that difference is what the stamp
// costs. The server's own allocations are in the figures.
func BenchmarkOp(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"ok":true,"value":"0123456789012345678901234567890"}`)
	}))
	defer srv.Close()
	for _, engine := range []string{engineHTTP1, engineNetHTTP} {
		s := benchSession(b, srv.URL, engine)
		defer s.Close(context.Background())
		base := time.Now()
		b.Run(engine, func(b *testing.B) {
			b.ReportAllocs()
			w, _ := s.Worker(b.Context(), 0)
			defer w.(io.Closer).Close()
			var op sdk.Op
			for i := range b.N {
				op.Begin(uint64(i), 0, base)
				if err := w.Do(b.Context(), &op); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("net/http untraced", func(b *testing.B) {
		b.ReportAllocs()
		s := benchSession(b, srv.URL, engineNetHTTP)
		defer s.Close(context.Background())
		for range b.N {
			resp, err := s.tripper.RoundTrip(s.spec.fixed.WithContext(b.Context()))
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}

func benchSession(b *testing.B, url, engine string) *httpSession {
	bench, _ := Plugin().Benchmark("http")
	params, err := sdk.CheckParams(bench.Params, map[string]json.RawMessage{"path": []byte(`"/x"`), "engine": []byte(`"` + engine + `"`)})
	if err != nil {
		b.Fatal(err)
	}
	s, err := bench.Setup(b.Context(), sdk.SetupRequest{Params: params, Target: targetAt(url), MaxWorkers: 1})
	if err != nil {
		b.Fatal(err)
	}
	return s.(*httpSession)
}
