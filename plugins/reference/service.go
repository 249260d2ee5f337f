package reference

import (
	"context"
	"fmt"
	"net"

	"github.com/benchharness/harness/plugins/internal/clustered"
	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/plugins/internal/hnsw"
	"github.com/benchharness/harness/plugins/internal/service"
	"github.com/benchharness/harness/sdk"
)

// What the service holds. It is small, so that it starts in about a second:
// the API is what is measured there, the index has a benchmark of its own.
const (
	serviceModel      = "all-MiniLM-L6-v2"
	serviceCollection = "minilm_general"
	servicePoints     = 2000
)

func startService(ctx context.Context, s *Stack, o Options) (Component, error) {
	faults, err := service.ParseFaults(o.Faults)
	if err != nil {
		return Component{}, fmt.Errorf("faults of the service: %w", err)
	}
	enc, err := encoder.Open(encoder.Options{Model: serviceModel, ModelDir: o.ModelDir, Seed: o.Seed})
	if err != nil {
		return Component{}, fmt.Errorf("open the service's encoder: %w", err)
	}
	index, err := newIndex(ctx, enc.Info().Dimension, o.Seed)
	if err != nil {
		return Component{}, fmt.Errorf("build the service's index: %w", err)
	}
	httpL, err := listen(o, o.HTTPPort, "service's REST and GraphQL", "http-port")
	if err != nil {
		return Component{}, err
	}
	grpcL, err := listen(o, o.GRPCPort, "service's gRPC", "grpc-port")
	if err != nil {
		httpL.Close()
		return Component{}, err
	}
	if err := serve(s, service.Options{
		Embedder: embedder{enc}, Index: index, HTTPListener: httpL, GRPCListener: grpcL,
		Collection: serviceCollection, Faults: faults, FaultsEndpoint: o.SwitchFaults, Log: o.Log,
	}); err != nil {
		return Component{}, err
	}
	c := Component{
		Target: sdk.Target{URL: "http://" + httpL.Addr().String(), GRPC: grpcL.Addr().String()},
		Provenance: map[string]string{
			"target": "harness reference", "engine": "harness retrieval service (Go)",
			"encoder": fmt.Sprintf("shape of %s, %s", serviceModel, enc.Info().Weights),
			"index":   fmt.Sprintf("%d clustered vectors of %d dimensions, seed %d", servicePoints, enc.Info().Dimension, o.Seed),
		},
	}
	if o.Faults != "" {
		c.Provenance["faults"] = faults.String()
	}
	return c, nil
}

func serve(s *Stack, so service.Options) error {
	srv, err := service.New(so)
	if err != nil {
		for _, l := range []net.Listener{so.HTTPListener, so.GRPCListener} {
			l.Close()
		}
		return fmt.Errorf("make the service: %w", err)
	}
	s.background("service", srv.Serve)
	return nil
}

// embedder is the encoder as the service sees it.
type embedder struct{ enc *encoder.Encoder }

func (e embedder) Encode(ctx context.Context, texts []string) ([][]float32, int, error) {
	vectors, usage, err := e.enc.Encode(ctx, nil, texts, encoder.EncodeOptions{})
	return vectors, usage.Tokens, err
}

func (e embedder) Dimension() int { return e.enc.Info().Dimension }
func (e embedder) Model() string  { return e.enc.Info().Model }

// index is one collection of clustered vectors as the service sees it.
type index struct {
	hnsw *hnsw.Index
	info service.Collection
}

// defaultEf is the size of the candidate list when a request names none.
const defaultEf = 64

func newIndex(ctx context.Context, dim int, seed uint64) (*index, error) {
	set, err := clustered.Generate(clustered.Spec{Seed: seed, N: servicePoints, Dim: dim})
	if err != nil {
		return nil, err
	}
	x, err := hnsw.New(hnsw.Config{Dim: dim, Metric: hnsw.Cosine, Seed: seed})
	if err != nil {
		return nil, err
	}
	for i, v := range set.Base {
		if err := x.Store(uint64(i), v); err != nil {
			return nil, err
		}
	}
	if err := x.Build(ctx, 0); err != nil {
		return nil, err
	}
	return &index{x, service.Collection{Name: serviceCollection, Dimension: dim, Points: servicePoints, Distance: "cosine"}}, nil
}

func (x *index) Collections(context.Context) ([]service.Collection, error) {
	return []service.Collection{x.info}, nil
}

func (x *index) Collection(_ context.Context, name string) (service.Collection, error) {
	if name != x.info.Name {
		return service.Collection{}, fmt.Errorf("%w: %q", service.ErrNoCollection, name)
	}
	return x.info, nil
}

func (x *index) Search(ctx context.Context, collection string, vector []float32, k, ef int) ([]service.Hit, error) {
	if _, err := x.Collection(ctx, collection); err != nil {
		return nil, err
	}
	if ef == 0 {
		ef = defaultEf
	}
	found, err := x.hnsw.Search(nil, vector, hnsw.Query{K: k, Ef: ef})
	if err != nil {
		return nil, err
	}
	hits := make([]service.Hit, 0, len(found))
	for _, h := range found {
		hits = append(hits, service.Hit{
			ID: fmt.Sprint(h.ID), Score: h.Score, Payload: map[string]any{"title": fmt.Sprintf("document %d", h.ID)},
		})
	}
	return hits, nil
}
