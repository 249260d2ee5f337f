package embedding

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/sdk"
)

// textParams are the parameters of benchmark text.
type textParams struct {
	Model    string `json:"model" doc:"A model whose shape is built in: all-MiniLM-L6-v2, e5-small or bge-base; with model_dir, any name. Default: all-MiniLM-L6-v2, or what model_dir holds."`
	ModelDir string `json:"model_dir" doc:"A folder with real weights in Hugging Face's layout (model.safetensors, config.json, vocab.txt or tokenizer.json). Default: random weights, drawn from the seed."`
	Batch    int    `json:"batch" doc:"Texts of one op." min:"1" max:"2048"`
	Length   int    `json:"length" doc:"Tokens of each text, special ones included; 0: the texts as they are." min:"0" max:"32768"`
	Pooling  string `json:"pooling" doc:"How the vectors of a text's tokens become one. Default: the model's own way." enum:"mean,cls,max"`
	Prefix   string `json:"prefix" doc:"Put the model's prefix for queries or passages before each text, if it has one." enum:"none,query,passage"`
	Texts    string `json:"texts" doc:"A file with a text on each line, relative to the working directory. Default: generated English-like sentences."`
}

const defaultModel = "all-MiniLM-L6-v2"

// opener is encoder.Open, or what tests put in its place.
type opener func(encoder.Options) (*encoder.Encoder, error)

func textBenchmark(open opener) sdk.Benchmark {
	preset := func(model, doc string) sdk.Preset {
		return sdk.Preset{Name: model, Doc: doc, With: map[string]any{"model": model}}
	}
	return sdk.Benchmark{
		Name:    "text",
		Doc:     "Texts embedded in this process, one core a worker.",
		Params:  sdk.ParamsOf(textParams{Batch: 1, Prefix: "none"}),
		Metrics: metrics(),
		Presets: []sdk.Preset{
			preset(defaultModel, "6 layers, 384 wide; one short text an op."),
			preset("phi-3-mini", "A decoder: measured through an endpoint only."),
			preset("e5-small", "12 layers, 384 wide; one short text an op."),
			preset("bge-base", "12 layers, 768 wide; one short text an op."),
		},
		Load: sdk.LoadHint{Serial: true, CountedBy: "iterations"},
		Setup: func(ctx context.Context, req sdk.SetupRequest) (sdk.Session, error) {
			var p textParams
			if err := req.Params.Decode(&p); err != nil {
				return nil, err
			}
			return setupText(ctx, req, p, open)
		},
	}
}

// textSession is a model in memory and the states that encode with it: no more
// than there are cores, because more would share the same cores and only take
// memory.
type textSession struct {
	work   *workload
	expect expectation
	opts   encoder.EncodeOptions
	free   chan *encoder.Session
	closed chan struct{}
	info   sdk.SessionInfo
}

func setupText(ctx context.Context, req sdk.SetupRequest, p textParams, open opener) (sdk.Session, error) {
	work, err := newWorkload(p.Texts, p.Batch, p.Length, req.Seed)
	if err != nil {
		return nil, err
	}
	if p.Model == "" && p.ModelDir == "" {
		p.Model = defaultModel
	}
	start := time.Now()
	enc, err := open(encoder.Options{Model: p.Model, ModelDir: p.ModelDir, Seed: req.Seed})
	if err != nil {
		return nil, openError(p, err)
	}
	load := time.Since(start)
	info := enc.Info()
	if p.Length > info.MaxTokens {
		return nil, sdk.BadParam("length", "is %d tokens, and model %s takes at most %d", p.Length, info.Model, info.MaxTokens)
	}
	s := &textSession{
		work: work, opts: encodeOptions(p),
		expect: expectation{dimension: info.Dimension, normalised: info.Normalized},
		closed: make(chan struct{}),
	}
	n := max(1, min(req.MaxWorkers, runtime.GOMAXPROCS(0)))
	s.free = make(chan *encoder.Session, n)
	for range n {
		s.free <- enc.NewSession(1)
	}
	s.describe(req, p, enc, load)
	// One op before anything is timed: broken weights are found here.
	if err := s.encode(ctx, &sdk.Op{}); err != nil {
		return nil, errors.Join(fmt.Errorf("embed a first batch with %s: %w", info.Weights, err), s.Close(ctx))
	}
	return s, nil
}

var (
	poolings = map[string]encoder.Pooling{"mean": encoder.PoolMean, "cls": encoder.PoolCLS, "max": encoder.PoolMax}
	kinds    = map[string]encoder.Kind{"query": encoder.KindQuery, "passage": encoder.KindPassage}
)

