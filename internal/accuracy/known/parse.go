package known

import (
	"bytes"
	"errors"
	"strconv"
)

// maxHead is the most bytes of a request's head.
const maxHead = 8 << 10

var (
	errHead   = errors.New("the request's head is too long")
	errLength = errors.New("the request's content-length is malformed")
	endOfHead = []byte("\r\n\r\n")
	length    = []byte("content-length:")
	query     = []byte("?i=")
)

// head is what matters of a request's head.
type head struct {
	size  int   // bytes, with the empty line; 0: it is not complete
	body  int   // bytes of the body
	index int64 // −1: the path says none
}

// parse reads the head at the beginning of b.
func parse(b []byte) (head, error) {
	end := bytes.Index(b, endOfHead)
	if end < 0 {
		if len(b) >= maxHead {
			return head{}, errHead
		}
		return head{}, nil
	}
	h := head{size: end + len(endOfHead), index: -1}
	line, rest, _ := bytes.Cut(b[:end], []byte("\r\n"))
	if at := bytes.Index(line, query); at >= 0 {
		h.index = digits(line[at+len(query):])
	}
	for len(rest) > 0 {
		var field []byte
		field, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(field) < len(length) || !bytes.EqualFold(field[:len(length)], length) {
			continue
		}
		n, err := strconv.Atoi(string(bytes.TrimSpace(field[len(length):])))
		if err != nil || n < 0 {
			return head{}, errLength
		}
		h.body = n
	}
	return h, nil
}

// digits reads the number at the beginning of b, −1 if there is none.
func digits(b []byte) int64 {
	n, some := int64(0), false
	for _, c := range b {
		if c < '0' || c > '9' || n > 1e15 {
			break
		}
		n, some = n*10+int64(c-'0'), true
	}
	if !some {
		return -1
	}
	return n
}
