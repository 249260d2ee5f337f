package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
	"github.com/benchharness/harness/sdk"
)

// One method of each kind of stream.
const (
	streamHits = "harness.retrieval.v1.Retrieval/StreamHits"
	embedMany  = "harness.retrieval.v1.Retrieval/EmbedMany"
	searchMany = "harness.retrieval.v1.Retrieval/SearchMany"
)

type (
	hitsStream  = grpc.ServerStreamingServer[retrievalv1.StreamHitsResponse]
	embedStream = grpc.ClientStreamingServer[retrievalv1.EmbedManyRequest, retrievalv1.EmbedManyResponse]
	manyStream  = grpc.BidiStreamingServer[retrievalv1.SearchManyRequest, retrievalv1.SearchManyResponse]
)

// fakeStreams answers streams with functions. What is nil is unimplemented.
type fakeStreams struct {
	retrievalv1.UnimplementedRetrievalServer
	hits  func(*retrievalv1.StreamHitsRequest, hitsStream) error
	embed func(embedStream) error
	many  func(manyStream) error
}

func (f *fakeStreams) StreamHits(r *retrievalv1.StreamHitsRequest, s hitsStream) error {
	return f.hits(r, s)
}
func (f *fakeStreams) EmbedMany(s embedStream) error { return f.embed(s) }
func (f *fakeStreams) SearchMany(s manyStream) error { return f.many(s) }

