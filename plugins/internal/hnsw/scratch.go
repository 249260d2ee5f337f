package hnsw

// item is a node and its distance from whatever is being searched for.
type item struct {
	dist float32
	node uint32
}

func (a item) less(b item) bool {
	return a.dist < b.dist || a.dist == b.dist && a.node < b.node
}

// scratch is what one search or insertion works in. It is pooled, so that a
// search in the steady state allocates nothing.
type scratch struct {
	query []float32
	near  []item // min-heap: nodes yet to expand
	best  []item // max-heap: the nearest found
	seen  []uint32
	epoch uint32

	sorted  []item
	chosen  []uint32
	vectors [][]float32
	layers  [maxLevel + 1][]uint32 // the neighbours chosen in each layer
}

// begin forgets what was seen, by moving to the next epoch.
func (s *scratch) begin(nodes uint32) {
	s.near, s.best = s.near[:0], s.best[:0]
	if int(nodes) > len(s.seen) {
		// Half as much again: a growing index does not grow this every time.
		s.seen = make([]uint32, int(nodes)+int(nodes)/2+64)
		s.epoch = 0
	}
	if s.epoch++; s.epoch == 0 {
		clear(s.seen)
		s.epoch = 1
	}
}

// visit says whether this is the first visit of n since begin.
func (s *scratch) visit(n uint32) bool {
	if int(n) >= len(s.seen) {
		// n was added after begin.
		s.seen = append(s.seen, make([]uint32, int(n)-len(s.seen)+1024)...)
	}
	if s.seen[n] == s.epoch {
		return false
	}
	s.seen[n] = s.epoch
	return true
}

// pushNear and popNear keep near a min-heap.
func (s *scratch) pushNear(it item) {
	h := append(s.near, it)
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 2
		if h[p].dist <= it.dist {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = it
	s.near = h
}

func (s *scratch) popNear() item {
	h := s.near
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	i := 0
	for c := 1; c < len(h); c = 2*i + 1 {
		if c+1 < len(h) && h[c+1].dist < h[c].dist {
			c++
		}
		if last.dist <= h[c].dist {
			break
		}
		h[i] = h[c]
		i = c
	}
	if len(h) > 0 {
		h[i] = last
	}
	s.near = h
	return top
}

// offer keeps it in best if it is among the nearest limit so far.
func (s *scratch) offer(it item, limit int) {
	if len(s.best) < limit {
		h := append(s.best, it)
		i := len(h) - 1
		for i > 0 {
			p := (i - 1) / 2
			if !h[p].less(it) {
				break
			}
			h[i] = h[p]
			i = p
		}
		h[i] = it
		s.best = h
		return
	}
	if it.less(s.best[0]) {
		s.sink(it)
	}
}

// sink replaces the top of best, the farthest, by it.
func (s *scratch) sink(it item) {
	h := s.best
	i := 0
	for c := 1; c < len(h); c = 2*i + 1 {
		if c+1 < len(h) && h[c].less(h[c+1]) {
			c++
		}
		if !it.less(h[c]) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = it
}

// drain empties best into sorted, nearest first, and gives sorted.
func (s *scratch) drain() []item {
	n := len(s.best)
	if cap(s.sorted) < n {
		s.sorted = make([]item, n)
	}
	s.sorted = s.sorted[:n]
	for i := n - 1; i >= 0; i-- {
		s.sorted[i] = s.best[0]
		last := s.best[i]
		if s.best = s.best[:i]; i > 0 {
			s.sink(last)
		}
	}
	return s.sorted
}
