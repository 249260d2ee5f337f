// Package clustered makes vectors that lie in clusters, the way embeddings of
// texts about a few subjects do, from a seed.
//
// The same Spec gives the same bits on every platform: noise comes from sums of
// integers, and no product is ever added to in a form that a compiler may fuse,
// so ground truth computed on one machine holds on another. The vectors are a
// stand-in for embeddings, not embeddings: nothing about the quality of a model
// follows from a measurement on them.
package clustered

import (
	"fmt"
	"math"
)

// Spec says which vectors to make. The zero Spread and Clusters take defaults.
type Spec struct {
	Seed     uint64
	N        int // base vectors, ≥ 1
	Queries  int // query vectors, ≥ 0, from the same clusters and not among the base vectors
	Dim      int // components of a vector, ≥ 1
	Clusters int // 0 means about one for every 200 base vectors, at least 8

	// Spread is the standard deviation of a component around its cluster's
	// centre, where centres have a standard deviation of 1. 0 means 0.5.
	Spread float64
}

// Set is what Generate made. Rows of Base and Queries are Dim long and share
// one array each, so a Set costs 4·Dim·(N+Queries) bytes and two allocations.
type Set struct {
	Dim     int
	Base    [][]float32
	Queries [][]float32
}

// Generate makes the vectors of spec. It fails only on a Spec out of range.
func Generate(spec Spec) (Set, error) {
	spec, err := spec.withDefaults()
	if err != nil {
		return Set{}, err
	}
	centres := rows(spec.Clusters, spec.Dim)
	src := source(spec.Seed)
	for _, centre := range centres {
		for i := range centre {
			centre[i] = src.normal()
		}
	}
	spread := float32(spec.Spread)
	set := Set{Dim: spec.Dim, Base: rows(spec.N, spec.Dim), Queries: rows(spec.Queries, spec.Dim)}
	fill(set.Base, centres, spread, source(spec.Seed^0x6261736576656373))
	fill(set.Queries, centres, spread, source(spec.Seed^0x7175657269657321))
	return set, nil
}

func (s Spec) withDefaults() (Spec, error) {
	switch {
	case s.N < 1:
		return s, fmt.Errorf("generate clustered vectors: n is %d, want at least 1", s.N)
	case s.Dim < 1:
		return s, fmt.Errorf("generate clustered vectors: dim is %d, want at least 1", s.Dim)
	case s.Queries < 0:
		return s, fmt.Errorf("generate clustered vectors: queries is %d, want 0 or more", s.Queries)
	case s.Clusters < 0:
		return s, fmt.Errorf("generate clustered vectors: clusters is %d, want 0 or more", s.Clusters)
	case s.Spread < 0 || math.IsNaN(s.Spread) || math.IsInf(s.Spread, 0):
		return s, fmt.Errorf("generate clustered vectors: spread is %v, want a finite number of 0 or more", s.Spread)
	}
	if s.Clusters == 0 {
		s.Clusters = max(8, s.N/200)
	}
	if s.Spread == 0 {
		s.Spread = 0.5
	}
	return s, nil
}

// fill sets each row to a random centre plus noise.
func fill(dst, centres [][]float32, spread float32, src source) {
	for _, row := range dst {
		centre := centres[src.below(len(centres))]
		for i := range row {
			// The conversion rounds the product, so it cannot be fused with the sum.
			row[i] = centre[i] + float32(spread*src.normal())
		}
	}
}

// rows gives n rows of dim components over one array.
func rows(n, dim int) [][]float32 {
	flat := make([]float32, n*dim)
	out := make([][]float32, n)
	for i := range out {
		out[i] = flat[i*dim : (i+1)*dim : (i+1)*dim]
	}
	return out
}

// source is splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
// number generators", OOPSLA 2014): eight bytes of state and one multiply chain.
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is uniform over [0,n) up to a bias of n/2⁶⁴.
func (s *source) below(n int) int { return int(s.next() % uint64(n)) }

// normalScale turns the sum of four independent 16-bit integers into a variance
// of 1: one has a variance of (2³²−1)/12, so four have √((2³²−1)/3) as their
// standard deviation. Written out because the compiler's constants are exact
// and math's functions differ by platform.
const normalScale = 1 / 37837.2272

// normal is a sum of four uniform variables, scaled: near enough to a normal
// variable for noise (its tails end at ±3.5), and made of integers up to its
// only rounding.
func (s *source) normal() float32 {
	z := s.next()
	sum := int64(z&0xffff) + int64(z>>16&0xffff) + int64(z>>32&0xffff) + int64(z>>48)
	return float32(float64(sum-2*0xffff) * normalScale)
}
