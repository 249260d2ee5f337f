package encoder

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/benchharness/harness/plugins/internal/encoder/wordpiece"
	"github.com/viterin/vek/vek32"
)

// Kind says what a text is to a model that treats queries and passages differently.
type Kind int

const (
	// KindPlain encodes the text as it is.
	KindPlain Kind = iota
	// KindQuery puts the model's query prefix before it, if it has one.
	KindQuery
	// KindPassage puts the model's passage prefix before it, if it has one.
	KindPassage
)

// Norm says whether vectors are scaled to length 1.
type Norm int

const (
	// NormDefault does what the model does.
	NormDefault Norm = iota
	// NormOn scales to length 1.
	NormOn
	// NormOff leaves the pooled vector as it is.
	NormOff
)

// EncodeOptions change one Encode. The zero value is the model's own way.
type EncodeOptions struct {
	Kind    Kind
	Pooling Pooling
	Norm    Norm
	// MaxTokens cuts texts earlier than the model does, special tokens included; 0 leaves the model's limit.
	MaxTokens int
}

// Usage is what an Encode took in.
type Usage struct {
	// Tokens is the number of tokens that went through the model, [CLS] and [SEP] included.
	Tokens int
	// Truncated is the number of texts that were cut.
	Truncated int
}

// Session is one worker's state: it holds every buffer that encoding needs, so that after the first calls an Encode
// allocates nothing. It must not be used by two goroutines at once; sessions of one Encoder are independent and share only
// its immutable weights. It holds no resource that needs closing.
type Session struct {
	enc     *Encoder
	threads int

	words  wordpiece.Scratch
	ids    []int32
	starts []int
	group  []int
	buf    buffers

	flat    []float32
	vectors [][]float32
}

// NewSession makes the state of one worker. threads is the number of cores that one Encode may use; 1, or less, keeps it on
// the caller's goroutine.
func (e *Encoder) NewSession(threads int) *Session {
	return &Session{enc: e, threads: max(threads, 1)}
}

// groupTokens bounds the tokens that go through the layers together: more would not be faster, and would need memory in
// proportion. One text may exceed it.
const groupTokens = 512

// Encode gives one vector for each text, in order. The vectors are the session's: they are overwritten by its next call.
// It returns ctx's error, unwrapped, if ctx ends first; ctx is looked at between layers. A model whose weights yield
// infinities or NaN gives an error that names the text's place in the batch.
func (s *Session) Encode(ctx context.Context, texts []string, opts EncodeOptions) ([][]float32, Usage, error) {
	usage, err := s.tokenise(texts, opts)
	if err != nil {
		return nil, usage, err
	}
	width := s.enc.shape.Width
	s.flat = grow(s.flat, len(texts)*width)
	s.vectors = s.vectors[:0]
	for i := range texts {
		s.vectors = append(s.vectors, s.flat[i*width:(i+1)*width:(i+1)*width])
	}
	for first := 0; first < len(texts); {
		last := s.groupEnd(first)
		if err := s.encodeGroup(ctx, first, last, opts); err != nil {
			return nil, usage, err
		}
		first = last
	}
	return s.vectors, usage, nil
}

// tokenise fills s.ids and s.starts.
func (s *Session) tokenise(texts []string, opts EncodeOptions) (Usage, error) {
	shape, words := s.enc.shape, s.enc.tokens
	limit := shape.MaxTokens
	if opts.MaxTokens != 0 {
		if opts.MaxTokens < 3 {
			return Usage{}, fmt.Errorf("encode: at most %d tokens a text leave no room beside [CLS] and [SEP]; allow 3 or more", opts.MaxTokens)
		}
		limit = min(limit, opts.MaxTokens)
	}
	prefix := ""
	switch opts.Kind {
	case KindQuery:
		prefix = shape.QueryPrefix
	case KindPassage:
		prefix = shape.PassagePrefix
	}
	cls, sep := words.Special()
	s.ids, s.starts = s.ids[:0], append(s.starts[:0], 0)
	var usage Usage
	for _, text := range texts {
		begin := len(s.ids)
		s.ids = append(s.ids, cls)
		if prefix != "" {
			s.ids, _ = words.AppendPieces(s.ids, prefix, limit-2, &s.words)
		}
		var complete bool
		s.ids, complete = words.AppendPieces(s.ids, text, limit-1-(len(s.ids)-begin), &s.words)
		if !complete {
			usage.Truncated++
		}
		s.ids = append(s.ids, sep)
		s.starts = append(s.starts, len(s.ids))
	}
	usage.Tokens = len(s.ids)
	return usage, nil
}

// groupEnd finds how many texts, from first on, go through the layers together.
func (s *Session) groupEnd(first int) int {
	last := first + 1
	for last < len(s.starts)-1 && s.starts[last+1]-s.starts[first] <= groupTokens {
		last++
	}
	return last
}

func (s *Session) encodeGroup(ctx context.Context, first, last int, opts EncodeOptions) error {
	base := s.starts[first]
	s.group = s.group[:0]
	for i := first; i <= last; i++ {
		s.group = append(s.group, s.starts[i]-base)
	}
	if err := s.forward(ctx, s.ids[base:s.starts[last]], s.group); err != nil {
		return err
	}
	shape := s.enc.shape
	pooling, normalise := shape.Pooling, shape.Normalize
	if opts.Pooling != PoolDefault {
		pooling = opts.Pooling
	}
	if opts.Norm != NormDefault {
		normalise = opts.Norm == NormOn
	}
	for i := first; i < last; i++ {
		tokens := s.buf.x[s.group[i-first]*shape.Width : s.group[i-first+1]*shape.Width]
		vector := s.vectors[i]
		pool(vector, tokens, pooling)
		length := math.Sqrt(float64(vek32.Dot(vector, vector)))
		if math.IsNaN(length) || math.IsInf(length, 0) {
			return fmt.Errorf("encode: the vector of text %d is not finite; are the weights in %s broken?", i, s.enc.info.Weights)
		}
		if normalise {
			vek32.MulNumber_Inplace(vector, float32(1/math.Max(length, 1e-12)))
		}
	}
	return nil
}

// Encode is the convenient form for callers without a session of their own: it borrows one with one thread, and copies the
// vectors into dst, whose rows it reuses where they are long enough. Safe for concurrent use.
func (e *Encoder) Encode(ctx context.Context, dst [][]float32, texts []string, opts EncodeOptions) ([][]float32, Usage, error) {
	s, ok := e.idle.Get().(*Session)
	if !ok {
		return nil, Usage{}, errors.New("encode: the encoder was not made by Open")
	}
	defer e.idle.Put(s)
	vectors, usage, err := s.Encode(ctx, texts, opts)
	if err != nil {
		return nil, usage, err
	}
	for len(dst) < len(vectors) {
		dst = append(dst, nil)
	}
	dst = dst[:len(vectors)]
	for i, v := range vectors {
		dst[i] = append(dst[i][:0], v...)
	}
	return dst, usage, nil
}
