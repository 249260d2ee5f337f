package stats

import (
	"errors"
	"math"
)

// Until is a rule to stop measuring by: rounds are added until the mean is known
// well enough. It is a sequential rule. The interval is looked at after every
// round and stops the first time that chance makes it narrow, so it covers the
// truth less often than its level says; docs/verdicts.md has by how much.
type Until struct {
	// Within is how far either bound of the 95% interval may be from the mean: by
	// ratio (0.05 is a factor of 1.05), or in the unit of the values when Absolute.
	Within   float64
	Absolute bool
	// Min and Max are numbers of rounds: no stop before Min, none after Max.
	Min, Max int
}

// UntilLevel is the nominal coverage of the interval of [Until].
const UntilLevel = 0.95

// HalfWidth is the distance from the mean to either bound of its interval: Student's
// t interval of the values, one of each round, or of their logarithms, of which
// it is e^h − 1, the distance to the upper bound. The error is that of fewer than two
// values, of one that has no logarithm, or of values so far apart that the distance
// is beyond all numbers.
func (u Until) HalfWidth(x []float64) (float64, error) {
	if !u.Absolute {
		logs, err := Logs(x)
		if err != nil {
			return math.NaN(), err
		}
		x = logs
	}
	e, err := PairedT(x) // of one sample: its values are the differences
	if err != nil {
		return math.NaN(), err
	}
	half := e.margin((1 - UntilLevel) / 2)
	if !u.Absolute {
		half = math.Expm1(half)
	}
	if math.IsInf(half, 0) || math.IsNaN(half) {
		return math.NaN(), errors.New("the values are too far apart for an interval")
	}
	return half, nil
}

// Reached says that the rounds whose values are x are enough.
func (u Until) Reached(x []float64) bool {
	if len(x) < u.Min {
		return false
	}
	half, err := u.HalfWidth(x)
	return err == nil && half <= u.Within
}
