package stats

import "math"

// Share is what part of a number of independent trials succeeded. Trials that
// have something in common are to be weighed, so that the numbers need not be
// whole.
type Share struct{ Successes, Trials float64 }

// ShareDifference is the interval of the share a less the share b, with an
// error of alpha on either side; 0.025 makes it one of 95%. It is method 10 of
// R. G. Newcombe, Interval estimation for the difference between independent
// proportions, Statistics in Medicine 17 (1998) 873–890, which puts two of
// Wilson's score intervals together and holds for few trials and near 0 and 1.
// ok is false where a side has no trial.
func ShareDifference(a, b Share, alpha float64) (low, high float64, ok bool) {
	if !(a.Trials > 0) || !(b.Trials > 0) {
		return 0, 0, false
	}
	pa, lowA, highA := a.wilson(alpha)
	pb, lowB, highB := b.wilson(alpha)
	return pa - pb - math.Hypot(pa-lowA, highB-pb), pa - pb + math.Hypot(highA-pa, pb-lowB), true
}

// wilson is the share and its score interval: E. B. Wilson, Journal of the
// American Statistical Association 22 (1927) 209–212.
func (s Share) wilson(alpha float64) (p, low, high float64) {
	n, z := s.Trials, normalQuantileUpper(alpha)
	p = s.Successes / n
	centre, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return p, (centre - half) / (1 + z*z/n), (centre + half) / (1 + z*z/n)
}
