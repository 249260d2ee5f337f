package result

import (
	"bytes"
	"strconv"
	"strings"
)

// liftClocks takes the object at i out of the document, if it is just what
// Encode writes, in any order and with any whitespace. Anything else is left
// to the decoder of JSON, which knows what to say of it.
func (s *scanner) liftClocks(i int) (end int, ok bool) {
	r := clockReader{raw: s.raw, at: i}
	var c Clocks
	var seen members
	if !r.members(func(key []byte) bool {
		switch string(key) {
		case "response":
			return seen.first(0) && r.histogram(&c.Response)
		case "service":
			return seen.first(1) && r.histogram(&c.Service)
		case "lag":
			return seen.first(2) && r.histogram(&c.Lag)
		case "wait":
			return seen.first(3) && r.histogram(&c.Wait)
		}
		return false
	}) {
		return 0, false
	}
	s.add()
	for _, part := range r.parts {
		s.hash.Write(s.raw[part.from:part.to])
	}
	s.clocks = append(s.clocks, c)
	s.slim = append(s.slim, `{"response":{"v2":"`+s.mark+strconv.Itoa(len(s.clocks)-1)+`"}}`...)
	s.hashed = len(s.slim)
	return r.at, true
}

// lower puts the clocks back that were lifted out of a run's text. It returns
// false when one did not find its place, or not alone: then a member is in the
// text twice.
func (s *scanned) lower(run *Run) bool {
	left := len(s.clocks)
	for i := range run.Benchmarks {
		rounds := run.Benchmarks[i].Rounds
		for k := range rounds {
			c := &rounds[k].Clocks
			at, ok := strings.CutPrefix(c.Response.V2, s.mark)
			if !ok {
				continue
			}
			n, err := strconv.Atoi(at)
			if err != nil || *c != (Clocks{Response: Histogram{V2: c.Response.V2}}) {
				return false
			}
			*c = s.clocks[n]
			left--
		}
	}
	return left == 0
}

// clockReader reads the clocks of a round. Its methods return false for what
// is not as it is written by Encode.
type clockReader struct {
	raw   []byte
	at    int
	parts []span // of raw, without the whitespace between them
}

type span struct{ from, to int }

// members says which members of an object were read.
type members uint8

// first says that a member was not read before.
func (m *members) first(k int) bool {
	again := *m&(1<<k) != 0
	*m |= 1 << k
	return !again
}

// skip passes over whitespace.
func (r *clockReader) skip() {
	for r.at < len(r.raw) {
		switch r.raw[r.at] {
		case ' ', '\n', '\r', '\t':
			r.at++
		default:
			return
		}
	}
}

// take passes over n bytes, which count.
func (r *clockReader) take(n int) {
	if last := len(r.parts) - 1; last >= 0 && r.parts[last].to == r.at {
		r.parts[last].to += n
	} else {
		r.parts = append(r.parts, span{r.at, r.at + n})
	}
	r.at += n
}

func (r *clockReader) byte(c byte) bool {
	r.skip()
	if r.at == len(r.raw) || r.raw[r.at] != c {
		return false
	}
	r.take(1)
	return true
}

// members reads an object, with its values left to value.
func (r *clockReader) members(value func(key []byte) bool) bool {
	if !r.byte('{') {
		return false
	}
	if r.byte('}') {
		return true
	}
	for {
		key, ok := r.plain()
		if !ok || !r.byte(':') || !value(key) {
			return false
		}
		if !r.byte(',') {
			return r.byte('}')
		}
	}
}

// plain reads a text of letters, digits, '+', '/' and '=', such as base64.
func (r *clockReader) plain() ([]byte, bool) {
	if r.skip(); r.at == len(r.raw) || r.raw[r.at] != '"' {
		return nil, false
	}
	n := bytes.IndexByte(r.raw[r.at+1:], '"')
	if n < 0 {
		return nil, false
	}
	text := r.raw[r.at+1 : r.at+1+n]
	for _, c := range text {
		if !isPlain[c] {
			return nil, false
		}
	}
	r.take(n + 2)
	return text, true
}

var isPlain = func() (is [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=" {
		is[c] = true
	}
	return is
}()

func (r *clockReader) histogram(h *Histogram) bool {
	var seen members
	return r.members(func(key []byte) bool {
		switch string(key) {
		case "v2":
			v2, ok := r.plain()
			h.V2 = string(v2)
			return ok && seen.first(0)
		case "count":
			n, err := strconv.ParseUint(string(r.number()), 10, 64)
			h.Count = n
			return err == nil && seen.first(1)
		case "mean":
			return seen.first(2) && r.quantity(&h.Mean)
		case "p50":
			return seen.first(3) && r.quantity(&h.P50)
		case "p95":
			return seen.first(4) && r.quantity(&h.P95)
		case "p99":
			return seen.first(5) && r.quantity(&h.P99)
		case "max":
			return seen.first(6) && r.quantity(&h.Max)
		}
		return false
	})
}

// quantity reads a number or null.
func (r *clockReader) quantity(to **float64) bool {
	r.skip()
	if bytes.HasPrefix(r.raw[r.at:], []byte("null")) {
		r.take(len("null"))
		return true
	}
	x, err := strconv.ParseFloat(string(r.number()), 64)
	*to = &x
	return err == nil
}

// number reads a number as JSON has it, or nothing.
func (r *clockReader) number() []byte {
	r.skip()
	rest := r.raw[r.at:]
	n := 0
	digits := func() bool {
		from := n
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		return n > from
	}
	is := func(some string) bool {
		if n < len(rest) && strings.IndexByte(some, rest[n]) >= 0 {
			n++
			return true
		}
		return false
	}
	is("-")
	if !is("0") && !digits() || is(".") && !digits() {
		return nil
	}
	if is("eE") {
		is("+-")
		if !digits() {
			return nil
		}
	}
	if n < len(rest) && literal(rest[n]) {
		return nil
	}
	r.take(n)
	return rest[:n]
}
