package db

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/plugins/internal/socket"
)

// turns is a connection that can send a statement and wait for its answer in
// one call of the poller.
//
// net.Conn reads once to learn that there is nothing yet, for every statement,
// and tells Go's scheduler of every call that might block, which takes the
// processor of a thread that is long in one: on a busy machine that costs as
// much as the calls. In a turn the poller's memory of the socket is wiped before
// the statement is written, so whatever comes after that wakes who waits. What
// came before does not, but a server that closed answers the statement with an
// error, and so does one that lives.
//
// Only after ask does a write wait for the read that follows it. Everything
// else is as in net.Conn: connecting, TLS, COPY, deadlines, closing.
type turns struct {
	net.Conn
	raw  syscall.RawConn
	step func(fd uintptr) (done bool) // bound once: a method value would be allocated

	asking  bool
	request []byte // what waits for the read

	into        []byte
	asked       bool
	wrote, got  int
	wrerr, rerr error
}

// longestTurn is the longest request, in bytes, that waits for a read. A write
// that takes long must let the runtime go on.
const longestTurn = 16 << 10

// dialTurns makes a dialer's connections take turns, where the system can.
func dialTurns(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newTurns(c), nil
	}
}

func newTurns(c net.Conn) net.Conn {
	sc, ok := c.(syscall.Conn)
	if !ok || !socket.Direct {
		return c
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return c
	}
	t := &turns{Conn: c, raw: raw}
	t.step = t.take
	return t
}

// turnsOf is what is below a connection, or below its TLS; nil where it takes
// no turns.
func turnsOf(c net.Conn) *turns {
	if above, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = above.NetConn()
	}
	t, _ := c.(*turns)
	return t
}

// ask says that what is written until the next read is a request, and that the
// read waits for its answer. Whoever asks writes and reads in one goroutine.
func (t *turns) ask() {
	if t != nil {
		t.asking = true
	}
}

// Write keeps a request for the read, or writes at once, what was kept first.
func (t *turns) Write(b []byte) (int, error) {
	if !t.asking { // COPY writes while it reads, so nothing is changed here
		return t.Conn.Write(b)
	}
	if len(t.request)+len(b) <= longestTurn {
		t.request = append(t.request, b...)
		return len(b), nil
	}
	t.asking = false
	if len(t.request) > 0 {
		_, err := t.Conn.Write(t.request)
		t.request = t.request[:0]
		if err != nil {
			return 0, err
		}
	}
	return t.Conn.Write(b)
}

// Read sends the request, if there is one, and waits for what comes after it.
func (t *turns) Read(b []byte) (int, error) {
	if !t.asking || len(t.request) == 0 || len(b) == 0 {
		return t.Conn.Read(b)
	}
	t.asking = false
	t.into, t.asked, t.wrote, t.wrerr, t.got, t.rerr = b, false, 0, nil, 0, nil
	err := t.raw.Read(t.step)
	rest := t.request[t.wrote:]
	t.request, t.into = t.request[:0], nil
	switch {
	case err != nil:
		return 0, err
	case t.wrerr != nil && !errors.Is(t.wrerr, syscall.EAGAIN):
		return t.lastWords(b)
	case len(rest) > 0:
		if _, err := t.Conn.Write(rest); err != nil {
			return 0, err
		}
		return t.Conn.Read(b)
	case t.rerr != nil:
		return 0, t.failed("read", t.rerr)
	case t.got == 0:
		return 0, io.EOF
	}
	return t.got, nil
}

// take is called for a socket of which nothing is known, and again when
// something came.
func (t *turns) take(fd uintptr) (done bool) {
	if !t.asked {
		t.asked = true
		t.wrote, t.wrerr = socket.Write(fd, t.request)
		return t.wrote < len(t.request)
	}
	t.got, t.rerr = socket.Read(fd, t.into)
	return !errors.Is(t.rerr, syscall.EAGAIN)
}

// lastWords is what a server said before it went away: why, most often. Where
// it said nothing, the write's error tells.
func (t *turns) lastWords(b []byte) (int, error) {
	if errors.Is(t.wrerr, syscall.EPIPE) || errors.Is(t.wrerr, syscall.ECONNRESET) {
		if n, _ := t.Conn.Read(b); n > 0 {
			return n, nil
		}
	}
	return 0, t.failed("write", t.wrerr)
}

// failed is an error as net.Conn has it.
func (t *turns) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: t.LocalAddr().Network(), Source: t.LocalAddr(), Addr: t.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}
