package stats

import "math"

// MinBaseRuns is the number of base runs below which the spread between runs is
// not known well enough to predict the next one.
const MinBaseRuns = 5

// Prediction says where one more run of the same thing would come to lie.
type Prediction struct {
	N    int     // base runs
	Mean float64 // of the runs' means
	// SE is the standard error of the prediction, s·√(1+1/n): the spread between
	// runs, plus what the mean itself is uncertain by.
	SE float64
	DF float64 // n−1; 0 when Exact
	// Exact says that all base runs were equal: then any other value is outside.
	Exact bool
}

// Predict takes the means of at least [MinBaseRuns] runs, of logarithms as a
// rule, one value for each run.
//
// x_new = mean ± t(n−1)·s·√(1+1/n) (Hahn & Meeker, "Statistical Intervals",
// 1991, section 4.7). It assumes that the runs are independent draws from one
// roughly normal distribution, and that the new run has as many rounds as they
// had: a shorter one varies more than they do.
func Predict(runs []float64) (Prediction, error) {
	if err := checkSample("prediction interval", runs, MinBaseRuns); err != nil {
		return Prediction{}, err
	}
	n := float64(len(runs))
	e, err := newEffect(len(runs), centre(runs), math.Sqrt(Variance(runs))*math.Sqrt(1+1/n), n-1)
	return Prediction{N: e.N, Mean: e.Estimate, SE: e.SE, DF: e.DF, Exact: e.Exact}, err
}

// Interval holds the next run's mean with the probability level.
func (p Prediction) Interval(level float64) Interval { return p.effect(p.Mean).Interval(level) }

// Effect is the distance of a new run's mean from the prediction. Its one-sided
// p value [Effect.Greater](0) is small when the new run lies above what the base
// runs can explain, [Effect.Less](0) when below.
func (p Prediction) Effect(run float64) (Effect, error) {
	if err := checkSample("prediction interval", []float64{run}, 1); err != nil {
		return Effect{}, err
	}
	e := p.effect(run - p.Mean)
	if math.IsInf(e.Estimate, 0) {
		return Effect{}, ErrOverflow
	}
	return e, nil
}

func (p Prediction) effect(estimate float64) Effect {
	return Effect{N: p.N, Estimate: estimate, SE: p.SE, DF: p.DF, Exact: p.Exact}
}
