package qdrantserver

import (
	"errors"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/plugins/internal/hnsw"
)

// denseVector takes the one unnamed dense vector out of a point.
func denseVector(v *qdrant.Vectors) ([]float32, error) {
	switch o := v.GetVectorsOptions().(type) {
	case *qdrant.Vectors_Vector:
		return denseOf(o.Vector)
	case *qdrant.Vectors_Vectors:
		// A map with only the empty name is another way to write it.
		if vectors := o.Vectors.GetVectors(); len(vectors) == 1 && vectors[""] != nil {
			return denseOf(vectors[""])
		}
		for name := range o.Vectors.GetVectors() {
			if name != "" {
				return nil, unknownVector(name)
			}
		}
	}
	return nil, status.Error(codes.InvalidArgument, "Wrong input: the point has no vector")
}

func denseOf(v *qdrant.Vector) ([]float32, error) {
	switch o := v.GetVector().(type) {
	case *qdrant.Vector_Dense:
		return o.Dense.GetData(), nil
	case nil:
		// Clients before 1.16 send the vector's former fields.
		if v.Indices != nil || v.VectorsCount != nil { //nolint:staticcheck // the former fields are still valid requests
			return nil, unimplemented("sparse vectors and multivectors")
		}
		return v.GetData(), nil //nolint:staticcheck // as above
	case *qdrant.Vector_Sparse, *qdrant.Vector_MultiDense:
		return nil, unimplemented("sparse vectors and multivectors")
	}
	return nil, unimplemented("embedding a document, image or object")
}

// vectorReply wraps what with_vectors asked for, if it asked for the vector.
func vectorReply(v []float32) *qdrant.VectorsOutput {
	return &qdrant.VectorsOutput{VectorsOptions: &qdrant.VectorsOutput_Vector{
		Vector: &qdrant.VectorOutput{Vector: &qdrant.VectorOutput_Dense{Dense: &qdrant.DenseVector{Data: v}}},
	}}
}

// wantsVectors reads a with_vectors selector; the only name there is is "".
func wantsVectors(sel *qdrant.WithVectorsSelector) (bool, error) {
	switch o := sel.GetSelectorOptions().(type) {
	case *qdrant.WithVectorsSelector_Enable:
		return o.Enable, nil
	case *qdrant.WithVectorsSelector_Include:
		for _, name := range o.Include.GetNames() {
			if name != "" {
				return false, unknownVector(name)
			}
		}
		return len(o.Include.GetNames()) > 0, nil
	}
	return false, nil
}

// vectorError turns what the index says of a vector into a status. what names
// the vector.
func vectorError(what string, err error) error {
	var dim *hnsw.DimensionError
	if errors.As(err, &dim) {
		return status.Errorf(codes.InvalidArgument, "Wrong input: Vector dimension error: expected dim: %d, got %d (%s)", dim.Want, dim.Got, what)
	}
	return status.Errorf(codes.InvalidArgument, "Wrong input: %s: %v", what, err)
}

func unknownVector(name string) error {
	return status.Errorf(codes.InvalidArgument, "Wrong input: Not existing vector name error: %s", name)
}

func unimplemented(what string) error {
	return status.Errorf(codes.Unimplemented, "%s: not part of the %s index", what, Title)
}
