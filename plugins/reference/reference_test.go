package reference

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/qdrant/go-client/qdrant"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
	"github.com/benchharness/harness/sdk"
)

func up(t *testing.T, o Options) *Stack {
	t.Helper()
	s, err := Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a second Close does nothing
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func connect(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestTheStackServesWhatWasAskedFor(t *testing.T) {
	s := up(t, Options{Components: []string{sdk.TargetVector, sdk.TargetService}, Seed: 1, Faults: "/healthz:fixed=1ms"})
	list := s.Components()
	if len(list) != 2 || list[0].Target.Kind != sdk.TargetVector || list[1].Target.Kind != sdk.TargetService {
		t.Fatalf("components %+v", list)
	}
	for _, c := range list {
		if !c.Target.Reference || c.Target.Name != "reference" || c.Provenance["target"] != "harness reference" {
			t.Errorf("component %+v does not say that it is the reference", c)
		}
	}
	service := list[1]
	if p := service.Provenance; !strings.Contains(p["encoder"], "random") || p["faults"] != "/healthz:fixed=1ms" {
		t.Errorf("provenance %v", p)
	}

	resp, err := http.Get(service.Target.URL + "/search?k=5&q=" + url.QueryEscape("a refund"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Collection string
		Hits       []struct{ ID string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != 200 || answer.Collection != serviceCollection || len(answer.Hits) != 5 {
		t.Errorf("search: status %d, error %v, answer %+v", resp.StatusCode, err, answer)
	}

	cols, err := retrievalv1.NewRetrievalClient(connect(t, service.Target.GRPC)).ListCollections(t.Context(), &retrievalv1.ListCollectionsRequest{})
	if err != nil || len(cols.GetCollections()) != 1 || cols.GetCollections()[0].GetPoints() != servicePoints {
		t.Errorf("gRPC collections: %v, %v", cols, err)
	}

	u, err := url.Parse(list[0].Target.URL)
	if err != nil {
		t.Fatal(err)
	}
	health, err := qdrant.NewQdrantClient(connect(t, u.Host)).HealthCheck(t.Context(), &qdrant.HealthCheckRequest{})
	if err != nil || !strings.Contains(health.GetTitle(), "reference") {
		t.Errorf("vector health: %v, %v", health, err)
	}
}

func TestCloseFreesThePorts(t *testing.T) {
	s := up(t, Options{Components: []string{sdk.TargetVector}})
	u, err := url.Parse(s.Components()[0].Target.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Another program may be given the port at once, but it is not this index.
	health, err := qdrant.NewQdrantClient(connect(t, u.Host)).HealthCheck(t.Context(), &qdrant.HealthCheckRequest{})
	if err == nil {
		t.Errorf("%s still answers as %s", u.Host, health.GetTitle())
	}
}

func TestWhatCannotStartSaysWhyAndWhatToDo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, c := range []struct {
		name string
		o    Options
		want []string
	}{
		{"a taken port of the service's HTTP", Options{Components: []string{sdk.TargetService}, HTTPPort: taken}, []string{"port " + port, "taken", "--http-port"}},
		{"a taken port of the service's gRPC", Options{Components: []string{sdk.TargetService}, GRPCPort: taken}, []string{"port " + port, "--grpc-port"}},
		{"a taken port of the index, after a part that started", Options{Components: []string{sdk.TargetService, sdk.TargetVector}, VectorPort: taken}, []string{"port " + port, "--vector-port"}},
		{"an unknown component", Options{Components: []string{"cache"}}, []string{`"cache"`, "vector, service or postgres"}},
		{"malformed faults", Options{Components: []string{sdk.TargetService}, Faults: "slow"}, []string{"faults", "fixed=20ms"}},
		{"an address that is not this machine's", Options{Components: []string{sdk.TargetVector}, Host: "192.0.2.1"}, []string{"vector index", "192.0.2.1"}},
		{"a model folder that is absent", Options{Components: []string{sdk.TargetService}, ModelDir: "/nonexistent"}, []string{"encoder", "/nonexistent"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Up(t.Context(), c.o)
			if err == nil {
				t.Fatal(s.Close(t.Context()))
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

// BenchmarkServiceStart is what a run waits for the service.
func BenchmarkServiceStart(b *testing.B) {
	for b.Loop() {
		s, err := Up(b.Context(), Options{Components: []string{sdk.TargetService}, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
