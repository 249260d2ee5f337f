package hnsw

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// Hit is a vector that was found. Score follows the Metric.
type Hit struct {
	ID    uint64
	Score float32
}

// Query says what a search is to find.
type Query struct {
	K int // how many, ≥ 1
	// Ef is how many candidates the search keeps: more finds better and takes
	// longer. Less than K means K. Exact search ignores it.
	Ef int
	// Filter, if set, keeps only the ids it accepts. It may be called from the
	// searching goroutine at any time, for ids deleted meanwhile too.
	Filter func(id uint64) bool
	// LinkedOnly leaves out what Store added and Build has not linked yet.
	LinkedOnly bool
}

// Search appends to dst the ids nearest to q by the graph, nearest first, and
// fewer than K where no more are there. A vector replaced while the search runs
// may be missing or have its old score; a deleted one is never returned.
// The error is about K, or a *DimensionError or *ValueError about q.
func (x *Index) Search(dst []Hit, q []float32, opt Query) ([]Hit, error) {
	return x.search(dst, q, opt, func(g *graph, s *scratch) {
		limit := max(opt.Ef, opt.K)
		var tail []uint32
		if !opt.LinkedOnly {
			// Taken before the graph is searched: a node that is linked
			// meanwhile is then found in one of them at least.
			tail = g.pendingNodes()
		}
		if entry, top, ok := g.top(); ok {
			it := item{g.metric.distance(s.query, g.vector(entry)), entry}
			for layer := top; layer > 0; layer-- {
				it = g.greedy(s.query, it, layer)
			}
			g.explore(s, s.query, it, limit, 0, func(n uint32) bool {
				return g.visible(n) && (opt.Filter == nil || opt.Filter(g.id(n)))
			})
		}
		g.scan(s, tail, limit, opt.Filter)
	})
}

// Exact is Search by comparing with every vector.
func (x *Index) Exact(dst []Hit, q []float32, opt Query) ([]Hit, error) {
	return x.search(dst, q, opt, func(g *graph, s *scratch) {
		for n := range g.nodes.Load() {
			g.compare(s, n, opt.K, opt.Filter)
		}
	})
}

// ExactAmong is Exact over the given ids only. Ids that are not there are
// passed over.
func (x *Index) ExactAmong(dst []Hit, q []float32, k int, ids []uint64) ([]Hit, error) {
	return x.search(dst, q, Query{K: k}, func(g *graph, s *scratch) {
		for _, id := range ids {
			if n, ok := g.node(id); ok && s.visit(n) {
				g.compare(s, n, k, nil)
			}
		}
	})
}

func (x *Index) search(dst []Hit, q []float32, opt Query, find func(*graph, *scratch)) ([]Hit, error) {
	if opt.K < 1 {
		return dst, fmt.Errorf("search: k is %d, want at least 1", opt.K)
	}
	s := x.pool.Get().(*scratch)
	defer x.pool.Put(s)
	var err error
	if s.query, err = prepare(s.query[:0], q, x.cfg); err != nil {
		return dst, fmt.Errorf("search: %w", err)
	}
	g := x.g.Load()
	s.begin(g.nodes.Load())
	find(g, s)
	return g.collect(dst, s.drain(), opt.K), nil
}

// scan compares with those of the nodes that the graph did not lead to.
func (g *graph) scan(s *scratch, nodes []uint32, limit int, filter func(uint64) bool) {
	for _, n := range nodes {
		if s.visit(n) {
			g.compare(s, n, limit, filter)
		}
	}
}

func (g *graph) compare(s *scratch, n uint32, limit int, filter func(uint64) bool) {
	if g.visible(n) && (filter == nil || filter(g.id(n))) {
		s.offer(item{g.metric.distance(s.query, g.vector(n)), n}, limit)
	}
}

// top is where searches enter, and the layer of it.
func (g *graph) top() (n uint32, layer int, ok bool) {
	e := g.entry.Load()
	return uint32(e), int(e>>32) - 1, e != 0
}

// greedy walks a layer to a node with no neighbour nearer to q.
func (g *graph) greedy(q []float32, from item, layer int) item {
	for {
		next := from
		links := g.links(from.node, layer)
		for i := range atomic.LoadUint32(&links[0]) {
			n := atomic.LoadUint32(&links[1+i])
			if d := g.metric.distance(q, g.vector(n)); d < next.dist {
				next = item{d, n}
			}
		}
		if next == from {
			return from
		}
		from = next
	}
}

// explore leaves in s.best the nearest nodes of a layer, up to ef, that accept
// accepts; nil accepts all. It is the paper's SEARCH-LAYER.
func (g *graph) explore(s *scratch, q []float32, from item, ef, layer int, accept func(uint32) bool) {
	s.visit(from.node)
	s.pushNear(from)
	g.take(s, from, ef, accept)
	for len(s.near) > 0 {
		it := s.popNear()
		if len(s.best) >= ef && it.dist > s.best[0].dist {
			return
		}
		links := g.links(it.node, layer)
		for i := range atomic.LoadUint32(&links[0]) {
			n := atomic.LoadUint32(&links[1+i])
			if !s.visit(n) {
				continue
			}
			d := g.metric.distance(q, g.vector(n))
			if len(s.best) >= ef && d >= s.best[0].dist {
				continue
			}
			s.pushNear(item{d, n})
			g.take(s, item{d, n}, ef, accept)
		}
	}
}

// take offers a node, and in a search those that stand behind it.
func (g *graph) take(s *scratch, it item, ef int, accept func(uint32) bool) {
	if accept == nil {
		s.offer(it, ef)
		return
	}
	if accept(it.node) {
		s.offer(it, ef)
	}
	for n, ok := g.copyOf(it.node); ok; n, ok = g.copyOf(n) {
		if s.visit(n) && accept(n) {
			s.offer(item{it.dist, n}, ef)
		}
	}
}

// collect turns nodes, nearest first, into at most k hits. A node that was
// deleted since it was found is left out; of a node that was replaced since, one
// hit stays.
func (g *graph) collect(dst []Hit, found []item, k int) []Hit {
	start := len(dst)
	g.idMu.RLock()
	defer g.idMu.RUnlock()
	for _, it := range found {
		id := g.id(it.node)
		now, ok := g.ids[id]
		if !ok {
			continue
		}
		if now != it.node && (slices.ContainsFunc(found, func(o item) bool { return o.node == now }) ||
			slices.ContainsFunc(dst[start:], func(h Hit) bool { return h.ID == id })) {
			continue
		}
		if len(dst)-start == k {
			break
		}
		dst = append(dst, Hit{id, g.metric.score(it.dist)})
	}
	return dst
}
