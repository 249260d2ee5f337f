package service

import (
	"context"
	"errors"
)

// Embedder turns texts into vectors. Its methods are called concurrently.
type Embedder interface {
	// Encode returns one vector of length Dimension for each text, and the
	// number of tokens of all texts together.
	Encode(ctx context.Context, texts []string) (vectors [][]float32, tokens int, err error)
	// Dimension is the number of values in a vector.
	Dimension() int
	// Model is the model's name, such as "all-MiniLM-L6-v2".
	Model() string
}

// Index holds collections of vectors. Its methods are called concurrently.
type Index interface {
	// Collections returns every collection, in any order.
	Collections(ctx context.Context) ([]Collection, error)
	// Collection describes one; the error wraps [ErrNoCollection] if it does
	// not exist.
	Collection(ctx context.Context, name string) (Collection, error)
	// Search returns at most k hits, the best first. The vector has the
	// collection's dimension, and k is at least 1. ef is the size of the
	// candidate list, or 0 for the index's own default.
	Search(ctx context.Context, collection string, vector []float32, k, ef int) ([]Hit, error)
}

// ErrNoCollection says that a collection does not exist.
var ErrNoCollection = errors.New("no such collection")

// Collection describes a collection of an [Index].
type Collection struct {
	Name      string `json:"name"`
	Dimension int    `json:"dimension"`
	Points    uint64 `json:"points"`
	Distance  string `json:"distance"` // "cosine", "dot" or "euclid"
}

// Hit is one result of a search.
type Hit struct {
	ID      string         `json:"id"`
	Score   float32        `json:"score"` // by the collection's distance
	Payload map[string]any `json:"payload,omitempty"`
}
