package qdrantserver

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/plugins/internal/hnsw"
)

// Limits and defaults of a collection. maxDim is Qdrant's; the thresholds are in
// KiB of vectors, as in the protocol. Unlike Qdrant, which leaves collections
// under 10,000 KiB without a graph, this index links everything by default: it
// is there to have its graph measured.
const (
	maxDim              = 65536
	defaultFullScanKiB  = 1000
	defaultIndexFromKiB = 1
	maxNameLength       = 255
)

type collectionsService struct {
	qdrant.UnimplementedCollectionsServer
	server *Server
}

func (s collectionsService) Create(_ context.Context, req *qdrant.CreateCollection) (*qdrant.CollectionOperationResponse, error) {
	start := time.Now()
	name := req.GetCollectionName()
	if err := checkName(name); err != nil {
		return nil, err
	}
	params, err := vectorParams(req)
	if err != nil {
		return nil, err
	}
	config, rules, index, err := s.settings(req, params)
	if err != nil {
		return nil, err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.closed {
		return nil, status.Error(codes.Unavailable, "the server is shutting down")
	}
	if s.server.collections[name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", name)
	}
	s.server.collections[name] = newCollection(config, index, rules)
	return &qdrant.CollectionOperationResponse{Result: true, Time: time.Since(start).Seconds()}, nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return status.Error(codes.InvalidArgument, "Validation error in body: [collection_name: must not be empty]")
	case len(name) > maxNameLength:
		return status.Errorf(codes.InvalidArgument, "Validation error in body: [collection_name: must not be longer than %d characters]", maxNameLength)
	case strings.ContainsAny(name, "<>:\"/\\|?*\x00\x1f"):
		return status.Errorf(codes.InvalidArgument, "Validation error in body: [collection_name: %q contains a character that is not allowed]", name)
	}
	return nil
}

// vectorParams gives the parameters of the one unnamed vector, and refuses what
// this server does not have.
func vectorParams(req *qdrant.CreateCollection) (*qdrant.VectorParams, error) {
	var params *qdrant.VectorParams
	switch o := req.GetVectorsConfig().GetConfig().(type) {
	case *qdrant.VectorsConfig_Params:
		params = o.Params
	case *qdrant.VectorsConfig_ParamsMap:
		named := o.ParamsMap.GetMap()
		if len(named) != 1 || named[""] == nil {
			return nil, unimplemented("named vectors")
		}
		params = named[""]
	}
	switch {
	case req.GetSparseVectorsConfig() != nil:
		return nil, unimplemented("sparse vectors")
	case params == nil:
		return nil, status.Error(codes.InvalidArgument, "Wrong input: vectors_config is missing: size and distance are needed")
	case params.GetSize() < 1 || params.GetSize() > maxDim:
		return nil, status.Errorf(codes.InvalidArgument, "Validation error in body: [vectors_config.size: value %d invalid, must be from 1 to %d]", params.GetSize(), maxDim)
	case params.MultivectorConfig != nil:
		return nil, unimplemented("multivectors")
	case params.QuantizationConfig != nil || req.QuantizationConfig != nil:
		return nil, unimplemented("quantization")
	case params.GetDatatype() != qdrant.Datatype_Default && params.GetDatatype() != qdrant.Datatype_Float32:
		return nil, unimplemented("vectors of type " + params.GetDatatype().String())
	case req.GetShardNumber() > 1 || req.GetShardingMethod() != qdrant.ShardingMethod_Auto:
		return nil, unimplemented("more than one shard")
	case req.StrictModeConfig.GetEnabled():
		return nil, unimplemented("strict mode")
	}
	return params, nil
}

func metricOf(d qdrant.Distance) (hnsw.Metric, error) {
	switch d {
	case qdrant.Distance_Cosine:
		return hnsw.Cosine, nil
	case qdrant.Distance_Dot:
		return hnsw.Dot, nil
	case qdrant.Distance_Euclid:
		return hnsw.Euclid, nil
	case qdrant.Distance_Manhattan:
		return 0, unimplemented("Manhattan distance")
	}
	return 0, status.Error(codes.InvalidArgument, "Wrong input: vectors_config.distance is missing: want Cosine, Dot or Euclid")
}

