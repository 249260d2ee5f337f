package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTheDistributionIsThatOfThePublishedTable(t *testing.T) {
	for z, want := range map[float64]float64{1.933: 0.90, 2.492: 0.95, 3.878: 0.99} {
		if got := darling(z); math.Abs(got-want) > 0.001 {
			t.Errorf("P(A² < %g) is %.4f, want %g", z, got, want)
		}
	}
}

func TestExponentialGapsPassAndOthersDoNot(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name   string
		gap    func() float64
		passes bool
	}{
		{"exponential", func() float64 { return 2 * r.ExpFloat64() }, true},
		{"even", func() float64 { return 2 }, false},
		{"a fifth too fast", func() float64 { return 1.6 * r.ExpFloat64() }, false},
		{"uniform", func() float64 { return 4 * r.Float64() }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gaps := make([]float64, 1000)
			for i := range gaps {
				gaps[i] = tt.gap()
			}
			if a2, p := andersonDarling(gaps, 2); (p > 0.001) != tt.passes {
				t.Errorf("A² %.2f, p %.3g", a2, p)
			}
		})
	}
}
