package api

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// soon waits until a condition holds, and fails the test if it never does.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for nothing: %s", what)
		}
	}
}

// onceFine answers setup's call as f says and every later one as g does.
func onceFine[S any](f, g func(S) error) func(S) error {
	var calls atomic.Int64
	return func(s S) error {
		if calls.Add(1) == 1 {
			return f(s)
		}
		return g(s)
	}
}

// hitsBy makes a server of hits of a function that sends them.
func hitsBy(send func(hitsStream) error) *fakeStreams {
	return &fakeStreams{hits: func(_ *retrievalv1.StreamHitsRequest, s hitsStream) error { return send(s) }}
}

// noHits ends a stream of hits at once.
func noHits(hitsStream) error { return nil }

// forEver sends until the stream is over, and tells when it is.
func forEver(over chan<- struct{}) func(hitsStream) error {
	return func(s hitsStream) error {
		defer func() { over <- struct{}{} }()
		for {
			if err := s.Send(hit("x")); err != nil {
				return err
			}
		}
	}
}

func TestAServerThatStreamsForEverIsEnded(t *testing.T) {
	for _, c := range []struct {
		name        string
		with        map[string]any
		class, text string
	}{
		{"by the limit of messages", map[string]any{"max_messages": 10}, "too_many_messages", "more than 10 messages"},
		{"by the op's time", nil, "timeout", "deadline exceeded"},
		{"by a wrong message", map[string]any{"expect": map[string]any{"json": map[string]any{"hit.id": "x"}, "first": map[string]any{"hit.id": "y"}}}, "assertion_json", "first message"},
		{"by the client, as it is told", map[string]any{"take": 10}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			over := make(chan struct{}, 1)
			fine := func(s hitsStream) error {
				for range 10 {
					id := "x"
					if c.class == "assertion_json" {
						id = "y"
					}
					_ = s.Send(hit(id))
				}
				return nil
			}
			if c.class == "assertion_json" {
				delete(c.with["expect"].(map[string]any), "json")
			}
			target, _ := serveStreams(t, hitsBy(onceFine(fine, forEver(over))))
			w := worker(t, mustSetup(t, "grpc", target, with(map[string]any{"method": streamHits}, c.with)), 0)
			ctx, cancel := context.WithCancelCause(t.Context()) // as the loop gives up a late op
			defer cancel(nil)
			if c.class == "timeout" {
				time.AfterFunc(20*time.Millisecond, func() { cancel(context.DeadlineExceeded) })
			}
			if err := w.Do(ctx, &sdk.Op{}); c.class != "" {
				wantClass(t, err, c.class, c.text)
			} else if err != nil {
				t.Error(err)
			}
			<-over // or the call would be going on
		})
	}
}

func TestAServerThatStopsReadingIsGivenUpWithTheOp(t *testing.T) {
	for _, c := range []struct {
		name string
		with map[string]any
		fake func(over chan<- struct{}) *fakeStreams
	}{
		{"the client streams", map[string]any{"method": embedMany, "request": map[string]any{"texts": []string{strings.Repeat("x", 1<<20)}}}, func(over chan<- struct{}) *fakeStreams {
			return &fakeStreams{embed: onceFine(func(s embedStream) error { return s.SendAndClose(&retrievalv1.EmbedManyResponse{}) },
				func(s embedStream) error { <-s.Context().Done(); over <- struct{}{}; return s.Context().Err() })}
		}},
		{"both stream at once", map[string]any{"method": searchMany, "exchange": "all", "request": map[string]any{"search": map[string]any{"text": strings.Repeat("x", 1<<20)}}}, func(over chan<- struct{}) *fakeStreams {
			return &fakeStreams{many: onceFine(func(manyStream) error { return nil },
				func(s manyStream) error { <-s.Context().Done(); over <- struct{}{}; return s.Context().Err() })}
		}},
		{"both stream in turn", map[string]any{"method": searchMany}, func(over chan<- struct{}) *fakeStreams {
			return &fakeStreams{many: onceFine(echoMany,
				func(s manyStream) error { <-s.Context().Done(); over <- struct{}{}; return s.Context().Err() })}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			over := make(chan struct{}, 8)
			target, _ := serveStreams(t, c.fake(over))
			s := mustSetup(t, "grpc", target, with(c.with, map[string]any{"messages": 32}))
			res, err := loop.New(s, grpcBenchmark().Metrics).Round(t.Context(), loop.Plan{Model: loop.Closed, Workers: 2, Ops: 2, OpTimeout: 50 * time.Millisecond}, nil)
			if err != nil || res.Counts.TimedOut != 2 {
				t.Errorf("counts %+v, %v; want two ops that timed out", res.Counts, err)
			}
			<-over
			<-over
		})
	}
}

