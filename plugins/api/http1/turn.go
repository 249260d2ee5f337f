package http1

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/benchharness/harness/plugins/internal/socket"
)

// A turn is one request and the wait for its answer on a socket, in one call of
// the poller.
//
// What net.Conn costs beyond writing and reading is a read that fails, for
// every request: it reads to learn that there is nothing yet, and only then
// waits. A turn waits at once. That is safe because the poller's memory of the
// socket is wiped before the request is written: whatever comes after it wakes
// the turn. What came before it does not, such as the end of a connection that
// the server closed a moment ago and still reads from; after some tenths of a
// second without an answer the line is nudged for that, and read once.
type turn struct {
	step func(fd uintptr) (done bool) // bound once: a method value would be allocated

	request []byte
	asked   bool // the request was written, or as much as the system took
	wrote   int
	werr    error
	got     int
	rerr    error
}

// longestTurn is the longest request of a turn. Longer ones are written by
// net.Conn: a write that takes long must let the runtime go on.
const longestTurn = 16 << 10

// ask writes a request and reads the beginning of its answer. werr says why the
// request was not written as a whole, err why there is no answer.
func (c *Client) ask(request []byte) (werr, err error) {
	if !c.line.direct || len(request) > longestTurn {
		return c.askSlowly(request)
	}
	t := &c.turn
	t.request, t.asked, t.wrote, t.werr, t.got, t.rerr = request, false, 0, nil, 0, nil
	c.line.waits.Store(uint64(idle.epoch.Load()) + 1)
	err = c.line.raw.Read(t.step)
	c.line.waits.Store(0)
	t.request = nil
	switch {
	case err != nil && !c.line.nudgedBy(err):
		return nil, err
	case !t.asked:
		return c.askSlowly(request)
	case t.werr != nil && !errors.Is(t.werr, syscall.EAGAIN):
		return c.failed("write", t.werr), c.fill()
	case t.wrote < len(request):
		_, werr = c.line.conn.Write(request[t.wrote:])
		return werr, c.fill()
	case err != nil:
		return nil, c.fill()
	case t.rerr != nil:
		return nil, c.failed("read", t.rerr)
	case t.got == 0:
		return nil, ErrClosed
	}
	c.w = t.got
	return nil, nil
}

// step is called for a socket of which nothing is known, and again when
// something came.
func (c *Client) step(fd uintptr) (done bool) {
	t := &c.turn
	if !t.asked {
		t.wrote, t.werr = socket.Write(fd, t.request)
		t.asked = true
		return t.wrote < len(t.request)
	}
	if c.buf == nil {
		c.borrow(smallBuffer)
	}
	t.got, t.rerr = socket.Read(fd, c.buf)
	return !errors.Is(t.rerr, syscall.EAGAIN)
}

// askSlowly is ask for any connection.
func (c *Client) askSlowly(request []byte) (werr, err error) {
	_, werr = c.line.conn.Write(request)
	return werr, c.fill()
}

// failed is an error as net.Conn has it.
func (c *Client) failed(op string, err error) error {
	conn := c.line.conn
	return &net.OpError{Op: op, Net: conn.LocalAddr().Network(), Source: conn.LocalAddr(), Addr: conn.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}
