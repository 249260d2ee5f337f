package stats

import "math"

// Spending is how much of a one-sided error alpha may be used up when the share
// t (0…1) of the planned rounds is in. It rises from 0 to alpha at t = 1.
type Spending func(alpha, t float64) float64

// OBrienFleming is 2·P(Z > z(alpha/2)/√t): next to nothing at the first look,
// nearly all at the last (Lan & DeMets, "Discrete sequential boundaries for
// clinical trials", Biometrika 70, 1983, α₁*).
//
// At a quarter of the rounds with alpha = 0.01 it allows 3·10⁻⁷, which no t
// statistic of six rounds reaches in practice.
func OBrienFleming(alpha, t float64) float64 {
	return 2 * normalUpper(normalQuantileUpper(alpha/2)/math.Sqrt(t))
}

// Pocock is alpha·log(1+(e−1)·t): about as much at every look, so that large
// differences are found early (Lan & DeMets 1983, α₂*).
func Pocock(alpha, t float64) float64 { return alpha * math.Log1p((math.E-1)*t) }

// LookAlphas is the one-sided level to compare the p value of all rounds so far
// with, at each look, so that all looks together err with probability alpha.
// looks are numbers of rounds, rising, the last one final: 6, 12, 24.
//
// The boundaries come from recursive numerical integration (Armitage,
// McPherson & Rowe, "Repeated significance tests on accumulating data", Journal
// of the Royal Statistical Society A 132, 1969; Jennison & Turnbull, "Group
// Sequential Methods", 1999, chapter 19) for normal increments of known
// variance. To apply them as levels to t statistics is the significance level
// approach (Jennison & Turnbull, section 3.3): nearly exact; the tests state by
// how much. Once a look decides, no later one may.
func LookAlphas(alpha float64, looks []int, spend Spending) ([]float64, error) {
	const op = "looks"
	if err := checkFraction(op, "alpha", alpha); err != nil {
		return nil, err
	}
	if len(looks) == 0 {
		return nil, &TooFewError{Op: op, Need: 1}
	}
	before := 0
	for _, n := range looks {
		if n <= before {
			return nil, &RangeError{Op: op, Name: "look", Value: float64(n), Want: "positive and after the look before it"}
		}
		before = n
	}
	final := float64(looks[len(looks)-1])
	alphas := make([]float64, len(looks))
	var spent, at float64
	var going walk
	for k, n := range looks {
		t := float64(n) / final
		total := spend(alpha, t)
		if !(total >= spent && total <= alpha*(1+1e-9)) {
			return nil, &RangeError{Op: op, Name: "spent alpha", Value: total, Want: "rising, and alpha at the most"}
		}
		bound := going.boundary(total-spent, t-at)
		alphas[k] = normalUpper(bound / math.Sqrt(t))
		going = going.advance(bound, t-at, t)
		spent, at = total, t
	}
	return alphas, nil
}

// walk is the density of a standard Brownian motion at one look, on a grid, of
// those paths that no look has stopped yet. The zero walk stands at 0.
type walk struct {
	at, weight []float64 // weight is density × Simpson's weight
}

// gridSteps is even, for Simpson's rule; 8 standard deviations down to the left
// nothing is left worth counting.
const (
	gridSteps = 400
	gridReach = 8
)

// crossing is the chance that a path is above bound a time dt later.
func (w walk) crossing(bound, dt float64) float64 {
	if w.at == nil {
		return normalUpper(bound / math.Sqrt(dt))
	}
	var p float64
	for i, x := range w.at {
		p += w.weight[i] * normalUpper((bound-x)/math.Sqrt(dt))
	}
	return p
}

// boundary is the bound that p of the paths cross, by bisection. Nothing to
// spend puts it out of reach.
func (w walk) boundary(p, dt float64) float64 {
	lo, hi := -40.0, 40.0
	if p <= 0 {
		return hi
	}
	for range 80 {
		mid := lo + (hi-lo)/2
		if w.crossing(mid, dt) > p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// advance is the walk at time t, dt later, without the paths above bound.
func (w walk) advance(bound, dt, t float64) walk {
	sd := math.Sqrt(t)
	lo, hi := -gridReach*sd, min(bound, gridReach*sd)
	if hi <= lo {
		return walk{at: []float64{}} // all stopped
	}
	h := (hi - lo) / gridSteps
	next := walk{at: make([]float64, gridSteps+1), weight: make([]float64, gridSteps+1)}
	for i := range next.at {
		x := lo + float64(i)*h
		rule := 2.0
		switch {
		case i == 0 || i == gridSteps:
			rule = 1
		case i%2 == 1:
			rule = 4
		}
		next.at[i], next.weight[i] = x, rule*h/3*w.density(x, dt)
	}
	return next
}

func (w walk) density(x, dt float64) float64 {
	if w.at == nil {
		return gauss(x, dt)
	}
	var sum float64
	for i, from := range w.at {
		sum += w.weight[i] * gauss(x-from, dt)
	}
	return sum
}
