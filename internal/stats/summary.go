package stats

import (
	"math"
	"slices"
)

// Mean is the arithmetic mean, in the unit of x. It is NaN for no values or when
// a value is NaN, and does not overflow while every value is finite.
func Mean(x []float64) float64 {
	n := float64(len(x))
	var sum float64
	for _, v := range x {
		sum += v
	}
	if !math.IsInf(sum, 0) && !math.IsNaN(sum) {
		return sum / n
	}
	// The sum may have overflowed though the mean does not. Where a value is
	// infinite or NaN itself, this gives that again.
	var mean float64
	for _, v := range x {
		mean += v / n
	}
	return mean
}

// GeometricMean is exp of the mean of the logarithms, in the unit of x. It is 0
// when a value is 0 and NaN for no values or when one is negative or NaN.
func GeometricMean(x []float64) float64 {
	logs := make([]float64, len(x))
	for i, v := range x {
		if v == 0 && !slices.ContainsFunc(x, func(v float64) bool { return v < 0 || math.IsNaN(v) }) {
			return 0
		}
		logs[i] = math.Log(v)
	}
	// In two halves: math.Exp gives up before the largest float64 on amd64.
	half := math.Exp(Mean(logs) / 2)
	return half * half
}

// Variance is the unbiased sample variance, Σ(x−mean)²/(n−1), in the square of
// x's unit. It is NaN for fewer than two values or when one is not finite, and
// exactly 0 when all values are equal.
//
// Computed in two passes with the correction for the rounding of the mean (Chan,
// Golub & LeVeque, "Algorithms for computing the sample variance", The American
// Statistician 37, 1983, equation 1.7).
func Variance(x []float64) float64 {
	n := float64(len(x))
	if n < 2 {
		return math.NaN()
	}
	if allEqual(x) && !math.IsInf(x[0], 0) {
		return 0
	}
	mean := Mean(x)
	var squares, rest float64
	for _, v := range x {
		d := v - mean
		squares += d * d
		rest += d
	}
	if math.IsInf(squares, 0) && !math.IsInf(mean, 0) {
		return math.Inf(1)
	}
	return max(0, (squares-rest*rest/n)/(n-1))
}

// Median is the middle value, or the mean of the two middle ones, in the unit of
// x. It is NaN for no values or when one is NaN. x keeps its order.
func Median(x []float64) float64 {
	if len(x) == 0 || slices.ContainsFunc(x, math.IsNaN) {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(x))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 || sorted[mid-1] == sorted[mid] {
		return sorted[mid]
	}
	return sorted[mid-1]/2 + sorted[mid]/2 // halves first: no overflow
}

// allEqual says whether every value is the same number. No values are equal;
// a NaN equals nothing, itself included.
func allEqual(x []float64) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}
