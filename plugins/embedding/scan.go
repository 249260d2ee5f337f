package embedding

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// cursor reads a reply's JSON once, from front to back. Replies are nearly all
// numbers, and the harness reads them while the clock runs: encoding/json takes
// about five times as long, which for a batch is milliseconds (see
// BenchmarkParseReply). Beyond JSON it takes NaN and infinities for numbers of
// a vector, which some servers write, so that they are reported for what they
// are.
type cursor struct {
	b     []byte
	i     int
	depth int
}

const maxDepth = 32

var errCutOff = errors.New("the JSON is cut off")

func (c *cursor) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", c.i, fmt.Sprintf(format, args...))
}

// peek is the next byte that is not white space, or 0 at the end.
func (c *cursor) peek() byte {
	for c.i < len(c.b) {
		switch b := c.b[c.i]; b {
		case ' ', '\t', '\r', '\n':
			c.i++
		default:
			return b
		}
	}
	return 0
}

// want reads one byte of structure.
func (c *cursor) want(b byte) error {
	switch got := c.peek(); {
	case c.i == len(c.b):
		return errCutOff
	case got != b:
		return c.errorf("%q where %q is wanted", got, b)
	}
	c.i++
	return nil
}

// end checks that nothing follows.
func (c *cursor) end() error {
	if c.peek(); c.i < len(c.b) {
		return c.errorf("%q after the JSON's end", c.b[c.i])
	}
	return nil
}

// list reads what stands between two brackets and calls element at the start of
// each element.
func (c *cursor) list(from, to byte, element func() error) error {
	if err := c.want(from); err != nil {
		return err
	}
	if c.depth++; c.depth > maxDepth {
		return c.errorf("more than %d levels", maxDepth)
	}
	defer func() { c.depth-- }()
	if c.peek() == to {
		c.i++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if c.peek() == to {
			c.i++
			return nil
		}
		if err := c.want(','); err != nil {
			return err
		}
	}
}

func (c *cursor) array(element func() error) error { return c.list('[', ']', element) }

// object calls member at the value of each member. The key is the reply's
// bytes, escapes as they are; keys that this package knows need none.
func (c *cursor) object(member func(key []byte) error) error {
	return c.list('{', '}', func() error {
		key, err := c.text()
		if err != nil {
			return err
		}
		if err := c.want(':'); err != nil {
			return err
		}
		c.peek()
		return member(key[1 : len(key)-1])
	})
}

// text reads a string, quotes and escapes included.
func (c *cursor) text() ([]byte, error) {
	if err := c.want('"'); err != nil {
		return nil, err
	}
	start := c.i - 1
	for c.i < len(c.b) {
		switch b := c.b[c.i]; {
		case b == '"':
			c.i++
			return c.b[start:c.i], nil
		case b < 0x20:
			return nil, c.errorf("a control character in a string")
		case b == '\\':
			if err := c.escape(); err != nil {
				return nil, err
			}
		default:
			c.i++
		}
	}
	return nil, errCutOff
}

func (c *cursor) escape() error {
	if c.i++; c.i == len(c.b) {
		return errCutOff
	}
	switch c.b[c.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.i++
		return nil
	case 'u':
		if c.i+5 > len(c.b) {
			return errCutOff
		}
		if _, err := strconv.ParseUint(string(c.b[c.i+1:c.i+5]), 16, 16); err != nil {
			return c.errorf("a malformed escape in a string")
		}
		c.i += 5
		return nil
	}
	return c.errorf("a malformed escape in a string")
}

// plain reads a string as people write it.
func (c *cursor) plain() (string, error) {
	raw, err := c.text()
	if err != nil {
		return "", err
	}
	var s string
	err = json.Unmarshal(raw, &s)
	return s, err
}

// skip reads any value.
func (c *cursor) skip() error {
	switch b := c.peek(); {
	case c.i == len(c.b):
		return errCutOff
	case b == '{':
		return c.object(func([]byte) error { return c.skip() })
	case b == '[':
		return c.array(c.skip)
	case b == '"':
		_, err := c.text()
		return err
	case b == '-' || '0' <= b && b <= '9':
		_, err := c.number()
		return err
	case c.word("true"), c.word("false"), c.word("null"):
		return nil
	default:
		return c.errorf("%q where a value is wanted", b)
	}
}

// word reads a literal if it stands here.
func (c *cursor) word(w string) bool {
	if len(c.b)-c.i < len(w) || string(c.b[c.i:c.i+len(w)]) != w {
		return false
	}
	c.i += len(w)
	return true
}

// floats reads a vector into dst's memory.
func (c *cursor) floats(dst []float32) ([]float32, error) {
	dst = dst[:0]
	err := c.array(func() error {
		x, err := c.float()
		dst = append(dst, float32(x))
		return err
	})
	return dst, err
}

// float reads a number, or what stands for one that is not finite.
func (c *cursor) float() (float64, error) {
	b := c.peek()
	switch {
	case b == 'n' && c.word("null"), b == 'N' && c.word("NaN"):
		return math.NaN(), nil
	case b == 'I' && c.word("Infinity"):
		return math.Inf(1), nil
	case b == '-' && c.word("-Infinity"):
		return math.Inf(-1), nil
	}
	return c.number()
}
