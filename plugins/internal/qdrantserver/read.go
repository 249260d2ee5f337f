package qdrantserver

import (
	"context"
	"slices"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (s pointsService) Get(_ context.Context, req *qdrant.GetPoints) (*qdrant.GetResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	ids, err := parseIDs(req.GetIds())
	if err != nil {
		return nil, err
	}
	withVectors, err := wantsVectors(req.GetWithVectors())
	if err != nil {
		return nil, err
	}
	choose := payloadSelector(req.GetWithPayload(), true)
	c.mu.RLock()
	defer c.mu.RUnlock()
	resp := &qdrant.GetResponse{}
	for _, id := range ids {
		if slot, ok := c.slots[id]; ok {
			resp.Result = append(resp.Result, c.retrieved(slot, choose, withVectors))
		}
	}
	resp.Time = time.Since(start).Seconds()
	return resp, nil
}

// retrieved is a point as Get and Scroll reply with it. mu is held.
func (c *collection) retrieved(slot uint64, choose func(payload) payload, withVectors bool) *qdrant.RetrievedPoint {
	p := c.points[slot]
	out := &qdrant.RetrievedPoint{Id: p.proto, Payload: choose(p.payload)}
	if withVectors {
		out.Vectors = c.vectorOf(slot)
	}
	return out
}

// Count is always exact, whether that is asked for or not.
func (s pointsService) Count(_ context.Context, req *qdrant.CountPoints) (*qdrant.CountResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	pass, err := compileFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := uint64(0)
	if pass == nil {
		n = uint64(len(c.slots))
	} else {
		c.passing(req.GetFilter(), pass, func(uint64) { n++ })
	}
	return &qdrant.CountResponse{Result: &qdrant.CountResult{Count: n}, Time: time.Since(start).Seconds()}, nil
}

// Scroll gives points in the order of their ids, numbers first.
func (s pointsService) Scroll(_ context.Context, req *qdrant.ScrollPoints) (*qdrant.ScrollResponse, error) {
	start := time.Now()
	c, err := s.server.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	limit := defaultLimit
	if req.Limit != nil {
		limit = int(req.GetLimit())
	}
	switch {
	case limit == 0:
		return nil, status.Error(codes.InvalidArgument, "Validation error in body: [limit: value 0 invalid, must be 1 or larger]")
	case req.GetOrderBy() != nil:
		return nil, unimplemented("scroll with order_by")
	}
	pass, err := compileFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	withVectors, err := wantsVectors(req.GetWithVectors())
	if err != nil {
		return nil, err
	}
	var from pointID
	if req.GetOffset() != nil {
		if from, err = parseID(req.GetOffset()); err != nil {
			return nil, err
		}
	}
	choose := payloadSelector(req.GetWithPayload(), true)
	c.mu.RLock()
	defer c.mu.RUnlock()
	resp := &qdrant.ScrollResponse{}
	ids := c.ordered()
	at, _ := slices.BinarySearchFunc(ids, from, pointID.compare)
	for _, id := range ids[at:] {
		slot := c.slots[id]
		if pass != nil && !pass(c.points[slot]) {
			continue
		}
		if len(resp.Result) == limit {
			resp.NextPageOffset = c.points[slot].proto
			break
		}
		resp.Result = append(resp.Result, c.retrieved(slot, choose, withVectors))
	}
	resp.Time = time.Since(start).Seconds()
	return resp, nil
}
