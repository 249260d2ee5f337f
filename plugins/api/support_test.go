package api

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/plugins/internal/service"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/sdktest"
)

// setup checks the parameters as the harness does and sets a scenario up.
func setup(t *testing.T, bench string, target sdk.Target, with map[string]any) (sdk.Session, error) {
	t.Helper()
	b, ok := Plugin().Benchmark(bench)
	if !ok {
		t.Fatalf("no benchmark %s", bench)
	}
	params, err := sdktest.Params(t, b, with)
	if err != nil {
		return nil, err
	}
	s, err := b.Setup(t.Context(), sdk.SetupRequest{
		ID: "api/" + bench, RunID: "r1", Params: params, Target: target, Seed: 1, MaxWorkers: 2, Timeout: 10 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s, nil
}

func mustSetup(t *testing.T, bench string, target sdk.Target, with map[string]any) sdk.Session {
	t.Helper()
	s, err := setup(t, bench, target, with)
	if err != nil {
		t.Fatalf("setup: %v", err)
	}
	return s
}

func worker(t *testing.T, s sdk.Session, n int) sdk.Worker {
	t.Helper()
	w, err := s.Worker(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// do does op number i of worker w.
func do(t *testing.T, w sdk.Worker, i uint64) error {
	t.Helper()
	var op sdk.Op
	op.Begin(i, i*0x9e3779b97f4a7c15, time.Now())
	return w.Do(t.Context(), &op)
}

// seen is what a server got.
type seen struct {
	method, uri, body, proto string
	header                   http.Header
}

// recording serves 200 with a body and sends what it got to the channel.
func recording(t *testing.T, answer string) (*httptest.Server, chan seen) {
	t.Helper()
	got := make(chan seen, 100)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.RequestURI, string(b), r.Proto, r.Header}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, answer)
	}), got
}

// serve serves HTTP/1.1 and cleartext HTTP/2.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func targetOf(s *httptest.Server) sdk.Target { return sdk.Target{Name: "demo", URL: s.URL} }

// wantClass checks the class of an op's error and a part of its text.
func wantClass(t *testing.T, err error, class, text string) {
	t.Helper()
	if err == nil || sdk.Class(err) != class || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v of class %q, want class %q and %q", err, sdk.Class(err), class, text)
	}
}

// stubEmbedder and stubIndex stand behind the real service: what is measured
// here is the plugin.
type stubEmbedder struct{}

func (stubEmbedder) Encode(_ context.Context, texts []string) ([][]float32, int, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = make([]float32, 384)
		out[i][len(t)%384] = 1
	}
	return out, len(texts), nil
}
func (stubEmbedder) Dimension() int { return 384 }
func (stubEmbedder) Model() string  { return "all-MiniLM-L6-v2" }

type stubIndex struct{}

func (stubIndex) Collections(context.Context) ([]service.Collection, error) {
	return []service.Collection{{Name: presetCollection, Dimension: 384, Points: 20, Distance: "cosine"}}, nil
}

func (s stubIndex) Collection(ctx context.Context, name string) (service.Collection, error) {
	if list, _ := s.Collections(ctx); list[0].Name == name {
		return list[0], nil
	}
	return service.Collection{}, service.ErrNoCollection
}

func (stubIndex) Search(_ context.Context, _ string, _ []float32, k, _ int) ([]service.Hit, error) {
	hits := make([]service.Hit, k)
	for i := range hits {
		hits[i] = service.Hit{ID: fmt.Sprint(i), Score: 1 / float32(i+1), Payload: map[string]any{"text": "t"}}
	}
	return hits, nil
}

// reference starts the real retrieval service.
func reference(t *testing.T) sdk.Target {
	t.Helper()
	var l [2]net.Listener
	for i := range l {
		var err error
		if l[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- service.Serve(ctx, service.Options{
			Embedder: stubEmbedder{}, Index: stubIndex{}, HTTPListener: l[0], GRPCListener: l[1], Collection: presetCollection, Grace: time.Second,
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("reference service: %v", err)
		}
	})
	return sdk.Target{
		Name: "reference", Reference: true, Kind: sdk.TargetService,
		URL: "http://" + l[0].Addr().String(), GRPC: l[1].Addr().String(),
	}
}

func targetAt(url string) sdk.Target { return sdk.Target{Name: "demo", URL: url} }
