package vector

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

func TestATargetThatIsNotThereIsDown(t *testing.T) {
	_, err := setup(t.Context(), request(t, sdk.Target{Name: "q", URL: "http://127.0.0.1:1"}, small(nil)))
	wantTargetError(t, err, "target q (http://127.0.0.1:1)")
	if !strings.Contains(err.Error(), "6334") {
		t.Errorf("the remedy does not name the port: %v", err)
	}
}

func TestATargetThatSpeaksSomethingElseIsDown(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	_, err := setup(t.Context(), request(t, sdk.Target{URL: web.URL}, small(nil)))
	wantTargetError(t, err, "gRPC port")
}

func TestATargetThatNeverAnswersIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := request(t, sdk.Target{URL: l.Addr().String()}, small(nil))
	r.Timeout = 50 * time.Millisecond
	_, err = setup(t.Context(), r)
	wantTargetError(t, err, "it does not answer in time")
}

func TestAMalformedURLIsNamedAndNotShown(t *testing.T) {
	for url, text := range map[string]string{
		"": "has no url", "ftp://hunter2:6334": "malformed", "http://:6334": "malformed", "http://me:hunter2@localhost:6334": "set api_key",
		"http://localhost:6334/hunter2": "has a path", "http://localhost:6334?key=hunter2": "has a path", "http://localhost:99999": "port",
	} {
		_, err := setup(t.Context(), request(t, sdk.Target{Name: "q", URL: url}, small(nil)))
		wantTargetError(t, err, text)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: a secret is in the error: %v", url, err)
		}
	}
}

func TestAWrongKeyIsRefusedAndTheRightOneIsNot(t *testing.T) {
	srv := start(t, "hunter2", nil)
	for _, key := range []string{"", "wrong-key"} {
		for _, collection := range []string{"", "docs"} {
			with := small(nil)
			if collection != "" {
				with["collection"] = collection
			}
			target := srv.target
			target.APIKey = key
			_, err := setup(t.Context(), request(t, target, with))
			wantTargetError(t, err, "authentication refused")
			if strings.Contains(err.Error(), "wrong-key") {
				t.Errorf("the key is in the error: %v", err)
			}
		}
	}
	if got := meanRecall(t, prepare(t, request(t, srv.target, small(map[string]any{"exact": true})))); got != 1 {
		t.Errorf("recall is %v, want 1", got)
	}
}

func TestHeadersOfTheTargetAreSent(t *testing.T) {
	var missing atomic.Int64
	srv := start(t, "", func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if md, _ := metadata.FromIncomingContext(ctx); !slices.Equal(md.Get("x-tenant"), []string{"blue"}) {
			missing.Add(1)
		}
		return next(ctx, req)
	})
	srv.target.Headers = map[string]string{"X-Tenant": "blue"}
	s, err := setup(t.Context(), request(t, srv.target, small(nil)))
	if err != nil {
		t.Fatal(err)
	}
	closeSession(t, s)
	if missing.Load() > 0 {
		t.Errorf("%d calls came without the header", missing.Load())
	}
}

func TestTLSIsVerifiedUnlessToldOtherwise(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	cert := web.TLS.Certificates[0]
	web.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, l, "", nil, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}})))
	target := sdk.Target{Name: "q", URL: "https://" + l.Addr().String()}
	_, err = setup(t.Context(), request(t, target, small(nil)))
	wantTargetError(t, err, "certificate")
	_, err = setup(t.Context(), request(t, srv.target, small(nil)))
	wantTargetError(t, err, "https where the server has TLS")

	r := request(t, target, small(map[string]any{"tls_insecure": true}))
	r.KeepData = true
	if got := meanRecall(t, prepare(t, r)); got < 0.9 {
		t.Errorf("recall is %v", got)
	}
	if err := clean(t.Context(), sdk.CleanRequest{Target: target, Objects: []sdk.Object{object("harness_r1_docs", true)}}); err != nil {
		t.Errorf("clean: %v", err)
	}
}

// failing makes queries fail or their answers wrong, once it is switched on.
type failing struct {
	on    atomic.Bool
	spoil func(ctx context.Context, hits []*qdrant.ScoredPoint) ([]*qdrant.ScoredPoint, error)
}

func (f *failing) wrap(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	resp, err := next(ctx, req)
	q, ok := resp.(*qdrant.QueryResponse)
	if err == nil && ok && f.on.Load() {
		q.Result, err = f.spoil(ctx, q.Result)
	}
	return resp, err
}

