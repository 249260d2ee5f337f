package stats

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkPairedT10000x20 is what a comparison of 10,000 metrics with 20 rounds
// each asks for: both p values, the interval and a bound.
func BenchmarkPairedT10000x20(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 20))
	metrics := make([][]float64, 10_000)
	for i := range metrics {
		metrics[i] = normals(random, 20, 0, 0.05)
	}
	var sum float64
	b.Run("estimate", func(b *testing.B) {
		for b.Loop() {
			for _, d := range metrics {
				e, err := PairedT(d)
				if err != nil {
					b.Fatal(err)
				}
				sum += e.Estimate
			}
		}
	})
	b.Run("with p, interval and bound", func(b *testing.B) {
		for b.Loop() {
			for _, d := range metrics {
				e, err := PairedT(d)
				if err != nil {
					b.Fatal(err)
				}
				sum += e.Greater(0) + e.TwoSided(0) + e.Interval(0.95).Lo + e.LowerBound(0.01)
			}
		}
	})
	_ = sum
}

func BenchmarkHolm10000(b *testing.B) {
	random := rand.New(rand.NewPCG(2, 20))
	p := make([]float64, 10_000)
	for i := range p {
		p[i] = random.Float64()
	}
	for b.Loop() {
		Holm(p)
	}
}

func BenchmarkEDivisive1000(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 20))
	for name, x := range map[string][]float64{
		"no change":   normals(random, 1000, 0, 1),
		"nine of ten": steps(random, 1, []int{100, 100, 100, 100, 100, 100, 100, 100, 100, 100}, []float64{0, 3, 0, 3, 6, 3, 0, 5, 2, 7}),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				found, err := EDivisive(x, ChangeOptions{Seed: 1})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(found)), "changes")
			}
		})
	}
}

func BenchmarkBlockBootstrap1000(b *testing.B) {
	x := autoregressive(rand.New(rand.NewPCG(4, 20)), 1000, 0.3)
	for b.Loop() {
		if _, err := BlockBootstrap(x, BootstrapOptions{Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequiredRounds(b *testing.B) {
	for b.Loop() {
		if _, _, err := RequiredRounds(RoundsPlan{Effect: 0.0953, SD: 0.08, Alpha: 0.01, Power: 0.8}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookAlphas(b *testing.B) {
	for b.Loop() {
		if _, err := LookAlphas(0.01, looks, Pocock); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMannWhitney25x25(b *testing.B) {
	random := rand.New(rand.NewPCG(5, 20))
	x, y := normals(random, 25, 0, 1), normals(random, 25, 0, 1)
	for b.Loop() {
		if _, err := MannWhitney(x, y); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuantileRanks(b *testing.B) {
	for b.Loop() {
		QuantileRanks(100_000, 0.99, 0.95)
	}
}
