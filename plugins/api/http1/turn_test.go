package http1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/plugins/internal/socket"
)

// directly returns a client whose connections are sockets, each served by serve.
func directly(t *testing.T, o Options, serve func(net.Conn)) *Client {
	t.Helper()
	if !socket.Direct {
		t.Skip("this system's sockets are used by net.Conn only")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	stop := Idle()
	if o.Dial == nil {
		o.Dial = func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		}
	}
	c := New(o)
	t.Cleanup(func() {
		c.Close()
		ln.Close()
		served.Wait()
		stop()
	})
	return c
}

// request reads the head of a request.
func request(r *bufio.Reader) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return err
		}
	}
}

const empty = "HTTP/1.1 204 No Content\r\n\r\n"

// once answers one request with the text and returns.
func once(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if request(bufio.NewReader(conn)) == nil {
			io.WriteString(conn, text)
		}
	}
}

// each answers every request with the text.
func each(text string) func(net.Conn) {
	return func(conn net.Conn) {
		for r := bufio.NewReader(conn); request(r) == nil; {
			io.WriteString(conn, text)
		}
	}
}

// eventually polls a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestASocketBringsTheSameAnswers(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			client := directly(t, Options{KeepBody: true}, once(c.text))
			var resp Response
			if err := client.Do(t.Context(), get, c.head, &resp); err != nil {
				t.Fatal(err)
			}
			if resp.Status != c.status || string(resp.Body) != c.body || (client.line.conn != nil) != c.keeps {
				t.Errorf("status %d, body %.40q of %d, kept %v; want %d, %.40q, kept %v", resp.Status, resp.Body, resp.Length, client.line.conn != nil, c.status, c.body, c.keeps)
			}
			if c.keeps && !client.line.direct {
				t.Error("net.Conn was used, which other tests are about")
			}
		})
	}
}

func TestASocketThatEndsIsAnErrorOfTheRequest(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  error
	}{
		"closed without an answer": {func(conn net.Conn) { _ = request(bufio.NewReader(conn)) }, ErrClosed},
		"closed within an answer":  {once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), ErrClosed},
		"reset": {func(conn net.Conn) {
			_ = request(bufio.NewReader(conn))
			conn.(*net.TCPConn).SetLinger(0)
		}, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			client := directly(t, Options{}, c.serve)
			var resp Response
			err := client.Do(t.Context(), get, false, &resp)
			if !errors.Is(err, c.want) || client.line.conn != nil || len(idle.lines) != 0 {
				t.Errorf("the error is %v, connection %v, looked after %d; want %v and none", err, client.line.conn, len(idle.lines), c.want)
			}
			var op *net.OpError
			if c.want != ErrClosed && !errors.As(err, &op) {
				t.Errorf("%T is not an error of the connection", err)
			}
		})
	}
}

func TestARequestOnASocketThatWasResetIsAFailedWrite(t *testing.T) {
	reset := make(chan struct{})
	client := directly(t, Options{}, func(conn net.Conn) {
		once(empty)(conn)
		<-reset
		conn.(*net.TCPConn).SetLinger(0)
	})
	var resp Response
	if err := client.Do(t.Context(), get, false, &resp); err != nil {
		t.Fatal(err)
	}
	close(reset)
	eventually(t, "the connection was reset", client.line.stale) // which takes the error away: the next one is EPIPE
	werr, err := client.ask(get)
	if !errors.Is(werr, syscall.EPIPE) || err == nil {
		t.Errorf("write: %v; read: %v; want %v and an error", werr, err, syscall.EPIPE)
	}
}

// TestAServerThatClosesHalfAConnectionIsNoHang is about an end that comes
// before the request, from a server that goes on reading: nothing wakes a turn
// for that.
func TestAServerThatClosesHalfAConnectionIsNoHang(t *testing.T) {
	client := directly(t, Options{}, func(conn net.Conn) {
		once(empty)(conn)
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
	})
	var resp Response
	if err := client.Do(t.Context(), get, false, &resp); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end came", client.line.stale)
	if werr, err := client.ask(get); werr != nil || !errors.Is(err, ErrClosed) {
		t.Errorf("write: %v; read: %v; want %v", werr, err, ErrClosed)
	}
}

// TestWhatNobodyAskedForIsFound is about bytes that come before the request,
// which wake no turn either.
func TestWhatNobodyAskedForIsFound(t *testing.T) {
	more := make(chan struct{})
	client := directly(t, Options{}, func(conn net.Conn) {
		once(empty)(conn)
		<-more
		io.WriteString(conn, "and more\r\n")
		io.Copy(io.Discard, conn)
	})
	var resp Response
	if err := client.Do(t.Context(), get, false, &resp); err != nil {
		t.Fatal(err)
	}
	close(more)
	eventually(t, "more came", client.line.stale)
	var p *ProtocolError
	if _, err := client.exchange(get, false, &resp); !errors.As(err, &p) {
		t.Errorf("the error is %v, want a protocol error", err)
	}
}

