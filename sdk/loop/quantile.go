package loop

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// SamplesFor returns how many samples quantile q (0 < q < 1) needs: the
// fewest n with q^n ≤ 0.01, so that with 99% confidence at least one of n
// samples lies above the quantile, n = ⌈ln 0.01 ÷ ln q⌉. That is 7 for p50, 90
// for p95, 459 for p99 and 4,603 for p99.9. Outside of (0, 1) it returns 1.
func SamplesFor(q float64) int64 {
	if !(q > 0 && q < 1) {
		return 1
	}
	return int64(math.Ceil(math.Log(0.01) / math.Log(q)))
}

// Quantile returns quantile q (0 < q < 1) of a histogram of nanoseconds. It is
// false when the histogram is nil or has fewer than [SamplesFor] samples: then
// the quantile is printed as n/a. q ≥ 1 gives the largest value.
func Quantile(h *hdrhistogram.Histogram, q float64) (time.Duration, bool) {
	if h == nil || h.TotalCount() < SamplesFor(q) {
		return 0, false
	}
	return quantile(h, q), true
}

func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(q * 100))
}

// Mean returns the mean of a histogram of nanoseconds; false when it is empty.
func Mean(h *hdrhistogram.Histogram) (time.Duration, bool) {
	if h == nil || h.TotalCount() == 0 {
		return 0, false
	}
	return time.Duration(math.Round(h.Mean())), true
}

// Merge returns a new histogram with the samples of all. Nil ones count as
// empty. Merging is exact. It fails when a histogram is not of the range and
// precision of [NewHistogram].
func Merge(hs ...*hdrhistogram.Histogram) (*hdrhistogram.Histogram, error) {
	out := NewHistogram()
	for i, h := range hs {
		if h == nil {
			continue
		}
		if err := checkConfig(h.LowestTrackableValue(), h.HighestTrackableValue(), h.SignificantFigures()); err != nil {
			return nil, fmt.Errorf("merge histogram %d: %w", i, err)
		}
		if dropped := out.Merge(h); dropped > 0 {
			return nil, fmt.Errorf("merge histogram %d: %d samples do not fit", i, dropped)
		}
	}
	return out, nil
}

func checkConfig(low, high, digits int64) error {
	if low != 1 || high != int64(Limit) || digits != Digits {
		return fmt.Errorf("the histogram is %d…%d ns at %d digits, want 1…%d at %d", low, high, digits, int64(Limit), Digits)
	}
	return nil
}
