package http1

import (
	"bytes"
	"strconv"
)

// frame is what the head of an answer says of its body and the connection.
type frame struct {
	length     int64 // -1: not said
	chunked    bool
	persistent bool
}

// head reads a status line and the headers behind it.
func (c *Client) head(resp *Response) error {
	resp.header = resp.header[:0]
	c.frame = frame{length: -1}
	off, err := c.status(resp)
	if err != nil {
		return err
	}
	for {
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
		if err := c.field(text, resp.Minor); err != nil {
			return err
		}
		if c.o.KeepHeader {
			resp.header = append(append(resp.header, text...), "\r\n"...)
		}
	}
}

// status reads the status line. It returns the length of the line.
func (c *Client) status(resp *Response) (int, error) {
	n, err := c.lineAt(0, c.o.MaxHeader)
	if err != nil {
		return 0, err
	}
	text := c.buf[c.r : c.r+n]
	const form = "HTTP/1.x 200"
	ok := n >= len(form) && string(text[:7]) == "HTTP/1." && (text[7] == '0' || text[7] == '1') && text[8] == ' ' && (n == len(form) || text[12] == ' ')
	for i := 9; ok && i < 12; i++ {
		ok = '0' <= text[i] && text[i] <= '9'
	}
	if !ok || text[9] == '0' {
		return 0, malformed("the status line is %s", clip(text))
	}
	resp.Minor = int(text[7] - '0')
	resp.Status = int(text[9]-'0')*100 + int(text[10]-'0')*10 + int(text[11]-'0')
	c.frame.persistent = resp.Minor == 1
	return n + 2, nil
}

// lineAt makes sure that the buffer holds a line that begins off bytes after r,
// and returns its length without the line break, which has to be CR LF. All up
// to its end may take limit bytes.
func (c *Client) lineAt(off, limit int) (int, error) {
	for searched := off; ; {
		if i := bytes.IndexByte(c.buf[c.r+searched:c.w], '\n'); i >= 0 {
			n := searched + i - off
			if n == 0 || c.buf[c.r+off+n-1] != '\r' {
				return 0, malformed("a line does not end with CR LF: %s", clip(c.buf[c.r+off:c.r+off+n]))
			}
			if off+n > limit {
				return 0, malformed("headers of more than %d bytes", limit)
			}
			return n - 1, nil
		}
		searched = c.w - c.r
		if searched > limit {
			return 0, malformed("headers of more than %d bytes", limit)
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
}

// field takes in one header.
func (c *Client) field(text []byte, minor int) error {
	colon := bytes.IndexByte(text, ':')
	if colon <= 0 || !token(text[:colon]) {
		return malformed("the header %s", clip(text))
	}
	value := bytes.Trim(text[colon+1:], " \t")
	for _, b := range value {
		if b < ' ' && b != '\t' || b == 0x7f {
			return malformed("a control character in the header %s", clip(text))
		}
	}
	name := text[:colon]
	switch len(name) {
	case len("connection"):
		if bytes.EqualFold(name, []byte("connection")) {
			c.connection(value)
		}
	case len("content-length"):
		if bytes.EqualFold(name, []byte("content-length")) {
			return c.contentLength(value)
		}
	case len("transfer-encoding"):
		if bytes.EqualFold(name, []byte("transfer-encoding")) {
			return c.transferEncoding(value, minor)
		}
	}
	return nil
}

func (c *Client) connection(value []byte) {
	for option := range bytes.SplitSeq(value, []byte(",")) {
		switch option = bytes.Trim(option, " \t"); {
		case bytes.EqualFold(option, []byte("close")):
			c.frame.persistent = false
		case bytes.EqualFold(option, []byte("keep-alive")):
			c.frame.persistent = true
		}
	}
}

// contentLength takes in a length. Two of them have to agree (RFC 9112, 6.3).
func (c *Client) contentLength(value []byte) error {
	n, ok := decimal(value)
	switch {
	case c.frame.chunked:
		return malformed("both Transfer-Encoding and Content-Length")
	case !ok:
		return malformed("Content-Length is %s", clip(value))
	case c.frame.length >= 0 && c.frame.length != n:
		return malformed("two lengths, %d and %d", c.frame.length, n)
	}
	c.frame.length = n
	return nil
}

func (c *Client) transferEncoding(value []byte, minor int) error {
	switch {
	case c.frame.length >= 0:
		return malformed("both Transfer-Encoding and Content-Length")
	case c.frame.chunked || minor == 0 || !bytes.EqualFold(value, []byte("chunked")):
		return malformed("Transfer-Encoding is %s, of HTTP/1.%d; want chunked once", clip(value), minor)
	}
	c.frame.chunked = true
	return nil
}

// decimal reads digits and nothing else.
func decimal(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 18 { // of 19 digits not every number fits
		return 0, false
	}
	n := int64(0)
	for _, b := range text {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + int64(b-'0')
	}
	return n, true
}

// tokens are the characters of a header's name (RFC 9110, 5.6.2).
var tokens = func() (t [256]bool) {
	for b := range 128 {
		t[b] = 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), byte(b)) >= 0
	}
	return t
}()

func token(name []byte) bool {
	for _, b := range name {
		if !tokens[b] {
			return false
		}
	}
	return true
}

// clip quotes the beginning of what a server sent.
func clip(text []byte) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}

// Header returns the value of a header, or "" if there is none. It needs
// Options.KeepHeader. Of several it returns the first.
func (r *Response) Header(name string) string {
	rest := r.header
	for len(rest) > 0 {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if key, value, _ := bytes.Cut(text, []byte(":")); bytes.EqualFold(key, []byte(name)) {
			return string(bytes.Trim(value, " \t"))
		}
	}
	return ""
}
