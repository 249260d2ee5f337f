package stats

import "math"

// MaxRounds is the largest answer of [RequiredRounds].
const MaxRounds = 100_000

// RoundsPlan asks how many rounds would decide a comparison.
type RoundsPlan struct {
	// Effect is the distance to detect, in the unit of the differences: with
	// threshold T, log(1+T) to tell a regression of T from none, and the same to
	// call a metric unchanged that is. Above 0.
	Effect float64
	// SD is the standard deviation of the paired differences observed so far, or
	// of the base side's values when HeadSD is set.
	SD float64
	// HeadSD is the head side's standard deviation for rounds that are not
	// paired; the answer is then the rounds on each side. 0 means paired.
	HeadSD float64
	// Alpha is the one-sided error of the comparison, such as 0.01.
	Alpha float64
	// Power is the chance of deciding it, such as 0.8 or 0.95.
	Power float64
}

// RequiredRounds is the smallest number of rounds (of pairs, or on each side)
// with which a one-sided t comparison finds the effect with the power asked for.
// ok is false when that takes more than [MaxRounds].
//
// The first guess solves n = ((t(1−alpha) + t(power))·SD/Effect)², whose degrees
// of freedom depend on n, by iteration (Julious, "Sample sizes for clinical
// trials with normal data", Statistics in Medicine 23, 2004). [RoundsPlan.PowerAt]
// then settles it exactly. It assumes that the standard deviation is what was
// observed; with six rounds that is itself known to a factor of about 1.6 only,
// so it is an estimate to say, not to rely on.
func RequiredRounds(p RoundsPlan) (n int, ok bool, err error) {
	if err := p.check(); err != nil {
		return 0, false, err
	}
	n = p.guess()
	if n == MaxRounds && p.PowerAt(n) < p.Power {
		return 0, false, nil
	}
	for n > 2 && p.PowerAt(n-1) >= p.Power {
		n--
	}
	for p.PowerAt(n) < p.Power {
		if n++; n > MaxRounds {
			return 0, false, nil
		}
	}
	return n, true, nil
}

func (p RoundsPlan) check() error {
	const op = "required rounds"
	if err := checkPositive(op, "effect", p.Effect); err != nil {
		return err
	}
	for _, sd := range []float64{p.SD, p.HeadSD} {
		if !(sd >= 0) || math.IsInf(sd, 0) {
			return &RangeError{Op: op, Name: "standard deviation", Value: sd, Want: "finite and not negative"}
		}
	}
	if err := checkFraction(op, "alpha", p.Alpha); err != nil {
		return err
	}
	return checkFraction(op, "power", p.Power)
}

// guess iterates from the normal approximation until the number stands still.
func (p RoundsPlan) guess() int {
	ratio := p.spread() / p.Effect
	sum := max(0, normalQuantileUpper(p.Alpha)-normalQuantileUpper(p.Power))
	n := roundsOf(sum, ratio)
	for range 8 {
		df := p.df(n)
		next := roundsOf(max(0, tQuantileUpper(p.Alpha, df)-tQuantileUpper(p.Power, df)), ratio)
		// Half way: with very few rounds the quantiles swing widely.
		if next = (n + next + 1) / 2; next == n {
			break
		}
		n = next
	}
	return n
}

func roundsOf(sum, ratio float64) int {
	return int(math.Ceil(min(MaxRounds, max(2, sum*sum*ratio*ratio))))
}

// spread is the standard deviation that, divided by √n, gives the standard error.
func (p RoundsPlan) spread() float64 { return math.Hypot(p.SD, p.HeadSD) }

func (p RoundsPlan) df(n int) float64 {
	if p.HeadSD == 0 || p.SD == 0 {
		return float64(n - 1)
	}
	// In units of the larger one: squares of tiny deviations would underflow.
	unit := max(p.SD, p.HeadSD)
	base, head := p.SD/unit, p.HeadSD/unit
	return satterthwaite(base*base, head*head, n, n)
}

// PowerAt is the chance that a one-sided t comparison with n rounds (pairs, or
// on each side) at p.Alpha finds p.Effect, when the standard deviations are as
// given. p.Power is not used. It is NaN for a plan outside of its domain and
// for n < 2.
//
// P(T > t) for the noncentral t with noncentrality δ = Effect·√n/SD, as the mean
// of Φ(δ − t·S) over S = √(χ²/df) (Johnson, Kotz & Balakrishnan, "Continuous
// Univariate Distributions" 2, 1995, chapter 31), by Simpson's rule. For sides
// with different variances that is Satterthwaite's approximation.
func (p RoundsPlan) PowerAt(n int) float64 {
	if p.Power = 0.5; n < 2 || p.check() != nil {
		return math.NaN()
	}
	if p.spread() == 0 {
		return 1
	}
	df := p.df(n)
	critical := tQuantileUpper(p.Alpha, df)
	shift := p.Effect / p.spread() * math.Sqrt(float64(n))
	// S is close to normal about 1 with deviation 1/√(2df), and never negative.
	// Few degrees of freedom have a wide density and a steep Φ: finer steps.
	reach, steps := 9/math.Sqrt(2*df), 96
	if df < 8 {
		steps = 768
	}
	lgamma, _ := math.Lgamma(df / 2)
	norm := math.Ln2 + df/2*math.Log(df/2) - lgamma
	return min(1, simpson(max(0, 1-reach), 1+reach, steps, func(s float64) float64 {
		if s == 0 {
			if df > 1 {
				return 0
			}
			return math.Exp(norm) * normalUpper(-shift)
		}
		density := math.Exp(norm + (df-1)*math.Log(s) - df*s*s/2)
		return density * normalUpper(critical*s-shift)
	}))
}

// simpson integrates f over lo…hi with an even number of steps.
func simpson(lo, hi float64, steps int, f func(float64) float64) float64 {
	h := (hi - lo) / float64(steps)
	sum := f(lo) + f(hi)
	for i := 1; i < steps; i++ {
		weight := 4.0
		if i%2 == 0 {
			weight = 2
		}
		sum += weight * f(lo+float64(i)*h)
	}
	return sum * h / 3
}
