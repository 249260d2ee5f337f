package qdrantserver

import (
	"context"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/plugins/internal/hnsw"
)

// defaultLimit is how many points a query gives that names no limit.
const defaultLimit = 10

// search is what Query and the older Search have in common.
type search struct {
	vector    []float32       // the one to look near, or
	near      *qdrant.PointId // the point to look near, which is no result; neither: all, by id
	filter    *qdrant.Filter
	params    *qdrant.SearchParams
	threshold *float32
	limit     uint64
	offset    uint64
	payload   *qdrant.WithPayloadSelector
	vectors   *qdrant.WithVectorsSelector
}

func (s pointsService) Query(_ context.Context, req *qdrant.QueryPoints) (*qdrant.QueryResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	points, err := c.query(req)
	if err != nil {
		return nil, err
	}
	return &qdrant.QueryResponse{Result: points, Time: time.Since(start).Seconds()}, nil
}

func (s pointsService) QueryBatch(ctx context.Context, req *qdrant.QueryBatchPoints) (*qdrant.QueryBatchResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	resp := &qdrant.QueryBatchResponse{Result: make([]*qdrant.BatchResult, len(req.GetQueryPoints()))}
	for i, q := range req.GetQueryPoints() {
		if ctx.Err() != nil {
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		points, err := c.query(q)
		if err != nil {
			return nil, err
		}
		resp.Result[i] = &qdrant.BatchResult{Result: points}
	}
	resp.Time = time.Since(start).Seconds()
	return resp, nil
}

// query reads a request of the universal query interface.
func (c *collection) query(req *qdrant.QueryPoints) ([]*qdrant.ScoredPoint, error) {
	s := search{
		filter: req.GetFilter(), params: req.GetParams(), threshold: req.ScoreThreshold,
		limit: defaultLimit, offset: req.GetOffset(), payload: req.GetWithPayload(), vectors: req.GetWithVectors(),
	}
	if req.Limit != nil {
		s.limit = req.GetLimit()
	}
	switch {
	case len(req.GetPrefetch()) > 0:
		return nil, unimplemented("query with prefetch")
	case req.GetUsing() != "":
		return nil, unknownVector(req.GetUsing())
	case req.GetLookupFrom() != nil:
		return nil, unimplemented("query with lookup_from")
	case req.ShardKeySelector != nil:
		return nil, unimplemented("shard keys")
	}
	if q := req.GetQuery(); q != nil {
		nearest, ok := q.GetVariant().(*qdrant.Query_Nearest)
		if !ok {
			return nil, unimplemented("queries other than nearest")
		}
		switch o := nearest.Nearest.GetVariant().(type) {
		case *qdrant.VectorInput_Dense:
			s.vector = o.Dense.GetData()
		case *qdrant.VectorInput_Id:
			s.near = o.Id
		case nil:
			return nil, status.Error(codes.InvalidArgument, "Wrong input: the query has neither a vector nor an id")
		default:
			return nil, unimplemented("queries by sparse vector, multivector, document, image or object")
		}
		if s.vector == nil && s.near == nil {
			s.vector = []float32{} // wrong by its dimension, not a request for all
		}
	}
	return c.answer(s)
}

func (s pointsService) Search(_ context.Context, req *qdrant.SearchPoints) (*qdrant.SearchResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	points, err := c.oldSearch(req)
	if err != nil {
		return nil, err
	}
	return &qdrant.SearchResponse{Result: points, Time: time.Since(start).Seconds()}, nil
}

func (s pointsService) SearchBatch(ctx context.Context, req *qdrant.SearchBatchPoints) (*qdrant.SearchBatchResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	resp := &qdrant.SearchBatchResponse{Result: make([]*qdrant.BatchResult, len(req.GetSearchPoints()))}
	for i, q := range req.GetSearchPoints() {
		if ctx.Err() != nil {
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		points, err := c.oldSearch(q)
		if err != nil {
			return nil, err
		}
		resp.Result[i] = &qdrant.BatchResult{Result: points}
	}
	resp.Time = time.Since(start).Seconds()
	return resp, nil
}

func (c *collection) oldSearch(req *qdrant.SearchPoints) ([]*qdrant.ScoredPoint, error) {
	switch {
	case req.GetVectorName() != "":
		return nil, unknownVector(req.GetVectorName())
	case req.SparseIndices != nil:
		return nil, unimplemented("sparse vectors")
	case req.ShardKeySelector != nil:
		return nil, unimplemented("shard keys")
	}
	s := search{
		vector: req.GetVector(), filter: req.GetFilter(), params: req.GetParams(), threshold: req.ScoreThreshold,
		limit: req.GetLimit(), offset: req.GetOffset(), payload: req.GetWithPayload(), vectors: req.GetWithVectors(),
	}
	if s.vector == nil {
		s.vector = []float32{}
	}
	return c.answer(s)
}

// answer runs a search and makes its reply.
func (c *collection) answer(s search) ([]*qdrant.ScoredPoint, error) {
	if s.limit == 0 {
		return nil, status.Error(codes.InvalidArgument, "Validation error in body: [limit: value 0 invalid, must be 1 or larger]")
	}
	pass, err := compileFilter(s.filter)
	if err != nil {
		return nil, err
	}
	withVectors, err := wantsVectors(s.vectors)
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	hits, err := c.find(s, pass)
	if err != nil {
		return nil, err
	}
	if s.threshold != nil {
		hits = cut(hits, *s.threshold, c.index.Config().Metric)
	}
	hits = hits[min(s.offset, uint64(len(hits))):]
	hits = hits[:min(s.limit, uint64(len(hits)))]
	choose := payloadSelector(s.payload, false)
	out := make([]*qdrant.ScoredPoint, len(hits))
	for i, h := range hits {
		p := c.points[h.ID]
		out[i] = &qdrant.ScoredPoint{Id: p.proto, Score: h.Score, Version: p.version, Payload: choose(p.payload)}
		if withVectors {
			out[i].Vectors = c.vectorOf(h.ID)
		}
	}
	return out, nil
}

// vectorOf is the vector of a slot as a reply carries it. mu is held.
func (c *collection) vectorOf(slot uint64) *qdrant.VectorsOutput {
	v, _ := c.index.Vector(nil, slot)
	return vectorReply(v)
}

// find gives the best limit+offset slots. mu is held for reading, so that slots
// and points stay what they are.
func (c *collection) find(s search, pass predicate) ([]hnsw.Hit, error) {
	if s.vector == nil && s.near == nil {
		return c.byID(s, pass), nil
	}
	vector, self, what := s.vector, noSlot, "the query vector"
	if s.near != nil {
		id, err := parseID(s.near)
		if err != nil {
			return nil, err
		}
		slot, ok := c.slots[id]
		if !ok {
			return nil, status.Errorf(codes.NotFound, "Not found: No point with id %v found", id)
		}
		vector, _ = c.index.Vector(nil, slot)
		self, what = slot, "the query point"
	} else if err := c.index.Config().Check(vector); err != nil {
		return nil, vectorError(what, err)
	}
	k := int(min(s.limit+min(s.offset, uint64(len(c.slots))), uint64(len(c.slots))))
	if k == 0 {
		return nil, nil
	}
	hits, err := c.nearest(vector, k, s, c.allow(pass, self), pass)
	if err != nil {
		return nil, vectorError(what, err)
	}
	return hits, nil
}

// noSlot is no point's slot.
const noSlot = ^uint64(0)

// allow is the filter that the index sees; nil if all may pass.
func (c *collection) allow(pass predicate, self uint64) func(uint64) bool {
	if pass == nil && self == noSlot {
		return nil
	}
	return func(slot uint64) bool {
		if slot == self || slot >= uint64(len(c.points)) {
			return false
		}
		p := c.points[slot]
		return p != nil && (pass == nil || pass(p))
	}
}

// nearest looks at each candidate where the filter leaves few, or the client
// wants it exact, and walks the graph otherwise.
func (c *collection) nearest(v []float32, k int, s search, allow func(uint64) bool, pass predicate) ([]hnsw.Hit, error) {
	exact := s.params.GetExact()
	if pass != nil {
		limit := c.rules.fullScan
		if exact {
			limit = len(c.points)
		}
		if slots, ok := c.narrow(s.filter, limit); ok {
			kept := slots[:0]
			for _, slot := range slots {
				if allow(slot) {
					kept = append(kept, slot)
				}
			}
			return c.index.ExactAmong(nil, v, k, kept)
		}
	}
	q := hnsw.Query{K: k, Filter: allow, LinkedOnly: s.params.GetIndexedOnly()}
	if exact {
		return c.index.Exact(nil, v, q)
	}
	q.Ef = c.index.Config().EfConstruction // Qdrant's default too
	if s.params.GetHnswEf() > 0 {
		q.Ef = clampInt(s.params.GetHnswEf())
	}
	return c.index.Search(nil, v, q)
}

// byID is the answer to a query for nothing in particular.
func (c *collection) byID(s search, pass predicate) []hnsw.Hit {
	var hits []hnsw.Hit
	for _, id := range c.ordered() {
		slot := c.slots[id]
		if pass == nil || pass(c.points[slot]) {
			hits = append(hits, hnsw.Hit{ID: slot})
		}
		if uint64(len(hits)) >= s.limit && uint64(len(hits))-s.limit >= s.offset {
			break
		}
	}
	return hits
}

// cut leaves out what scores worse than the threshold; hits are best first.
func cut(hits []hnsw.Hit, threshold float32, m hnsw.Metric) []hnsw.Hit {
	for i, h := range hits {
		if m == hnsw.Euclid && h.Score > threshold || m != hnsw.Euclid && h.Score < threshold {
			return hits[:i]
		}
	}
	return hits
}