// TestNoCallLeavesGoroutinesBehind does calls that end in every way and counts
// the goroutines that are in grpc-go's or in our code for calls.
func TestNoCallLeavesGoroutinesBehind(t *testing.T) {
	over := make(chan struct{}, 1000)
	target, _ := serveStreams(t, &fakeStreams{
		hits: hitsBy(onceFine(func(s hitsStream) error { return s.Send(hit("x")) }, forEver(over))).hits,
		many: onceFine(echoMany, func(s manyStream) error {
			for range 2 {
				if _, err := s.Recv(); err != nil {
					return err
				}
			}
			return nil // before the client has sent all
		}),
	})
	big := map[string]any{"search": map[string]any{"text": strings.Repeat("x", 1<<18)}}
	for _, with := range []map[string]any{
		{"method": streamHits, "take": 1},
		{"method": searchMany, "messages": 50, "exchange": "all", "request": big},
	} {
		w := worker(t, mustSetup(t, "grpc", target, with), 0)
		for i := range uint64(50) {
			ctx, cancel := context.WithCancel(t.Context())
			if i%2 == 0 {
				cancel()
			}
			_ = w.Do(ctx, &sdk.Op{Index: i})
			cancel()
		}
	}
	soon(t, "the end of the calls' goroutines", func() bool {
		stacks := make([]byte, 1<<20)
		text := string(stacks[:runtime.Stack(stacks, true)])
		return !strings.Contains(text, "grpc.newClientStreamWithParams") && !strings.Contains(text, "api.(*streamCall)") && !strings.Contains(text, "api.(*fakeStreams)")
	})
}

func TestACallThatTheServerEndsEarly(t *testing.T) {
	early := func(manyStream) error { return nil }
	for _, c := range []struct {
		name        string
		with        map[string]any
		class, text string
	}{
		{"in a ping-pong", map[string]any{"method": searchMany}, "assertion_messages", "ended with OK after 0, and a reply to each of 4"},
		{"while all are sent", map[string]any{"method": searchMany, "exchange": "all"}, "", ""},
		{"with the one reply", map[string]any{"method": embedMany}, "", ""},
		{"before enough have come", map[string]any{"method": streamHits, "take": 4, "messages": 1}, "assertion_messages", "ended with OK after 3, and take is 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, _ := serveStreams(t, &fakeStreams{
				hits:  hitsBy(onceFine(func(s hitsStream) error { return sendHits(4, nil).hits(nil, s) }, func(s hitsStream) error { return sendHits(3, nil).hits(nil, s) })).hits,
				embed: func(s embedStream) error { return s.SendAndClose(&retrievalv1.EmbedManyResponse{}) },
				many:  onceFine(echoMany, early),
			})
			w := worker(t, mustSetup(t, "grpc", target, with(map[string]any{"messages": 4}, c.with)), 0)
			if _, err := measure(t, w, 0); c.class != "" {
				wantClass(t, err, c.class, c.text)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestACallThatEndsWellIsWrongWhereAnErrorIsExpected(t *testing.T) {
	refused := status.Error(codes.NotFound, "no such collection")
	for _, c := range []struct {
		name string
		with map[string]any
		f    *fakeStreams
	}{
		{"the client streams", map[string]any{"method": embedMany}, &fakeStreams{embed: onceFine(
			func(embedStream) error { return refused },
			func(s embedStream) error { return s.SendAndClose(&retrievalv1.EmbedManyResponse{}) })}},
		{"the server streams", map[string]any{"method": streamHits}, hitsBy(onceFine(
			func(hitsStream) error { return refused }, noHits))},
		{"take ends the call", map[string]any{"method": streamHits, "take": 1}, hitsBy(onceFine(
			func(hitsStream) error { return refused },
			func(s hitsStream) error { return s.Send(hit("x")) }))},
	} {
		t.Run(c.name, func(t *testing.T) {
			target, _ := serveStreams(t, c.f)
			w := worker(t, mustSetup(t, "grpc", target, with(map[string]any{"expect": map[string]any{"code": "NOT_FOUND"}}, c.with)), 0)
			wantClass(t, w.Do(t.Context(), &sdk.Op{}), "assertion_code", "got OK, want NOT_FOUND")
		})
	}
}

func TestAMessageOverTheLimitIsNamed(t *testing.T) {
	big := strings.Repeat("x", 2000)
	target, _ := serveStreams(t, hitsBy(onceFine(noHits, func(s hitsStream) error { return s.Send(hit(big)) })))
	w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": streamHits, "max_body": 1000}), 0)
	wantClass(t, do(t, w, 0), "body_too_large", "max_body of 1000 bytes")
}

// rawStream serves one gRPC method by hand: after a message it does what no
// server of grpc-go does.
func rawStream(t *testing.T, after func(http.ResponseWriter)) sdk.Target {
	t.Helper()
	var calls atomic.Int64
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		b, _ := proto.Marshal(hit("x"))
		_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...))
		_ = http.NewResponseController(w).Flush()
		if calls.Add(1) == 1 {
			w.Header().Set("Grpc-Status", "0")
			return
		}
		after(w)
	})
	return sdk.Target{Name: "demo", GRPC: srv.Listener.Addr().String()}
}

