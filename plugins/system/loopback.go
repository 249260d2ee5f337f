package system

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/benchharness/harness/sdk"
)

type loopbackParams struct {
	Mode    string `json:"mode" doc:"rtt sends a message and waits for it to come back; throughput sends one and waits for a receipt of 8 bytes." enum:"rtt,throughput"`
	Message int    `json:"message" doc:"Bytes of one message; 0 is 1 for rtt (at most 64 KiB) and 1 MiB for throughput." min:"0" max:"1073741824"`
}

func loopbackBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:    "loopback",
		Doc:     "Round trip and throughput of TCP over 127.0.0.1.",
		Params:  sdk.ParamsOf(loopbackParams{Mode: "rtt"}),
		Metrics: []sdk.Metric{bandwidthMetric("Bytes of messages that arrived.")},
		Presets: []sdk.Preset{
			{Name: "loopback_rtt", Doc: "One byte there and back.", With: map[string]any{"mode": "rtt"}},
			{Name: "loopback_throughput", Doc: "One MiB there, a receipt back.", With: map[string]any{"mode": "throughput"}},
		},
		Load:  sdk.LoadHint{Serial: true},
		Setup: setupLoopback,
	}
}

// loopbackSession owns the server: a listener and a goroutine for each
// connection.
type loopbackSession struct {
	loopbackParams
	listener net.Listener
	serving  sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

func setupLoopback(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	s := &loopbackSession{conns: map[net.Conn]bool{}}
	if err := r.Params.Decode(&s.loopbackParams); err != nil {
		return nil, err
	}
	switch {
	case s.Mode != "rtt" && s.Mode != "throughput":
		return nil, sdk.BadParam("mode", "is %q, want rtt or throughput", s.Mode)
	case s.Message < 0:
		return nil, sdk.BadParam("message", "is %d, want 0 or more", s.Message)
	case s.Mode == "rtt" && s.Message > largestEcho:
		return nil, sdk.BadParam("message", "is %d, want %d or less for rtt", s.Message, largestEcho)
	case s.Message == 0 && s.Mode == "rtt":
		s.Message = 1
	case s.Message == 0:
		s.Message = 1 << 20
	}
	var err error
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s.serving.Go(s.accept)
	return s, nil
}

func (s *loopbackSession) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		if !s.track(c) {
			_ = c.Close()
			return
		}
		s.serving.Go(func() {
			defer s.untrack(c)
			if s.Mode == "rtt" {
				_ = echo(c, s.Message) // the client sees the error
			} else {
				_ = receive(c, s.Message)
			}
		})
	}
}

func (s *loopbackSession) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[c] = true
	}
	return !s.closed
}

func (s *loopbackSession) untrack(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	_ = c.Close()
}

// largestEcho is what the sockets' buffers hold on the way back while the
// client is still sending; more could block both sides.
const largestEcho = 64 << 10

// echo sends back what comes, as it comes.
func echo(c net.Conn, message int) error {
	buf := make([]byte, message)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// receive answers every message with the number of bytes received so far.
func receive(c net.Conn, message int) error {
	buf := make([]byte, 256<<10)
	var total uint64
	for {
		for left := message; left > 0; {
			n, err := c.Read(buf[:min(left, len(buf))])
			if err != nil {
				return err
			}
			left -= n
			total += uint64(n)
		}
		var receipt [8]byte
		binary.BigEndian.PutUint64(receipt[:], total)
		if _, err := c.Write(receipt[:]); err != nil {
			return err
		}
	}
}

// Close ends the server.
func (s *loopbackSession) Close(context.Context) error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
	return err
}

func (s *loopbackSession) Describe() sdk.SessionInfo {
	return sdk.SessionInfo{Provenance: map[string]string{"engine": "TCP over 127.0.0.1, Go net", "message_bytes": fmt.Sprint(s.Message)}}
}

func (s *loopbackSession) Worker(ctx context.Context, _ int) (sdk.Worker, error) {
	w := &loopbackWorker{loopbackSession: s, out: make([]byte, s.Message), in: make([]byte, 8)}
	if s.Mode == "rtt" {
		w.in = make([]byte, s.Message)
	}
	for i := range w.out {
		w.out[i] = byte(i)
	}
	if err := w.dial(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

type loopbackWorker struct {
	*loopbackSession
	conn    net.Conn // nil after a failure
	out, in []byte
	sent    uint64
}

func (w *loopbackWorker) dial(ctx context.Context) (err error) {
	w.sent = 0
	if w.conn, err = new(net.Dialer).DialContext(ctx, "tcp", w.listener.Addr().String()); err != nil {
		w.conn = nil
		return fmt.Errorf("connect to loopback: %w", err)
	}
	return nil
}

func (w *loopbackWorker) Do(ctx context.Context, op *sdk.Op) error {
	if w.conn == nil {
		if err := w.dial(ctx); err != nil {
			return err
		}
		op.Sent()
	}
	deadline, _ := ctx.Deadline() // none: the zero time, which is no deadline
	if err := w.conn.SetDeadline(deadline); err != nil {
		return w.fail(err)
	}
	w.out[0] = byte(op.Rand)
	if err := w.exchange(); err != nil {
		return w.fail(err)
	}
	op.Record(bandwidth, float64(w.Message))
	return nil
}

func (w *loopbackWorker) exchange() error {
	if w.Mode == "rtt" {
		return w.roundTrip()
	}
	if _, err := w.conn.Write(w.out); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if _, err := io.ReadFull(w.conn, w.in); err != nil {
		return fmt.Errorf("receive receipt: %w", err)
	}
	w.sent += uint64(w.Message)
	if got := binary.BigEndian.Uint64(w.in); got != w.sent {
		return sdk.Classify("wrong_count", fmt.Errorf("%d bytes arrived of %d sent", got, w.sent))
	}
	return nil
}

func (w *loopbackWorker) roundTrip() error {
	if _, err := w.conn.Write(w.out); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if _, err := io.ReadFull(w.conn, w.in); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if !bytes.Equal(w.in, w.out) {
		return sdk.Classify("wrong_data", errors.New("another message came back"))
	}
	return nil
}

// fail drops the connection: what is left in it belongs to the failed op.
func (w *loopbackWorker) fail(err error) error {
	_ = w.conn.Close()
	w.conn = nil
	return err
}

// Close closes the worker's connection.
func (w *loopbackWorker) Close() error {
	if w.conn == nil {
		return nil
	}
	return w.conn.Close()
}
