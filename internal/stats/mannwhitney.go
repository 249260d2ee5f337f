package stats

import (
	"cmp"
	"math"
	"slices"
)

// maxExact is the size of a side up to which [MannWhitney] counts exactly.
const maxExact = 50

// RankComparison is the result of [MannWhitney].
type RankComparison struct {
	U     float64 // how many (base, head) pairs have the larger head; a tie counts half
	P     float64 // two-sided
	Exact bool    // counted, rather than approximated by the normal distribution
}

// MannWhitney compares two sets of independent values by their ranks. No verdict
// uses it: it is here as the peer that calibration is shown beside, because most
// tools use it, on the pooled values of one process.
//
// Without ties and up to 50 values a side, P is exact (Mann & Whitney, "On a test
// of whether one of two random variables is stochastically larger than the
// other", Annals of Mathematical Statistics 18, 1947). Otherwise it is the normal
// approximation with corrections for ties and for continuity (Hollander, Wolfe &
// Chicken, "Nonparametric Statistical Methods", 2014, section 4.1). When all
// values are equal P is 1.
func MannWhitney(base, head []float64) (RankComparison, error) {
	for _, side := range [][]float64{base, head} {
		if err := checkSample("Mann–Whitney", side, 1); err != nil {
			return RankComparison{}, err
		}
	}
	u, ties := rankSum(base, head)
	n, m := len(base), len(head)
	result := RankComparison{U: u}
	if ties == 0 && n <= maxExact && m <= maxExact {
		result.Exact = true
		result.P = exactU(n, m, int(min(u, float64(n*m)-u)))
		return result, nil
	}
	all := float64(n + m)
	variance := float64(n) * float64(m) / 12 * (all + 1 - ties/(all*(all-1)))
	if !(variance > 0) {
		result.P = 1
		return result, nil
	}
	distance := max(0, math.Abs(u-float64(n)*float64(m)/2)-0.5)
	result.P = min(1, 2*normalUpper(distance/math.Sqrt(variance)))
	return result, nil
}

// rankSum returns U of the head side and Σ(t³−t) over groups of t equal values.
func rankSum(base, head []float64) (u, ties float64) {
	type value struct {
		v    float64
		head bool
	}
	all := make([]value, 0, len(base)+len(head))
	for _, v := range base {
		all = append(all, value{v, false})
	}
	for _, v := range head {
		all = append(all, value{v, true})
	}
	slices.SortFunc(all, func(a, b value) int { return cmp.Compare(a.v, b.v) })
	var below float64 // base values seen so far
	for i := 0; i < len(all); {
		var baseHere, headHere float64
		j := i
		for ; j < len(all) && all[j].v == all[i].v; j++ {
			if all[j].head {
				headHere++
			} else {
				baseHere++
			}
		}
		u += headHere * (below + baseHere/2)
		below += baseHere
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	return u, ties
}

// exactU is the two-sided p value of the smaller of both U: twice the share of
// all arrangements with a U as small. Their numbers are the coefficients of the
// Gaussian binomial Π(1−x^(m+i))/(1−x^i), i = 1…n, built up to x^u only.
func exactU(n, m, u int) float64 {
	ways := make([]float64, u+1)
	ways[0] = 1
	for i := 1; i <= n; i++ {
		for j := u; j >= m+i; j-- {
			ways[j] -= ways[j-m-i]
		}
		for j := i; j <= u; j++ {
			ways[j] += ways[j-i]
		}
	}
	var share float64
	// The number of all arrangements, n+m over n, may be beyond an integer.
	all := math.Exp(lchoose(n+m, n))
	for _, w := range ways {
		share += w / all
	}
	return min(1, 2*share)
}

func lchoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
