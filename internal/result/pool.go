package result

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/sdk/loop"
)

// counts add up encoded histograms without making one of each: a page of a
// thousand scenarios holds twenty thousand, of 28,672 counts. They accept and
// refuse what [loop.DecodeV2] does.
type counts struct {
	of      []int64
	total   int64
	used    int // counts behind it are 0
	packed  bytes.Reader
	zipped  io.ReadCloser // a zlib.Resetter
	raw     []byte
	payload []byte
}

// geometry is of the histograms that are added up.
var geometry = sync.OnceValue(func() *hdrhistogram.Snapshot {
	s := loop.NewHistogram().Export()
	s.Counts = make([]int64, len(s.Counts))
	return s
})

// counters are kept, because what they allocate is most of the work.
var counters = sync.Pool{New: func() any { return &counts{of: make([]int64, len(geometry().Counts))} }}

// counting lets f use counts that are 0.
func counting[T any](f func(*counts) (T, error)) (T, error) {
	c := counters.Get().(*counts)
	defer counters.Put(c)
	clear(c.of[:c.used])
	c.total, c.used = 0, 0
	return f(c)
}

// histogram is what was added up.
func (c *counts) histogram() *hdrhistogram.Histogram {
	s := *geometry()
	s.Counts = c.of[:c.used]
	return hdrhistogram.Import(&s)
}

// The V2 compressed encoding of HdrHistogram: 4 bytes of cookie, 4 of length,
// and a zlib stream of this header and the payload.
const (
	outerCookie = 0x1c849304
	innerCookie = 0x1c849303
	cookieMask  = ^uint32(0xf0) // the rest says how counts are written, of which there is one way
	outerLength = 8
	maxEncoded  = 512 << 10 // bytes of base64, as in package loop
	maxVarint   = 9         // bytes
)

type header struct {
	Cookie                 uint32
	Length, Offset, Digits int32
	Low, High              int64
	Ratio                  float64
}

// add takes in an encoded histogram and returns how many samples it holds. What
// it took in before an error stays.
func (c *counts) add(v2 string) (samples int64, err error) {
	if v2 == "" {
		return 0, nil
	}
	if len(v2) > maxEncoded {
		return 0, fmt.Errorf("decode histogram: %d bytes, want at most %d", len(v2), maxEncoded)
	}
	if err := c.inflate(v2); err != nil {
		return 0, fmt.Errorf("decode histogram: %w", err)
	}
	before := c.total
	if err := c.take(c.payload); err != nil {
		return 0, fmt.Errorf("decode histogram: %w", err)
	}
	return c.total - before, nil
}

// inflate fills the payload.
func (c *counts) inflate(v2 string) (err error) {
	if c.raw, err = base64.StdEncoding.AppendDecode(c.raw[:0], []byte(v2)); err != nil {
		return err
	}
	if len(c.raw) < outerLength {
		return fmt.Errorf("%d bytes are too short", len(c.raw))
	}
	cookie, length := binary.BigEndian.Uint32(c.raw), int32(binary.BigEndian.Uint32(c.raw[4:]))
	if cookie&cookieMask != outerCookie {
		return fmt.Errorf("the cookie is %x, want %x", cookie, outerCookie)
	}
	if length < 0 || int64(length) > int64(len(c.raw)-outerLength) {
		return fmt.Errorf("it is %d bytes long and says %d", len(c.raw)-outerLength, length)
	}
	c.packed.Reset(c.raw[outerLength : outerLength+int(length)])
	if c.zipped == nil {
		c.zipped, err = zlib.NewReader(&c.packed)
	} else {
		err = c.zipped.(zlib.Resetter).Reset(&c.packed, nil)
	}
	if err != nil {
		return err
	}
	var h header
	if err := binary.Read(c.zipped, binary.BigEndian, &h); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read header: %w", err)
	}
	if err := h.check(len(c.of)); err != nil {
		return err
	}
	return c.read(int(h.Length))
}

func (h header) check(n int) error {
	want := geometry()
	switch {
	case h.Cookie&cookieMask != innerCookie:
		return fmt.Errorf("the inner cookie is %x, want %x", h.Cookie, innerCookie)
	case h.Ratio != 1:
		return fmt.Errorf("the conversion ratio is %v, want 1", h.Ratio)
	case h.Low != want.LowestTrackableValue || h.High != want.HighestTrackableValue || int64(h.Digits) != want.SignificantFigures:
		return fmt.Errorf("the histogram is %d…%d ns at %d digits, want %d…%d at %d",
			h.Low, h.High, h.Digits, want.LowestTrackableValue, want.HighestTrackableValue, want.SignificantFigures)
	case h.Length < 0 || int64(h.Length) > maxVarint*int64(n):
		return fmt.Errorf("the payload is said to be %d bytes, want at most %d", h.Length, maxVarint*n)
	}
	return nil
}

// read takes a payload of n bytes, behind which there has to be the end: there
// the stream's checksum is verified.
func (c *counts) read(n int) error {
	if cap(c.payload) < n {
		c.payload = make([]byte, n)
	}
	c.payload = c.payload[:n]
	if _, err := io.ReadFull(c.zipped, c.payload); err != nil {
		return fmt.Errorf("read %d bytes of payload: %w", n, err)
	}
	var more [1]byte
	switch _, err := io.ReadFull(c.zipped, more[:]); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("the payload is longer than the %d bytes it says", n)
}

// take adds a payload: counts, and runs of zeros as negative numbers.
func (c *counts) take(payload []byte) error {
	at := 0
	for len(payload) > 0 {
		count, n := zigZag(payload)
		if n == 0 {
			return fmt.Errorf("cut off in count %d", at)
		}
		payload = payload[n:]
		switch {
		case count < 0:
			if count == math.MinInt64 || -count > int64(len(c.of)-at) {
				return fmt.Errorf("a run of zeros leads beyond the %d counts", len(c.of))
			}
			at += int(-count)
			continue
		case at >= len(c.of):
			return fmt.Errorf("there are more than %d counts", len(c.of))
		case count > math.MaxInt64-c.total:
			return errors.New("the counts add up to more than fits")
		}
		c.of[at] += count
		c.total += count
		at++
		c.used = max(c.used, at)
	}
	return nil
}

// zigZag reads a number of at most nine bytes, 7 bits each and all 8 of the
// ninth, the lowest of its bits the sign. n is 0 where it is cut off.
func zigZag(b []byte) (value int64, n int) {
	var u uint64
	for i, x := range b {
		if i == maxVarint-1 {
			u |= uint64(x) << (7 * i)
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
		u |= uint64(x&0x7f) << (7 * i)
		if x < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, 0
}
