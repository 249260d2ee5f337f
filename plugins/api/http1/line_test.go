package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// server answers with its handler, and counts the connections that it is given.
func server(t testing.TB, secure bool, h http.HandlerFunc) (*httptest.Server, func(context.Context) (net.Conn, error), *atomic.Int32) {
	t.Helper()
	opened := new(atomic.Int32)
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			opened.Add(1)
		}
	}
	var d net.Dialer
	dial := func(ctx context.Context) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", s.Listener.Addr().String())
	}
	if secure {
		s.StartTLS()
		plain := dial
		dial = func(ctx context.Context) (net.Conn, error) {
			conn, err := plain(ctx)
			if err != nil {
				return nil, err
			}
			config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			config.ServerName = "example.com" // httptest's certificate has it
			c := tls.Client(conn, config)
			return c, c.HandshakeContext(ctx)
		}
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	t.Cleanup(Idle()) // so that sockets are used directly, as in a run
	return s, dial, opened
}

var get = []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")

func TestAConnectionIsUsedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		secure bool
		per    int
		want   int32
	}{"for ever": {false, 0, 1}, "under TLS": {true, 0, 1}, "twice": {false, 2, 5}, "once": {true, 1, 10}} {
		t.Run(name, func(t *testing.T) {
			_, dial, opened := server(t, c.secure, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
			sent := 0
			client := New(Options{Dial: dial, PerConnection: c.per, KeepBody: true, FirstByte: true, Sent: func() { sent++ }})
			defer client.Close()
			var resp Response
			connects := int32(0)
			for range 10 {
				if err := client.Do(t.Context(), get, false, &resp); err != nil || string(resp.Body) != "hello" || resp.FirstByte <= 0 {
					t.Fatalf("%v, %q after %v", err, resp.Body, resp.FirstByte)
				}
				if resp.Opened {
					connects++
				}
				if resp.Opened != (resp.Connect > 0) {
					t.Errorf("opened %v in %v", resp.Opened, resp.Connect)
				}
			}
			if opened.Load() != c.want || connects != c.want || sent != 10 {
				t.Errorf("%d connections at the server, %d by the answers, %d sent; want %d and 10", opened.Load(), connects, sent, c.want)
			}
		})
	}
}

func TestAConnectionThatTheServerClosedWhileIdleIsOpenedAnew(t *testing.T) {
	defer Idle()()
	s, dial, opened := server(t, false, func(w http.ResponseWriter, _ *http.Request) {})
	client := New(Options{Dial: dial})
	defer client.Close()
	var resp Response
	if err := client.Do(t.Context(), get, false, &resp); err != nil {
		t.Fatal(err)
	}
	began := idle.epoch.Load()
	s.CloseClientConnections()
	for deadline := time.Now().Add(time.Minute); idle.epoch.Load()-began < 3 || !client.line.stale(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing of it was noticed")
		}
	}
	if err := client.Do(t.Context(), get, false, &resp); err != nil || !resp.Opened || opened.Load() != 2 {
		t.Errorf("%v, opened %v, %d connections", err, resp.Opened, opened.Load())
	}
}

func TestTheEndOfAContextEndsARequest(t *testing.T) {
	block := make(chan struct{})
	_, dial, _ := server(t, false, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Wait") != "" {
			<-block
		}
	})
	defer close(block)
	client := New(Options{Dial: dial})
	defer client.Close()
	var resp Response
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if err := client.Do(ctx, []byte("GET / HTTP/1.1\r\nHost: a\r\nWait: 1\r\n\r\n"), false, &resp); !errors.Is(err, why) {
		t.Fatalf("the error is %v, want the cause of the end", err)
	}
	for range 3 { // a context that has ended says nothing about the next
		if err := client.Do(t.Context(), get, false, &resp); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Do(ctx, get, false, &resp); !errors.Is(err, why) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// told says when somebody set a deadline.
type told struct {
	net.Conn
	at chan time.Time
}

func (c told) SetDeadline(t time.Time) error {
	err := c.Conn.SetDeadline(t)
	c.at <- t
	return err
}

func TestAContextThatEndsBetweenRequestsLeavesTheConnection(t *testing.T) {
	_, dial, opened := server(t, false, func(http.ResponseWriter, *http.Request) {})
	at := make(chan time.Time, 10)
	client := New(Options{Dial: func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		return told{conn, at}, err
	}})
	defer client.Close()
	var resp Response
	for range 3 { // as many rounds, each with a context of its own
		ctx, cancel := context.WithCancel(t.Context())
		if err := client.Do(ctx, get, false, &resp); err != nil {
			t.Fatal(err)
		}
		cancel()
		for d := range at {
			if d.Equal(past) {
				break
			}
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections, want the one", n)
	}
}

func TestAnAnswerBeforeTheRequestWasReadIsAnAnswer(t *testing.T) {
	_, dial, _ := server(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	client := New(Options{Dial: dial})
	defer client.Close()
	body := make([]byte, 1<<20)
	request := append([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n"), body...)
	var resp Response
	err := client.Do(t.Context(), request, false, &resp)
	reset := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) // the system may drop what was not read yet
	if err != nil && !reset || err == nil && resp.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, %v", resp.Status, err)
	}
}

func TestARefusedConnectionIsTheDialersError(t *testing.T) {
	client := New(Options{Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:1")
	}})
	var resp Response
	var op *net.OpError
	if err := client.Do(t.Context(), get, false, &resp); !errors.As(err, &op) || op.Op != "dial" {
		t.Errorf("the error is %v", err)
	}
}

// BenchmarkGet is one request over a kept connection on loopback, beside the
// same by net/http.
func BenchmarkGet(b *testing.B) {
	s, dial, _ := server(b, false, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "01234567890123456789012345678901234567890123456789")
	})
	b.Run("http1", func(b *testing.B) {
		b.ReportAllocs()
		c := New(Options{Dial: dial})
		defer c.Close()
		var resp Response
		for b.Loop() {
			if err := c.Do(b.Context(), get, false, &resp); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("net-http", func(b *testing.B) {
		b.ReportAllocs()
		r, _ := http.NewRequest(http.MethodGet, s.URL, nil)
		for b.Loop() {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}
