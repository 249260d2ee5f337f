package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAdjustedPValues(t *testing.T) {
	for _, c := range []struct {
		name        string
		p, holm, bh []float64
	}{
		// statsmodels multipletests(p, method="holm") and scipy false_discovery_control(p)
		{"agree with the peers, ties included", []float64{0.01, 0.04, 0.03, 0.005, 0.2, 0.03},
			[]float64{0.05, 0.12, 0.12, 0.03, 0.2, 0.12}, []float64{0.03, 0.048, 0.045, 0.03, 0.2, 0.045}},
		{"leave out what was not judged", []float64{nan, 0.01, nan, 0.04}, []float64{nan, 0.02, nan, 0.04}, []float64{nan, 0.02, nan, 0.04}},
		{"of one comparison are that p value", []float64{0.03}, []float64{0.03}, []float64{0.03}},
		{"of none are none", nil, []float64{}, []float64{}},
		{"never pass 1", []float64{0.9, 0.8, 0.7}, []float64{1, 1, 1}, []float64{0.9, 0.9, 0.9}},
		{"come from p values clamped to 0…1", []float64{-1e-18, 1 + 1e-15, inf}, []float64{0, 1, 1}, []float64{0, 1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.p)
			for name, got := range map[string][2][]float64{"Holm": {Holm(c.p), c.holm}, "BH": {BenjaminiHochberg(c.p), c.bh}} {
				if len(got[0]) != len(got[1]) {
					t.Fatalf("%s gives %v, want %v", name, got[0], got[1])
				}
				for i := range got[0] {
					checkNear(t, name, got[0][i], got[1][i], 1e-14)
				}
			}
			for i := range before {
				checkNear(t, "the input afterwards", c.p[i], before[i], 0)
			}
		})
	}
}

func TestAdjustedPValuesKeepOrderAndTies(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		p := make([]float64, 1+random.IntN(40))
		for i := range p {
			p[i] = math.Round(random.Float64()*20) / 20 // many ties
		}
		holm, bh := Holm(p), BenjaminiHochberg(p)
		for i := range p {
			if holm[i] < p[i] || bh[i] < p[i] || bh[i] > holm[i] || holm[i] > 1 {
				t.Fatalf("p %v becomes %v by Holm and %v by Benjamini–Hochberg", p[i], holm[i], bh[i])
			}
			for j := range p {
				if p[i] <= p[j] && (holm[i] > holm[j] || bh[i] > bh[j]) {
					t.Fatalf("p %v ≤ %v, but Holm %v and %v, Benjamini–Hochberg %v and %v", p[i], p[j], holm[i], holm[j], bh[i], bh[j])
				}
			}
		}
	}
}
