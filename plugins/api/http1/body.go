package http1

import (
	"bytes"
	"errors"
	"fmt"
)

// body reads the body that the head has announced (RFC 9112, 6.3).
func (c *Client) body(head bool, resp *Response) error {
	switch {
	case head || resp.Status == 204 || resp.Status == 304:
		return nil
	case c.frame.chunked:
		return c.chunks(resp)
	case c.frame.length >= 0:
		return c.take(c.frame.length, resp)
	}
	return c.rest(resp)
}

// take reads n bytes of the body.
func (c *Client) take(n int64, resp *Response) error {
	if resp.Length += n; c.o.MaxBody > 0 && resp.Length > c.o.MaxBody {
		return fmt.Errorf("%w: %d bytes, the most is %d", ErrBodyTooLarge, resp.Length, c.o.MaxBody)
	}
	if n > int64(len(c.buf)) && len(c.buf) < largeBuffer {
		c.borrow(largeBuffer)
	}
	for {
		have := min(n, int64(c.w-c.r))
		if c.o.KeepBody {
			resp.Body = append(resp.Body, c.buf[c.r:c.r+int(have)]...)
		}
		c.r += int(have)
		if n -= have; n == 0 {
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// rest reads a body that ends with the connection.
func (c *Client) rest(resp *Response) error {
	c.frame.persistent = false
	for {
		if err := c.take(int64(c.w-c.r), resp); err != nil {
			return err
		}
		switch err := c.fill(); {
		case errors.Is(err, ErrClosed):
			return nil
		case err != nil:
			return err
		}
	}
}

// chunks reads a chunked body and its trailers (RFC 9112, 7.1).
func (c *Client) chunks(resp *Response) error {
	for {
		size, err := c.chunkSize()
		if err != nil {
			return err
		}
		if size == 0 {
			return c.trailers()
		}
		if err := c.take(size, resp); err != nil {
			return err
		}
		for c.w-c.r < 2 {
			if err := c.fill(); err != nil {
				return err
			}
		}
		if string(c.buf[c.r:c.r+2]) != "\r\n" {
			return malformed("a chunk of %d bytes is longer than it says", size)
		}
		c.r += 2
	}
}

// chunkSize reads the line before a chunk. Extensions are ignored.
func (c *Client) chunkSize() (int64, error) {
	n, err := c.lineAt(0, c.o.MaxHeader)
	if err != nil {
		return 0, err
	}
	text := c.buf[c.r : c.r+n]
	c.r += n + 2
	digits, _, _ := bytes.Cut(text, []byte(";"))
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 {
		return 0, malformed("the size of a chunk is %s", clip(text))
	}
	size := int64(0)
	for _, b := range digits {
		switch {
		case '0' <= b && b <= '9':
			b -= '0'
		case 'a' <= b && b <= 'f':
			b -= 'a' - 10
		case 'A' <= b && b <= 'F':
			b -= 'A' - 10
		default:
			return 0, malformed("the size of a chunk is %s", clip(text))
		}
		size = size<<4 | int64(b)
	}
	return size, nil
}

// trailers reads the fields behind the last chunk. None of them may say
// anything about the framing.
func (c *Client) trailers() error {
	for off := 0; ; {
		n, err := c.lineAt(off, c.o.MaxHeader)
		if err != nil {
			return err
		}
		text := c.buf[c.r+off : c.r+off+n]
		off += n + 2
		if n == 0 {
			c.r += off
			return nil
		}
		before := c.frame
		if err := c.field(text, 1); err != nil {
			return err
		}
		if c.frame != before {
			return malformed("the trailer %s", clip(text))
		}
	}
}
