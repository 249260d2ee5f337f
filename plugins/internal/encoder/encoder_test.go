package encoder_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder"
)

// tiny is a shape that makes random weights at once.
func tiny() *encoder.Shape {
	return &encoder.Shape{
		Name: "tiny", Layers: 2, Width: 32, Heads: 2, FFN: 64, Vocab: 1000, Positions: 128, Types: 2, MaxTokens: 128,
		Epsilon: 1e-12, Pooling: encoder.PoolMean, Normalize: true, QueryPrefix: "query: ", PassagePrefix: "passage: ",
	}
}

func encode(t *testing.T, s *encoder.Session, texts []string, opts encoder.EncodeOptions) ([][]float32, encoder.Usage) {
	t.Helper()
	vectors, usage, err := s.Encode(context.Background(), texts, opts)
	if err != nil {
		t.Fatal(err)
	}
	copies := make([][]float32, len(vectors))
	for i, v := range vectors {
		copies[i] = slices.Clone(v)
	}
	return copies, usage
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestTheBuiltInShapesAreThePublishedOnes(t *testing.T) {
	want := map[string]struct {
		layers, width, heads, ffn, maxTokens int
		pooling                              encoder.Pooling
		parameters                           int64 // published, less the pooler's width² + width
	}{
		"all-MiniLM-L6-v2": {6, 384, 12, 1536, 256, encoder.PoolMean, 22_713_216 - 384*384 - 384},
		"e5-small":         {12, 384, 12, 1536, 512, encoder.PoolMean, 33_360_000 - 384*384 - 384},
		"bge-base":         {12, 768, 12, 3072, 512, encoder.PoolCLS, 109_482_240 - 768*768 - 768},
	}
	for _, s := range encoder.Shapes() {
		w, ok := want[s.Name]
		if !ok {
			t.Errorf("%s is not expected", s.Name)
			continue
		}
		if s.Layers != w.layers || s.Width != w.width || s.Heads != w.heads || s.FFN != w.ffn || s.MaxTokens != w.maxTokens ||
			s.Pooling != w.pooling || !s.Normalize || s.Vocab != 30522 || s.Positions != 512 || s.Epsilon != 1e-12 {
			t.Errorf("%s is %+v", s.Name, s)
		}
		if s.Parameters() != w.parameters {
			t.Errorf("%s has %d parameters, want %d", s.Name, s.Parameters(), w.parameters)
		}
	}
	if len(want) != len(encoder.Shapes()) {
		t.Errorf("%d shapes, want %d", len(encoder.Shapes()), len(want))
	}
}

func TestShapesAreFoundByPublishedNames(t *testing.T) {
	for asked, want := range map[string]string{
		"all-MiniLM-L6-v2": "all-MiniLM-L6-v2", "sentence-transformers/all-minilm-l6-v2": "all-MiniLM-L6-v2",
		"intfloat/e5-small-v2": "e5-small", "BAAI/bge-base-en-v1.5": "bge-base",
	} {
		if shape, err := encoder.ShapeOf(asked); err != nil || shape.Name != want {
			t.Errorf("%s gave %q, %v", asked, shape.Name, err)
		}
	}
}

func TestUnsupportedModelsAreRefusedWithTheReason(t *testing.T) {
	dir := writeModel(t, smallTensors(1), nil)
	tests := []struct {
		name string
		opts encoder.Options
		want string
	}{
		{"phi-3-mini", encoder.Options{Model: "phi-3-mini"}, "only through an endpoint"},
		{"phi-3-mini by its publisher's name", encoder.Options{Model: "microsoft/Phi-3-mini-4k-instruct"}, "only through an endpoint"},
		{"phi-3-mini in a directory", encoder.Options{Model: "phi-3-mini", ModelDir: dir}, "only through an endpoint"},
		{"an unknown model", encoder.Options{Model: "word2vec"}, "known: all-MiniLM-L6-v2, e5-small, bge-base"},
		{"no model", encoder.Options{}, "known:"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := encoder.Open(test.opts)
			var unsupported *encoder.UnsupportedModelError
			if !errors.As(err, &unsupported) || !strings.Contains(unsupported.Reason, test.want) || unsupported.Model != test.opts.Model {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestInfoSaysWhatWasMade(t *testing.T) {
	info := open(t, encoder.Options{Shape: tiny(), Seed: 9}).Info()
	if info.Model != "tiny" || info.Weights != "random, seed 9" || !info.Random || info.WeightsSHA256 != "" || info.Dimension != 32 ||
		info.Layers != 2 || info.Pooling != encoder.PoolMean || !info.Normalized || info.Parameters != tiny().Parameters() ||
		info.Tokenizer != "built-in WordPiece vocabulary, 1000 pieces" || info.Kernels == "" {
		t.Errorf("info is %+v", info)
	}
}

func TestASeedDecidesTheVectors(t *testing.T) {
	texts := []string{"one text", "another text"}
	first, _ := encode(t, open(t, encoder.Options{Shape: tiny(), Seed: 1}).NewSession(1), texts, encoder.EncodeOptions{})
	again, _ := encode(t, open(t, encoder.Options{Shape: tiny(), Seed: 1}).NewSession(1), texts, encoder.EncodeOptions{})
	other, _ := encode(t, open(t, encoder.Options{Shape: tiny(), Seed: 2}).NewSession(1), texts, encoder.EncodeOptions{})
	for i := range texts {
		if !slices.Equal(first[i], again[i]) {
			t.Errorf("text %d: the same seed gave other vectors", i)
		}
		if cosine(first[i], other[i]) > 0.9 {
			t.Errorf("text %d: another seed gave nearly the same vector", i)
		}
	}
	if cosine(first[0], first[1]) > 0.9999 {
		t.Error("two texts have the same vector")
	}
}

func TestATextsVectorDoesNotDependOnItsCompany(t *testing.T) {
	e := open(t, encoder.Options{Shape: tiny(), Seed: 3})
	texts := []string{"", "alone", "a longer text with several words in it, to vary", strings.Repeat("long ", 300)}
	for i := range 30 { // together far more tokens than go through the layers at once
		texts = append(texts, strings.Repeat("filler text ", i+1))
	}
	alone := make([][]float32, len(texts))
	session := e.NewSession(1)
	for i, text := range texts {
		vectors, _ := encode(t, session, []string{text}, encoder.EncodeOptions{})
		alone[i] = vectors[0]
	}
	for _, threads := range []int{1, 2, 5} {
		together, usage := encode(t, e.NewSession(threads), texts, encoder.EncodeOptions{})
		if usage.Tokens < 1000 || usage.Truncated == 0 {
			t.Errorf("usage is %+v", usage)
		}
		for i := range texts {
			for j := range alone[i] {
				if math.Abs(float64(together[i][j]-alone[i][j])) > 1e-5 {
					t.Fatalf("%d threads: text %d, dimension %d is %v in a batch and %v alone", threads, i, j, together[i][j], alone[i][j])
				}
			}
		}
	}
}

func TestVectorsAreNormalisedUnlessAskedOtherwise(t *testing.T) {
	session := open(t, encoder.Options{Shape: tiny(), Seed: 3}).NewSession(1)
	length := func(norm encoder.Norm) float64 {
		vectors, _ := encode(t, session, []string{"some text"}, encoder.EncodeOptions{Norm: norm})
		sum := 0.0
		for _, v := range vectors[0] {
			sum += float64(v) * float64(v)
		}
		return math.Sqrt(sum)
	}
	if math.Abs(length(encoder.NormDefault)-1) > 1e-5 || math.Abs(length(encoder.NormOn)-1) > 1e-5 || length(encoder.NormOff) < 1.5 {
		t.Errorf("lengths are %v by default, %v on, %v off", length(encoder.NormDefault), length(encoder.NormOn), length(encoder.NormOff))
	}
}

func TestAKindPutsTheModelsPrefixBeforeTheText(t *testing.T) {
	session := open(t, encoder.Options{Shape: tiny(), Seed: 3}).NewSession(1)
	for kind, prefix := range map[encoder.Kind]string{encoder.KindPlain: "", encoder.KindQuery: "query: ", encoder.KindPassage: "passage: "} {
		got, usage := encode(t, session, []string{"the text"}, encoder.EncodeOptions{Kind: kind})
		want, wantUsage := encode(t, session, []string{prefix + "the text"}, encoder.EncodeOptions{})
		if !slices.Equal(got[0], want[0]) || usage != wantUsage {
			t.Errorf("kind %d is not the text with %q before it (%+v, %+v)", kind, prefix, usage, wantUsage)
		}
	}
	for _, s := range encoder.Shapes() {
		if s.Name == "e5-small" && (s.QueryPrefix != "query: " || s.PassagePrefix != "passage: ") {
			t.Errorf("e5-small's prefixes are %q and %q", s.QueryPrefix, s.PassagePrefix)
		}
	}
}

func TestTextsAreCutAtTheLimitAskedFor(t *testing.T) {
	session := open(t, encoder.Options{Shape: tiny(), Seed: 3}).NewSession(1)
	text := strings.Repeat("x ", 500)
	for limit, want := range map[int]int{0: 128, 3: 3, 20: 20, 128: 128, 1000: 128} {
		for _, kind := range []encoder.Kind{encoder.KindPlain, encoder.KindQuery} {
			_, usage := encode(t, session, []string{text}, encoder.EncodeOptions{MaxTokens: limit, Kind: kind})
			if usage.Tokens != want || usage.Truncated != 1 {
				t.Errorf("limit %d, kind %d: %+v, want %d tokens", limit, kind, usage, want)
			}
		}
	}
	if _, _, err := session.Encode(context.Background(), []string{text}, encoder.EncodeOptions{MaxTokens: 2}); err == nil {
		t.Error("a limit of two tokens was taken")
	}
}

func TestNoTextsGiveNoVectors(t *testing.T) {
	vectors, usage := encode(t, open(t, encoder.Options{Shape: tiny()}).NewSession(1), nil, encoder.EncodeOptions{})
	if len(vectors) != 0 || usage != (encoder.Usage{}) {
		t.Errorf("got %d vectors, %+v", len(vectors), usage)
	}
}

// afterChecks is a context that ends at the nth look at it.
type afterChecks struct {
	context.Context
	left int
}

func (c *afterChecks) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestAnEncodeEndsBetweenLayersWhenItsContextDoes(t *testing.T) {
	shape := tiny()
	shape.Layers = 5
	e := open(t, encoder.Options{Shape: shape, Seed: 1})
	session := e.NewSession(1)
	before, _ := encode(t, session, []string{"text"}, encoder.EncodeOptions{})
	for checks := range 5 {
		if _, _, err := session.Encode(&afterChecks{context.Background(), checks}, []string{"text"}, encoder.EncodeOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("ended at look %d: got %v", checks+1, err)
		}
	}
	if after, _ := encode(t, session, []string{"text"}, encoder.EncodeOptions{}); !slices.Equal(before[0], after[0]) {
		t.Error("a session gives other vectors after a cancelled encode")
	}
}

func TestSessionsWorkSideBySide(t *testing.T) {
	e := open(t, encoder.Options{Shape: tiny(), Seed: 4})
	texts := []string{"first", "second text", "and a third one"}
	want, _ := encode(t, e.NewSession(1), texts, encoder.EncodeOptions{})
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			session, dst := e.NewSession(1+worker%3), [][]float32(nil)
			for range 20 {
				got, _, err := session.Encode(context.Background(), texts, encoder.EncodeOptions{})
				if err == nil && worker%2 == 0 {
					dst, _, err = e.Encode(context.Background(), dst, texts, encoder.EncodeOptions{})
					got = dst
				}
				if err != nil || !slices.EqualFunc(got, want, slices.Equal[[]float32]) {
					t.Errorf("worker %d got other vectors (%v)", worker, err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestTheConvenientEncodeReusesItsDestination(t *testing.T) {
	e := open(t, encoder.Options{Shape: tiny(), Seed: 4})
	dst, _, err := e.Encode(context.Background(), nil, []string{"a", "b", "c"}, encoder.EncodeOptions{})
	if err != nil || len(dst) != 3 {
		t.Fatalf("%d vectors, %v", len(dst), err)
	}
	row := &dst[0][0]
	dst, _, err = e.Encode(context.Background(), dst, []string{"d"}, encoder.EncodeOptions{})
	if err != nil || len(dst) != 1 || &dst[0][0] != row {
		t.Errorf("%d vectors, the first row reused: %v, %v", len(dst), &dst[0][0] == row, err)
	}
	if _, _, err := new(encoder.Encoder).Encode(context.Background(), nil, []string{"a"}, encoder.EncodeOptions{}); err == nil {
		t.Error("an encoder that was never opened encoded")
	}
}

func TestSteadyStateEncodingAllocatesNothing(t *testing.T) {
	session := open(t, encoder.Options{Shape: tiny(), Seed: 4}).NewSession(1)
	ctx, texts := context.Background(), []string{"a short text", "and another, longer one"}
	n := testing.AllocsPerRun(50, func() {
		if _, _, err := session.Encode(ctx, texts, encoder.EncodeOptions{Kind: encoder.KindQuery}); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations an encode", n)
	}
}

func TestShapesThatCannotBeAreRefused(t *testing.T) {
	for name, change := range map[string]func(*encoder.Shape){
		"no layers":                func(s *encoder.Shape) { s.Layers = 0 },
		"heads that do not divide": func(s *encoder.Shape) { s.Heads = 5 },
		"no positions":             func(s *encoder.Shape) { s.Positions = 0 },
		"too many tokens":          func(s *encoder.Shape) { s.MaxTokens = 129 },
		"epsilon of zero":          func(s *encoder.Shape) { s.Epsilon = 0 },
		"epsilon NaN":              func(s *encoder.Shape) { s.Epsilon = math.NaN() },
		"no pooling":               func(s *encoder.Shape) { s.Pooling = encoder.PoolDefault },
		"a giant":                  func(s *encoder.Shape) { s.Layers, s.Width, s.FFN = 256, 16384, 65536 },
		"a vocabulary too small":   func(s *encoder.Shape) { s.Vocab = 10 },
	} {
		shape := tiny()
		change(shape)
		if _, err := encoder.Open(encoder.Options{Shape: shape}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
