package stats

import (
	"errors"
	"fmt"
	"math"
)

// ErrOverflow says that an intermediate result does not fit a float64, although
// every value does. Take logarithms, or a larger unit.
var ErrOverflow = errors.New("the values spread beyond what a float64 holds: take logarithms or a larger unit")

// TooFewError says that there are fewer values than the method needs.
type TooFewError struct {
	Op      string // the method
	N, Need int
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("%s: %d values, at least %d are needed", e.Op, e.N, e.Need)
}

// NotFiniteError says that a value is NaN or infinite.
type NotFiniteError struct {
	Op    string
	Index int // of the first such value
	Value float64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s: value %d is %v: leave out rounds without a value", e.Op, e.Index, e.Value)
}

// RangeError says that an argument lies outside of its domain.
type RangeError struct {
	Op, Name string
	Value    float64
	Want     string // the domain, in words
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("%s: %s is %v, it must be %s", e.Op, e.Name, e.Value, e.Want)
}

// LengthError says that two slices that belong together differ in length.
type LengthError struct {
	Op         string
	Base, Head int
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("%s: %d base values and %d head values: rounds come in pairs", e.Op, e.Base, e.Head)
}

// checkSample demands at least need values, all of them finite.
func checkSample(op string, x []float64, need int) error {
	if len(x) < need {
		return &TooFewError{Op: op, N: len(x), Need: need}
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &NotFiniteError{Op: op, Index: i, Value: v}
		}
	}
	return nil
}

// checkFraction demands a value strictly between 0 and 1.
func checkFraction(op, name string, v float64) error {
	if v > 0 && v < 1 {
		return nil
	}
	return &RangeError{Op: op, Name: name, Value: v, Want: "between 0 and 1, both excluded"}
}

// checkPositive demands a finite value above zero.
func checkPositive(op, name string, v float64) error {
	if v > 0 && !math.IsInf(v, 0) {
		return nil
	}
	return &RangeError{Op: op, Name: name, Value: v, Want: "finite and above 0"}
}