func TestARequestForWhichTheSystemHasNoRoomIsWritten(t *testing.T) {
	before := make(chan int, 1) // bytes that fill the socket's buffers
	client := directly(t, Options{}, func(conn net.Conn) {
		if _, err := io.CopyN(io.Discard, conn, int64(<-before)); err != nil {
			t.Error(err)
		}
		once(empty)(conn)
	})
	dial := client.o.Dial
	client.o.Dial = func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			return nil, err
		}
		filled := 0
		var full error
		err = raw.Write(func(fd uintptr) bool {
			for full == nil {
				var n int
				n, full = socket.Write(fd, make([]byte, 1<<16))
				filled += n
			}
			return true
		})
		if full != syscall.EAGAIN {
			t.Errorf("the buffers are full: %v", full)
		}
		client.turn.step = func(fd uintptr) bool {
			done := client.step(fd)
			before <- filled // only now is there room again
			return done
		}
		return conn, err
	}
	var resp Response
	if err := client.Do(t.Context(), get, false, &resp); err != nil || resp.Status != 204 {
		t.Fatalf("%d, %v", resp.Status, err)
	}
	if client.turn.wrote >= len(get) {
		t.Error("there was room: nothing was tested")
	}
}

func TestANudgeChangesNothingForASlowServer(t *testing.T) {
	answer := make(chan struct{})
	client := directly(t, Options{PerConnection: 100}, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		for request(r) == nil {
			<-answer
			io.WriteString(conn, empty)
		}
	})
	for range 3 {
		done := make(chan error)
		go func() {
			var resp Response
			done <- client.Do(t.Context(), get, false, &resp)
		}()
		eventually(t, "it waits", func() bool { return client.line.waits.Load() != 0 })
		eventually(t, "the nudge ended the turn", func() bool {
			nudgeSlow(idle.epoch.Load() + 2*patience)
			return client.line.waits.Load() == 0
		})
		answer <- struct{}{}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if client.line.used != 3 {
		t.Errorf("the connection served %d requests, want 3", client.line.used)
	}
}

// TestNudgesAtAnyMomentAreHarmless is for the race detector as well.
func TestNudgesAtAnyMomentAreHarmless(t *testing.T) {
	client := directly(t, Options{}, each(empty))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var nudging sync.WaitGroup
	stop := make(chan struct{})
	nudging.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				client.line.nudge()
			}
		}
	})
	for i := range 2000 {
		var resp Response
		if err := client.Do(ctx, get, false, &resp); err != nil || resp.Opened != (i == 0) {
			t.Errorf("request %d: %v, opened %v", i, err, resp.Opened)
			break
		}
	}
	close(stop)
	nudging.Wait()
	cancel()
	var resp Response
	if err := client.Do(ctx, get, false, &resp); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: %v", err)
	}
}

func TestANudgeThatCameTooLateDoesNotCloseAnIdleConnection(t *testing.T) {
	c := directly(t, Options{}, each("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	var resp Response
	get := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := c.Do(t.Context(), get, false, &resp); err != nil || !resp.Opened {
		t.Fatalf("%v, opened %v", err, resp.Opened)
	}
	c.line.waits.Store(1) // the answer has come, and whoever waits for it does not run yet
	c.line.nudge()
	c.line.waits.Store(0)
	c.line.since -= 10 // idle for long
	if err := c.Do(t.Context(), get, false, &resp); err != nil || resp.Opened {
		t.Errorf("%v, opened %v; want the same connection", err, resp.Opened)
	}
}

func TestAConnectionThatOutlivesWhoLookedAfterItIsLookedAfterAgain(t *testing.T) {
	l := new(line)
	stop := Idle()
	if !watched(l) {
		t.Fatal("nobody looks after it")
	}
	defer unwatched(l)
	stop()
	defer Idle()()
	idle.mu.Lock()
	defer idle.mu.Unlock()
	if _, ok := idle.lines[l]; !ok {
		t.Error("it was forgotten")
	}
}

func TestWaitingConnectionsHoldNoBuffer(t *testing.T) {
	client := directly(t, Options{KeepBody: true}, each("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+long))
	var resp Response
	for range 3 {
		if err := client.Do(t.Context(), get, false, &resp); err != nil || string(resp.Body) != long || client.buf != nil {
			t.Fatalf("%v, a body of %d bytes, a buffer of %d", err, len(resp.Body), len(client.buf))
		}
	}
}
