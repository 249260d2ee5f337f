package result

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/sdk/loop"
)

// encoded is a histogram of the values.
func encoded(t testing.TB, values ...int64) string {
	t.Helper()
	h := loop.NewHistogram()
	for _, v := range values {
		if err := h.RecordValue(v); err != nil {
			t.Fatal(err)
		}
	}
	v2, err := loop.EncodeV2(h)
	if err != nil {
		t.Fatal(err)
	}
	return v2
}

// packed is an encoded histogram with a header and payload of one's choice.
func packed(t testing.TB, h header, payload ...byte) string {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if err := binary.Write(w, binary.BigEndian, h); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(payload); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := binary.BigEndian.AppendUint32(nil, outerCookie)
	out = binary.BigEndian.AppendUint32(out, uint32(z.Len()))
	return base64.StdEncoding.EncodeToString(append(out, z.Bytes()...))
}

func plainHeader(length int32) header {
	return header{Cookie: innerCookie, Length: length, Digits: loop.Digits, Low: 1, High: int64(loop.Limit), Ratio: 1}
}

// histogramTexts are what the two decoders have to agree on.
func histogramTexts(t testing.TB) []string {
	r := rand.New(rand.NewPCG(1, 2))
	var many []int64
	for range 5000 {
		many = append(many, int64(math.Exp(r.Float64()*24)))
	}
	long := base64.StdEncoding.EncodeToString(make([]byte, 400<<10))
	whole := encoded(t, many...)
	raw, err := base64.StdEncoding.DecodeString(whole)
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(raw)
	changed[len(changed)-1]++ // the checksum
	other := plainHeader(1)
	other.High /= 2
	ratio := plainHeader(1)
	ratio.Ratio = 2
	var huge []byte // three counts of nearly half of what fits
	for range 3 {
		huge = append(huge, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
	}
	return []string{
		"", "AAAA", "not base64", long, whole, encoded(t, 0), encoded(t, 0, 0, 1, int64(loop.Limit)),
		base64.StdEncoding.EncodeToString(changed),
		base64.StdEncoding.EncodeToString(raw[:len(raw)-9]),
		base64.StdEncoding.EncodeToString(append(slices.Clone(raw), 1, 2, 3)),
		packed(t, plainHeader(0)), packed(t, plainHeader(2), 2, 4), packed(t, plainHeader(1), 2, 4), packed(t, plainHeader(3), 2, 4),
		packed(t, plainHeader(1), 0x82), packed(t, plainHeader(-1)), packed(t, plainHeader(math.MaxInt32)), packed(t, other, 2), packed(t, ratio, 2),
		packed(t, header{}), packed(t, plainHeader(3), 0xff, 0xff, 0x7f), packed(t, plainHeader(9), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		packed(t, plainHeader(int32(len(huge))), huge...),
	}
}

// agree checks that counting takes and refuses what the loop's decoder does,
// with the same counts.
func agree(t *testing.T, v2 string) {
	t.Helper()
	want, wantErr := DecodeHistogram(v2)
	got, err := counting(func(c *counts) (*hdrhistogram.Histogram, error) {
		if _, err := c.add(v2); err != nil {
			return nil, err
		}
		return c.histogram(), nil
	})
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("counting says %v, decoding says %v, of %.80q", err, wantErr, v2)
	}
	if err == nil && (!got.Equals(want) || got.TotalCount() != want.TotalCount()) {
		t.Fatalf("counting and decoding differ for %.80q", v2)
	}
}

func TestCountingTakesAndRefusesWhatDecodingDoes(t *testing.T) {
	for _, v2 := range histogramTexts(t) {
		agree(t, v2)
	}
}

func FuzzCounting(f *testing.F) {
	for _, v2 := range histogramTexts(f) {
		f.Add(v2)
	}
	f.Fuzz(func(t *testing.T, v2 string) { agree(t, v2) })
}

func TestCountsOfABrokenHistogramDoNotStay(t *testing.T) {
	good := encoded(t, 1000, 2000)
	broken := packed(t, plainHeader(3), 4, 4, 0x82) // two counts, then cut off
	for range 50 {                                  // the same counts come back sooner or later
		_, err := counting(func(c *counts) (int64, error) { return c.add(broken) })
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Fatalf("a broken histogram: %v", err)
		}
		h, err := Pool([]Round{{Clocks: Clocks{Response: Histogram{V2: good, Count: 2}}}}, Response)
		if err != nil || h.TotalCount() != 2 || h.ValueAtPercentile(1) < 999 {
			t.Fatalf("after it: %v, %d samples", err, h.TotalCount())
		}
	}
}

// BenchmarkPool adds up five rounds of 2,500 samples.
func BenchmarkPool(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var rounds []Round
	for range 5 {
		h := loop.NewHistogram()
		for range 2500 {
			if err := h.RecordValue(int64(1e6 * math.Exp(r.NormFloat64()/2))); err != nil {
				b.Fatal(err)
			}
		}
		rounds = append(rounds, Round{Clocks: Clocks{Response: NewHistogram(h, 1)}})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Pool(rounds, Response); err != nil {
			b.Fatal(err)
		}
	}
}
