package encoder

import (
	"math"

	"github.com/viterin/vek/vek32"
)

// layerNorm replaces row by (row − mean) / √(variance + epsilon) · gamma + beta.
func layerNorm(row, gamma, beta []float32, epsilon float64) {
	n := float32(len(row))
	vek32.SubNumber_Inplace(row, vek32.Sum(row)/n)
	variance := float64(vek32.Dot(row, row) / n)
	vek32.MulNumber_Inplace(row, float32(1/math.Sqrt(variance+epsilon)))
	vek32.Mul_Inplace(row, gamma)
	vek32.Add_Inplace(row, beta)
}

// softmax replaces each row of length n in p by exp(scale·row) / Σ exp(scale·row).
func softmax(p []float32, n int, scale float32) {
	vek32.MulNumber_Inplace(p, scale)
	for at := 0; at < len(p); at += n {
		row := p[at : at+n]
		vek32.SubNumber_Inplace(row, vek32.Max(row))
	}
	expBelowZero(p)
	for at := 0; at < len(p); at += n {
		row := p[at : at+n]
		vek32.DivNumber_Inplace(row, vek32.Sum(row))
	}
}

// expBelowZero replaces x, all of it at most 0, by its exponential. vek32's AVX2 exponential gives values up to infinity
// where the true one is below the smallest normal float32 (x from -88 to -103), so smaller x count as -87: 1.6e-38.
func expBelowZero(x []float32) {
	vek32.MaximumNumber_Inplace(x, -87)
	vek32.Exp_Inplace(x)
}

// Coefficients of erf(x) ≈ 1 − (a1·t + a2·t² + … + a5·t⁵)·exp(−x²), t = 1/(1 + p·x), x ≥ 0, whose error is at most 1.5e-7:
// Abramowitz and Stegun, Handbook of Mathematical Functions, formula 7.1.26.
const erfP = 0.3275911

var erfA = [5]float32{0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429}

// geluScratch is the number of floats that gelu needs beside its argument.
func geluScratch(n int) int { return 3 * n }

// gelu replaces x by x·Φ(x), the exact form with the error function and not its tanh approximation.
//
// With q = 1 − erf(|x|/√2), x·Φ(x) is max(x, 0) − |x|·q/2 on both sides of zero, so no sign needs handling.
func gelu(x, scratch []float32) {
	n := len(x)
	a, t, q := scratch[:n], scratch[n:2*n], scratch[2*n:3*n]
	vek32.Abs_Into(a, x)
	vek32.MulNumber_Inplace(a, math.Sqrt2/2)

	vek32.MulNumber_Into(t, a, erfP)
	vek32.AddNumber_Inplace(t, 1)
	vek32.Inv_Inplace(t)

	vek32.MulNumber_Into(q, t, erfA[4])
	for i := 3; i >= 0; i-- {
		vek32.AddNumber_Inplace(q, erfA[i])
		vek32.Mul_Inplace(q, t)
	}
	vek32.Mul_Into(t, a, a)
	vek32.Neg_Inplace(t)
	expBelowZero(t)
	vek32.Mul_Inplace(q, t)

	vek32.Mul_Inplace(q, a)
	vek32.MulNumber_Inplace(q, math.Sqrt2/2) // |x|/2 = a·√2/2
	vek32.MaximumNumber_Inplace(x, 0)
	vek32.Sub_Inplace(x, q)
}

// pool writes the vector of one text into dst from the text's tokens (rows of len(dst)).
func pool(dst, tokens []float32, how Pooling) {
	width := len(dst)
	copy(dst, tokens[:width])
	switch how {
	case PoolMean:
		for at := width; at < len(tokens); at += width {
			vek32.Add_Inplace(dst, tokens[at:at+width])
		}
		vek32.DivNumber_Inplace(dst, float32(len(tokens)/width))
	case PoolMax:
		for at := width; at < len(tokens); at += width {
			vek32.Maximum_Inplace(dst, tokens[at:at+width])
		}
	}
}
