package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// tUpper is P(T > t) for Student's t, exact in the far tail too. It is NaN when
// df is not positive, as in the zero Effect.
func tUpper(t, df float64) float64 {
	if !(df > 0) || math.IsNaN(t) {
		return math.NaN()
	}
	return distuv.StudentsT{Sigma: 1, Nu: df}.Survival(t)
}

// tQuantileUpper is the t with P(T > t) = alpha, for 0 < alpha < 1. Going by the
// upper tail keeps its accuracy where 1−alpha would round to 1.
//
// Newton's method on the logarithm of the tail takes a few evaluations where the
// general inverse of the incomplete beta function takes dozens, and a comparison
// of 10,000 metrics asks for tens of thousands of quantiles. Where it does not
// settle, that inverse answers.
func tQuantileUpper(alpha, df float64) float64 {
	switch {
	case !(df > 0):
		return math.NaN()
	case alpha > 0.5:
		return -tQuantileUpper(1-alpha, df)
	case alpha == 0.5:
		return 0
	}
	if t, ok := tQuantileNewton(alpha, df); ok {
		return t
	}
	return -distuv.StudentsT{Sigma: 1, Nu: df}.Quantile(alpha)
}

// tQuantileNewton solves log P(T > t) = log alpha in log t, in which a heavy
// tail is a straight line.
func tQuantileNewton(alpha, df float64) (t float64, ok bool) {
	student := distuv.StudentsT{Sigma: 1, Nu: df}
	above, _ := math.Lgamma((df + 1) / 2)
	below, _ := math.Lgamma(df / 2)
	norm := math.Exp(above-below) / math.Sqrt(df*math.Pi)
	t = tQuantileStart(alpha, df)
	for range 12 {
		tail := student.Survival(t)
		density := norm * math.Pow(1+t*t/df, -(df+1)/2)
		// d log P / d log t = −t·density/P
		step := math.Log(tail/alpha) * tail / (t * density)
		if !(math.Abs(step) < 3) {
			return 0, false
		}
		t *= math.Exp(step)
		if math.Abs(step) < 1e-9 { // it converges quadratically: t is better than that
			return t, true
		}
	}
	return 0, false
}

// tQuantileStart expands the t quantile about the normal one (Abramowitz &
// Stegun, "Handbook of Mathematical Functions", 26.7.5, two terms), and with few
// degrees of freedom far out takes the tail for a power of t.
func tQuantileStart(alpha, df float64) float64 {
	z := normalQuantileUpper(alpha)
	if df < 2*z*z {
		// P(T > t) → df^(df/2)·t^−df / (df·B(1/2, df/2))
		above, _ := math.Lgamma((df + 1) / 2)
		below, _ := math.Lgamma(df / 2)
		beta := math.Log(math.Pi)/2 + below - above
		return math.Exp((df/2*math.Log(df) - math.Log(df) - beta - math.Log(alpha)) / df)
	}
	z2 := z * z
	return z + z*(z2+1)/(4*df) + z*((5*z2+16)*z2+3)/(96*df*df)
}

// normalUpper is P(Z > z) for the standard normal, exact in the far tail too.
func normalUpper(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// normalQuantileUpper is the z with P(Z > z) = alpha, for 0 < alpha < 1.
func normalQuantileUpper(alpha float64) float64 { return -distuv.UnitNormal.Quantile(alpha) }

// gauss is the normal density with the given variance.
func gauss(x, variance float64) float64 {
	return math.Exp(-x*x/(2*variance)) / math.Sqrt(2*math.Pi*variance)
}
