package embedding

import (
	"math"
	"strconv"
)

// Powers of ten that a float64 holds exactly.
var powers = [...]float64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number reads a JSON number. It is exact, or off by the last bit or two of a
// float64, which no float32 sees. A number beyond float64 is infinite.
func (c *cursor) number() (float64, error) {
	start := c.i
	negative := c.i < len(c.b) && c.b[c.i] == '-'
	if negative {
		c.i++
	}
	first := c.i
	whole, value := c.digits(0)
	switch {
	case whole == 0 && c.i == len(c.b):
		return 0, errCutOff
	case whole == 0:
		return 0, c.errorf("%q where a number is wanted", c.b[c.i])
	case whole > 1 && c.b[first] == '0':
		return 0, c.errorf("a number that starts with 0")
	}
	exponent := 0
	if c.i < len(c.b) && c.b[c.i] == '.' {
		c.i++
		var n int
		if n, value = c.digits(value); n == 0 {
			return 0, c.errorf("a number without digits behind its point")
		}
		exponent = -n
	}
	power, err := c.exponent()
	if err != nil {
		return 0, err
	}
	exponent += power
	if value == math.MaxUint64 || exponent <= -len(powers) || exponent >= len(powers) {
		x, _ := strconv.ParseFloat(string(c.b[start:c.i]), 64) // its only error left is the range, and then it is infinite
		return x, nil
	}
	x := float64(value)
	if exponent < 0 {
		x /= powers[-exponent]
	} else {
		x *= powers[exponent]
	}
	if negative {
		x = -x
	}
	return x, nil
}

// digits reads a run of digits and appends them to value, which stays at the
// largest uint64 once it has become too large for one.
func (c *cursor) digits(value uint64) (int, uint64) {
	start := c.i
	for c.i < len(c.b) && '0' <= c.b[c.i] && c.b[c.i] <= '9' {
		if value > (math.MaxUint64-10)/10 {
			value = math.MaxUint64
		} else {
			value = 10*value + uint64(c.b[c.i]-'0')
		}
		c.i++
	}
	return c.i - start, value
}

// exponent reads the exponent of a number, if it has one. One of many digits
// is as good as one that is merely too large.
func (c *cursor) exponent() (int, error) {
	if c.i == len(c.b) || c.b[c.i] != 'e' && c.b[c.i] != 'E' {
		return 0, nil
	}
	c.i++
	negative := false
	if c.i < len(c.b) && (c.b[c.i] == '+' || c.b[c.i] == '-') {
		negative = c.b[c.i] == '-'
		c.i++
	}
	n, value := c.digits(0)
	if n == 0 {
		return 0, c.errorf("a number without digits in its exponent")
	}
	power := int(min(value, 1<<20))
	if negative {
		power = -power
	}
	return power, nil
}
