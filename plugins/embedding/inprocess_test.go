package embedding

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/sdk"
)

func TestEveryPresetIsMeasuredOrSaysWhyNot(t *testing.T) {
	b := textBenchmark(openSmall)
	var names []string
	for _, preset := range b.Presets {
		names = append(names, preset.Name)
		req := request(t, b, preset.With)
		if preset.Name == "phi-3-mini" {
			_, err := b.Setup(t.Context(), req)
			var absent *sdk.NotMeasuredError
			if !errors.As(err, &absent) || !strings.HasPrefix(absent.Reason, "no endpoint for phi-3-mini: ") || !strings.Contains(absent.Remedy, "use: embedding/endpoint") {
				t.Errorf("phi-3-mini: error is %v", err)
			}
			continue
		}
		s := prepare(t, b, req)
		values := s.mustDo()
		if values[textsPerSecond] != 1 || values[tokensPerSecond] < 7 {
			t.Errorf("%s: an op recorded %v", preset.Name, values)
		}
		p := s.info().Provenance
		if p["model"] != "shape of "+preset.Name+", random weights (seed 7)" || p["weights"] != "random, seed 7" || p["engine"] != "harness encoder (Go)" {
			t.Errorf("%s: provenance is %v", preset.Name, p)
		}
	}
	if got := strings.Join(names, " "); got != "all-MiniLM-L6-v2 phi-3-mini e5-small bge-base" {
		t.Errorf("presets are %s", got)
	}
}

func TestMiniLMsRealShapeRunsThroughTheLoop(t *testing.T) {
	p, ok := sdk.Lookup("embedding")
	if !ok {
		t.Fatal("plugin embedding is not registered")
	}
	b, _ := p.Benchmark("text")
	s := prepare(t, b, request(t, b, map[string]any{"model": "all-MiniLM-L6-v2", "batch": 2, "length": 16}))
	res := s.round(4, 12)
	if texts, tokens := res.Values[textsPerSecond].Sum, res.Values[tokensPerSecond].Sum; texts != 24 || tokens != 24*16 {
		t.Errorf("12 ops recorded %v texts and %v tokens, want 24 and %d", texts, tokens, 24*16)
	}
	info := s.info()
	if info.Provenance["dimension"] != "384" || info.Provenance["pooling"] != "mean" {
		t.Errorf("provenance is %v", info.Provenance)
	}
	if len(info.Figures) != 1 || info.Figures[0].Name != "load_seconds" || info.Figures[0].Value <= 0 {
		t.Errorf("figures are %v", info.Figures)
	}
}

func TestLengthIsTheExactNumberOfTokens(t *testing.T) {
	b := textBenchmark(openSmall)
	path := textFile(t, "short\nÜbergrößenträger und unaussprechliche Wörter, 12345!\n")
	for _, with := range []map[string]any{
		{"batch": 3, "length": 40},
		{"batch": 1, "length": 128, "texts": path},
		{"batch": 2, "length": 20, "model": "e5-small", "prefix": "query"},
	} {
		s := prepare(t, b, request(t, b, with))
		want := float64(with["batch"].(int) * with["length"].(int))
		for range 5 {
			if values := s.mustDo(); values[tokensPerSecond] != want || values[textsPerSecond] != float64(with["batch"].(int)) {
				t.Fatalf("%v: an op recorded %v, want %v tokens", with, values, want)
			}
		}
	}
}

func TestAPrefixThatTheModelHasIsTakenAndTold(t *testing.T) {
	b := textBenchmark(openSmall)
	for _, test := range []struct{ model, prefix, told string }{
		{"e5-small", "query", `"query: "`},
		{"e5-small", "passage", `"passage: "`},
		{"e5-small", "none", ""},
		{"all-MiniLM-L6-v2", "query", ""},
	} {
		plain := prepare(t, b, request(t, b, map[string]any{"model": test.model})).mustDo()[tokensPerSecond]
		s := prepare(t, b, request(t, b, map[string]any{"model": test.model, "prefix": test.prefix}))
		if got := s.info().Provenance["prefix"]; got != test.told {
			t.Errorf("%s %s: provenance tells prefix %s, want %s", test.model, test.prefix, got, test.told)
		}
		if got := s.mustDo()[tokensPerSecond]; (got > plain) != (test.told != "") {
			t.Errorf("%s %s: %v tokens, %v without a prefix", test.model, test.prefix, got, plain)
		}
	}
}

func TestTheDigestFollowsWhatDecidesTheWork(t *testing.T) {
	b := textBenchmark(openSmall)
	digest := func(seed uint64, with map[string]any) string {
		req := request(t, b, with)
		req.Seed = seed
		return prepare(t, b, req).info().WorkloadDigest
	}
	base := map[string]any{"model": "e5-small", "batch": 2, "length": 16}
	want := digest(1, base)
	if again := digest(1, base); again != want {
		t.Errorf("the same work has digests %s and %s", want, again)
	}
	for key, value := range map[string]any{
		"model": "bge-base", "batch": 3, "length": 17, "pooling": "max", "prefix": "query", "texts": textFile(t, "one\ntwo"),
	} {
		other := maps.Clone(base)
		other[key] = value
		if digest(1, other) == want {
			t.Errorf("another %s has the same digest", key)
		}
	}
	if digest(2, base) == want {
		t.Error("another seed has the same digest")
	}
}

