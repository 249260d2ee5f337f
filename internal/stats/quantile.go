package stats

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// QuantileCI is an interval for a quantile, whatever the distribution.
type QuantileCI struct {
	Lo, Hi           float64
	LoRank, HiRank   int64 // the order statistics taken, counted from 1
	Level            float64
	ActualConfidence float64 // what the ranks really cover: Level or more
}

// maxCount is as far as the incomplete beta function was checked.
const maxCount = 1_000_000_000_000

// QuantileRanks says which two of n sorted values, counted from 1, enclose the
// quantile q of the distribution they came from with at least the given
// confidence. ok is false when n is too small for that, or an argument is
// outside of its domain (n above 10¹² included).
//
// The number of values below the quantile is binomial with n and q, so
// P(X(lo) ≤ ξ ≤ X(hi)) ≥ P(lo ≤ B ≤ hi−1) (David & Nagaraja, "Order Statistics",
// 2003, section 7.1); each tail gets half of the error. It assumes independent
// values from one distribution: the ops of one round are correlated, so for a
// round this says how finely it resolves the quantile, not how it would repeat.
func QuantileRanks(n int64, q, level float64) (lo, hi int64, ok bool) {
	if n < 1 || n > maxCount || !(q > 0 && q < 1) || !(level > 0 && level < 1) {
		return 0, 0, false
	}
	tail := (1 - level) / 2
	if atMost(n, 0, q) > tail || atLeast(n, n, q) > tail {
		return 0, 0, false
	}
	lo = bisect(1, n, func(r int64) bool { return atMost(n, r, q) > tail })
	hi = bisect(1, n, func(r int64) bool { return atLeast(n, r, q) <= tail })
	return lo, hi, lo < hi
}

// QuantileInterval is the interval for the quantile q from n values that are
// reached by rank, 1 being the smallest: from a histogram, for example. at is
// called twice.
func QuantileInterval(n int64, at func(rank int64) float64, q, level float64) (QuantileCI, bool) {
	lo, hi, ok := QuantileRanks(n, q, level)
	if !ok {
		return QuantileCI{}, false
	}
	return QuantileCI{
		Lo: at(lo), Hi: at(hi), LoRank: lo, HiRank: hi, Level: level,
		ActualConfidence: 1 - atMost(n, lo-1, q) - atLeast(n, hi, q),
	}, true
}

// QuantileIntervalSorted is [QuantileInterval] of values in ascending order.
func QuantileIntervalSorted(sorted []float64, q, level float64) (QuantileCI, bool) {
	return QuantileInterval(int64(len(sorted)), func(rank int64) float64 { return sorted[rank-1] }, q, level)
}

// Bar is one bucket of a histogram: a value and how often it occurred.
type Bar struct {
	Value float64
	Count int64
}

// QuantileIntervalBars is [QuantileInterval] of a histogram whose bars are in
// ascending order of value. ok is false for a negative count too.
func QuantileIntervalBars(bars []Bar, q, level float64) (QuantileCI, bool) {
	cumulative := make([]int64, len(bars))
	var n int64
	for i, b := range bars {
		if b.Count < 0 || n > math.MaxInt64-b.Count {
			return QuantileCI{}, false
		}
		n += b.Count
		cumulative[i] = n
	}
	return QuantileInterval(n, func(rank int64) float64 {
		i, _ := slices.BinarySearchFunc(cumulative, rank, cmp.Compare[int64])
		return bars[i].Value
	}, q, level)
}

// atMost is P(B ≤ k) for B binomial with n and q, by the incomplete beta
// function, which keeps small tails exact.
func atMost(n, k int64, q float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	case manyOf(n, q):
		return edgeworth(n, q, float64(k)+0.5)
	}
	return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-q)
}

// atLeast is P(B ≥ k).
func atLeast(n, k int64, q float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n:
		return 0
	case manyOf(n, q):
		return edgeworth(n, 1-q, float64(n-k)+0.5)
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), q)
}

// manyOf says that the variance is so large that the incomplete beta function
// loses its accuracy, and the normal approximation has found its own.
func manyOf(n int64, q float64) bool { return float64(n)*q*(1-q) > 1e5 }

// edgeworth is P(B ≤ x) by the normal distribution with the first correction for
// skewness; its error is of the order of one over the variance (Feller, "An
// Introduction to Probability Theory" 2, 1971, section XVI.4).
func edgeworth(n int64, q, x float64) float64 {
	sd := math.Sqrt(float64(n) * q * (1 - q))
	z := (x - float64(n)*q) / sd
	correction := (1 - 2*q) / sd / 6 * (z*z - 1) * gauss(z, 1)
	return min(1, max(0, normalUpper(-z)-correction))
}

// bisect returns the smallest r in lo…hi for which holds is true, given that it
// stays true from there on, and hi when none before it does.
func bisect(lo, hi int64, holds func(int64) bool) int64 {
	for lo < hi {
		if mid := lo + (hi-lo)/2; holds(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
