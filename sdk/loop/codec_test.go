package loop

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func filled(seed uint64, n int) *hdrhistogram.Histogram {
	h := NewHistogram()
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		_ = h.RecordValue(int64(r.ExpFloat64() * 1e6))
	}
	return h
}

func TestAnEncodedHistogramComesBackTheSame(t *testing.T) {
	full := NewHistogram()
	for v := int64(1); v < int64(Limit); v += v/500 + 1 {
		_ = full.RecordValues(v, 1<<50/v)
	}
	for name, h := range map[string]*hdrhistogram.Histogram{"empty": NewHistogram(), "filled": filled(1, 1000), "every bucket": full} {
		s, err := EncodeV2(h)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(s) > maxEncoded {
			t.Errorf("%s: %d bytes are more than the decoder takes", name, len(s))
		}
		back, err := DecodeV2(s)
		if err != nil || !back.Equals(h) {
			t.Errorf("%s: does not come back: %v", name, err)
		}
	}
}

func TestForeignHistogramsAreRefused(t *testing.T) {
	encode := func(h *hdrhistogram.Histogram) string {
		b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	good := encode(filled(1, 100))
	raw, _ := base64.StdEncoding.DecodeString(good)
	for name, s := range map[string]string{
		"nothing":            "",
		"not base64":         "!!!!",
		"too short":          base64.StdEncoding.EncodeToString(raw[:6]),
		"cut off":            base64.StdEncoding.EncodeToString(raw[:len(raw)-9]),
		"huge":               strings.Repeat("A", maxEncoded+4),
		"another range":      encode(hdrhistogram.New(1, int64(time.Hour), Digits)),
		"another precision":  encode(hdrhistogram.New(1, int64(Limit), 2)),
		"an enormous layout": encode(hdrhistogram.New(1, 1<<62, 5)),
	} {
		if h, err := DecodeV2(s); err == nil || h != nil || !strings.Contains(err.Error(), "decode histogram") {
			t.Errorf("%s: decoded, or the error %v says too little", name, err)
		}
	}
	if _, err := EncodeV2(nil); err == nil {
		t.Error("nil was encoded")
	}
}

func FuzzDecodeV2(f *testing.F) {
	for _, h := range []*hdrhistogram.Histogram{NewHistogram(), filled(1, 10), hdrhistogram.New(1, 1000, 2)} {
		b, _ := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		f.Add(string(b))
	}
	f.Add("HISTFAAAABh42pNpmSzMwMDAwQABzFCaEUoz2X+AMIKZAEARAtM=")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := DecodeV2(s)
		if err != nil {
			return
		}
		again, err := EncodeV2(h)
		if err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		if back, err := DecodeV2(again); err != nil || !back.Equals(h) {
			t.Fatalf("does not come back: %v", err)
		}
		if _, err := Merge(h, NewHistogram()); err != nil {
			t.Fatalf("does not merge: %v", err)
		}
	})
}

func TestMergingAddsAllSamples(t *testing.T) {
	a, b := filled(1, 1000), filled(2, 500)
	m, err := Merge(a, nil, b)
	if err != nil || m.TotalCount() != 1500 || m.Max() != max(a.Max(), b.Max()) {
		t.Errorf("%d samples, %v", m.TotalCount(), err)
	}
	if _, err := Merge(a, hdrhistogram.New(1, 1000, 2)); err == nil {
		t.Error("a histogram of another range was merged")
	}
}

func TestAQuantileNeedsEnoughSamples(t *testing.T) {
	for q, n := range map[float64]int64{0.5: 7, 0.95: 90, 0.99: 459, 0.999: 4603, 0.9999: 46050} {
		if got := SamplesFor(q); got != n {
			t.Errorf("p%g needs %d samples, want %d", 100*q, got, n)
		}
		h := NewHistogram()
		_ = h.RecordValues(1000, n-1)
		if _, ok := Quantile(h, q); ok {
			t.Errorf("p%g of %d samples", 100*q, n-1)
		}
		_ = h.RecordValues(1000, 1)
		if d, ok := Quantile(h, q); !ok || d != 1000 {
			t.Errorf("p%g of %d samples is %s, %v", 100*q, n, d, ok)
		}
	}
	if _, ok := Quantile(nil, 0.5); ok {
		t.Error("a quantile of nothing")
	}
	if _, ok := Mean(NewHistogram()); ok {
		t.Error("a mean of nothing")
	}
}

func TestLiveQuantilesAreWithinSixPercent(t *testing.T) {
	var l liveCounts
	if l.quantile(0.95) != 0 {
		t.Error("a quantile of nothing")
	}
	for _, d := range []time.Duration{0, 1, 7, 999, 123456, time.Second, Limit} {
		l = liveCounts{}
		l.add(d, 3)
		if got := l.quantile(0.95); (got - max(d, 1)).Abs() > d/16+1 {
			t.Errorf("%d is shown as %d", d, got)
		}
	}
}
