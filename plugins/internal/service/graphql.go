package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/graph-gophers/graphql-go"
)

const graphqlSchema = `
schema { query: Query }

type Query {
  "Every collection, sorted by name."
  collections: [Collection!]!
  "One collection, or null if it does not exist."
  collection(name: String!): Collection
  "The nearest points of a collection; exactly one of text and vector is given."
  search(text: String, vector: [Float!], collection: String, k: Int = 10, ef: Int): SearchResult!
  "One vector for each text."
  embed(texts: [String!]!): Embeddings!
}

type Collection {
  name: String!
  dimension: Int!
  points: Int!
  distance: String!
}

type SearchResult {
  collection: String!
  hits: [Hit!]!
}

type Hit {
  id: ID!
  score: Float!
  payload: JSON
}

type Embeddings {
  model: String!
  tokens: Int!
  vectors: [[Float!]!]!
}

"Any JSON value."
scalar JSON
`

// newSchema binds the schema to the backend. The schema is a constant, so an
// error is a mistake in this file and a test finds it.
func newSchema(b *backend) (*graphql.Schema, error) {
	s, err := graphql.ParseSchema(graphqlSchema, &rootResolver{b},
		graphql.UseStringDescriptions(), graphql.MaxDepth(12), graphql.MaxQueryLength(1<<20))
	if err != nil {
		return nil, fmt.Errorf("parse the GraphQL schema: %w", err)
	}
	return s, nil
}

// graphql serves one operation. What is wrong with the operation is told in
// the response's errors, with status 200, as the GraphQL over HTTP
// specification wants for application/json.
func (s *Server) graphql(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	err := readJSON(r, &req)
	if err == nil && req.Query == "" {
		err = refuse(invalid, `no query; want {"query": "{ collections { name } }"}`)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, s.schema.Exec(r.Context(), req.Query, req.OperationName, req.Variables))
}

// codedError gives an error of the backend the code that GraphQL clients look
// for in its extensions.
type codedError struct{ error }

func (e codedError) Unwrap() error { return e.error }

// Extensions is read by graphql-go.
func (e codedError) Extensions() map[string]any {
	code := "INTERNAL"
	var r *refusal
	if errors.As(e.error, &r) {
		code = map[kind]string{invalid: "BAD_REQUEST", notFound: "NOT_FOUND", tooLarge: "TOO_LARGE"}[r.kind]
	}
	return map[string]any{"code": code}
}

type rootResolver struct{ b *backend }

func (q *rootResolver) Collections(ctx context.Context) ([]*collectionResolver, error) {
	list, err := q.b.collections(ctx)
	if err != nil {
		return nil, codedError{err}
	}
	out := make([]*collectionResolver, len(list))
	for i, c := range list {
		out[i] = &collectionResolver{c}
	}
	return out, nil
}

func (q *rootResolver) Collection(ctx context.Context, args struct{ Name string }) (*collectionResolver, error) {
	c, err := q.b.collection(ctx, args.Name)
	var r *refusal
	switch {
	case errors.As(err, &r) && r.kind == notFound:
		return nil, nil
	case err != nil:
		return nil, codedError{err}
	}
	return &collectionResolver{c}, nil
}

type searchArgs struct {
	Text       *string
	Vector     *[]float64
	Collection *string
	K          int32
	Ef         *int32
}

func (q *rootResolver) Search(ctx context.Context, args searchArgs) (*searchResolver, error) {
	in := query{K: int(args.K)}
	if in.K == 0 {
		return nil, codedError{refuse(invalid, "k is 0; want 1 to %d", MaxK)}
	}
	if args.Text != nil {
		in.Text = *args.Text
	}
	if args.Collection != nil {
		in.Collection = *args.Collection
	}
	if args.Ef != nil {
		in.Ef = int(*args.Ef)
	}
	if args.Vector != nil {
		for _, x := range *args.Vector {
			in.Vector = append(in.Vector, float32(x))
		}
	}
	a, err := q.b.search(ctx, in)
	if err != nil {
		return nil, codedError{err}
	}
	return &searchResolver{a}, nil
}

func (q *rootResolver) Embed(ctx context.Context, args struct{ Texts []string }) (*embeddingsResolver, error) {
	vectors, tokens, err := q.b.embed(ctx, args.Texts)
	if err != nil {
		return nil, codedError{err}
	}
	return &embeddingsResolver{q.b.embedder.Model(), tokens, vectors}, nil
}

type collectionResolver struct{ c Collection }

func (r *collectionResolver) Name() string     { return r.c.Name }
func (r *collectionResolver) Dimension() int32 { return int32(r.c.Dimension) }
func (r *collectionResolver) Points() int32    { return int32(min(r.c.Points, math.MaxInt32)) }
func (r *collectionResolver) Distance() string { return r.c.Distance }

type searchResolver struct{ a answer }

func (r *searchResolver) Collection() string { return r.a.Collection }

func (r *searchResolver) Hits() []*hitResolver {
	out := make([]*hitResolver, len(r.a.Hits))
	for i, h := range r.a.Hits {
		out[i] = &hitResolver{h}
	}
	return out
}

type hitResolver struct{ h Hit }

func (r *hitResolver) ID() graphql.ID { return graphql.ID(r.h.ID) }
func (r *hitResolver) Score() float64 { return float64(r.h.Score) }

func (r *hitResolver) Payload() *jsonValue {
	if r.h.Payload == nil {
		return nil
	}
	return &jsonValue{r.h.Payload}
}

type embeddingsResolver struct {
	model   string
	tokens  int
	vectors [][]float32
}

func (r *embeddingsResolver) Model() string { return r.model }
func (r *embeddingsResolver) Tokens() int32 { return int32(r.tokens) }

func (r *embeddingsResolver) Vectors() [][]float64 {
	out := make([][]float64, len(r.vectors))
	for i, v := range r.vectors {
		out[i] = make([]float64, len(v))
		for j, x := range v {
			out[i][j] = float64(x)
		}
	}
	return out
}

// jsonValue is the scalar JSON.
type jsonValue struct{ v any }

// ImplementsGraphQLType is read by graphql-go.
func (jsonValue) ImplementsGraphQLType(name string) bool { return name == "JSON" }

// UnmarshalGraphQL takes the value of a variable or literal as it is.
func (j *jsonValue) UnmarshalGraphQL(v any) error {
	j.v = v
	return nil
}

// MarshalJSON writes the value.
func (j jsonValue) MarshalJSON() ([]byte, error) { return json.Marshal(j.v) }
