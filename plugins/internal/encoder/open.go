package encoder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/benchharness/harness/plugins/internal/encoder/wordpiece"
)

// Options say which model to open.
type Options struct {
	// Model is a built-in shape's name (see Shapes). With ModelDir it may be empty or any name: a built-in name then
	// brings its prefixes, and the directory's sizes must be its own.
	Model string
	// ModelDir holds real weights in Hugging Face's layout. Empty means random weights.
	ModelDir string
	// Seed draws the random weights; it is not used with ModelDir.
	Seed uint64
	// Shape replaces the built-in shape of Model for random weights, so that tests can have a small encoder.
	Shape *Shape
}

// Encoder is an opened model: immutable, and safe for any number of sessions at once.
type Encoder struct {
	shape   Shape
	weights *weights
	tokens  *wordpiece.Tokenizer
	kernels kernels
	info    Info
	idle    sync.Pool // of *Session, for Encode
}

// Info says what an encoder really is, for the provenance of every report.
type Info struct {
	// Model is the name asked for, or the directory's.
	Model string
	// Weights is "random, seed N" or the path of the weights file.
	Weights string
	// WeightsSHA256 is the hexadecimal digest of the weights file, empty for random weights.
	WeightsSHA256 string
	// Random tells that vectors carry no meaning.
	Random bool
	// Dimension is the length of a vector.
	Dimension int
	// Layers, Heads, FFN and MaxTokens are the shape's.
	Layers, Heads, FFN, MaxTokens int
	// Pooling and Normalized are the model's own way.
	Pooling    Pooling
	Normalized bool
	// Parameters is the number of weights an encode uses.
	Parameters int64
	// Tokenizer says where the vocabulary is from and how large it is.
	Tokenizer string
	// Kernels names the arithmetic: "vek32, AVX2 and FMA" or "portable".
	Kernels string
}

// Info describes the encoder.
func (e *Encoder) Info() Info { return e.info }

// Shape is the model's shape.
func (e *Encoder) Shape() Shape { return e.shape }

// Open loads or makes a model. Without ModelDir an unknown model, and phi-3-mini in any case, gives an
// *UnsupportedModelError; a directory that cannot be used gives an error that names the file and what is wrong with it.
// Opening reads all weights into memory: four bytes a parameter, whatever their type in the file.
func Open(opts Options) (*Encoder, error) {
	var e *Encoder
	var err error
	if opts.ModelDir != "" {
		e, err = openDir(opts)
	} else {
		e, err = openRandom(opts)
	}
	if err != nil {
		return nil, err
	}
	e.kernels = pickKernels()
	e.info.Dimension, e.info.Parameters = e.shape.Width, e.shape.Parameters()
	e.info.Layers, e.info.Heads, e.info.FFN, e.info.MaxTokens = e.shape.Layers, e.shape.Heads, e.shape.FFN, e.shape.MaxTokens
	e.info.Pooling, e.info.Normalized = e.shape.Pooling, e.shape.Normalize
	e.info.Kernels = e.kernels.name
	e.idle.New = func() any { return e.NewSession(1) }
	return e, nil
}

func openRandom(opts Options) (*Encoder, error) {
	var shape Shape
	if opts.Shape != nil {
		shape = *opts.Shape
	} else {
		var err error
		if shape, err = ShapeOf(opts.Model); err != nil {
			return nil, err
		}
	}
	if err := shape.check(); err != nil {
		return nil, fmt.Errorf("open model %q: %w", shape.Name, err)
	}
	tokens, err := wordpiece.Builtin(shape.Vocab)
	if err != nil {
		return nil, fmt.Errorf("open model %q: %w", shape.Name, err)
	}
	return &Encoder{
		shape:   shape,
		weights: randomWeights(shape, opts.Seed),
		tokens:  tokens,
		info: Info{
			Model:     shape.Name,
			Weights:   fmt.Sprintf("random, seed %d", opts.Seed),
			Random:    true,
			Tokenizer: fmt.Sprintf("built-in WordPiece vocabulary, %d pieces", tokens.Size()),
		},
	}, nil
}

func openDir(opts Options) (*Encoder, error) {
	known, err := ShapeOf(opts.Model)
	var unsupported *UnsupportedModelError
	if errors.As(err, &unsupported) && unsupported.endpointOnly {
		return nil, err
	}
	if opts.Shape != nil {
		return nil, errors.New("open model: a shape and a model directory exclude each other; the directory's config.json gives the shape")
	}
	m, err := readModelDir(opts.ModelDir)
	if err != nil {
		return nil, fmt.Errorf("open model directory %s: %w", opts.ModelDir, err)
	}
	m.shape.Name = opts.Model
	if m.shape.Name == "" {
		m.shape.Name = filepath.Base(filepath.Clean(opts.ModelDir))
	}
	if known.Name != "" {
		if err := m.adopt(known); err != nil {
			return nil, fmt.Errorf("open model directory %s: %w", opts.ModelDir, err)
		}
	}
	if err := m.shape.check(); err != nil {
		return nil, fmt.Errorf("open model directory %s: %w", opts.ModelDir, err)
	}
	if m.tokens.Size() > m.shape.Vocab {
		return nil, fmt.Errorf("open model directory %s: the vocabulary has %d pieces, the embedding table only %d rows; they are not of one model",
			opts.ModelDir, m.tokens.Size(), m.shape.Vocab)
	}
	w, digest, err := loadWeights(m.weightsPath, m.shape)
	if err != nil {
		return nil, fmt.Errorf("open model directory %s: %w", opts.ModelDir, err)
	}
	return &Encoder{
		shape:   m.shape,
		weights: w,
		tokens:  m.tokens,
		info: Info{
			Model:         m.shape.Name,
			Weights:       m.weightsPath,
			WeightsSHA256: digest,
			Tokenizer:     fmt.Sprintf("%s, %d pieces", m.tokenizerPath, m.tokens.Size()),
		},
	}, nil
}

// adopt takes from a built-in shape what the directory's files do not say, and refuses a directory of another size.
func (m *modelDir) adopt(known Shape) error {
	s := &m.shape
	if s.Layers != known.Layers || s.Width != known.Width || s.Heads != known.Heads || s.FFN != known.FFN {
		return fmt.Errorf("it holds a model of %d layers, %d wide, %d heads, %d FFN; %s has %d, %d, %d, %d; drop the model's name or give its own directory",
			s.Layers, s.Width, s.Heads, s.FFN, known.Name, known.Layers, known.Width, known.Heads, known.FFN)
	}
	s.QueryPrefix, s.PassagePrefix = known.QueryPrefix, known.PassagePrefix
	if !m.saysPooling {
		s.Pooling, s.Normalize = known.Pooling, known.Normalize
	}
	if !m.saysMaxTokens {
		s.MaxTokens = min(known.MaxTokens, s.Positions)
	}
	return nil
}

// exists tells whether a file is there; an error other than absence is the caller's to meet when it opens the file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
