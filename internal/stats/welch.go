package stats

import "math"

// Welch estimates mean(head) − mean(base) of rounds that were not interleaved:
// of logarithms ([Logs]) as a rule.
//
// t = difference / √(s₁²/n₁ + s₂²/n₂), with the degrees of freedom of
// Welch–Satterthwaite (Welch, "The generalization of Student's problem when
// several different population variances are involved", Biometrika 34, 1947;
// Satterthwaite, Biometrics Bulletin 2, 1946). It assumes independent, roughly
// normal rounds; the two variances may differ. It cannot see what all rounds of
// one side share: drift between the runs looks like a difference.
//
// Each side needs two values. When only one side varies, the degrees of freedom
// are that side's n−1. When neither varies the result is Exact.
func Welch(base, head []float64) (Effect, error) {
	for _, side := range [][]float64{base, head} {
		if err := checkSample("Welch's t", side, 2); err != nil {
			return Effect{}, err
		}
	}
	n := len(base) + len(head)
	vb, vh := Variance(base)/float64(len(base)), Variance(head)/float64(len(head))
	difference := centre(head) - centre(base)
	if vb+vh == 0 {
		return newEffect(n, difference, 0, 0)
	}
	return newEffect(n, difference, math.Sqrt(vb+vh), satterthwaite(vb, vh, len(base), len(head)))
}

// centre is the mean, and the value itself where all are equal: summing and
// dividing may round what an exact comparison must keep.
func centre(x []float64) float64 {
	if allEqual(x) {
		return x[0]
	}
	return Mean(x)
}

// satterthwaite is (va+vb)² / (va²/(na−1) + vb²/(nb−1)) for variances of means,
// written in shares of the whole so that squares of tiny variances do not
// underflow.
func satterthwaite(va, vb float64, na, nb int) float64 {
	share := va / (va + vb)
	return 1 / (share*share/float64(na-1) + (1-share)*(1-share)/float64(nb-1))
}
