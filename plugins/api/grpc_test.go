package api

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
	"github.com/benchharness/harness/sdk"
)

const searchMethod = "harness.retrieval.v1.Retrieval/Search"

// fakeRetrieval answers searches with a function.
type fakeRetrieval struct {
	retrievalv1.UnimplementedRetrievalServer
	search func(context.Context, *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error)
}

func (f *fakeRetrieval) Search(ctx context.Context, r *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
	return f.search(ctx, r)
}

func serveGRPC(t *testing.T, reflect bool, search func(context.Context, *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error), opts ...grpc.ServerOption) sdk.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(opts...)
	retrievalv1.RegisterRetrievalServer(g, &fakeRetrieval{search: search})
	if reflect {
		reflection.Register(g)
	}
	done := make(chan error, 1)
	go func() { done <- g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
	return sdk.Target{Name: "demo", GRPC: l.Addr().String()}
}

func echo(_ context.Context, r *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
	return &retrievalv1.SearchResponse{Collection: r.GetCollection() + "/" + r.GetText(), Hits: make([]*retrievalv1.Hit, r.GetK())}, nil
}

var protoFiles = map[string]any{
	"proto_files":  []string{"harness/retrieval/v1/retrieval.proto"},
	"import_paths": []string{"../internal/service/proto"},
}

func with(maps ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func TestAMethodIsFoundByReflectionOrInProtoFiles(t *testing.T) {
	for _, c := range []struct {
		name, source string
		reflect      bool
		with         map[string]any
	}{
		{"reflection", "reflection", true, nil},
		{".proto files", "proto_files", false, protoFiles},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustSetup(t, "grpc", serveGRPC(t, c.reflect, echo), with(c.with, map[string]any{
				"method": searchMethod, "data": "testdata/texts.csv", "connections": 2,
				"request": map[string]any{"text": "<${text}>", "collection": "${collection}", "k": "${id}"},
				"expect":  map[string]any{"json": map[string]any{"collection": "docs/<first text>", "hits.#": 1, "hits.0.id": ""}},
			}))
			for n := range 2 {
				w := worker(t, s, n)
				if err := do(t, w, 0); err != nil {
					t.Error(err)
				}
				wantClass(t, do(t, w, 1), "assertion_json", `got "docs/<second, with a comma>"`)
			}
			p := s.(sdk.Describer).Describe().Provenance
			if p["descriptor"] != c.source || p["connections"] != "2" || p["engine"] != "grpc-go "+grpc.Version {
				t.Errorf("provenance %v", p)
			}
		})
	}
}

func TestTheReferenceServiceIsCalledByReflectionAndByProtoFiles(t *testing.T) {
	target := reference(t)
	for _, m := range []map[string]any{{}, protoFiles} {
		mustSetup(t, "grpc", target, with(m, map[string]any{
			"method": "harness.retrieval.v1.Retrieval/ListCollections",
			"expect": map[string]any{"json": map[string]any{"/collections/0/name": presetCollection}},
		}))
	}
}

func TestACallThatEndsWithAnotherCodeIsAFailedOpOfItsClass(t *testing.T) {
	var code codes.Code
	target := serveGRPC(t, true, func(ctx context.Context, r *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
		if code == codes.OK {
			return echo(ctx, r)
		}
		return nil, status.Error(code, "as told")
	})
	w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": searchMethod}), 0)
	for c, class := range map[codes.Code]string{
		codes.Unavailable: "grpc_unavailable", codes.ResourceExhausted: "grpc_resource_exhausted",
		codes.NotFound: "grpc_not_found", codes.DeadlineExceeded: "grpc_deadline_exceeded",
	} {
		code = c
		wantClass(t, do(t, w, 0), class, "want OK: as told")
	}
	w = func() sdk.Worker {
		code = codes.NotFound
		return worker(t, mustSetup(t, "grpc", target, map[string]any{"method": searchMethod, "expect": map[string]any{"code": []string{"not_found", "ABORTED"}}}), 0)
	}()
	if err := do(t, w, 0); err != nil {
		t.Errorf("a code that was expected: %v", err)
	}
	code = codes.OK
	wantClass(t, do(t, w, 0), "assertion_code", "got OK, want NOT_FOUND or ABORTED")
}

