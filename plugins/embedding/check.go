package embedding

import (
	"fmt"
	"math"

	"github.com/benchharness/harness/sdk"
)

// Classes of ops whose vectors are not what they have to be.
const (
	classCount     = "wrong_count"     // not one vector a text
	classDimension = "wrong_dimension" // not the length that was expected, or that the first vector had
	classFinite    = "not_finite"      // NaN or infinite
	classNorm      = "bad_norm"        // not of length 1
)

// normTolerance is how far from 1 the length of a normalised vector may be.
// Half-precision models that normalise before they round are off by up to
// 5e-4.
const normTolerance = 1e-3

// expectation is what every vector has to be.
type expectation struct {
	dimension  int
	normalised bool
}

// check reports the first vector that is not as expected. It costs one
// multiplication and addition a value: under a microsecond for a vector of a
// thousand.
func (e expectation) check(vectors [][]float32, texts int) error {
	if len(vectors) != texts {
		return sdk.Classify(classCount, fmt.Errorf("%d texts gave %d vectors", texts, len(vectors)))
	}
	for i, v := range vectors {
		if len(v) != e.dimension {
			return sdk.Classify(classDimension, fmt.Errorf("the vector of text %d has %d values, want %d", i, len(v), e.dimension))
		}
		squares := 0.0
		for _, x := range v {
			squares += float64(x) * float64(x) // cannot overflow: the largest float32 squared is 1e77
		}
		if math.IsNaN(squares) || math.IsInf(squares, 0) {
			return sdk.Classify(classFinite, fmt.Errorf("value %d of the vector of text %d is not a finite number", notFinite(v), i))
		}
		if norm := math.Sqrt(squares); e.normalised && math.Abs(norm-1) > normTolerance {
			return sdk.Classify(classNorm, fmt.Errorf("the vector of text %d has length %.4g, want 1 within %g", i, norm, normTolerance))
		}
	}
	return nil
}

func notFinite(v []float32) int {
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return i
		}
	}
	return -1
}
