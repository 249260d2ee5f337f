package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mathext"
)

func TestQuantileRanksAgreeWithTheBinomial(t *testing.T) {
	// With scipy 1.17.1: lo is the largest l with binom.cdf(l-1, n, q) <= tail, hi the smallest u
	// with binom.sf(u-1, n, q) <= tail, confidence 1 - cdf(lo-1) - sf(hi-1).
	for _, c := range []struct {
		n          int64
		q, level   float64
		lo, hi     int64
		confidence float64
		enough     bool
		name       string
	}{
		{20, .5, .95, 6, 15, 0.9586105346679688, true, "the median of twenty"},
		{100, .9, .95, 84, 96, 0.955690107191223, true, "p90 of a hundred"},
		{1000, .99, .99, 981, 998, 0.994032208218481, true, "p99 of a thousand"},
		{10000, .999, .99, 9981, 9998, 0.9938021090935485, true, "p99.9 of ten thousand"},
		{500, .99, .99, 0, 0, 0, false, "p99 of five hundred"},
		{528, .99, .99, 0, 0, 0, true, "p99 of just enough, 0.99^528 ≤ 0.005"},
		{527, .99, .99, 0, 0, 0, false, "p99 of one too few"},
		{5, .5, .95, 0, 0, 0, false, "the median of five"},
		{6, .5, .95, 1, 6, 0.96875, true, "the median of six"},
		{0, .5, .95, 0, 0, 0, false, "nothing"},
		{-3, .5, .95, 0, 0, 0, false, "less than nothing"},
		{100, 0, .95, 0, 0, 0, false, "quantile 0"},
		{100, 1, .95, 0, 0, 0, false, "quantile 1"},
		{100, math.NaN(), .95, 0, 0, 0, false, "quantile NaN"},
		{100, .5, 1, 0, 0, 0, false, "certainty"},
		{math.MaxInt64, .5, .95, 0, 0, 0, false, "more values than there are"},
	} {
		lo, hi, ok := QuantileRanks(c.n, c.q, c.level)
		if ok != c.enough {
			t.Errorf("%s: ok is %v", c.name, ok)
		}
		if c.lo > 0 && (lo != c.lo || hi != c.hi) {
			t.Errorf("%s: ranks are %d and %d, want %d and %d", c.name, lo, hi, c.lo, c.hi)
		}
		if c.lo > 0 {
			ci, _ := QuantileInterval(c.n, func(r int64) float64 { return float64(r) }, c.q, c.level)
			checkNear(t, c.name, ci.ActualConfidence, c.confidence, 1e-9)
		}
	}
}

func TestQuantileRanksOfManyValuesAreNormal(t *testing.T) {
	for _, n := range []int64{1e6, 1e9, 1e12} {
		for _, q := range []float64{0.5, 0.99, 0.9999} {
			lo, hi, ok := QuantileRanks(n, q, 0.95)
			half := 1.959963984540054 * math.Sqrt(float64(n)*q*(1-q))
			if width := float64(hi-lo) / (2 * half); !ok || math.Abs(width-1) > 0.08 || math.Abs(float64(lo+hi)/2-float64(n)*q) > 0.05*half+2 {
				t.Errorf("%v of %d values lies between %d and %d, %v: %v as wide as the normal interval", q, n, lo, hi, ok, width)
			}
		}
	}
}

func TestBothWaysToTheBinomialAgreeWhereTheyMeet(t *testing.T) {
	const n, q = 2_000_000, 0.947 // the variance is just above 100,000
	for _, k := range []int64{1_893_000, 1_893_600, 1_894_000, 1_894_800} {
		exact := mathext.RegIncBeta(float64(n-k), float64(k+1), 1-q)
		checkNear(t, "P(B ≤ k)", atMost(n, k, q), exact, 1e-6)
		checkNear(t, "P(B ≥ k+1)", atLeast(n, k+1, q), 1-exact, 1e-6)
	}
}

func TestQuantileIntervalsOfSamplesAndHistogramsAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 15))
	for range 100 {
		x := make([]float64, 1+random.IntN(300))
		counts := map[float64]int64{}
		for i := range x {
			x[i] = math.Round(20 * random.ExpFloat64())
			counts[x[i]]++
		}
		slices.Sort(x)
		bars := []Bar{{Value: -1}} // an empty bar is passed over
		for _, v := range slices.Compact(slices.Clone(x)) {
			bars = append(bars, Bar{Value: v, Count: counts[v]})
		}
		for _, q := range []float64{0.5, 0.9, 0.99} {
			a, ok1 := QuantileIntervalSorted(x, q, 0.95)
			b, ok2 := QuantileIntervalBars(bars, q, 0.95)
			if a != b || ok1 != ok2 {
				t.Fatalf("%d values, quantile %v: %+v, %v from samples, %+v, %v from bars", len(x), q, a, ok1, b, ok2)
			}
		}
	}
	if _, ok := QuantileIntervalBars([]Bar{{1, 100}, {2, -1}}, 0.5, 0.9); ok {
		t.Error("a negative count is accepted")
	}
	if _, ok := QuantileIntervalBars([]Bar{{1, math.MaxInt64}, {2, 1}}, 0.5, 0.9); ok {
		t.Error("counts beyond an integer are accepted")
	}
}

func TestQuantileIntervalsCover(t *testing.T) {
	random := rand.New(rand.NewPCG(16, 16))
	const repetitions = 4000
	truth := -math.Log(1 - 0.9) // p90 of the exponential distribution
	covered := 0
	var promised float64
	for range repetitions {
		x := make([]float64, 80)
		for i := range x {
			x[i] = random.ExpFloat64()
		}
		slices.Sort(x)
		ci, ok := QuantileIntervalSorted(x, 0.9, 0.9)
		if !ok {
			t.Fatal("80 values are too few for p90")
		}
		promised = ci.ActualConfidence
		if ci.Lo <= truth && truth <= ci.Hi {
			covered++
		}
	}
	if promised < 0.9 {
		t.Errorf("the ranks cover %v only", promised)
	}
	checkNear(t, "the coverage", float64(covered)/repetitions, promised, 0.012)
}
