package result

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
)

// scanned is what one pass over a document's text finds out.
type scanned struct {
	schema string // of the document, "" where it is no plain text
	sum    string // the checksum that the content has
	// slim is the document without insignificant whitespace and, with lifted
	// clocks, without the text of those.
	slim   []byte
	clocks []Clocks
	mark   string // begins the text that stands in slim for clocks
	end    int    // where the document ends in the text; 0 where it does not
}

// scanner reads JSON text once: it leaves out the whitespace, sums what is
// left, and lifts the clocks of rounds, which are nearly all of a document,
// out of it. It checks no more syntax than it needs for that: what is wrong
// shows when slim is decoded.
type scanner struct {
	raw  []byte
	lift bool // the clocks
	scanned
	hash   hash.Hash
	hashed int // bytes of slim that are in hash, or were left out of slim
	path   []level
	sums   int
}

// level is an object or a list around the place that is read.
type level struct {
	list bool
	key  string // of the member that is read, and only where it matters
	name bool   // the next text is the key of a member
}

var errEnd = errors.New("text ends in the middle")

// scan reads the document that text begins with. With lift it is to be a run.
// Of text that is no JSON the result means nothing.
func scan(raw []byte, lift bool) (scanned, error) {
	s := scanner{raw: raw, lift: lift, hash: sha256.New()}
	s.slim = make([]byte, 0, len(raw)/4)
	s.mark = fmt.Sprintf("~%016x:", rand.Uint64()) // which no text can have foreseen
	for i := 0; i < len(raw) && s.end == 0; {
		var err error
		if i, err = s.next(i); err != nil {
			return scanned{}, err
		}
	}
	switch {
	case s.end == 0:
		return scanned{}, errEnd
	case s.sums == 0:
		return s.scanned, errors.New("document has no checksum: it was changed after it was written; use the original")
	case s.sums > 1:
		return s.scanned, errors.New("document has two checksums")
	}
	s.add()
	s.sum = "sha256:" + hex.EncodeToString(s.hash.Sum(nil))
	return s.scanned, nil
}

// add puts what slim has gained into the sum.
func (s *scanner) add() {
	s.hash.Write(s.slim[s.hashed:])
	s.hashed = len(s.slim)
}

// next takes one token, or one run of whitespace.
func (s *scanner) next(i int) (int, error) {
	c := s.raw[i]
	switch c {
	case ' ', '\n', '\r', '\t':
		for i++; i < len(s.raw) && (s.raw[i] == ' ' || s.raw[i] == '\n'); i++ {
		}
		if n := len(s.slim); n > 0 && i < len(s.raw) && literal(s.slim[n-1]) && literal(s.raw[i]) {
			s.slim = append(s.slim, ' ') // 1 2 is no number
		}
		return i, nil
	case '{', '[':
		if c == '{' && s.lift && s.inClocks() {
			if end, ok := s.liftClocks(i); ok {
				return end, nil
			}
		}
		s.path = append(s.path, level{list: c == '[', name: c == '{'})
	case '}', ']':
		if len(s.path) > 0 {
			s.path = s.path[:len(s.path)-1]
		}
		if len(s.path) == 0 {
			s.end = i + 1
		}
	case ',':
		if n := len(s.path); n > 0 {
			s.path[n-1].name = !s.path[n-1].list
		}
	case '"':
		return s.text(i)
	}
	s.slim = append(s.slim, c)
	return i + 1, nil
}

// text takes a key or a value in quotes.
func (s *scanner) text(i int) (int, error) {
	end := closing(s.raw, i)
	if end < 0 {
		return 0, errEnd
	}
	token := s.raw[i:end]
	n := len(s.path)
	top := n == 1 && !s.path[0].list
	switch {
	case n > 0 && s.path[n-1].name:
		s.path[n-1].name = false
		s.path[n-1].key = known(token)
		if top && s.path[0].key == "checksum" {
			s.sums++
		}
	case top && s.path[0].key == "schema":
		s.schema = string(token[1 : len(token)-1])
	case top && s.path[0].key == "checksum":
		// It sums the document as if this were empty.
		s.add()
		s.hash.Write([]byte(`""`))
		s.slim = append(s.slim, token...)
		s.hashed = len(s.slim)
		return end, nil
	}
	s.slim = append(s.slim, token...)
	return end, nil
}

// literal says that a byte is none that ends a number or a word.
func literal(c byte) bool {
	return c > ' ' && c != '{' && c != '}' && c != '[' && c != ']' && c != ',' && c != ':' && c != '"'
}

// closing is the place behind the quote that closes the one at i, or -1.
func closing(raw []byte, i int) int {
	for at := i + 1; ; {
		k := bytes.IndexByte(raw[at:], '"')
		if k < 0 {
			return -1
		}
		at += k
		slashes := 0
		for raw[at-1-slashes] == '\\' {
			slashes++
		}
		if at++; slashes%2 == 0 {
			return at
		}
	}
}

// known returns the keys that decide what is done, and "" for any other.
func known(token []byte) string {
	switch string(token) {
	case `"checksum"`:
		return "checksum"
	case `"schema"`:
		return "schema"
	case `"benchmarks"`:
		return "benchmarks"
	case `"rounds"`:
		return "rounds"
	case `"clocks"`:
		return "clocks"
	}
	return ""
}

// inClocks says that the next value is benchmarks[].rounds[].clocks.
func (s *scanner) inClocks() bool {
	p := s.path
	return len(p) == 5 && p[0].key == "benchmarks" && p[1].list && p[2].key == "rounds" && p[3].list && p[4].key == "clocks"
}
