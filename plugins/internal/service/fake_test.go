package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// fakeEmbedder makes vectors of the texts' lengths.
type fakeEmbedder struct {
	err  error
	hold func(context.Context) // called by every Encode
}

func (f *fakeEmbedder) Encode(ctx context.Context, texts []string) ([][]float32, int, error) {
	if f.hold != nil {
		f.hold(ctx)
	}
	if f.err != nil {
		return nil, 0, f.err
	}
	var out [][]float32
	tokens := 0
	for _, t := range texts {
		out = append(out, []float32{float32(len(t)), 1, 0})
		tokens += len(strings.Fields(t))
	}
	return out, tokens, nil
}

func (f *fakeEmbedder) Dimension() int { return 3 }
func (f *fakeEmbedder) Model() string  { return "all-MiniLM-L6-v2" }

// fakeIndex finds the same points whatever is asked.
type fakeIndex struct{ err error }

var fakeCollections = []Collection{
	{Name: "docs", Dimension: 3, Points: 2, Distance: "dot"},
	{Name: "big", Dimension: 4096, Points: 5_000_000_000, Distance: "cosine"},
}

func (f *fakeIndex) Collections(context.Context) ([]Collection, error) { return fakeCollections, f.err }

func (f *fakeIndex) Collection(_ context.Context, name string) (Collection, error) {
	i := slices.IndexFunc(fakeCollections, func(c Collection) bool { return c.Name == name })
	if i < 0 {
		return Collection{}, fmt.Errorf("%q: %w", name, ErrNoCollection)
	}
	return fakeCollections[i], f.err
}

func (f *fakeIndex) Search(_ context.Context, _ string, v []float32, k, _ int) ([]Hit, error) {
	hits := []Hit{
		{ID: "7", Score: v[0], Payload: map[string]any{"text": "seven"}},
		{ID: "8", Score: v[0] / 2},
	}
	return hits[:min(k, len(hits))], f.err
}