// settings turns a request into an empty index and the configuration that Get
// shows, with every default filled in.
func (s collectionsService) settings(req *qdrant.CreateCollection, params *qdrant.VectorParams) (*qdrant.CollectionConfig, indexRules, *hnsw.Index, error) {
	metric, err := metricOf(params.GetDistance())
	if err != nil {
		return nil, indexRules{}, nil, err
	}
	h := mergeHnsw(req.GetHnswConfig(), params.GetHnswConfig())
	threshold := uint64(defaultIndexFromKiB)
	if o := req.GetOptimizersConfig(); o != nil && o.IndexingThreshold != nil {
		threshold = *o.IndexingThreshold
	}
	never := *h.M == 0 || threshold == 0
	links := *h.M
	if never {
		links = hnsw.DefaultM // nothing is ever linked with it
	}
	index, err := hnsw.New(hnsw.Config{
		Dim: int(params.GetSize()), Metric: metric, M: clampInt(links), EfConstruction: clampInt(*h.EfConstruct), Seed: 1,
	})
	if err != nil {
		return nil, indexRules{}, nil, status.Errorf(codes.InvalidArgument, "Wrong input: %v", err)
	}
	vectorBytes := 4 * params.GetSize()
	workers := s.server.opts.IndexWorkers
	if n := h.GetMaxIndexingThreads(); n > 0 && (workers <= 0 || n < uint64(workers)) {
		workers = int(min(n, 1024))
	}
	rules := indexRules{
		never:    never,
		from:     clampInt(clampKiB(threshold) / vectorBytes),
		fullScan: clampInt(clampKiB(*h.FullScanThreshold) / vectorBytes),
		workers:  workers,
		before:   s.server.beforeBuild,
	}
	one := uint32(1)
	return &qdrant.CollectionConfig{
		Params: &qdrant.CollectionParams{
			ShardNumber: 1, VectorsConfig: req.GetVectorsConfig(), ReplicationFactor: &one, WriteConsistencyFactor: &one,
		},
		HnswConfig: h, OptimizerConfig: &qdrant.OptimizersConfigDiff{IndexingThreshold: &threshold}, WalConfig: req.GetWalConfig(), Metadata: req.GetMetadata(),
	}, rules, index, nil
}

// mergeHnsw lets the settings of the vector win over those of the collection,
// and those over the defaults.
func mergeHnsw(diffs ...*qdrant.HnswConfigDiff) *qdrant.HnswConfigDiff {
	m, ef, scan, threads := uint64(hnsw.DefaultM), uint64(hnsw.DefaultEfConstruction), uint64(defaultFullScanKiB), uint64(0)
	for _, d := range diffs {
		if d == nil {
			continue
		}
		for _, field := range []struct{ to, from *uint64 }{
			{&m, d.M}, {&ef, d.EfConstruct}, {&scan, d.FullScanThreshold}, {&threads, d.MaxIndexingThreads},
		} {
			if field.from != nil {
				*field.to = *field.from
			}
		}
	}
	onDisk := false
	return &qdrant.HnswConfigDiff{M: &m, EfConstruct: &ef, FullScanThreshold: &scan, MaxIndexingThreads: &threads, OnDisk: &onDisk}
}

func clampInt(n uint64) int { return int(min(n, math.MaxInt32)) }

func clampKiB(kib uint64) uint64 { return min(kib, math.MaxUint64>>10) << 10 }

func (s collectionsService) Get(_ context.Context, req *qdrant.GetCollectionInfoRequest) (*qdrant.GetCollectionInfoResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	return &qdrant.GetCollectionInfoResponse{Result: c.info(), Time: time.Since(start).Seconds()}, nil
}

func (s collectionsService) List(context.Context, *qdrant.ListCollectionsRequest) (*qdrant.ListCollectionsResponse, error) {
	start := time.Now()
	resp := &qdrant.ListCollectionsResponse{}
	for _, name := range s.server.names() {
		resp.Collections = append(resp.Collections, &qdrant.CollectionDescription{Name: name})
	}
	resp.Time = time.Since(start).Seconds()
	return resp, nil
}

// Delete says false, as Qdrant does, where there is nothing to delete.
func (s collectionsService) Delete(_ context.Context, req *qdrant.DeleteCollection) (*qdrant.CollectionOperationResponse, error) {
	start := time.Now()
	s.server.mu.Lock()
	c := s.server.collections[req.GetCollectionName()]
	delete(s.server.collections, req.GetCollectionName())
	s.server.mu.Unlock()
	if c != nil {
		c.stop()
	}
	return &qdrant.CollectionOperationResponse{Result: c != nil, Time: time.Since(start).Seconds()}, nil
}

func (s collectionsService) CollectionExists(_ context.Context, req *qdrant.CollectionExistsRequest) (*qdrant.CollectionExistsResponse, error) {
	start := time.Now()
	_, err := s.server.collection(req.GetCollectionName())
	return &qdrant.CollectionExistsResponse{
		Result: &qdrant.CollectionExists{Exists: err == nil}, Time: time.Since(start).Seconds(),
	}, nil
}
