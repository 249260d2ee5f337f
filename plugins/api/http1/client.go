// Package http1 is an HTTP/1.1 client for generating load: one connection, one
// request at a time, one goroutine.
//
// It writes requests that the caller has built, byte for byte, and reads
// answers as strictly as RFC 9112 allows: what frames an answer ambiguously is
// a [ProtocolError], never a guess and never a wait. It does not pipeline, does
// not repeat a request, follows nothing, decompresses nothing and keeps no
// cookies. Whoever needs HTTP/2, redirects or a proxy takes net/http, which
// costs several times as much for each request.
package http1

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Options of a Client.
type Options struct {
	// Dial opens a connection, with TLS where that is wanted.
	Dial func(context.Context) (net.Conn, error)
	// Sent is called when a connection is there, before a request is written.
	Sent func()
	// MaxHeader is the most bytes of a status line with its headers, of all
	// trailers, and of a chunk's line; 0 means 64 KiB.
	MaxHeader int
	// MaxBody is the most bytes of a body; 0 means no limit.
	MaxBody int64
	// PerConnection is after how many requests a connection is closed; 0 means
	// never.
	PerConnection int
	// KeepHeader and KeepBody keep them in the Response.
	KeepHeader, KeepBody bool
	// FirstByte times the first byte of the answer, with two more clock reads.
	FirstByte bool
}

const (
	defaultHeader = 64 << 10
	interims      = 16 // interim answers before the final one
)

// Errors that [Client.Do] wraps.
var (
	ErrBodyTooLarge = errors.New("the body is larger than allowed")
	// ErrClosed is a connection that the server closed before the answer, or in
	// the middle of it.
	ErrClosed = fmt.Errorf("the server closed the connection before the answer was complete: %w", io.ErrUnexpectedEOF)
)

// ProtocolError is an answer that is not HTTP/1.1 as it should be.
type ProtocolError struct{ What string }

func (e *ProtocolError) Error() string { return "malformed answer: " + e.What }

func malformed(format string, args ...any) error { return &ProtocolError{fmt.Sprintf(format, args...)} }

// Client does requests over one connection, which it opens when there is none.
// Its methods are for one goroutine.
type Client struct {
	o    Options
	line line
	buf  []byte // lent by a pool while there is something to read; nil otherwise
	r, w int    // what has been read and not been taken is buf[r:w]

	turn  turn
	frame frame
}

// New returns a client without a connection.
func New(o Options) *Client {
	if o.MaxHeader == 0 {
		o.MaxHeader = defaultHeader
	}
	c := &Client{o: o}
	c.turn.step = c.step
	return c
}

// Response is an answer. It is the caller's, who passes it again to have its
// memory used again.
type Response struct {
	Status int
	Minor  int    // of HTTP/1.x
	Length int64  // bytes of the body
	Body   []byte // with Options.KeepBody

	Opened    bool          // this request opened the connection
	Connect   time.Duration // to do so, with TLS
	FirstByte time.Duration // from before the request was written; with Options.FirstByte

	header []byte // lines with their line breaks
}

// Do writes the request and reads its answer. head says that the method is
// HEAD. The end of ctx ends it.
//
// After an error the connection is closed. An error of the connection itself is
// a net.Error; a server that closed it is [ErrClosed].
func (c *Client) Do(ctx context.Context, request []byte, head bool, resp *Response) error {
	resp.Opened, resp.Connect, resp.FirstByte = false, 0, 0
	resp.header, resp.Body, resp.Length = resp.header[:0], resp.Body[:0], 0
	if err := c.line.ready(ctx, c.o.Dial, resp); err != nil {
		return err
	}
	keep, err := c.exchange(request, head, resp)
	c.giveBack()
	if err != nil {
		c.line.close()
		return c.line.cause(ctx, err)
	}
	if !keep || c.line.done(c.o.PerConnection) {
		c.line.close()
	}
	return nil
}

// exchange writes a request and reads the answer. keep says that the
// connection may serve another one.
func (c *Client) exchange(request []byte, head bool, resp *Response) (keep bool, err error) {
	var start time.Time
	if c.o.Sent != nil {
		c.o.Sent()
	}
	if c.o.FirstByte {
		start = time.Now()
	}
	// A server may answer and close before it has read all of a request.
	werr, err := c.ask(request)
	if err == nil && c.o.FirstByte {
		resp.FirstByte = time.Since(start)
	}
	if err == nil {
		err = c.answer(head, resp)
	}
	if err != nil {
		return false, cmp.Or(werr, err)
	}
	if c.r != c.w {
		return false, malformed("%d bytes follow it that nobody asked for", c.w-c.r)
	}
	return werr == nil && c.frame.persistent, nil
}

// answer reads the final answer with its body.
func (c *Client) answer(head bool, resp *Response) error {
	for range interims + 1 {
		if err := c.head(resp); err != nil {
			return err
		}
		switch {
		case resp.Status == 101:
			return malformed("101 Switching Protocols, which was not asked for")
		case resp.Status >= 200:
			return c.body(head, resp)
		}
	}
	return malformed("more than %d interim answers", interims)
}

// Close closes the connection, if there is one.
func (c *Client) Close() error {
	c.line.forget()
	return c.line.close()
}

// fill reads more into the buffer, after what is there already.
func (c *Client) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	switch {
	case c.buf == nil:
		c.borrow(smallBuffer)
	case c.w < len(c.buf):
	case c.r > 0:
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	default:
		c.borrow(2 * len(c.buf))
	}
	n, err := c.line.read(c.buf[c.w:])
	c.w += n
	switch {
	case n > 0:
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return ErrClosed
	}
	return err
}
