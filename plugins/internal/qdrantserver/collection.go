package qdrantserver

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/plugins/internal/hnsw"
)

// point is what a collection knows of one point beside its vector. It is never
// changed, only replaced.
type point struct {
	id      pointID
	proto   *qdrant.PointId // id as replies carry it
	payload payload
	version uint64
}

// collection is points with their payloads here and their vectors in an index,
// which knows a point by its slot. Everything under mu is consistent: a search
// holds mu for reading until its reply is made.
type collection struct {
	config *qdrant.CollectionConfig
	index  *hnsw.Index
	rules  indexRules

	mu        sync.RWMutex
	slots     map[pointID]uint64
	points    []*point // by slot; nil where free
	free      []uint64
	fields    map[string]*fieldIndex
	operation uint64

	orderMu sync.Mutex
	order   []pointID // sorted; nil when it must be made again

	work       chan struct{}
	compacting atomic.Bool
	cancel     context.CancelFunc
	done       chan struct{}
}

// indexRules say when vectors are linked and when a filtered search may look at
// each candidate instead of walking the graph.
type indexRules struct {
	never    bool // hnsw_config.m or optimizers_config.indexing_threshold is 0
	from     int  // link once there are so many vectors
	fullScan int  // compare one by one up to so many candidates
	workers  int
	before   func(context.Context)
}

func newCollection(config *qdrant.CollectionConfig, index *hnsw.Index, rules indexRules) *collection {
	ctx, cancel := context.WithCancel(context.Background())
	c := &collection{
		config: config, index: index, rules: rules,
		slots: map[pointID]uint64{}, fields: map[string]*fieldIndex{},
		work: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	go c.keepIndexed(ctx)
	return c
}

// stop ends the indexing and waits for its end.
func (c *collection) stop() {
	c.cancel()
	<-c.done
}

// keepIndexed links what was stored, and builds the graph anew when most of it
// is tombstones, whenever something changed.
func (c *collection) keepIndexed(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.work:
		}
		if c.rules.before != nil {
			c.rules.before(ctx)
		}
		if c.due() {
			_ = c.index.Build(ctx, c.rules.workers) // fails only when ctx is done
		}
		if n := c.index.Tombstones(); n > 1000 && n > c.index.Len() && !c.rules.never {
			c.compacting.Store(true)
			_ = c.index.Compact(ctx, c.rules.workers) // as above
			c.compacting.Store(false)
		}
	}
}

// due says whether there are vectors to link.
func (c *collection) due() bool {
	return !c.rules.never && c.index.Len() >= c.rules.from && c.index.Pending() > 0
}

// changed makes what follows from the points be made again. mu is held.
func (c *collection) changed() {
	c.orderMu.Lock()
	c.order = nil
	c.orderMu.Unlock()
	select {
	case c.work <- struct{}{}:
	default: // it will look again anyway
	}
}

// put adds or replaces a point whose vector was checked. mu is held.
func (c *collection) put(id pointID, v []float32, p payload) error {
	slot, had := c.slots[id]
	if !had {
		slot = uint64(len(c.points))
		if n := len(c.free); n > 0 {
			slot = c.free[n-1]
		}
	}
	if err := c.index.Store(slot, v); err != nil {
		return err
	}
	switch {
	case had:
		for _, f := range c.fields {
			f.remove(slot, c.points[slot].payload)
		}
	case slot == uint64(len(c.points)):
		c.points = append(c.points, nil)
	default:
		c.free = c.free[:len(c.free)-1]
	}
	c.slots[id] = slot
	c.points[slot] = &point{id: id, proto: id.proto(), payload: p, version: c.operation}
	for _, f := range c.fields {
		f.add(slot, p)
	}
	return nil
}

// drop removes the point of a slot. mu is held.
func (c *collection) drop(slot uint64) {
	p := c.points[slot]
	c.index.Delete(slot)
	for _, f := range c.fields {
		f.remove(slot, p.payload)
	}
	delete(c.slots, p.id)
	c.points[slot] = nil
	c.free = append(c.free, slot)
}

// ordered gives all ids in order. mu is held at least for reading.
func (c *collection) ordered() []pointID {
	c.orderMu.Lock()
	defer c.orderMu.Unlock()
	if c.order == nil {
		c.order = make([]pointID, 0, len(c.slots))
		for id := range c.slots {
			c.order = append(c.order, id)
		}
		slices.SortFunc(c.order, pointID.compare)
	}
	return c.order
}

// passing calls visit with the slot of every point that passes, in no order.
// mu is held at least for reading.
func (c *collection) passing(f *qdrant.Filter, pass predicate, visit func(slot uint64)) {
	if slots, ok := c.narrow(f, len(c.points)); ok {
		for _, slot := range slots {
			if pass(c.points[slot]) {
				visit(slot)
			}
		}
		return
	}
	for slot, p := range c.points {
		if p != nil && (pass == nil || pass(p)) {
			visit(uint64(slot))
		}
	}
}

func (c *collection) info() *qdrant.CollectionInfo {
	c.mu.RLock()
	defer c.mu.RUnlock()
	points := uint64(len(c.slots))
	indexed := uint64(max(0, c.index.Len()-c.index.Pending()))
	state := qdrant.CollectionStatus_Green
	if c.due() || c.compacting.Load() {
		state = qdrant.CollectionStatus_Yellow
	}
	schema := make(map[string]*qdrant.PayloadSchemaInfo, len(c.fields))
	for name, f := range c.fields {
		schema[name] = f.info()
	}
	return &qdrant.CollectionInfo{
		Status: state, OptimizerStatus: &qdrant.OptimizerStatus{Ok: true}, SegmentsCount: 1,
		Config: c.config, PayloadSchema: schema, PointsCount: &points, IndexedVectorsCount: &indexed,
	}
}
