package http1

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/benchharness/harness/plugins/internal/socket"
)

// line is the connection of a client, and the watch over its context.
type line struct {
	conn   net.Conn        // written under mu, by the client's goroutine
	raw    syscall.RawConn // of its socket; nil where there is none
	direct bool            // its bytes are those of the socket: no TLS
	used   int             // requests it has served
	since  uint32          // epoch of the last one
	waits  atomic.Uint64   // epoch since which an answer is waited for, plus one; 0: none is

	mu      sync.Mutex
	ctx     context.Context // the one that is watched
	unwatch func() bool
	nudged  bool // the deadline that is over is a nudge
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// ready makes sure that there is a connection and that the end of ctx ends what
// is done on it.
func (l *line) ready(ctx context.Context, dial func(context.Context) (net.Conn, error), resp *Response) error {
	if ctx != l.ctx {
		l.watch(ctx)
	}
	if l.conn != nil && idle.epoch.Load()-l.since >= 2 && l.stale() {
		_ = l.close() // the server did already
	}
	if l.conn != nil {
		return nil
	}
	start := time.Now()
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	resp.Opened, resp.Connect = true, time.Since(start)
	l.mu.Lock()
	l.conn, l.used, l.since = conn, 0, idle.epoch.Load()
	l.mu.Unlock()
	l.raw = rawConn(conn)
	_, tcp := conn.(*net.TCPConn)
	l.direct = socket.Direct && tcp && l.raw != nil && watched(l)
	if err := ctx.Err(); err != nil { // it ended before there was something to end
		_ = l.close()
		return context.Cause(ctx)
	}
	return nil
}

// watch ends the reads and writes of the connection when ctx ends. The context
// before it may have ended between two requests, which says nothing about the
// connection.
func (l *line) watch(ctx context.Context) {
	l.forget()
	l.mu.Lock()
	l.ctx, l.nudged = ctx, false
	if l.conn != nil {
		_ = l.conn.SetDeadline(time.Time{}) // a connection that is closed will say so
	}
	l.mu.Unlock()
	l.unwatch = context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.ctx == ctx && l.conn != nil {
			_ = l.conn.SetDeadline(past) // a connection that is closed has ended, too
		}
	})
}

// forget ends the watch.
func (l *line) forget() {
	if l.unwatch != nil {
		l.unwatch()
		l.unwatch = nil
	}
	l.mu.Lock()
	l.ctx = nil
	l.mu.Unlock()
}

// done counts a request that was answered, and says whether it was the last.
func (l *line) done(most int) bool {
	l.used++
	l.since = idle.epoch.Load()
	return most > 0 && l.used >= most
}

func (l *line) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	if l.direct {
		unwatched(l)
	}
	err := l.conn.Close()
	l.conn, l.raw, l.direct, l.nudged = nil, nil, false, false
	return err
}

// cause is why the context ended, if it did, and err otherwise.
func (l *line) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func rawConn(conn net.Conn) syscall.RawConn {
	if under, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = under.NetConn()
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// stale says that the server closed the connection, or sent something that
// nobody asked for, while it was idle.
func (l *line) stale() bool {
	if l.raw == nil {
		return false
	}
	var b [1]byte
	quiet := false
	look := func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = n <= 0 && (err == syscall.EAGAIN || err == syscall.EINTR)
		return true
	}
	err := l.raw.Read(look)
	for err != nil && l.nudgedBy(err) { // it came just after the last answer, and nothing has read since
		err = l.raw.Read(look)
	}
	return err != nil || !quiet
}
