package hnsw

import (
	"fmt"
	"math"

	"github.com/viterin/vek/vek32"
)

// Metric says how near two vectors are.
type Metric uint8

const (
	// Cosine scores by the cosine of the angle, in [-1,1]; more is nearer. The
	// index keeps vectors at length 1. The zero vector scores 0 with everything.
	Cosine Metric = iota
	// Dot scores by the inner product; more is nearer.
	Dot
	// Euclid scores by the distance, in [0,∞); less is nearer.
	Euclid
)

func (m Metric) String() string {
	switch m {
	case Cosine:
		return "cosine"
	case Dot:
		return "dot"
	case Euclid:
		return "euclid"
	}
	return fmt.Sprintf("metric(%d)", uint8(m))
}

// score turns an internal distance, where less is always nearer, into what
// callers see.
func (m Metric) score(d float32) float32 {
	if m == Euclid {
		return d
	}
	return -d
}

// accelerated is false where vek has no assembly (everything but amd64 with
// AVX2). Its portable loops carry one dependent sum, which costs three to four
// times the unrolled ones below.
var accelerated = vek32.Info().Acceleration

// distance of two vectors of one length; less is nearer.
func (m Metric) distance(a, b []float32) float32 {
	switch {
	case m == Euclid && accelerated:
		return vek32.Distance(a, b)
	case m == Euclid:
		return portableDistance(a, b)
	case accelerated:
		return -vek32.Dot(a, b)
	}
	return -portableDot(a, b)
}

func portableDot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for len(a) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func portableDistance(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for len(a) >= 4 {
		d0, d1, d2, d3 := a[0]-b[0], a[1]-b[1], a[2]-b[2], a[3]-b[3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		d := v - b[i]
		s0 += d * d
	}
	return float32(math.Sqrt(float64((s0 + s1) + (s2 + s3))))
}

// DimensionError says that a vector has the wrong number of components.
type DimensionError struct{ Want, Got int }

func (e *DimensionError) Error() string {
	return fmt.Sprintf("vector has %d components, the index holds vectors of %d", e.Got, e.Want)
}

// ValueError says that a component of a vector cannot be computed with: it is
// NaN or infinite, or its square does not fit a float32.
type ValueError struct {
	Component int
	Value     float32
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("component %d of the vector is %v, want a number whose square is finite", e.Component, e.Value)
}

// Check says whether an index with these settings would take v, or search for
// it: the error is a *DimensionError or a *ValueError.
func (c Config) Check(v []float32) error {
	_, err := c.square(v)
	return err
}

// square is the sum of the squares of v. Anything that is not finite makes that
// not finite, so the good case costs one pass at full speed.
func (c Config) square(v []float32) (float32, error) {
	if len(v) != c.Dim {
		return 0, &DimensionError{Want: c.Dim, Got: len(v)}
	}
	sum := -Dot.distance(v, v)
	if !finite(sum) {
		return 0, firstBad(v)
	}
	return sum, nil
}

// prepare appends v to dst, at length 1 if the metric asks for it, or says
// what is wrong with v.
func prepare(dst, v []float32, cfg Config) ([]float32, error) {
	square, err := cfg.square(v)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(dst, v...)
	if cfg.Metric == Cosine {
		normalise(dst[start:], square)
	}
	return dst, nil
}

func finite(f float32) bool { return f-f == 0 }

func firstBad(v []float32) *ValueError {
	largest := 0
	for i, c := range v {
		if !finite(c) {
			return &ValueError{i, c}
		}
		if math.Abs(float64(c)) > math.Abs(float64(v[largest])) {
			largest = i
		}
	}
	return &ValueError{largest, v[largest]}
}

// normalise divides v by its length. A square too small for float32 to hold
// well is computed again in float64.
func normalise(v []float32, square float32) {
	length := math.Sqrt(float64(square))
	if square < 1e-30 {
		var sum float64
		for _, c := range v {
			sum += float64(c) * float64(c)
		}
		length = math.Sqrt(sum)
	}
	if length == 0 {
		return
	}
	for i, c := range v {
		v[i] = float32(float64(c) / length)
	}
}
