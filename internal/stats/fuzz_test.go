package stats

import (
	"encoding/binary"
	"math"
	"testing"
)

// floats reads any bytes as numbers, eight at a time.
func floats(raw []byte) []float64 {
	x := make([]float64, len(raw)/8)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return x
}

func raw(x ...float64) []byte {
	var out []byte
	for _, v := range x {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
	}
	return out
}

// FuzzAnyNumbers feeds any numbers to everything: an answer that makes sense, a
// NaN where that is documented, or an error, and never a panic.
func FuzzAnyNumbers(f *testing.F) {
	for _, seed := range [][]byte{
		nil, raw(1), raw(nan, 1, 2), raw(inf, -inf), raw(0, 0, 0), raw(1, 1, 1, 2, 2, 2, 2),
		raw(1.7e308, -1.7e308, 1.7e308, -1.7e308), raw(5e-324, 0, 5e-324, 1e-300), raw(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 30, 31, 32, 33, 34, 35),
		raw(math.Copysign(0, -1), 0, 1e308, 1), raw(0.01, 0.5, 2, 20, 200, 2000, 1e18),
	} {
		f.Add(seed, seed, uint64(1))
		f.Add(seed, raw(3, 4, 5), uint64(2))
	}
	f.Fuzz(func(t *testing.T, first, second []byte, seed uint64) {
		a, b := floats(first), floats(second)
		if len(a) > 60 || len(b) > 60 {
			return
		}
		number := seedNumber(a)
		for _, x := range [][]float64{a, b} {
			Mean(x)
			Variance(x)
			Median(x)
			if g := GeometricMean(x); g < 0 {
				t.Errorf("the geometric mean of %v is %v", x, g)
			}
			e, err := PairedT(x)
			checkEffect(t, e, err, number)
			if p, err := Predict(x); err == nil {
				e, err := p.Effect(number)
				checkEffect(t, e, err, number)
			}
			for _, adjusted := range [][]float64{Holm(x), BenjaminiHochberg(x)} {
				for i, p := range adjusted {
					if math.IsNaN(p) != math.IsNaN(x[i]) || p < 0 || p > 1 {
						t.Errorf("p = %v is adjusted to %v", x[i], p)
					}
				}
			}
			checkResampling(t, x, seed)
			checkQuantiles(t, x, number)
		}
		e, err := Welch(a, b)
		checkEffect(t, e, err, number)
		if d, err := LogRatios(a, b); err == nil {
			e, err := PairedT(d)
			checkEffect(t, e, err, number)
		}
		if r, err := MannWhitney(a, b); err == nil && !(r.P >= 0 && r.P <= 1 && r.U >= 0) {
			t.Errorf("Mann–Whitney of %v and %v is %+v", a, b, r)
		}
		plan := RoundsPlan{Effect: number, SD: Variance(a), HeadSD: Variance(b), Alpha: 0.01, Power: 0.8}
		if n, ok, err := RequiredRounds(plan); err == nil && ok && (n < 2 || n > MaxRounds) {
			t.Errorf("%+v takes %d rounds", plan, n)
		}
	})
}

// seedNumber is some number of the input, to ask questions with.
func seedNumber(x []float64) float64 {
	if len(x) == 0 {
		return 0.1
	}
	return x[len(x)-1]
}

func checkEffect(t *testing.T, e Effect, err error, h float64) {
	t.Helper()
	if err != nil {
		if e != (Effect{}) {
			t.Errorf("an error comes with %+v", e)
		}
		return
	}
	for _, p := range []float64{e.Greater(h), e.Less(h), e.TwoSided(h)} {
		if math.IsNaN(p) != math.IsNaN(h) && !math.IsInf(h, 0) || p < 0 || p > 1 {
			t.Errorf("%+v has p = %v at %v", e, p, h)
		}
	}
	if i := e.Interval(0.95); !(i.Lo <= e.Estimate && e.Estimate <= i.Hi) {
		t.Errorf("%+v has the interval %+v", e, i)
	}
	if i := e.Interval(h); !(h > 0 && h < 1) && !math.IsNaN(i.Lo) {
		t.Errorf("the level %v has an interval %+v", h, i)
	}
}

func checkResampling(t *testing.T, x []float64, seed uint64) {
	t.Helper()
	if b, err := BlockBootstrap(x, BootstrapOptions{Resamples: 99, Seed: seed}); err == nil && !(b.Interval.Lo <= b.Interval.Hi) {
		t.Errorf("the bootstrap of %v is %+v", x, b)
	}
	found, err := EDivisive(x, ChangeOptions{Permutations: 19, Seed: seed})
	if err != nil {
		return
	}
	before := 0
	for _, c := range found {
		if c.Index < before+3 || c.Index > len(x)-3 || !(c.P > 0 && c.P <= 0.05) || math.IsNaN(c.Before+c.After) && !math.IsInf(c.Before, 0) {
			t.Errorf("%v has the changes %+v", x, found)
		}
		before = c.Index
	}
}

func checkQuantiles(t *testing.T, x []float64, number float64) {
	t.Helper()
	bars := make([]Bar, len(x))
	for i, v := range x {
		bars[i] = Bar{Value: float64(i), Count: int64(math.Float64bits(v))}
	}
	if ci, ok := QuantileIntervalBars(bars, 0.9, 0.95); ok && !(ci.Lo <= ci.Hi) {
		t.Errorf("%v has the interval %+v", bars, ci)
	}
	n := int64(math.Float64bits(number))
	if lo, hi, ok := QuantileRanks(n, math.Abs(number), 0.95); ok && !(lo >= 1 && lo < hi && hi <= n) {
		t.Errorf("quantile %v of %d lies between %d and %d", number, n, lo, hi)
	}
}
