// Package stats holds the arithmetic behind summaries and verdicts as pure
// functions of numbers. It reads no file, no clock and no document, and it
// knows no metric by name.
package stats

import "math"

// Mean returns the arithmetic mean of xs. Without values, or with one that is
// not finite, it returns NaN.
func Mean(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	// The running form cannot overflow where the sum of xs would.
	mean := 0.0
	for i, x := range xs {
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return math.NaN()
		}
		mean += x/float64(i+1) - mean/float64(i+1)
	}
	return mean
}

// GeometricMean returns the n-th root of the product of xs, computed as
// exp(mean(log x)). It is the mean under which the ratio of two means equals
// the mean of the ratios, which is why rounds of a ratio-scaled metric are
// summarised by it. A zero among xs makes it zero. Without values, or with a
// negative or non-finite one, it is undefined and returns NaN.
func GeometricMean(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	logs := make([]float64, len(xs))
	zero := false
	for i, x := range xs {
		if x < 0 || math.IsInf(x, 0) || math.IsNaN(x) {
			return math.NaN()
		}
		zero = zero || x == 0
		logs[i] = math.Log(x)
	}
	if zero {
		return 0
	}
	if len(xs) == 1 {
		return xs[0] // exact: exp(log x) is off by an ulp
	}
	return math.Exp(Mean(logs))
}
