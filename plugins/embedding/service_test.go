package embedding

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/plugins/internal/service"
	"github.com/benchharness/harness/sdk"
)

// served is a small encoder as the reference service takes it.
type served struct{ *encoder.Encoder }

func (s served) Encode(ctx context.Context, texts []string) ([][]float32, int, error) {
	vectors, usage, err := s.Encoder.Encode(ctx, nil, texts, encoder.EncodeOptions{})
	return vectors, usage.Tokens, err
}
func (s served) Dimension() int { return s.Info().Dimension }
func (s served) Model() string  { return s.Info().Model }

// noIndex is an index without collections.
type noIndex struct{}

func (noIndex) Collections(context.Context) ([]service.Collection, error) { return nil, nil }
func (noIndex) Collection(context.Context, string) (service.Collection, error) {
	return service.Collection{}, service.ErrNoCollection
}
func (noIndex) Search(context.Context, string, []float32, int, int) ([]service.Hit, error) {
	return nil, service.ErrNoCollection
}

func referenceService(t *testing.T) *httptest.Server {
	t.Helper()
	enc, err := openSmall(encoder.Options{Model: "all-MiniLM-L6-v2", Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	s, err := service.New(service.Options{Embedder: served{enc}, Index: noIndex{}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv
}

func TestTheReferenceServiceIsMeasuredInEveryProtocol(t *testing.T) {
	srv := referenceService(t)
	inProcess := prepare(t, textBenchmark(openSmall), request(t, textBenchmark(openSmall), map[string]any{"batch": 4}))
	want := inProcess.mustDo()[tokensPerSecond]
	for _, kind := range kindNames {
		s := prepare(t, endpoint, endpointRequest(t, targetOf(srv), map[string]any{"kind": kind, "model": "all-minilm-l6-v2", "batch": 4, "dimensions": 32}))
		values := s.mustDo()
		tokens, counted := values[tokensPerSecond]
		if values[textsPerSecond] != 4 || counted != (kind != "tei") || counted && tokens != want {
			t.Errorf("%s: an op recorded %v; the same texts are %v tokens in this process", kind, values, want)
		}
		if model := s.info().Provenance["model"]; kind != "tei" && model != "all-MiniLM-L6-v2" {
			t.Errorf("%s: the model is %q", kind, model)
		}
		s.round(3, 30)
	}
}

func TestTheReferenceServiceRefusesAnotherModelByName(t *testing.T) {
	srv := referenceService(t)
	_, err := endpoint.Setup(t.Context(), endpointRequest(t, targetOf(srv), map[string]any{"kind": "ollama", "model": "phi3"}))
	if err == nil || !strings.Contains(err.Error(), `model "phi3" is unknown`) {
		t.Errorf("error is %v", err)
	}
}

func TestThePluginIsWellFormed(t *testing.T) {
	if err := Plugin().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, b := range Plugin().Benchmarks {
		if b.Load.CountedBy != "iterations" {
			t.Errorf("%s is counted by %q", b.Name, b.Load.CountedBy)
		}
	}
	if b, _ := Plugin().Benchmark("endpoint"); b.Target != TargetKind {
		t.Errorf("endpoint needs target %q", b.Target)
	}
	known := map[string]bool{"gpu.util": true}
	for _, name := range sdk.StandardMetrics {
		known[name] = true
	}
	for _, m := range metrics() {
		known[m.Name] = true
	}
	for _, c := range Plugin().Table.Columns {
		if !known[c.Metric] {
			t.Errorf("column %s shows %s, which nobody records", c.Title, c.Metric)
		}
	}
}
