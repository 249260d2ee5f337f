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

// BenchmarkOp is one GET over a kept connection, beside the same request
// without the trace that stamps the send: the difference is what the stamp
// costs.
func BenchmarkOp(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"ok":true,"value":"0123456789012345678901234567890"}`)
	}))
	defer srv.Close()
	bench, _ := Plugin().Benchmark("http")
	params, err := sdk.CheckParams(bench.Params, map[string]json.RawMessage{"path": []byte(`"/x"`)})
	if err != nil {
		b.Fatal(err)
	}
	s, err := bench.Setup(b.Context(), sdk.SetupRequest{Params: params, Target: targetAt(srv.URL), MaxWorkers: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	base := time.Now()
	b.Run("http", func(b *testing.B) {
		b.ReportAllocs()
		w, _ := s.Worker(b.Context(), 0)
		var op sdk.Op
		for i := range b.N {
			op.Begin(uint64(i), 0, base)
			if err := w.Do(b.Context(), &op); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("untraced", func(b *testing.B) {
		b.ReportAllocs()
		hs := s.(*httpSession)
		for range b.N {
			resp, err := hs.transport.RoundTrip(hs.spec.fixed.WithContext(b.Context()))
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}