func TestFailedOpsAreClassified(t *testing.T) {
	type hits = []*qdrant.ScoredPoint
	code := func(c codes.Code, text string) func(context.Context, hits) (hits, error) {
		return func(context.Context, hits) (hits, error) { return nil, status.Error(c, text) }
	}
	change := func(f func(hits) hits) func(context.Context, hits) (hits, error) {
		return func(_ context.Context, h hits) (hits, error) { return f(h), nil }
	}
	for _, c := range []struct {
		class string
		spoil func(context.Context, hits) (hits, error)
	}{
		{"grpc_unavailable", code(codes.Unavailable, "restarting")},
		{"not_found", code(codes.NotFound, "no such collection")},
		{"unauthenticated", code(codes.Unauthenticated, "no key")},
		{"unauthenticated", code(codes.PermissionDenied, "not yours")},
		{"wrong_dimension", code(codes.InvalidArgument, "Wrong input: Vector dimension error: expected dim: 16, got 3")},
		{"bad_request", code(codes.InvalidArgument, "Wrong input")},
		{"resource_exhausted", code(codes.ResourceExhausted, "slow down")},
		{"grpc_internal", code(codes.Internal, "panic")},
		{"grpc_aborted", code(codes.Aborted, "no")},
		{sdk.ClassUnclassified, code(codes.Unknown, "?")},
		{"too_few_hits", change(func(h hits) hits { return h[:9] })},
		{"too_many_hits", change(func(h hits) hits { return append(h, h[0]) })},
		{"duplicate_id", change(func(h hits) hits { h[9].Id = h[0].Id; return h })},
		{"bad_order", change(func(h hits) hits { slices.Reverse(h); return h })},
		{"bad_score", change(func(h hits) hits { h[3].Score = float32(math.NaN()); return h })},
	} {
		t.Run(c.class, func(t *testing.T) {
			f := &failing{spoil: c.spoil}
			w := workerOf(t, prepare(t, request(t, start(t, "", f.wrap).target, small(nil))), 0)
			f.on.Store(true)
			got, err := do(t.Context(), w, 0)
			if err == nil || sdk.Class(err) != c.class || len(got) > 0 {
				t.Errorf("got %v of class %q and values %v, want class %q and none", err, sdk.Class(err), got, c.class)
			}
			f.on.Store(false)
			if _, err := do(t.Context(), w, 0); err != nil {
				t.Errorf("the op after it: %v", err)
			}
		})
	}
}

func TestAnOpThatTakesTooLongTimesOut(t *testing.T) {
	f := &failing{spoil: func(ctx context.Context, _ []*qdrant.ScoredPoint) ([]*qdrant.ScoredPoint, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	w := workerOf(t, prepare(t, request(t, start(t, "", f.wrap).target, small(nil))), 0)
	f.on.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := do(ctx, w, 0); err == nil || sdk.Class(err) != "timeout" {
		t.Errorf("got %v of class %q, want timeout", err, sdk.Class(err))
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := do(ctx, w, 0); err == nil || sdk.Class(err) != "cancelled" {
		t.Errorf("got %v of class %q, want cancelled", err, sdk.Class(err))
	}
}

func TestAServerThatStopsInMidRoundFailsTheOpsBehindIt(t *testing.T) {
	var queries atomic.Int64
	stop := make(chan struct{})
	srv := start(t, "", func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if _, ok := req.(*qdrant.QueryPoints); ok && queries.Add(1) == 120 {
			close(stop)
		}
		return next(ctx, req)
	})
	r := request(t, srv.target, small(nil))
	s, err := setup(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-stop
		srv.stop()
	}()
	driver := loop.New(s, searchBenchmark().Metrics)
	res, err := driver.Round(t.Context(), loop.Plan{Model: loop.Closed, Workers: 4, Ops: 20_000, OpTimeout: 30 * time.Second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-stopped
	if c := res.Counts; !c.Balanced() || c.OK == 0 || c.Failed == 0 || res.Errors["grpc_unavailable"] != c.Failed {
		t.Errorf("counts are %+v and errors %v %v, want ok ones, and grpc_unavailable for all that failed", c, res.Errors, res.Samples)
	}
	if err := driver.Close(); err != nil {
		t.Error(err)
	}
	// Nothing can be deleted any more, so nothing may be forgotten.
	err = s.Close(context.WithoutCancel(t.Context()))
	if err == nil || !strings.Contains(err.Error(), "harness clean") {
		t.Errorf("close: %v, want it to name the collection that stays", err)
	}
	if got := r.Journal.(*memory).seen(); !slices.Equal(got, []string{"record collection harness_r1_docs"}) {
		t.Errorf("the journal saw %v", got)
	}
}

func TestASetUpThatFailsLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		with map[string]any
		text string
		wrap func(cancel func()) grpc.UnaryServerInterceptor
	}{
		{"cancelled while it uploads", nil, "canceled", func(cancel func()) grpc.UnaryServerInterceptor {
			return before(func(req any) error {
				if _, ok := req.(*qdrant.UpsertPoints); ok {
					cancel()
				}
				return nil
			})
		}},
		{"refused an upload", nil, "upload points 0 to 255", func(func()) grpc.UnaryServerInterceptor {
			return before(func(req any) error {
				if _, ok := req.(*qdrant.UpsertPoints); ok {
					return status.Error(codes.ResourceExhausted, "the disk is full")
				}
				return nil
			})
		}},
		{"never ready", map[string]any{"ready_timeout": "20ms"}, "is not ready after 20ms: it is yellow, 500 of 500", func(func()) grpc.UnaryServerInterceptor {
			return info(func(i *qdrant.CollectionInfo) {
				i.Status, i.IndexedVectorsCount = qdrant.CollectionStatus_Yellow, qdrant.PtrOf(uint64(500))
			})
		}},
		{"red", nil, "is red: broken", func(func()) grpc.UnaryServerInterceptor {
			return info(func(i *qdrant.CollectionInfo) {
				i.Status, i.OptimizerStatus = qdrant.CollectionStatus_Red, &qdrant.OptimizerStatus{Error: "broken"}
			})
		}},
		{"all answers wrong", nil, "every answer is wrong", func(func()) grpc.UnaryServerInterceptor {
			f := &failing{spoil: func(context.Context, []*qdrant.ScoredPoint) ([]*qdrant.ScoredPoint, error) { return nil, nil }}
			f.on.Store(true)
			return f.wrap
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv := start(t, "", c.wrap(cancel))
			r := request(t, srv.target, small(c.with))
			r.KeepData = true
			_, err := setup(ctx, r)
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
			if c.name == "cancelled while it uploads" && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want it cancelled", err)
			}
			if left := srv.collections(t); len(left) > 0 {
				t.Errorf("collections %v are left", left)
			}
			if got, want := r.Journal.(*memory).seen(), []string{"record collection harness_r1_docs", "forget collection harness_r1_docs"}; !slices.Equal(got, want) {
				t.Errorf("the journal saw %v, want %v", got, want)
			}
		})
	}
}

// before calls f before each call, and answers with its error.
func before(f func(req any) error) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if err := f(req); err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

// info changes what the server says of a collection.
func info(f func(*qdrant.CollectionInfo)) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		resp, err := next(ctx, req)
		if r, ok := resp.(*qdrant.GetCollectionInfoResponse); ok {
			f(r.Result)
		}
		return resp, err
	}
}

