package vector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"

	"github.com/benchharness/harness/plugins/internal/qdrantserver"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/sdktest"
)

// running is a reference server.
type running struct {
	target sdk.Target
	client *qdrant.Client // of the test itself
	stop   func()         // kills it; may be called again
}

// start serves the reference index until the test ends. wrap, if not nil, sees
// every call.
func start(t testing.TB, key string, wrap grpc.UnaryServerInterceptor) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, key, wrap)
}

func serve(t testing.TB, l net.Listener, key string, wrap grpc.UnaryServerInterceptor, opts ...grpc.ServerOption) *running {
	t.Helper()
	index := qdrantserver.New(qdrantserver.Options{APIKey: key})
	opts = append(opts, index.ServerOptions()...)
	if wrap != nil {
		opts = append(opts, grpc.ChainUnaryInterceptor(wrap))
	}
	srv := grpc.NewServer(opts...)
	index.Register(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	stop := sync.OnceFunc(func() {
		srv.Stop()
		index.Close()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(stop)
	addr := l.Addr().(*net.TCPAddr)
	client, err := qdrant.NewClient(&qdrant.Config{Host: "127.0.0.1", Port: addr.Port, SkipCompatibilityCheck: true, PoolSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &running{target: sdk.Target{Name: "test", URL: "http://" + addr.String(), APIKey: key}, client: client, stop: stop}
}

func (r *running) collections(t testing.TB) []string {
	t.Helper()
	names, err := r.client.ListCollections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// fill makes a collection as somebody else would.
func (r *running) fill(t testing.TB, name string, distance qdrant.Distance, points ...*qdrant.PointStruct) {
	t.Helper()
	dim := 2
	if len(points) > 0 {
		dim = len(points[0].GetVectors().GetVector().GetDense().GetData())
	}
	err := r.client.CreateCollection(t.Context(), &qdrant.CreateCollection{
		CollectionName: name, VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: uint64(dim), Distance: distance}),
	})
	if err == nil && len(points) > 0 {
		_, err = r.client.Upsert(t.Context(), &qdrant.UpsertPoints{CollectionName: name, Wait: qdrant.PtrOf(true), Points: points})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// memory is a journal that remembers the order of what happened.
type memory struct {
	mu     sync.Mutex
	events []string
	refuse bool
}

func (m *memory) note(event string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, event)
	return nil
}

func (m *memory) Record(o sdk.Object) error {
	if m.refuse {
		return errors.New("the disk is full")
	}
	return m.note("record " + o.Kind + " " + o.Name)
}
func (m *memory) Forget(o sdk.Object) error { return m.note("forget " + o.Kind + " " + o.Name) }

func (m *memory) seen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

func request(t testing.TB, target sdk.Target, with map[string]any) sdk.SetupRequest {
	t.Helper()
	params, err := sdktest.Params(t, searchBenchmark(), with)
	if err != nil {
		t.Fatalf("parameters %v: %v", with, err)
	}
	return sdk.SetupRequest{
		ID: "vector/docs", RunID: "r1", Params: params, Target: target, Seed: 7, MaxWorkers: 8, Timeout: 30 * time.Second,
		Journal: &memory{}, Log: slog.New(slog.DiscardHandler),
	}
}

// small are parameters that take milliseconds.
func small(more map[string]any) map[string]any {
	with := map[string]any{"dim": 16, "points": 500, "queries": 20, "indexing_threshold": 1}
	for k, v := range more {
		with[k] = v
	}
	return with
}

// prepare sets a scenario up; the test's end tears it down.
func prepare(t testing.TB, r sdk.SetupRequest) *session {
	t.Helper()
	s, err := setup(t.Context(), r)
	if err != nil {
		t.Fatalf("set up: %v", err)
	}
	t.Cleanup(func() { closeSession(t, s) })
	return s.(*session)
}

func closeSession(t testing.TB, s sdk.Session) {
	t.Helper()
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("close: %v", err)
	}
}

func workerOf(t testing.TB, s sdk.Session, n int) sdk.Worker {
	t.Helper()
	w, err := s.Worker(t.Context(), n)
	if err != nil {
		t.Fatalf("worker %d: %v", n, err)
	}
	return w
}

// do does op number i and returns what it recorded.
func do(ctx context.Context, w sdk.Worker, i uint64) (map[string]float64, error) {
	var op sdk.Op
	op.Begin(i, i*0x9e3779b97f4a7c15, time.Now())
	err := w.Do(ctx, &op)
	got := map[string]float64{}
	op.Values(func(metric string, v float64) { got[metric] = v })
	return got, err
}

// meanRecall does one op for each query.
func meanRecall(t testing.TB, s *session) float64 {
	t.Helper()
	w := workerOf(t, s, 0)
	sum := 0.0
	for i := range s.queries {
		got, err := do(t.Context(), w, uint64(i))
		if err != nil {
			t.Fatalf("op %d: %v", i, err)
		}
		r, ok := got[metricRecall]
		if !ok {
			t.Fatalf("op %d recorded no recall: %v", i, got)
		}
		sum += r
	}
	return sum / float64(len(s.queries))
}

// wantTargetError checks that err says the target is at fault, and what to do.
func wantTargetError(t *testing.T, err error, text string) {
	t.Helper()
	var target *sdk.TargetError
	if !errors.As(err, &target) || target.Remedy == "" || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an error of the target with a remedy and %q", err, text)
	}
}

func wantParamError(t *testing.T, err error, param, text string) {
	t.Helper()
	var bad *sdk.ParamError
	if !errors.As(err, &bad) || bad.Param != param || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want parameter %q and %q", err, param, text)
	}
}

func describe(t testing.TB, s sdk.Session) sdk.SessionInfo {
	t.Helper()
	return s.(sdk.Describer).Describe()
}

// logged is a logger and what it wrote.
func logged() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(io.Writer(&b), nil)), &b
}

func figure(t testing.TB, info sdk.SessionInfo, name string) float64 {
	t.Helper()
	for _, f := range info.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	t.Fatalf("no figure %s in %v", name, info.Figures)
	return 0
}

func pointsOf(vectors [][]float32, payload func(i int) map[string]any) []*qdrant.PointStruct {
	out := make([]*qdrant.PointStruct, len(vectors))
	for i, v := range vectors {
		out[i] = &qdrant.PointStruct{Id: qdrant.NewIDNum(uint64(i + 1)), Vectors: qdrant.NewVectorsDense(v)}
		if payload != nil {
			out[i].Payload = qdrant.NewValueMap(payload(i))
		}
	}
	return out
}

func uuid(i int) string { return fmt.Sprintf("550e8400-e29b-41d4-a716-%012d", i) }

func rawParams(t testing.TB, text string) map[string]json.RawMessage {
	t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