func TestABrokenStreamIsAFailedOp(t *testing.T) {
	for _, c := range []struct {
		name        string
		after       func(http.ResponseWriter)
		class, text string
	}{
		{"RST_STREAM", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "grpc_internal", "RST_STREAM"},
		{"no status", func(http.ResponseWriter) {}, "grpc_", ""},
		{"a message cut short", func(w http.ResponseWriter) {
			_, _ = w.Write([]byte{0, 0, 0, 0, 9, 1})
			w.Header().Set("Grpc-Status", "0")
		}, "grpc_internal", "unexpected EOF"},
		{"a message that is none", func(w http.ResponseWriter) {
			_, _ = w.Write([]byte{0, 0, 0, 0, 1, 0xff})
			w.Header().Set("Grpc-Status", "0")
		}, "assertion_reply", "no harness.retrieval.v1.StreamHitsResponse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := worker(t, mustSetup(t, "grpc", rawStream(t, c.after), with(protoFiles, map[string]any{
				"method": streamHits, "expect": map[string]any{"json": map[string]any{"hit.id": "x"}},
			})), 0)
			if err := do(t, w, 0); err == nil || !strings.HasPrefix(sdk.Class(err), c.class) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v of class %s, want %s and %q", err, sdk.Class(err), c.class, c.text)
			}
		})
	}
}

func TestAServerThatStopsGracefullyFinishesTheStream(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	target, server := serveStreams(t, hitsBy(onceFine(noHits, func(s hitsStream) error {
		_ = s.Send(hit("0"))
		close(begun)
		<-finish
		return s.Send(hit("1"))
	})))
	w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": streamHits}), 0)
	done := make(chan error, 1)
	go func() {
		got, err := measure(t, w, 0)
		if err == nil && got["messages_received"] != 2 {
			err = errors.New("a message is missing")
		}
		done <- err
	}()
	<-begun
	stopped := make(chan struct{})
	go func() { server.GracefulStop(); close(stopped) }() // sends GOAWAY
	soon(t, "the listener's end", func() bool {
		conn, err := net.Dial("tcp", target.GRPC)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(finish)
	if err := <-done; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	<-stopped
	wantClass(t, do(t, w, 1), "grpc_unavailable", "")
}

func TestAServerThatIsGoneInTheMiddleIsUnavailable(t *testing.T) {
	begun := make(chan struct{})
	target, server := serveStreams(t, hitsBy(onceFine(noHits, func(s hitsStream) error {
		_ = s.Send(hit("0"))
		close(begun)
		<-s.Context().Done()
		return s.Context().Err()
	})))
	w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": streamHits}), 0)
	go func() { <-begun; server.Stop() }()
	wantClass(t, do(t, w, 0), "grpc_unavailable", "")
}

// connCounter counts the connections of a server.
type connCounter struct{ begun atomic.Int64 }

func (*connCounter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*connCounter) HandleRPC(context.Context, stats.RPCStats)                         {}
func (*connCounter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *connCounter) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		c.begun.Add(1)
	}
}

func TestConnectionsThatTheServerRetiresAreReplacedWithoutAFailedOp(t *testing.T) {
	count := &connCounter{}
	target, _ := serveStreams(t, sendHits(3, nil), grpc.StatsHandler(count),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 20 * time.Millisecond}))
	w := worker(t, mustSetup(t, "grpc", target, map[string]any{"method": streamHits, "expect": map[string]any{"messages": 3}}), 0)
	var i uint64
	soon(t, "a third connection", func() bool {
		if err := do(t, w, i); err != nil {
			t.Fatalf("op %d: %v", i, err)
		}
		i++
		return count.begun.Load() >= 3
	})
}

func TestEveryWorkerHasAConnectionOfItsOwnIfSoWanted(t *testing.T) {
	for connections, want := range map[int]int64{0: 2, 1: 1, 2: 2, 1000: 2} {
		count := &connCounter{}
		target, _ := serveStreams(t, sendHits(1, nil), grpc.StatsHandler(count))
		mustSetup(t, "grpc", target, map[string]any{"method": streamHits, "connections": connections}) // for two workers
		if got := count.begun.Load(); got != want {
			t.Errorf("connections: %d opens %d, want %d", connections, got, want)
		}
	}
}
