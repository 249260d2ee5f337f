package hnsw

import (
	"slices"
	"sync/atomic"
)

// link makes n part of the graph: the paper's INSERT. s.query need not be n's
// vector. Links out of n are complete in every layer before any leads to it, so
// a search that runs meanwhile never ends in a node without a way on.
func (g *graph) link(n uint32, s *scratch) {
	level := g.level(g.id(n))
	if _, top, ok := g.top(); !ok || level > top {
		// A new top is rare; one at a time, so that no two of them build
		// upper layers that do not know of each other.
		g.entryMu.Lock()
		defer g.entryMu.Unlock()
	}
	entry, top, ok := g.top()
	if !ok {
		g.entry.Store(uint64(level+1)<<32 | uint64(n))
		return
	}
	q := g.vector(n)
	it := item{g.metric.distance(q, g.vector(entry)), entry}
	for layer := top; layer > level; layer-- {
		it = g.greedy(q, it, layer)
	}
	for layer := min(level, top); layer >= 0; layer-- {
		found := g.nearest(n, q, it, layer, s)
		if first, ok := g.equal(q, found); ok {
			g.addCopy(first, n)
			return
		}
		it = found[0]
		s.layers[layer] = append(s.layers[layer][:0], g.diverse(found, g.cfg.M, s)...)
	}
	for layer := 0; layer <= min(level, top); layer++ {
		g.setLinks(n, layer, s.layers[layer])
	}
	for layer := 0; layer <= min(level, top); layer++ {
		for _, peer := range s.layers[layer] {
			g.linkBack(peer, n, layer, s)
		}
	}
	if level > top {
		g.entry.Store(uint64(level+1)<<32 | uint64(n))
	}
}

// nearest gives what an insertion of n looks at in a layer, nearest first, valid
// until s is used again.
func (g *graph) nearest(n uint32, q []float32, from item, layer int, s *scratch) []item {
	s.begin(g.nodes.Load())
	s.visit(n) // another insertion may lead here already
	g.explore(s, q, from, g.cfg.EfConstruction, layer, nil)
	return s.drain()
}

func (g *graph) equal(q []float32, found []item) (uint32, bool) {
	for _, it := range found {
		if slices.Equal(g.vector(it.node), q) {
			return it.node, true
		}
	}
	return 0, false
}

// diverse chooses from candidates, nearest first, at most limit that are nearer
// to the base than to any chosen before: links then lead in different
// directions and out of clusters too (the paper's heuristic, algorithm 4,
// without its fill-up). The result is valid until the next call.
func (g *graph) diverse(candidates []item, limit int, s *scratch) []uint32 {
	s.chosen, s.vectors = s.chosen[:0], s.vectors[:0]
next:
	for _, c := range candidates {
		if len(s.chosen) == limit {
			break
		}
		v := g.vector(c.node)
		for _, other := range s.vectors {
			if g.metric.distance(v, other) < c.dist {
				continue next
			}
		}
		s.chosen = append(s.chosen, c.node)
		s.vectors = append(s.vectors, v)
	}
	return s.chosen
}

func (g *graph) setLinks(n uint32, layer int, peers []uint32) {
	b, i := g.at(n)
	b.locks[i].Lock()
	defer b.locks[i].Unlock()
	writeLinks(g.links(n, layer), peers)
}

// linkBack adds n to the list of peer, and makes room by choosing anew where it
// is full.
func (g *graph) linkBack(peer, n uint32, layer int, s *scratch) {
	b, i := g.at(peer)
	b.locks[i].Lock()
	defer b.locks[i].Unlock()
	links := g.links(peer, layer)
	count := int(links[0])
	present := links[1 : 1+count]
	if slices.Contains(present, n) {
		return
	}
	if limit := len(links) - 1; count == limit {
		base := g.vector(peer)
		s.sorted = s.sorted[:0]
		for _, m := range append(s.chosen[:0], present...) {
			s.sorted = append(s.sorted, item{g.metric.distance(base, g.vector(m)), m})
		}
		s.sorted = append(s.sorted, item{g.metric.distance(base, g.vector(n)), n})
		slices.SortFunc(s.sorted, func(a, b item) int {
			if a.less(b) {
				return -1
			}
			return 1
		})
		writeLinks(links, g.diverse(s.sorted, limit, s))
		return
	}
	atomic.StoreUint32(&links[1+count], n)
	atomic.StoreUint32(&links[0], uint32(count+1))
}

// writeLinks replaces a list whose lock is held.
func writeLinks(links, peers []uint32) {
	for i, p := range peers {
		atomic.StoreUint32(&links[1+i], p)
	}
	atomic.StoreUint32(&links[0], uint32(len(peers)))
}