func TestAGRPCTargetThatCannotBeMeasuredSaysWhyAndWhatToDo(t *testing.T) {
	answer := func(c codes.Code) sdk.Target {
		return serveGRPC(t, true, func(context.Context, *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
			return nil, status.Error(c, "no very-secret")
		})
	}
	httpOnly := httptest.NewServer(nil)
	t.Cleanup(httpOnly.Close)
	for _, c := range []struct {
		name         string
		target       sdk.Target
		with         map[string]any
		text, remedy string
	}{
		{"refused", sdk.Target{Name: "demo", URL: "http://" + closedPort}, nil, "no answer (grpc_unavailable)", "start it"},
		{"refused with .proto files", sdk.Target{Name: "demo", GRPC: closedPort}, protoFiles, "refused", "start it"},
		{"no credentials", answer(codes.Unauthenticated), nil, "authentication refused", "check api_key"},
		{"no permission", answer(codes.PermissionDenied), nil, "authentication refused", "check api_key"},
		{"no reflection", serveGRPC(t, false, echo), nil, "no reflection", "set proto_files"},
		{"a wrong request", answer(codes.InvalidArgument), nil, "got INVALID_ARGUMENT", "check the request"},
		{"a wrong reply", serveGRPC(t, true, echo), map[string]any{"expect": map[string]any{"json": map[string]any{"hits.#": 3}}}, "json hits.#: got 0, want 3", "what is expected"},
		{"TLS where none is", sdk.Target{Name: "demo", GRPC: serveGRPC(t, true, echo).GRPC}, map[string]any{"tls": true}, "handshake failed", "tls_insecure"},
		{"not gRPC", sdk.Target{Name: "demo", URL: httpOnly.URL}, nil, "no answer", "start it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.target.APIKey = "very-secret"
			_, err := setup(t, "grpc", c.target, with(c.with, map[string]any{"method": searchMethod}))
			var down *sdk.TargetError
			if !errors.As(err, &down) || !strings.HasPrefix(down.Target, "demo (127.0.0.1:") || !strings.Contains(err.Error(), c.text) || !strings.Contains(down.Remedy, c.remedy) {
				t.Errorf("got %v, want %q and the remedy %q", err, c.text, c.remedy)
			}
			if err != nil && strings.Contains(err.Error(), "very-secret") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
}

func TestAGRPCParameterThatTheServerDoesNotKnowIsNamed(t *testing.T) {
	target := serveGRPC(t, true, echo)
	for _, c := range []struct {
		name string
		with map[string]any
		text string
	}{
		{"an unknown service", map[string]any{"method": "a.B/C"}, "the server does not have; it has: "},
		{"an unknown method", map[string]any{"method": "harness.retrieval.v1.Retrieval/Nope"}, "it has: Embed, Search, ListCollections"},
		{"a message instead of a service", map[string]any{"method": "harness.retrieval.v1.Hit/Nope"}, "no service"},
		{"messages of a unary method", map[string]any{"method": searchMethod, "messages": 2}, "takes one message"},
		{"a turn of a unary method", map[string]any{"method": searchMethod, "exchange": "all"}, "stream both ways"},
		{"a part of a unary reply", map[string]any{"method": searchMethod, "take": 1}, "only the server streams"},
		{"the last message of a unary reply", map[string]any{"method": searchMethod, "expect": map[string]any{"last": map[string]any{"hits.#": 1}}}, "expect.last"},
		{"more than may be received", map[string]any{"method": streamHits, "take": 11, "max_messages": 10}, "at most that"},
		{"a count of nothing", map[string]any{"method": streamHits, "expect": map[string]any{"messages": map[string]any{"min": 3, "max": 2}}}, "expect.messages"},
		{"an unknown field", map[string]any{"method": searchMethod, "request": map[string]any{"txt": "x"}}, "is no harness.retrieval.v1.SearchRequest"},
		{"a .proto file that is absent", map[string]any{"method": searchMethod, "proto_files": []string{"none.proto"}}, "cannot be compiled"},
		{"a service that the files do not hold", with(protoFiles, map[string]any{"method": "a.B/C"}), "they hold: harness.retrieval.v1.Retrieval"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := setup(t, "grpc", target, c.with)
			var p *sdk.ParamError
			if !errors.As(err, &p) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want a parameter's error with %q", err, c.text)
			}
		})
	}
}

func TestMetadataAndKeyAreSentOnce(t *testing.T) {
	got := make(chan metadata.MD, 10)
	target := serveGRPC(t, true, func(ctx context.Context, r *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		got <- md
		return echo(ctx, r)
	})
	target.APIKey, target.Headers = "very-secret", map[string]string{"X-Team": "blue"}
	s := mustSetup(t, "grpc", target, map[string]any{"method": searchMethod, "metadata": map[string]any{"X-Team": "red"}})
	if err := do(t, worker(t, s, 0), 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		md := <-got
		if a, b := md.Get("authorization"), md.Get("x-team"); len(a) != 1 || a[0] != "Bearer very-secret" || len(b) != 1 || b[0] != "red" {
			t.Errorf("metadata %v", md)
		}
	}
}

func TestASlowCallEndsWithTheOpsContext(t *testing.T) {
	slow := false
	target := serveGRPC(t, true, func(ctx context.Context, r *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
		if slow {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return echo(ctx, r)
	})
	w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": searchMethod}), 0)
	slow = true
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := w.Do(ctx, &sdk.Op{})
	wantClass(t, err, "timeout", "deadline exceeded")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not wrap the deadline's error", err)
	}
	late, expire := context.WithCancelCause(t.Context()) // as the loop gives up a late op
	expire(context.DeadlineExceeded)
	wantClass(t, w.Do(late, &sdk.Op{}), "timeout", "deadline exceeded")
}

func TestGRPCOverTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS() // for its certificate
	cert := srv.TLS.Certificates[0]
	srv.Close()
	target := serveGRPC(t, true, echo, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}})))
	_, err := setup(t, "grpc", target, map[string]any{"method": searchMethod, "tls": true})
	if err == nil || !strings.Contains(err.Error(), "tls_insecure") {
		t.Errorf("a self-signed certificate: %v, want the remedy", err)
	}
	mustSetup(t, "grpc", target, map[string]any{"method": searchMethod, "tls_insecure": true})
	mustSetup(t, "grpc", sdk.Target{}, map[string]any{"method": searchMethod, "tls_insecure": true, "address": "https://" + target.GRPC})
}
