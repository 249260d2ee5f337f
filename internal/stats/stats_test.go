package stats

import (
	"math"
	"testing"
)

func TestMeans(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name       string
		xs         []float64
		arith, geo float64
	}{
		{"no values have no mean", nil, nan, nan},
		{"one value is its own mean, exactly", []float64{0.1234567890123}, 0.1234567890123, 0.1234567890123},
		{"two and eight", []float64{2, 8}, 5, 4},
		{"a zero makes the geometric mean zero", []float64{0, 4}, 2, 0},
		{"a negative value has no geometric mean", []float64{-1, 3}, 1, nan},
		{"a negative value beside a zero has none either", []float64{0, -2}, -1, nan},
		{"an infinity has no mean", []float64{1, math.Inf(1)}, nan, nan},
		{"a NaN has no mean", []float64{1, nan}, nan, nan},
		{"values whose product overflows", []float64{1e300, 1e300, 1e300}, 1e300, 1e300},
		{"values whose product underflows", []float64{1e-300, 1e-200}, 5e-201, 1e-250},
		{"values whose sum overflows", []float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64, math.MaxFloat64},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Mean(c.xs); !close(got, c.arith) {
				t.Errorf("Mean = %v, want %v", got, c.arith)
			}
			if got := GeometricMean(c.xs); !close(got, c.geo) {
				t.Errorf("GeometricMean = %v, want %v", got, c.geo)
			}
		})
	}
}

func TestTheGeometricMeanOfRatiosIsTheRatioOfGeometricMeans(t *testing.T) {
	base, head := []float64{1, 2, 5, 9}, []float64{1.1, 2.5, 4.8, 9.9}
	ratios := make([]float64, len(base))
	for i := range base {
		ratios[i] = head[i] / base[i]
	}
	if a, b := GeometricMean(ratios), GeometricMean(head)/GeometricMean(base); !close(a, b) {
		t.Errorf("mean of ratios %v, ratio of means %v", a, b)
	}
}

func close(a, b float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return a == b || math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b))
}