// serveStreams returns the target and its server, which the test may stop.
func serveStreams(t *testing.T, f *fakeStreams, opts ...grpc.ServerOption) (sdk.Target, *grpc.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(opts...)
	retrievalv1.RegisterRetrievalServer(g, f)
	reflection.Register(g)
	done := make(chan error, 1)
	go func() { done <- g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
	return sdk.Target{Name: "demo", GRPC: l.Addr().String()}, g
}

// sendHits makes a server that sends n hits, numbered from 0, and ends with
// the error.
func sendHits(n int, end error) *fakeStreams {
	return &fakeStreams{hits: func(_ *retrievalv1.StreamHitsRequest, s hitsStream) error {
		for i := range n {
			if err := s.Send(hit(fmt.Sprint(i))); err != nil {
				return err
			}
		}
		return end
	}}
}

func hit(id string) *retrievalv1.StreamHitsResponse {
	return &retrievalv1.StreamHitsResponse{Hit: &retrievalv1.Hit{Id: id}}
}

// reply answers a search with its text.
func reply(r *retrievalv1.SearchManyRequest) *retrievalv1.SearchManyResponse {
	return &retrievalv1.SearchManyResponse{Result: &retrievalv1.SearchResponse{Collection: r.GetSearch().GetText()}}
}

// echoMany answers each message as it comes.
func echoMany(s manyStream) error {
	for {
		r, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(reply(r)); err != nil {
			return err
		}
	}
}

// measure does op number i and returns what it recorded.
func measure(t *testing.T, w sdk.Worker, i uint64) (map[string]float64, error) {
	t.Helper()
	op := &sdk.Op{}
	op.Begin(i, i, time.Now())
	err := w.Do(t.Context(), op)
	got := map[string]float64{}
	op.Values(func(m string, v float64) { got[m] = v })
	return got, err
}

func TestAnOpOfAStreamIsTheWholeCall(t *testing.T) {
	target := reference(t)
	embedded := map[string]any{"texts": []any{"${text}"}}
	search := map[string]any{"search": map[string]any{"text": "${text}", "k": 3}}
	for _, c := range []struct {
		name, call     string
		with           map[string]any
		sent, received float64
		turns          bool
	}{
		{"the server streams", "server streaming", map[string]any{"method": streamHits, "request": search,
			"expect": map[string]any{"messages": 3, "json": map[string]any{"hit.payload.text": "t"}, "first": map[string]any{"hit.id": "0"}, "last": map[string]any{"hit.id": "2"}}}, 1, 3, false},
		{"the client ends it", "server streaming", map[string]any{"method": streamHits, "request": search, "take": 2}, 1, 2, false},
		{"the client streams", "client streaming", map[string]any{"method": embedMany, "request": embedded, "messages": 5,
			"expect": map[string]any{"json": map[string]any{"embeddings.#": 5}}}, 5, 1, false},
		{"both stream in turn", "bidirectional, ping-pong", map[string]any{"method": searchMany, "request": search, "messages": 4,
			"expect": map[string]any{"messages": map[string]any{"min": 4}, "json": map[string]any{"result.hits.#": 3}}}, 4, 4, true},
		{"both stream at once", "bidirectional, all at once", map[string]any{"method": searchMany, "request": search, "messages": 4, "exchange": "all"}, 4, 4, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.with["rows"] = []map[string]any{{"text": "a"}, {"text": "bc"}}
			s := mustSetup(t, "grpc", target, c.with)
			if p := s.(sdk.Describer).Describe().Provenance; p["call"] != c.call || p["requests"] != "marshalled once" {
				t.Errorf("provenance %v, want %s", p, c.call)
			}
			got, err := measure(t, worker(t, s, 0), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got["messages_sent"] != c.sent || got["messages_received"] != c.received || got["message_rate"] != c.sent+c.received ||
				got["first_message"] <= 0 || got["bytes_received"] <= 0 || (got["turn_time"] > 0) != c.turns {
				t.Errorf("recorded %v, want %v sent and %v received", got, c.sent, c.received)
			}
			for m := range maps.Keys(got) {
				if !slices.ContainsFunc(grpcBenchmark().Metrics, func(d sdk.Metric) bool { return d.Name == m }) {
					t.Errorf("metric %s is not declared", m)
				}
			}
		})
	}
}

func TestRowsGoOnFromMessageToMessageAndFromOpToOp(t *testing.T) {
	var mu sync.Mutex
	var texts []string
	target, _ := serveStreams(t, &fakeStreams{many: func(s manyStream) error {
		for {
			r, err := s.Recv()
			if err != nil {
				return nil
			}
			mu.Lock()
			texts = append(texts, r.GetSearch().GetText())
			mu.Unlock()
			if err := s.Send(reply(r)); err != nil {
				return err
			}
		}
	}})
	sent := func(order string) string {
		s := mustSetup(t, "grpc", target, map[string]any{
			"method": searchMany, "messages": 3, "request": map[string]any{"search": map[string]any{"text": "${t}"}},
			"rows": []map[string]any{{"t": "a"}, {"t": "b"}, {"t": "c"}, {"t": "d"}}, "data_order": order,
		})
		texts = nil
		for i := range uint64(4) {
			if err := do(t, worker(t, s, 0), i); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Join(texts, "")
	}
	if got := sent("order"); got != "abcdabcdabcd" {
		t.Errorf("in order: %s, want abcdabcdabcd", got)
	}
	got := sent("random")
	if got != sent("random") || strings.Count(got, got[:3]) > 2 {
		t.Errorf("at random: %s, want messages that differ and are the same each time", got)
	}
}

func TestMessagesBeforeAnErrorDoNotMakeACallRight(t *testing.T) {
	target, _ := serveStreams(t, sendHits(3, status.Error(codes.DataLoss, "as told")))
	_, err := setup(t, "grpc", target, map[string]any{"method": streamHits})
	wantClass(t, err, "grpc_data_loss", "as told")
	w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": streamHits, "expect": map[string]any{"code": "DATA_LOSS", "messages": 3}}), 0)
	if err := do(t, w, 0); err != nil {
		t.Errorf("an error that is expected: %v", err)
	}
}

func TestWhatIsExpectedOfAStreamIsChecked(t *testing.T) {
	for _, c := range []struct {
		name        string
		hits        int
		expect      map[string]any
		class, text string
	}{
		{"too few", 2, map[string]any{"messages": 3}, "assertion_messages", "got 2, want 3"},
		{"too many", 4, map[string]any{"messages": map[string]any{"min": 1, "max": 3}}, "assertion_messages", "got 4, want 1 to 3"},
		{"fewer than at least", 0, map[string]any{"messages": map[string]any{"min": 1}}, "assertion_messages", "got 0, want at least 1"},
		{"more than at most", 1, map[string]any{"messages": map[string]any{"max": 0}}, "assertion_messages", "got 1, want at most 0"},
		{"a wrong message", 3, map[string]any{"json": map[string]any{"hit.id": "0"}}, "assertion_json", `message 2: json hit.id: got "1", want "0"`},
		{"a wrong first one", 3, map[string]any{"first": map[string]any{"hit.id": "1"}}, "assertion_json", `first message: json hit.id: got "0"`},
		{"a wrong last one", 3, map[string]any{"last": map[string]any{"hit.id": "1"}}, "assertion_json", `last message, number 3: json hit.id: got "2"`},
		{"no message", 0, map[string]any{"json": map[string]any{"hit.id": "0"}}, "assertion_messages", "got none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := new(int)
			fake := &fakeStreams{hits: func(r *retrievalv1.StreamHitsRequest, s hitsStream) error { return sendHits(*n, nil).hits(r, s) }}
			target, _ := serveStreams(t, fake)
			*n = c.hits
			_, err := setup(t, "grpc", target, map[string]any{"method": streamHits, "expect": c.expect})
			var down *sdk.TargetError
			if !errors.As(err, &down) {
				t.Fatalf("got %v, want a target that answers otherwise than expected", err)
			}
			wantClass(t, err, c.class, c.text)
		})
	}
}

func TestAStreamWithoutMessagesIsRightIfNoneAreAskedFor(t *testing.T) {
	empty := make(chan int, 4)
	target, _ := serveStreams(t, &fakeStreams{
		hits: sendHits(0, nil).hits,
		embed: func(s embedStream) error {
			n := 0
			for {
				if _, err := s.Recv(); err != nil {
					break
				}
				n++
			}
			empty <- n
			return s.SendAndClose(&retrievalv1.EmbedManyResponse{})
		},
		many: echoMany,
	})
	for _, m := range []string{streamHits, embedMany, searchMany} {
		with := map[string]any{"method": m}
		if m != streamHits {
			with["messages"] = 0
		}
		got, err := measure(t, worker(t, mustSetup(t, "grpc", target, with), 0), 0)
		if err != nil {
			t.Errorf("%s: %v", m, err)
		}
		if _, timed := got["first_message"]; timed != (m == embedMany) || got["turn_time"] != 0 {
			t.Errorf("%s recorded %v", m, got)
		}
	}
	if n := <-empty; n != 0 {
		t.Errorf("the server got %d messages, want none", n)
	}
}

func TestPingPongWaitsForEachReplyAndAllDoesNot(t *testing.T) {
	atEnd := func(s manyStream) error { // answers when it has read everything
		var got []*retrievalv1.SearchManyRequest
		for {
			r, err := s.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			got = append(got, r)
		}
		for _, r := range got {
			if err := s.Send(reply(r)); err != nil {
				return err
			}
		}
		return nil
	}
	fake := &fakeStreams{many: echoMany}
	target, _ := serveStreams(t, fake)
	with := map[string]any{"method": searchMany, "messages": 3}
	inTurn := worker(t, mustSetup(t, "grpc", target, with), 0)
	fake.many = atEnd
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantClass(t, inTurn.Do(ctx, &sdk.Op{}), "timeout", "deadline exceeded")
	with["exchange"], with["expect"] = "all", map[string]any{"messages": 3}
	if err := do(t, worker(t, mustSetup(t, "grpc", target, with), 0), 0); err != nil {
		t.Errorf("all at once: %v", err)
	}
}

// TestAnEchoOfMoreThanTheWindowsDoesNotBlock would hang if the client sent
// everything before it read anything: 8 MB are more than HTTP/2 lets wait.
func TestAnEchoOfMoreThanTheWindowsDoesNotBlock(t *testing.T) {
	target, _ := serveStreams(t, &fakeStreams{many: echoMany})
	big := strings.Repeat("x", 1<<20)
	s := mustSetup(t, "grpc", target, map[string]any{
		"method": searchMany, "messages": 8, "exchange": "all", "request": map[string]any{"search": map[string]any{"text": big}},
		"expect": map[string]any{"messages": 8},
	})
	got, err := measure(t, worker(t, s, 0), 0)
	if err != nil || got["bytes_received"] < 8<<20 {
		t.Errorf("got %v, %v; want 8 MiB", got, err)
	}
}
