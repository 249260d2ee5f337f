package db

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/plugins/internal/socket"
	"github.com/benchharness/harness/sdk"
)

// turnsWith connects to a server that does what serve says. Both ends are
// closed, and the server has returned, at the end of the test.
func turnsWith(t *testing.T, serve func(net.Conn)) *turns {
	t.Helper()
	if !socket.Direct {
		t.Skip("this system takes no turns")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		serve(c)
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		<-served
	})
	w, ok := newTurns(c).(*turns)
	if !ok {
		t.Fatal("a TCP connection takes no turns")
	}
	return w
}

// echo answers everything with itself.
func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func TestARequestWaitsForItsReadAndNothingElseDoes(t *testing.T) {
	c := turnsWith(t, echo)
	buf := make([]byte, 64)
	for _, text := range []string{"one", "two"} {
		c.ask()
		for _, part := range []string{text, "!"} {
			if n, err := c.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatalf("write: %d, %v", n, err)
			}
		}
		if string(c.request) != text+"!" {
			t.Fatalf("%q waits, want %q", c.request, text+"!")
		}
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != text+"!" {
			t.Fatalf("read %q, %v", buf[:n], err)
		}
		if _, err := c.Write([]byte("plain")); err != nil || len(c.request) != 0 {
			t.Fatalf("a plain write: %v, %q waits", err, c.request)
		}
		if _, err := io.ReadFull(c, buf[:5]); err != nil || string(buf[:5]) != "plain" {
			t.Fatalf("read %q, %v", buf[:5], err)
		}
	}
}

func TestALongRequestFollowsWhatWasKept(t *testing.T) {
	c := turnsWith(t, echo)
	want := make([]byte, longestTurn+100)
	_, _ = rand.Read(want)
	c.ask()
	for _, part := range [][]byte{want[:100], want[100:]} {
		if _, err := c.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the answer is another (%v)", err)
	}
}

func TestARequestIsSentAsAWholeWhereTheSystemTakesAPart(t *testing.T) {
	go1 := make(chan struct{})
	seen := make(chan []byte, 1)
	full := 0
	c := turnsWith(t, func(c net.Conn) {
		<-go1
		all := make([]byte, full+longestTurn)
		_, _ = io.ReadFull(c, all)
		seen <- all[full:]
		_, _ = c.Write([]byte("ok"))
	})
	// Nobody reads, so that the socket is full but for less than a request.
	if err := c.raw.Write(func(fd uintptr) bool {
		for {
			n, err := socket.Write(fd, make([]byte, 1<<14))
			full += n
			if err != nil {
				return true
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, longestTurn)
	_, _ = rand.Read(want)
	c.ask()
	if _, err := c.Write(want); err != nil {
		t.Fatal(err)
	}
	close(go1)
	buf := make([]byte, 8)
	n, err := c.Read(buf)
	if err != nil || string(buf[:n]) != "ok" {
		t.Fatalf("read %q, %v", buf[:n], err)
	}
	if !bytes.Equal(<-seen, want) {
		t.Error("the server saw another request")
	}
}

func TestABrokenConnectionEndsATurn(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		do    func(*turns)
		want  func(error) bool
	}{
		{"the server closes after the request", func(c net.Conn) { _, _ = c.Read(make([]byte, 8)) }, nil,
			func(err error) bool { return errors.Is(err, io.EOF) }},
		{"the server resets", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 8))
			_ = c.(*net.TCPConn).SetLinger(0)
		}, nil, func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{"a deadline that is over", echo, func(c *turns) { _ = c.SetDeadline(time.Unix(1, 0)) },
			func(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }},
		{"a deadline that comes while it waits", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, func(c *turns) {
			_ = c.SetDeadline(time.Now().Add(20 * time.Millisecond))
		}, func(err error) bool {
			var n net.Error
			return errors.As(err, &n) && n.Timeout()
		}},
		{"closed on this side", echo, func(c *turns) { _ = c.Close() }, func(err error) bool { return errors.Is(err, net.ErrClosed) }},
		{"written to no more", echo, func(c *turns) { _ = c.Conn.(*net.TCPConn).CloseWrite() },
			func(err error) bool { return errors.Is(err, syscall.EPIPE) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := turnsWith(t, c.serve)
			if c.do != nil {
				c.do(w)
			}
			w.ask()
			if _, err := w.Write([]byte("request")); err != nil {
				t.Fatal(err)
			}
			if n, err := w.Read(make([]byte, 8)); n != 0 || !c.want(err) {
				t.Errorf("read %d, %v", n, err)
			}
		})
	}
}

func TestAnInterruptEndsATurnThatWaits(t *testing.T) {
	asked := make(chan struct{})
	c := turnsWith(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 8))
		close(asked)
		_, _ = io.Copy(io.Discard, c)
	})
	go func() {
		<-asked
		_ = c.SetDeadline(time.Unix(1, 0))
	}()
	c.ask()
	_, _ = c.Write([]byte("request"))
	if n, err := c.Read(make([]byte, 8)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d, %v", n, err)
	}
}

func TestThreadsAreLimitedInClosedRoundsAndGivenBack(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(before)
	s := &session{threads: 1}
	for _, c := range []struct {
		open bool
		want int
	}{{true, 3}, {false, 1}} {
		first := s.ReadyRound(c.open)
		second := s.ReadyRound(c.open)
		first()
		if got := runtime.GOMAXPROCS(0); got != c.want {
			t.Errorf("open %v: %d threads, want %d", c.open, got, c.want)
		}
		if second(); runtime.GOMAXPROCS(0) != 3 {
			t.Errorf("open %v: %d threads afterwards, want 3", c.open, runtime.GOMAXPROCS(0))
		}
	}
}

func TestStatementsTakeTurnsAndAllocateLittle(t *testing.T) {
	x := prepare(t, "pgbench", sharedServer(t).DSN(), map[string]any{"script": selectOnly, "threads": 1},
		func(r *sdk.SetupRequest) { r.MaxWorkers = 1 })
	x.allOK(1, 10)
	c := x.session.slots[0].conn
	if c.turns == nil && socket.Direct {
		t.Fatal("the connection takes no turns")
	}
	j := newScriptJob(scripts[selectOnly], 1, false)
	op := &sdk.Op{}
	if n := testing.AllocsPerRun(100, func() {
		if err := j.do(c, op); err != nil {
			t.Fatal(err)
		}
	}); n > 2 {
		t.Errorf("%v allocations for a statement, want at most 2", n)
	}
}
