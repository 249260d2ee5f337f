package main

import (
	"math"
	"slices"
)

// andersonDarling tests whether gaps are exponential with a known mean: a
// Poisson process of a known rate. It returns the statistic A² and the
// probability of one as large. Both gap and mean are in the same unit.
//
// A² = −n − 1/n·Σ (2i−1)·(ln u(i) + ln(1−u(n+1−i))), Anderson and Darling,
// 1954; the distribution is the asymptotic one of Marsaglia and Marsaglia,
// Evaluating the Anderson-Darling Distribution, 2004 (its error is under
// 2·10⁻⁶; n of 100 and more is near enough to it).
func andersonDarling(gaps []float64, mean float64) (a2, p float64) {
	u := make([]float64, len(gaps))
	for i, g := range gaps {
		u[i] = min(max(-math.Expm1(-g/mean), 1e-12), 1-1e-12)
	}
	slices.Sort(u)
	n, sum := len(u), 0.0
	for i := range u {
		sum += float64(2*i+1) * (math.Log(u[i]) + math.Log1p(-u[n-1-i]))
	}
	a2 = -float64(n) - sum/float64(n)
	return a2, 1 - darling(a2)
}

// darling is the probability of a statistic below z.
func darling(z float64) float64 {
	if z <= 0 {
		return 0
	}
	if z < 2 {
		return math.Exp(-1.2337141/z) / math.Sqrt(z) *
			(2.00012 + (.247105-(.0649821-(.0347962-(.011672-.00168691*z)*z)*z)*z)*z)
	}
	return math.Exp(-math.Exp(1.0776 - (2.30695-(.43424-(.082433-(.008056-.0003146*z)*z)*z)*z)*z))
}
