package stats

import "math"

// PairedT estimates the mean of paired differences, one for each pair of
// interleaved rounds: log ratios from [LogRatios] as a rule, or plain
// [Differences] where logarithms make no sense.
//
// t = mean(d) / (s/√n) with n−1 degrees of freedom (Student, "The probable error
// of a mean", Biometrika 6, 1908). It assumes that the pairs are independent
// and their differences roughly normal. What both rounds of a pair share
// (machine, hour, neighbour) cancels, whatever its distribution.
//
// It needs two pairs. When all differences are equal the result is Exact.
func PairedT(d []float64) (Effect, error) {
	if err := checkSample("paired t", d, 2); err != nil {
		return Effect{}, err
	}
	if allEqual(d) {
		return newEffect(len(d), d[0], 0, 0)
	}
	n := float64(len(d))
	return newEffect(len(d), Mean(d), math.Sqrt(Variance(d)/n), n-1)
}

// LogRatios returns log(head/base) of each pair. Both must be of one length,
// finite and above zero.
func LogRatios(base, head []float64) ([]float64, error) {
	const op = "log ratios"
	return pairwise(op, base, head, func(b, h float64) (float64, error) {
		if err := checkPositive(op, "base value", b); err != nil {
			return 0, err
		}
		if err := checkPositive(op, "head value", h); err != nil {
			return 0, err
		}
		if b == h {
			return 0, nil // a difference of logarithms would be 0 as well; this says it plainly
		}
		return math.Log(h) - math.Log(b), nil // the ratio itself may overflow
	})
}

// Differences returns head−base of each pair: for metrics on an absolute scale,
// such as recall. Both must be of one length and finite.
func Differences(base, head []float64) ([]float64, error) {
	return pairwise("differences", base, head, func(b, h float64) (float64, error) { return h - b, nil })
}

// Logs returns log(x) of each value, for [Welch]. All must be finite and above
// zero.
func Logs(x []float64) ([]float64, error) {
	logs := make([]float64, len(x))
	for i, v := range x {
		if err := checkPositive("logarithms", "value", v); err != nil {
			return nil, err
		}
		logs[i] = math.Log(v)
	}
	return logs, nil
}

func pairwise(op string, base, head []float64, f func(b, h float64) (float64, error)) ([]float64, error) {
	if len(base) != len(head) {
		return nil, &LengthError{Op: op, Base: len(base), Head: len(head)}
	}
	for _, side := range [][]float64{base, head} {
		if err := checkSample(op, side, 0); err != nil {
			return nil, err
		}
	}
	d := make([]float64, len(base))
	for i := range base {
		v, err := f(base[i], head[i])
		if err != nil {
			return nil, err
		}
		d[i] = v
	}
	return d, nil
}
