package stats

import (
	"math"
	"testing"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// near says whether got is want to a relative (below 1, absolute) tolerance.
// NaN is near NaN and an infinity near itself.
func near(got, want, tolerance float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return got == want || math.IsNaN(got) && math.IsNaN(want)
	}
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

func checkNear(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !near(got, want, tolerance) {
		t.Errorf("%s is %.17g, want %.17g ± %g", what, got, want, tolerance)
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		name                              string
		x                                 []float64
		mean, geometric, variance, median float64
	}{
		{"no values have no summary", nil, nan, nan, nan, nan},
		{"one value is its own centre and has no variance", []float64{4}, 4, 4, nan, 4},
		// numpy.var([1e9+4, 1e9+7, 1e9+13, 1e9+16], ddof=1) and the mean by hand
		{"a large offset does not eat the variance", []float64{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}, 1e9 + 10, 1e9 + 10, 30, 1e9 + 10},
		// scipy.stats.gmean([1, 10, 1000])
		{"the geometric mean is that of ratios", []float64{1000, 1, 10}, 337, 21.544346900318843, 329697, 10},
		{"equal values have no variance at all", []float64{0.1, 0.1, 0.1}, 0.1, 0.1, 0, 0.1},
		{"a zero makes the geometric mean zero", []float64{0, 4}, 2, 0, 8, 2},
		{"a negative value has no logarithm", []float64{0, -1, 4}, 1, nan, 7, 0},
		{"NaN goes through", []float64{1, nan, 3}, nan, nan, nan, nan},
		{"an infinity is the mean, and no variance", []float64{1, inf}, inf, inf, nan, inf},
		{"a sum beyond float64 still has a mean", []float64{1.5e308, 1.5e308, 1.2e308, 1.2e308}, 1.35e308, 1.3416407864998738e308, inf, 1.35e308},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkNear(t, "the mean", Mean(c.x), c.mean, 1e-13)
			checkNear(t, "the geometric mean", GeometricMean(c.x), c.geometric, 1e-12)
			checkNear(t, "the variance", Variance(c.x), c.variance, 1e-12)
			checkNear(t, "the median", Median(c.x), c.median, 1e-15)
		})
	}
}

func TestMedianKeepsTheOrderOfItsInput(t *testing.T) {
	x := []float64{3, 1, 2}
	if Median(x) != 2 || x[0] != 3 || x[1] != 1 || x[2] != 2 {
		t.Errorf("the median is %v and the input now %v", Median(x), x)
	}
}
