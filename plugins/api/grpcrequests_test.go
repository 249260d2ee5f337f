package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
	"github.com/benchharness/harness/sdk"
)

// searchRequests makes requests of n rows, kept up to a limit in bytes.
func searchRequests(t *testing.T, n, limit int) (*requests, error) {
	t.Helper()
	m, err := describeMethod(t.Context(), grpcParams{
		Method: searchMethod, ProtoFiles: []string{"harness/retrieval/v1/retrieval.proto"}, ImportPaths: []string{"../internal/service/proto"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	data := &dataFile{name: "rows"}
	for i := range n {
		data.rows = append(data.rows, record{"t": fmt.Sprint("text ", i), "k": json.Number(fmt.Sprint(i))})
	}
	return newRequests(m, json.RawMessage(`{"text": "${t}", "k": "${k}"}`), data, false, limit)
}

func TestMessagesOfAllRowsAreMarshalledOnceUpToALimit(t *testing.T) {
	once, err := searchRequests(t, 10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	each, err := searchRequests(t, 10, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(once.ready) != 10 || each.ready != nil || once.provenance() == each.provenance() {
		t.Fatalf("kept %d and %d messages, want 10 and none", len(once.ready), len(each.ready))
	}
	for i := range uint64(25) {
		a, errA := once.message(&sdk.Op{Index: i}, 0, 1)
		b, errB := each.message(&sdk.Op{Index: i}, 0, 1)
		if errA != nil || errB != nil || !bytes.Equal(a.Materialize(), b.Materialize()) || !strings.Contains(string(a.Materialize()), fmt.Sprint("text ", i%10)) {
			t.Errorf("op %d: %q (%v) and %q (%v)", i, a, errA, b, errB)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = once.message(&sdk.Op{Index: 3}, 0, 1) }); n > 0 {
		t.Errorf("a message that is kept costs %v allocations", n)
	}
}

func TestARowOfWhichThereIsNoMessageIsFoundBeyondTheLimit(t *testing.T) {
	m, _ := searchRequests(t, 1, 0)
	data := &dataFile{name: "rows", rows: []record{{"t": "x"}, {"t": json.Number("7")}}}
	for _, limit := range []int{0, 1 << 20} {
		if _, err := newRequests(m.method, json.RawMessage(`{"text": "${t}"}`), data, false, limit); err == nil || !strings.Contains(err.Error(), "with row 2 of the data") {
			t.Errorf("limit %d: %v, want the row named", limit, err)
		}
	}
}

func TestAReplyOfWhichNothingIsExpectedIsNotKept(t *testing.T) {
	target := serveGRPC(t, true, echo)
	for _, c := range []struct {
		expect map[string]any
		kept   bool
	}{{nil, false}, {map[string]any{"json": map[string]any{"hits.#": 3}}, true}} {
		w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": searchMethod, "request": map[string]any{"k": 3}, "expect": c.expect}), 0).(*grpcWorker)
		if err := do(t, w, 0); err != nil {
			t.Fatal(err)
		}
		if (w.in.bytes != nil) != c.kept || w.in.size == 0 {
			t.Errorf("expect %v: kept %d bytes of %d", c.expect, len(w.in.bytes), w.in.size)
		}
	}
}

func TestCallsHaveTheContentTypeOfAnyClient(t *testing.T) {
	got := make(chan string, 2)
	target := serveGRPC(t, true, func(ctx context.Context, r *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		got <- strings.Join(md.Get("content-type"), " ")
		return echo(ctx, r)
	})
	mustSetup(t, "grpc", target, map[string]any{"method": searchMethod})
	if c := <-got; c != "application/grpc" {
		t.Errorf("content-type %q, want application/grpc", c)
	}
}

// TestAnOpWaitsForItsStreamBeforeItIsSent: the server lets one stream at a time
// into a connection, so the second call begins when the first is over. That time
// is the connection's, not the server's.
func TestAnOpWaitsForItsStreamBeforeItIsSent(t *testing.T) {
	var mu sync.Mutex // held while the server may not answer
	entered := make(chan struct{}, 8)
	hold := func() { entered <- struct{}{}; mu.Lock(); defer mu.Unlock() }
	unary := serveGRPC(t, true, func(ctx context.Context, r *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
		hold()
		return echo(ctx, r)
	}, grpc.MaxConcurrentStreams(1))
	streams, _ := serveStreams(t, hitsBy(func(s hitsStream) error { hold(); return s.Send(hit("x")) }), grpc.MaxConcurrentStreams(1))
	for method, target := range map[string]sdk.Target{searchMethod: unary, streamHits: streams} {
		s := mustSetup(t, "grpc", target, map[string]any{"method": method})
		<-entered
		mu.Lock()
		base := time.Now()
		ops, done := make([]*sdk.Op, 2), make(chan error, 2)
		call := func(n int) {
			ops[n] = &sdk.Op{}
			ops[n].Begin(uint64(n), 0, base)
			w := worker(t, s, n)
			go func() { done <- w.Do(t.Context(), ops[n]) }()
		}
		call(0)
		<-entered
		call(1)
		released := time.Since(base)
		mu.Unlock()
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		<-entered
		if first, second := ops[0].SentAt(), ops[1].SentAt(); first <= 0 || first > released || second < released {
			t.Errorf("%s: sent after %v and %v, and the first could end after %v", method, first, second, released)
		}
	}
}

func TestAnOpWaitsForItsConnectionBeforeItIsSent(t *testing.T) {
	target := serveGRPC(t, true, echo)
	op := &sdk.Op{}
	base := time.Now()
	op.Begin(0, 0, base)
	released := make(chan time.Duration, 1)
	s := mustSetup(t, "grpc", target, map[string]any{"method": searchMethod}).(*grpcSession)
	conn, err := grpc.NewClient("passthrough:///"+target.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(newRawCodec())),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			released <- time.Since(base)
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := (&grpcWorker{s: s, conn: conn}).Do(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	if at := <-released; op.SentAt() < at {
		t.Errorf("sent after %v, and there was no connection before %v", op.SentAt(), at)
	}
}
