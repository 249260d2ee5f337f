package encoder

import (
	"fmt"
	"strings"
)

// Pooling is how the vectors of a text's tokens become one.
type Pooling int

const (
	// PoolDefault takes the model's own pooling.
	PoolDefault Pooling = iota
	// PoolMean averages all tokens, [CLS] and [SEP] included.
	PoolMean
	// PoolCLS takes the first token.
	PoolCLS
	// PoolMax takes the largest value of each dimension.
	PoolMax
)

// String is the name that reports show.
func (p Pooling) String() string {
	switch p {
	case PoolDefault:
		return "default"
	case PoolMean:
		return "mean"
	case PoolCLS:
		return "cls"
	case PoolMax:
		return "max"
	}
	return fmt.Sprintf("Pooling(%d)", int(p))
}

// Shape is the architecture of a model and what it expects of its input.
type Shape struct {
	// Name is the name that a config asks for.
	Name string
	// Layers, Width, Heads and FFN are the transformer's: FFN is the width between a layer's two last matrices.
	Layers, Width, Heads, FFN int
	// Vocab, Positions and Types are the rows of the three embedding tables.
	Vocab, Positions, Types int
	// MaxTokens is where texts are cut, special tokens included; at most Positions.
	MaxTokens int
	// Epsilon is added to the variance in layer normalisation.
	Epsilon float64
	// Pooling and Normalize are the model's own; an Encode can ask for others.
	Pooling   Pooling
	Normalize bool
	// QueryPrefix and PassagePrefix go before a text whose Kind says what it is.
	QueryPrefix, PassagePrefix string
}

// Parameters is the number of weights an encode uses. Published counts may add BERT's pooler, which no sentence encoder
// here uses.
func (s Shape) Parameters() int64 {
	width, ffn := int64(s.Width), int64(s.FFN)
	embeddings := int64(s.Vocab+s.Positions+s.Types)*width + 2*width
	attention := 4*width*width + 4*width + 2*width
	feed := 2*width*ffn + ffn + width + 2*width
	return embeddings + int64(s.Layers)*(attention+feed)
}

// Shapes lists the models whose shape is built in.
func Shapes() []Shape {
	base := Shape{
		Width: 384, Heads: 12, FFN: 1536,
		Vocab: 30522, Positions: 512, Types: 2, MaxTokens: 512,
		Epsilon: 1e-12, Pooling: PoolMean, Normalize: true,
	}
	// The published model cuts texts at 256 tokens, although it has 512 positions.
	minilm := base
	minilm.Name, minilm.Layers, minilm.MaxTokens = "all-MiniLM-L6-v2", 6, 256
	e5 := base
	e5.Name, e5.Layers, e5.QueryPrefix, e5.PassagePrefix = "e5-small", 12, "query: ", "passage: "
	bge := base
	bge.Name, bge.Layers, bge.Width, bge.FFN, bge.Pooling = "bge-base", 12, 768, 3072, PoolCLS
	bge.QueryPrefix = "Represent this sentence for searching relevant passages: "
	return []Shape{minilm, e5, bge}
}

// UnsupportedModelError says that a model cannot run in this encoder, and why.
type UnsupportedModelError struct {
	Model  string
	Reason string
	// endpointOnly means that a model directory would not help either.
	endpointOnly bool
}

// EndpointOnly tells that a model directory would not help either: the model is measured through an endpoint.
func (e *UnsupportedModelError) EndpointOnly() bool { return e.endpointOnly }

func (e *UnsupportedModelError) Error() string {
	return fmt.Sprintf("model %q is not supported by the embedded encoder: %s", e.Model, e.Reason)
}

// ShapeOf finds a built-in shape by name, with or without its publisher ("intfloat/e5-small"), in any case. It returns an
// *UnsupportedModelError for every other name.
func ShapeOf(model string) (Shape, error) {
	name := strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	if strings.HasPrefix(name, "phi-3") || strings.HasPrefix(name, "phi3") {
		return Shape{}, &UnsupportedModelError{Model: model, endpointOnly: true,
			Reason: "it is a decoder of 3.8 billion parameters, measured only through an endpoint; " +
				"name an OpenAI-compatible, text-embeddings-inference or Ollama target for it"}
	}
	names := make([]string, 0, len(Shapes()))
	for _, shape := range Shapes() {
		// Publishers add a version: e5-small-v2, bge-base-en-v1.5.
		known := strings.ToLower(shape.Name)
		if name == known || name == known+"-v2" || name == known+"-en-v1.5" {
			return shape, nil
		}
		names = append(names, shape.Name)
	}
	return Shape{}, &UnsupportedModelError{Model: model, Reason: "its shape is not built in (known: " + strings.Join(names, ", ") +
		"); give a model directory, or an endpoint that serves it"}
}

// Limits on foreign configurations. They are far above any BERT and keep a hostile file from asking for all memory.
const (
	maxWidth      = 16384
	maxLayers     = 256
	maxVocab      = 1 << 20
	maxPositions  = 1 << 16
	maxParameters = 4 << 30
)

// check refuses shapes that no encoder can have.
func (s Shape) check() error {
	for _, field := range []struct {
		name      string
		value, to int
	}{
		{"layers", s.Layers, maxLayers},
		{"width", s.Width, maxWidth},
		{"heads", s.Heads, maxWidth},
		{"FFN width", s.FFN, 4 * maxWidth},
		{"vocabulary", s.Vocab, maxVocab},
		{"positions", s.Positions, maxPositions},
		{"token types", s.Types, maxVocab},
	} {
		if field.value < 1 || field.value > field.to {
			return fmt.Errorf("%s: %d is outside 1 to %d", field.name, field.value, field.to)
		}
	}
	if s.Width%s.Heads != 0 {
		return fmt.Errorf("width %d does not divide by %d heads", s.Width, s.Heads)
	}
	if s.MaxTokens < 3 || s.MaxTokens > s.Positions {
		return fmt.Errorf("texts of at most %d tokens do not fit %d positions; from 3 on are allowed", s.MaxTokens, s.Positions)
	}
	if !(s.Epsilon > 0 && s.Epsilon < 1) {
		return fmt.Errorf("layer normalisation's epsilon %g is outside 0 to 1", s.Epsilon)
	}
	if s.Pooling < PoolMean || s.Pooling > PoolMax {
		return fmt.Errorf("pooling %s is none of mean, cls, max", s.Pooling)
	}
	if n := s.Parameters(); n > maxParameters {
		return fmt.Errorf("%d parameters are more than the %d this encoder takes", n, int64(maxParameters))
	}
	return nil
}