func TestAnIndexThatIsNotBuiltIsSaid(t *testing.T) {
	srv := start(t, "", info(func(i *qdrant.CollectionInfo) { i.IndexedVectorsCount = qdrant.PtrOf(uint64(3)) }))
	s := prepare(t, request(t, srv.target, small(nil)))
	if got := describe(t, s).Provenance["indexed"]; !strings.HasPrefix(got, "3 of 500 points") {
		t.Errorf("indexed is %q", got)
	}
}

func TestSomeWrongAnswersAtSetUpAreSaid(t *testing.T) {
	var n atomic.Int64
	f := &failing{spoil: func(_ context.Context, h []*qdrant.ScoredPoint) ([]*qdrant.ScoredPoint, error) {
		if n.Add(1) <= 2 {
			return h[:1], nil
		}
		return h, nil
	}}
	f.on.Store(true)
	s := prepare(t, request(t, start(t, "", f.wrap).target, small(nil)))
	if got := describe(t, s).Provenance["wrong_answers"]; !strings.HasPrefix(got, "2 of 20 queries") {
		t.Errorf("wrong_answers is %q", got)
	}
}

func TestCleanDeletesWhatWasJournalledAndNothingElse(t *testing.T) {
	srv := start(t, "", nil)
	for _, name := range []string{"harness_r1_docs", "harness_r2_docs", "docs"} {
		srv.fill(t, name, qdrant.Distance_Cosine)
	}
	ask := func(objects ...sdk.Object) error {
		return Plugin().Clean(t.Context(), sdk.CleanRequest{Target: srv.target, Objects: objects})
	}
	collectionNamed := func(name string) sdk.Object { return sdk.Object{Kind: "collection", Name: name} }
	if err := ask(collectionNamed("harness_r1_docs"), collectionNamed("harness_r1_gone")); err != nil {
		t.Error(err)
	}
	if err := ask(collectionNamed("harness_r1_docs")); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if err := ask(collectionNamed("docs")); err == nil || !strings.Contains(err.Error(), "left alone") {
		t.Errorf("somebody's collection: %v", err)
	}
	if err := ask(sdk.Object{Kind: "schema", Name: "harness_r2_docs"}); err == nil || !strings.Contains(err.Error(), "left alone") {
		t.Errorf("another kind: %v", err)
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	if got, want := srv.collections(t), []string{"docs", "harness_r2_docs"}; !slices.Equal(got, want) {
		t.Errorf("collections are %v, want %v", got, want)
	}
	srv.stop()
	wantTargetError(t, ask(collectionNamed("harness_r2_docs")), "delete collection harness_r2_docs")
}