// encodeOptions are those of the parameters, which were checked; what they
// leave open is the model's own way.
func encodeOptions(p textParams) encoder.EncodeOptions {
	return encoder.EncodeOptions{MaxTokens: p.Length, Pooling: poolings[p.Pooling], Kind: kinds[p.Prefix]}
}

// openError tells a model that this encoder cannot run apart from a folder
// that cannot be used.
func openError(p textParams, err error) error {
	var unsupported *encoder.UnsupportedModelError
	switch {
	case errors.As(err, &unsupported) && unsupported.EndpointOnly():
		return sdk.NotMeasured(
			fmt.Sprintf("no endpoint for %s: it is a decoder of billions of parameters, which the encoder in this process does not run", p.Model),
			"serve it (with Ollama, say), name the server under targets in harness.yaml, and add {use: embedding/endpoint, name: "+p.Model+", target: NAME, with: {kind: ollama, model: …}}")
	case errors.As(err, &unsupported):
		return sdk.BadParam("model", "is %q: %s", p.Model, unsupported.Reason)
	case p.ModelDir != "":
		return sdk.BadParam("model_dir", "cannot be used: %v", err)
	}
	return err
}

// describe fills in what the reports say was measured.
func (s *textSession) describe(req sdk.SetupRequest, p textParams, enc *encoder.Encoder, load time.Duration) {
	info, shape := enc.Info(), enc.Shape()
	model, weights := info.Model, info.WeightsSHA256
	if info.Random {
		model = fmt.Sprintf("shape of %s, random weights (seed %d)", info.Model, req.Seed)
		weights = info.Weights
	}
	pooling := info.Pooling
	if s.opts.Pooling != encoder.PoolDefault {
		pooling = s.opts.Pooling
	}
	prefix := map[encoder.Kind]string{encoder.KindQuery: shape.QueryPrefix, encoder.KindPassage: shape.PassagePrefix}[s.opts.Kind]
	s.info.Provenance = map[string]string{
		"engine":     "harness encoder (Go)",
		"kernels":    info.Kernels,
		"model":      model,
		"weights":    info.Weights,
		"tokenizer":  info.Tokenizer,
		"pooling":    pooling.String(),
		"normalised": strconv.FormatBool(info.Normalized),
		"dimension":  strconv.Itoa(info.Dimension),
		"parameters": strconv.FormatInt(info.Parameters, 10),
		"cores":      fmt.Sprintf("one a worker, %d at most", cap(s.free)),
		"texts":      s.work.source,
	}
	if info.WeightsSHA256 != "" {
		s.info.Provenance["weights_sha256"] = info.WeightsSHA256
	}
	if prefix != "" {
		s.info.Provenance["prefix"] = strconv.Quote(prefix)
	}
	s.info.Figures = []sdk.Figure{{Name: "load_seconds", Unit: "s", Value: load.Seconds()}}
	shape.Name = "" // what it is called does not change the work
	s.info.WorkloadDigest = digestOf("embedding/text", shape, weights, pooling.String(), prefix, s.work.digest, p.Batch, p.Length, req.Seed)
}

// Describe says what is measured.
func (s *textSession) Describe() sdk.SessionInfo { return s.info }

// Worker returns a worker; all share the session's states.
func (s *textSession) Worker(context.Context, int) (sdk.Worker, error) { return textWorker{s}, nil }

// Close lets the model go and gives its memory back to the system: the next
// scenario's model may need it, and would otherwise be measured beside it.
func (s *textSession) Close(context.Context) error {
	close(s.closed)
	s.drain()
	debug.FreeOSMemory()
	return nil
}

func (s *textSession) drain() {
	for {
		select {
		case <-s.free:
		default:
			return
		}
	}
}

type textWorker struct{ s *textSession }

// Do embeds one batch.
func (w textWorker) Do(ctx context.Context, op *sdk.Op) error { return w.s.encode(ctx, op) }

func (s *textSession) encode(ctx context.Context, op *sdk.Op) error {
	var state *encoder.Session
	select {
	case state = <-s.free:
	case <-s.closed:
		return errors.New("embed: the session is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	defer s.release(state)
	op.Sent() // what came before was waiting for a core
	texts := s.work.batches[s.work.batch(op)]
	vectors, usage, err := state.Encode(ctx, texts, s.opts)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return sdk.Classify(classFinite, err) // the encoder has no other error for options that were checked
	}
	if err := s.expect.check(vectors, len(texts)); err != nil {
		return err
	}
	op.Record(textsPerSecond, float64(len(texts)))
	op.Record(tokensPerSecond, float64(usage.Tokens))
	return nil
}

// release puts a state back for the next op, unless the session was closed
// meanwhile: then nothing may hold on to the model.
func (s *textSession) release(state *encoder.Session) {
	s.free <- state // has room: it came from there
	select {
	case <-s.closed:
		s.drain()
	default:
	}
}
