package stats

import (
	"math"
	"testing"
)

func TestTheHalfWidthIsThatOfStudentsInterval(t *testing.T) {
	// t(0.975, 4) = 2.776445; the standard deviation of 8…12 is √2.5.
	want := 2.776445 * math.Sqrt(2.5/5)
	half, err := Until{Absolute: true}.HalfWidth([]float64{8, 9, 10, 11, 12})
	if err != nil || math.Abs(half-want) > 1e-5 {
		t.Errorf("in points: %v, %v; want %v", half, err, want)
	}
	logs := []float64{math.Exp(8), math.Exp(9), math.Exp(10), math.Exp(11), math.Exp(12)}
	half, err = Until{}.HalfWidth(logs)
	if err != nil || math.Abs(half-math.Expm1(want)) > 1e-4 {
		t.Errorf("by ratio: %v, %v; want %v", half, err, math.Expm1(want))
	}
}

// A half width that is no number would be in no document.
func TestValuesTooFarApartHaveNoInterval(t *testing.T) {
	half, err := Until{Within: 1}.HalfWidth([]float64{1e-300, 1e300, 1e-300, 1e300, 1e-300})
	if err == nil || !math.IsNaN(half) {
		t.Errorf("the half width is %v (%v)", half, err)
	}
}

func TestRoundsEndWhenTheMeanIsKnownAndNotBefore(t *testing.T) {
	for _, c := range []struct {
		name string
		u    Until
		x    []float64
		want bool
	}{
		{"known by ratio", Until{Within: 0.05, Min: 5}, []float64{10, 10.1, 9.9, 10, 10.05}, true},
		{"too few rounds", Until{Within: 0.05, Min: 5}, []float64{10, 10, 10, 10}, false},
		{"not known yet", Until{Within: 0.05, Min: 5}, []float64{10, 12, 9, 11, 10}, false},
		{"the same values in a coarser rule", Until{Within: 0.2, Min: 5}, []float64{10, 12, 9, 11, 10}, true},
		{"equal values", Until{Within: 0.001, Min: 5}, []float64{3, 3, 3, 3, 3}, true},
		{"a zero has no ratio", Until{Within: 1, Min: 5}, []float64{1, 1, 0, 1, 1}, false},
		{"a zero in points", Until{Within: 1, Min: 5, Absolute: true}, []float64{1, 1, 0, 1, 1}, true},
		{"no values", Until{Within: 1}, nil, false},
	} {
		if got := c.u.Reached(c.x); got != c.want {
			t.Errorf("%s: reached is %v, want %v", c.name, got, c.want)
		}
	}
}
