package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// session counts its ends and fails where it is told to.
type session struct {
	closed             *atomic.Int32
	panics             string // "Describe" or "Close"
	do                 func(context.Context) error
	closedWithEndedCtx *atomic.Bool
}

func (s session) Worker(context.Context, int) (sdk.Worker, error) { return s, nil }

func (s session) Do(ctx context.Context, _ *sdk.Op) error {
	if s.do == nil {
		return nil
	}
	return s.do(ctx)
}

func (s session) Describe() sdk.SessionInfo {
	if s.panics == "Describe" {
		panic("in Describe")
	}
	return sdk.SessionInfo{}
}

func (s session) Close(ctx context.Context) error {
	s.closed.Add(1)
	if ctx.Err() != nil {
		s.closedWithEndedCtx.Store(true)
	}
	if s.panics == "Close" {
		panic("in Close")
	}
	return nil
}

// house is a served plugin of one benchmark.
type house struct {
	rpc      pluginv1.PluginServiceClient
	end      context.CancelFunc // as SIGTERM or the end of the harness would
	closeAll func(context.Context) error
	closed   atomic.Int32
	badCtx   atomic.Bool
}

func serveSession(t *testing.T, setUp func(ctx context.Context, h *house, s session) (sdk.Session, error)) *house {
	t.Helper()
	h := &house{}
	p := sdk.Plugin{Name: "p", Benchmarks: []sdk.Benchmark{{Name: "b", Setup: func(ctx context.Context, _ sdk.SetupRequest) (sdk.Session, error) {
		return setUp(ctx, h, session{closed: &h.closed, closedWithEndedCtx: &h.badCtx})
	}}}}
	ctx, end := context.WithCancel(context.Background())
	g, closeAll := NewServer(ctx, p, nil, slog.New(slog.DiscardHandler))
	h.end, h.closeAll = end, closeAll
	l := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		conn.Close()
		g.Stop()
		<-served
	})
	h.rpc = pluginv1.NewPluginServiceClient(conn)
	return h
}

func plain(_ context.Context, _ *house, s session) (sdk.Session, error) { return s, nil }

func (h *house) prepare(name string) error {
	_, err := h.rpc.Prepare(context.Background(), &pluginv1.PrepareRequest{Session: name, Benchmark: "b", MaxWorkers: 1})
	return err
}

func TestASecondSessionOfOneNameIsRefusedAndClosed(t *testing.T) {
	h := serveSession(t, plain)
	if err := h.prepare("s"); err != nil {
		t.Fatal(err)
	}
	if err := h.prepare("s"); status.Code(err) != codes.AlreadyExists {
		t.Errorf("error is %v", err)
	}
	if n := h.closed.Load(); n != 1 {
		t.Errorf("%d sessions were closed, want the second", n)
	}
	if err := h.prepare(""); status.Code(err) != codes.AlreadyExists {
		t.Errorf("a session without a name: %v", err)
	}
}

func TestAPanicOutsideOfSetupIsAnErrorOfOneLine(t *testing.T) {
	for _, where := range []string{"Describe", "Close"} {
		h := serveSession(t, func(_ context.Context, _ *house, s session) (sdk.Session, error) {
			s.panics = where
			return s, nil
		})
		err := h.prepare("s")
		if where == "Close" {
			_, err = h.rpc.Teardown(context.Background(), &pluginv1.TeardownRequest{Session: "s"})
		}
		want := "panic: in " + where + " (the stack is in the plugin's log)"
		if where == "Describe" {
			want = "set up : " + want
		}
		if got := wire.ErrorFromStatus(err); got == nil || got.Error() != want {
			t.Errorf("error is %v, want %s", got, want)
		}
		if n := h.closed.Load(); n != 1 {
			t.Errorf("the session was closed %d times", n)
		}
	}
}

func TestTheEndOfTheProcessEndsARoundAndClosesItsSession(t *testing.T) {
	h := serveSession(t, func(_ context.Context, _ *house, s session) (sdk.Session, error) {
		s.do = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		return s, nil
	})
	if err := h.prepare("s"); err != nil {
		t.Fatal(err)
	}
	stream, err := h.rpc.RunRound(context.Background(), &pluginv1.RunRoundRequest{
		Session: "s", Plan: wire.PlanToProto(loop.Plan{Model: loop.Closed, Workers: 1, Duration: time.Hour}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil { // it runs
		t.Fatal(err)
	}
	h.end()
	if err := h.closeAll(context.Background()); err != nil {
		t.Error(err)
	}
	if n := h.closed.Load(); n != 1 {
		t.Errorf("the session was closed %d times", n)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Canceled {
		t.Errorf("the round ended with %v", err)
	}
}

func TestTheEndOfTheProcessWaitsForASetupAndUndoesIt(t *testing.T) {
	begun := make(chan struct{})
	h := serveSession(t, func(ctx context.Context, _ *house, s session) (sdk.Session, error) {
		close(begun)
		<-ctx.Done() // and yet it succeeds
		return s, nil
	})
	prepared := make(chan error, 1)
	go func() { prepared <- h.prepare("s") }()
	<-begun
	h.end()
	if err := h.closeAll(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-prepared; status.Code(err) != codes.Unavailable {
		t.Errorf("the preparation ended with %v", err)
	}
	if n := h.closed.Load(); n != 1 || h.badCtx.Load() {
		t.Errorf("the session was closed %d times, with an ended context: %v", n, h.badCtx.Load())
	}
	if err := h.prepare("t"); status.Code(err) != codes.Unavailable {
		t.Errorf("a preparation after the end: %v", err)
	}
}

func TestASetupThatDoesNotEndIsNotWaitedForForEver(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	h := serveSession(t, func(_ context.Context, _ *house, s session) (sdk.Session, error) {
		close(begun)
		<-release
		return s, nil
	})
	prepared := make(chan error, 1)
	go func() { prepared <- h.prepare("s") }()
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.closeAll(ctx); err == nil || err.Error() != "a benchmark is still being set up" {
		t.Errorf("error is %v", err)
	}
	close(release)
	<-prepared
}

func TestASetupWithoutASessionIsAnError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{{nil, "set up : the benchmark returned no session"}, {errors.New("boom"), "set up : boom"}} {
		h := serveSession(t, func(context.Context, *house, session) (sdk.Session, error) { return nil, tt.err })
		if got := wire.ErrorFromStatus(h.prepare("s")); got == nil || got.Error() != tt.want {
			t.Errorf("error is %v, want %s", got, tt.want)
		}
	}
}