func TestModelsAndParametersThatCannotBeUsedAreRefused(t *testing.T) {
	b := textBenchmark(openSmall)
	empty := t.TempDir()
	for name, test := range map[string]struct {
		with  map[string]any
		param string
		says  string
	}{
		"an unknown model":         {map[string]any{"model": "word2vec"}, "model", "all-MiniLM-L6-v2"},
		"a folder without a model": {map[string]any{"model_dir": empty}, "model_dir", empty},
		"longer than the model":    {map[string]any{"length": 129}, "length", "takes at most 128"},
	} {
		_, err := b.Setup(t.Context(), request(t, b, test.with))
		var param *sdk.ParamError
		if !errors.As(err, &param) || param.Param != test.param || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error is %v, want one of %s with %q", name, err, test.param, test.says)
		}
	}
	_, err := b.Setup(t.Context(), request(t, b, map[string]any{"model": "microsoft/Phi-3-mini-4k-instruct", "model_dir": empty}))
	var absent *sdk.NotMeasuredError
	if !errors.As(err, &absent) {
		t.Errorf("phi-3 in a folder: error is %v, want that it is not measured", err)
	}
	for name, with := range map[string]string{
		"batch": "0", "length": "-1", "pooling": `"best"`, "prefix": `"document"`, "grid": "[1]",
	} {
		_, err := sdk.CheckParams(b.Params, map[string]json.RawMessage{name: json.RawMessage(with)})
		var param *sdk.ParamError
		if !errors.As(err, &param) || param.Param != name {
			t.Errorf("%s: %s: error is %v", name, with, err)
		}
	}
}

func TestRealWeightsAreNamedWithTheirDigest(t *testing.T) {
	dir := writeModel(t, 1)
	b := textBenchmark(encoder.Open)
	s := prepare(t, b, request(t, b, map[string]any{"model_dir": dir}))
	s.mustDo()
	p := s.info().Provenance
	if p["weights"] != filepath.Join(dir, "model.safetensors") || len(p["weights_sha256"]) != 64 || p["model"] != filepath.Base(dir) {
		t.Errorf("provenance is %v", p)
	}
}

func TestWeightsThatGiveNoFiniteVectorsAreFoundDuringSetup(t *testing.T) {
	dir := writeModel(t, float32(1e38))
	b := textBenchmark(encoder.Open)
	_, err := b.Setup(t.Context(), request(t, b, map[string]any{"model_dir": dir}))
	if err == nil || sdk.Class(err) != classFinite || !strings.Contains(err.Error(), filepath.Join(dir, "model.safetensors")) {
		t.Errorf("error is %v", err)
	}
}

func TestVectorsOfAnotherLengthFailTheOp(t *testing.T) {
	b := textBenchmark(openSmall)
	s := prepare(t, b, request(t, b, nil))
	s.session.(*textSession).expect.dimension++
	if _, err := s.do(t.Context()); sdk.Class(err) != classDimension {
		t.Errorf("error is %v", err)
	}
	x := s.session.(*textSession)
	x.expect.dimension--
	x.opts.Norm = encoder.NormOff
	if values, err := s.do(t.Context()); sdk.Class(err) != classNorm || len(values) > 0 {
		t.Errorf("error is %v, recorded %v", err, values)
	}
}

func TestOpsBeyondTheCoresWaitForOneAndGiveUpWithTheirContext(t *testing.T) {
	b := textBenchmark(openSmall)
	req := request(t, b, nil)
	req.MaxWorkers = 100
	s := prepare(t, b, req)
	x := s.session.(*textSession)
	if cap(x.free) != runtime.GOMAXPROCS(0) {
		t.Errorf("%d states for %d cores", cap(x.free), runtime.GOMAXPROCS(0))
	}
	var taken []*encoder.Session
	for range cap(x.free) {
		taken = append(taken, <-x.free)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.worker.Do(ctx, &sdk.Op{}) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	for _, state := range taken {
		x.free <- state
	}
	if res := s.round(100, 300); res.Values[textsPerSecond].Count != 300 {
		t.Errorf("%d ops recorded", res.Values[textsPerSecond].Count)
	}
}

func TestAClosedSessionHoldsNoModel(t *testing.T) {
	b := textBenchmark(openSmall)
	session, err := b.Setup(t.Context(), request(t, b, nil))
	if err != nil {
		t.Fatal(err)
	}
	x := session.(*textSession)
	inFlight := <-x.free
	if err := session.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.release(inFlight) // an op that was running when the session was closed
	if len(x.free) != 0 {
		t.Errorf("%d states are left", len(x.free))
	}
	w, _ := session.Worker(t.Context(), 0)
	if err := w.Do(t.Context(), &sdk.Op{}); err == nil {
		t.Error("an op on a closed session succeeds")
	}
}

func TestAFirstBatchStopsWithItsContext(t *testing.T) {
	b := textBenchmark(openSmall)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Setup(ctx, request(t, b, nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestTheModelDirectoryMayBeAFileThatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := textBenchmark(openSmall)
	_, err := b.Setup(t.Context(), request(t, b, map[string]any{"model_dir": path}))
	var param *sdk.ParamError
	if !errors.As(err, &param) || param.Param != "model_dir" {
		t.Errorf("error is %v", err)
	}
}
