package stats

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts p values so that the chance of even one false discovery among
// them stays below alpha when those below alpha are taken: Holm, "A simple
// sequentially rejective multiple test procedure", Scandinavian Journal of
// Statistics 6, 1979. It assumes nothing about how the p values depend on each
// other.
//
// NaN means "not judged": it stays NaN and does not count among the
// comparisons. Values outside of 0…1 are clamped. Equal p values get equal
// results and the order of the input is kept.
func Holm(p []float64) []float64 {
	return adjust(p, func(sorted []float64) {
		m := len(sorted)
		var above float64
		for i, v := range sorted {
			above = max(above, min(1, v*float64(m-i)))
			sorted[i] = above
		}
	})
}

// BenjaminiHochberg adjusts p values so that, on average, at most the share
// alpha of those taken below alpha is false: Benjamini & Hochberg, "Controlling
// the false discovery rate", Journal of the Royal Statistical Society B 57,
// 1995. It assumes independent or positively dependent p values, as the metrics
// of one benchmark are. NaN, ties and order are treated as in [Holm].
func BenjaminiHochberg(p []float64) []float64 {
	return adjust(p, func(sorted []float64) {
		m := len(sorted)
		below := 1.0
		for i := m - 1; i >= 0; i-- {
			below = min(below, sorted[i]*(float64(m)/float64(i+1))) // the factor is 1 at least, rounded or not
			sorted[i] = below
		}
	})
}

// adjust hands the judged p values in ascending order to step, which replaces
// them, and puts the results where the p values came from.
func adjust(p []float64, step func(sorted []float64)) []float64 {
	order := make([]int, 0, len(p))
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	sorted := make([]float64, len(order))
	for k, i := range order {
		sorted[k] = min(1, max(0, p[i]))
	}
	step(sorted)
	adjusted := make([]float64, len(p))
	for i := range adjusted {
		adjusted[i] = math.NaN()
	}
	for k, i := range order {
		adjusted[i] = sorted[k]
	}
	return adjusted
}
