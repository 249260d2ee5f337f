package embedding

import (
	"math"
	"strings"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func TestVectorsThatAreNotAsExpectedAreClassified(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	unit := expectation{dimension: 2, normalised: true}
	free := expectation{dimension: 2}
	for name, test := range map[string]struct {
		expect  expectation
		vectors [][]float32
		texts   int
		class   string // "" for none
		says    string
	}{
		"as expected":                {unit, [][]float32{{0.6, 0.8}, {1, 0}}, 2, "", ""},
		"within the tolerance":       {unit, [][]float32{{1.0009, 0}}, 1, "", ""},
		"any length where allowed":   {free, [][]float32{{3, 4}}, 1, "", ""},
		"one too few":                {unit, [][]float32{{1, 0}}, 2, classCount, "2 texts gave 1 vectors"},
		"one too many":               {unit, [][]float32{{1, 0}, {1, 0}}, 1, classCount, ""},
		"too short":                  {unit, [][]float32{{1, 0}, {1}}, 2, classDimension, "text 1 has 1 values, want 2"},
		"too long":                   {free, [][]float32{{1, 0, 0}}, 1, classDimension, ""},
		"empty":                      {free, [][]float32{{}}, 1, classDimension, ""},
		"NaN":                        {free, [][]float32{{1, nan}}, 1, classFinite, "value 1 of the vector of text 0"},
		"infinite":                   {unit, [][]float32{{inf, 0}}, 1, classFinite, "value 0"},
		"large and finite":           {free, [][]float32{{math.MaxFloat32, math.MaxFloat32}}, 1, "", ""},
		"longer than the tolerance":  {unit, [][]float32{{1.0011, 0}}, 1, classNorm, "length 1.001, want 1"},
		"shorter than the tolerance": {unit, [][]float32{{0.9989, 0}}, 1, classNorm, ""},
		"nothing but zeros":          {unit, [][]float32{{0, 0}}, 1, classNorm, ""},
	} {
		err := test.expect.check(test.vectors, test.texts)
		switch {
		case test.class == "" && err != nil:
			t.Errorf("%s: error is %v", name, err)
		case test.class != "" && (err == nil || sdk.Class(err) != test.class || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: error is %v, want class %s and %q", name, err, test.class, test.says)
		}
	}
}
