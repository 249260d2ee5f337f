package service

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Limits of one request.
const (
	MaxBody  = 4 << 20 // bytes of a request's body
	MaxTexts = 512     // texts of one request
	MaxK     = 1000    // hits of one search
	defaultK = 10
)

// kind says whose fault a refused request is. Each front end has its own
// words for it: a status, a code, an extension.
type kind int

const (
	invalid  kind = iota // the request is wrong
	notFound             // it names something that does not exist
	tooLarge             // it is larger than the limits allow
)

// refusal is a request that the service understood and will not serve.
type refusal struct {
	kind kind
	msg  string
}

func (r *refusal) Error() string { return r.msg }

func refuse(k kind, format string, args ...any) error {
	return &refusal{kind: k, msg: fmt.Sprintf(format, args...)}
}

// backend is what every front end serves: requests checked against the
// limits, the embedder and the index behind them.
type backend struct {
	embedder Embedder
	index    Index
	fallback string        // the collection of a search that names none
	slots    chan struct{} // encodings at a time: more would only share the same cores and keep more memory
}

func (b *backend) embed(ctx context.Context, texts []string) ([][]float32, int, error) {
	switch {
	case len(texts) == 0:
		return nil, 0, refuse(invalid, "no text to embed; want a string, or a list of at least one")
	case len(texts) > MaxTexts:
		return nil, 0, refuse(tooLarge, "%d texts are too many; want at most %d in one request", len(texts), MaxTexts)
	}
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	vectors, tokens, err := b.embedder.Encode(ctx, texts)
	if err != nil {
		return nil, 0, fmt.Errorf("embed %d texts: %w", len(texts), err)
	}
	if len(vectors) != len(texts) {
		return nil, 0, fmt.Errorf("embed %d texts: the embedder returned %d vectors", len(texts), len(vectors))
	}
	return vectors, tokens, nil
}

// query is a search as any front end asks it.
type query struct {
	Collection string    `json:"collection"`
	Text       string    `json:"text"`
	Vector     []float32 `json:"vector"`
	K          int       `json:"k"`
	Ef         int       `json:"ef"`
}

// answer is what a search found.
type answer struct {
	Collection string `json:"collection"`
	Hits       []Hit  `json:"hits"`
}

func (b *backend) search(ctx context.Context, q query) (answer, error) {
	if q.K == 0 {
		q.K = defaultK
	}
	switch {
	case q.K < 1 || q.K > MaxK:
		return answer{}, refuse(invalid, "k is %d; want 1 to %d", q.K, MaxK)
	case q.Ef < 0:
		return answer{}, refuse(invalid, "ef is %d; want 0 or more", q.Ef)
	case q.Text == "" && len(q.Vector) == 0:
		return answer{}, refuse(invalid, "nothing to search for; want a text (q or text) or a vector")
	case q.Text != "" && len(q.Vector) > 0:
		return answer{}, refuse(invalid, "both a text and a vector are given; want one of them")
	}
	col, err := b.collection(ctx, q.Collection)
	if err != nil {
		return answer{}, err
	}
	if q.Vector == nil {
		if d := b.embedder.Dimension(); d != col.Dimension {
			return answer{}, refuse(invalid, "collection %q has dimension %d, and model %s makes vectors of %d; search it by vector",
				col.Name, col.Dimension, b.embedder.Model(), d)
		}
		vectors, _, err := b.embed(ctx, []string{q.Text})
		if err != nil {
			return answer{}, err
		}
		q.Vector = vectors[0]
	}
	if err := checkVector(q.Vector, col); err != nil {
		return answer{}, err
	}
	hits, err := b.index.Search(ctx, col.Name, q.Vector, q.K, q.Ef)
	if err != nil {
		return answer{}, fmt.Errorf("search collection %q: %w", col.Name, err)
	}
	if hits == nil {
		hits = []Hit{}
	}
	return answer{Collection: col.Name, Hits: hits}, nil
}

func checkVector(v []float32, col Collection) error {
	if len(v) != col.Dimension {
		return refuse(invalid, "the vector has %d values; collection %q wants %d", len(v), col.Name, col.Dimension)
	}
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return refuse(invalid, "value %d of the vector is not finite", i)
		}
	}
	return nil
}

// collection finds a collection by name; the empty name is the fallback.
func (b *backend) collection(ctx context.Context, name string) (Collection, error) {
	if name == "" {
		name = b.fallback
	}
	if name == "" {
		return Collection{}, refuse(invalid, "no collection is named and the service has no default; want collection=NAME")
	}
	col, err := b.index.Collection(ctx, name)
	if errors.Is(err, ErrNoCollection) {
		return Collection{}, refuse(notFound, "collection %q does not exist; GET /collections lists those that do", name)
	}
	if err != nil {
		return Collection{}, fmt.Errorf("look up collection %q: %w", name, err)
	}
	return col, nil
}

func (b *backend) collections(ctx context.Context) ([]Collection, error) {
	list, err := b.index.Collections(ctx)
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	list = append([]Collection{}, list...)
	slices.SortFunc(list, func(x, y Collection) int { return strings.Compare(x.Name, y.Name) })
	return list, nil
}

// checkModel refuses a request for another model than the one that is served.
// Clients write the same model with an organisation before it or a tag behind
// it, so both are ignored.
func (b *backend) checkModel(asked string) error {
	if asked == "" || bareModel(asked) == bareModel(b.embedder.Model()) {
		return nil
	}
	return refuse(notFound, "model %q is not served here; the model is %q", asked, b.embedder.Model())
}

func bareModel(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	name, _, _ = strings.Cut(name, ":")
	return strings.ToLower(name)
}
