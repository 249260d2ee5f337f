package http1

import "sync"

// Sizes of buffers.
const (
	smallBuffer = 4 << 10  // until a body needs more
	largeBuffer = 32 << 10 // for the reads of large bodies
)

// A connection that waits for its answer needs no buffer: thousands that wait
// share those of the few that read.
var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// borrow makes the buffer n bytes long, which is longer than it was, and keeps
// what is in it.
func (c *Client) borrow(n int) {
	var b []byte
	switch n {
	case smallBuffer:
		b = smallBuffers.Get().(*[smallBuffer]byte)[:]
	case largeBuffer:
		b = largeBuffers.Get().(*[largeBuffer]byte)[:]
	default:
		b = make([]byte, n)
	}
	r, w := c.r, c.w
	copy(b, c.buf[:w])
	c.giveBack()
	c.buf, c.r, c.w = b, r, w
}

// giveBack is the end of a request: nothing of the buffer is needed any more.
func (c *Client) giveBack() {
	switch len(c.buf) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(c.buf))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(c.buf))
	}
	c.buf, c.r, c.w = nil, 0, 0
}
