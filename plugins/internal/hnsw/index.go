// Package hnsw is an index for nearest-neighbour search in memory: a
// hierarchical navigable small world graph (Malkov and Yashunin, "Efficient and
// robust approximate nearest neighbor search using hierarchical navigable small
// world graphs", arXiv:1603.09320) and exact search over the same vectors.
//
// Any number of goroutines may search, insert and delete at once. It keeps
// nothing on disk, knows nothing of payloads (a search takes a predicate on
// ids), and does not quantise.
package hnsw

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Defaults of Config, and the largest link count it accepts.
const (
	DefaultM              = 16
	DefaultEfConstruction = 100
	maxM                  = 256
)

// Config fixes an index for its lifetime.
type Config struct {
	Dim    int // components of a vector, ≥ 1
	Metric Metric

	// M is how many links a node gets in each layer; layer 0 keeps up to 2M.
	// 0 means DefaultM; the range is 2 to 256.
	M int
	// EfConstruction is how many candidates an insertion looks at in each
	// layer. 0 means DefaultEfConstruction; less than M means M.
	EfConstruction int
	// Seed decides, with its id, the level of each node.
	Seed uint64
}

// Index is the graph and its vectors. Use New.
type Index struct {
	cfg     Config
	g       atomic.Pointer[graph]
	writers sync.RWMutex // write-locked only while Compact swaps the graph
	build   sync.Mutex   // one Build or Compact at a time
	pool    sync.Pool    // *scratch
}

// New gives an empty index, or an error that names the setting out of range.
func New(cfg Config) (*Index, error) {
	if cfg.M == 0 {
		cfg.M = DefaultM
	}
	if cfg.EfConstruction == 0 {
		cfg.EfConstruction = DefaultEfConstruction
	}
	switch {
	case cfg.Dim < 1:
		return nil, fmt.Errorf("make index: dim is %d, want at least 1", cfg.Dim)
	case cfg.Metric > Euclid:
		return nil, fmt.Errorf("make index: unknown metric %d, want cosine, dot or euclid", cfg.Metric)
	case cfg.M < 2 || cfg.M > maxM:
		return nil, fmt.Errorf("make index: m is %d, want 2 to %d", cfg.M, maxM)
	case cfg.EfConstruction < 0:
		return nil, fmt.Errorf("make index: ef_construction is %d, want 0 or more", cfg.EfConstruction)
	}
	cfg.EfConstruction = max(cfg.EfConstruction, cfg.M)
	x := &Index{cfg: cfg}
	x.pool.New = func() any { return new(scratch) }
	x.g.Store(newGraph(cfg))
	return x, nil
}

// Config gives the settings with their defaults filled in.
func (x *Index) Config() Config { return x.cfg }

// Len is how many vectors a search can find.
func (x *Index) Len() int { return x.g.Load().count() }

// Tombstones is how many deleted or replaced vectors still take room and time.
func (x *Index) Tombstones() int { return x.g.Load().buried() }

// Pending is how many stored vectors are not linked into the graph yet.
// Searches find them all the same, one by one.
func (x *Index) Pending() int { return len(x.g.Load().pendingNodes()) }

// Upsert adds v under id, or replaces the vector that id has, and links it into
// the graph before it returns. It keeps a copy of v.
// The error is a *DimensionError or a *ValueError.
func (x *Index) Upsert(id uint64, v []float32) error { return x.put(id, v, true) }

// Store is Upsert without the linking: searches find the vector at once, by
// comparing with it, and Build links it later, in parallel with others.
func (x *Index) Store(id uint64, v []float32) error { return x.put(id, v, false) }

func (x *Index) put(id uint64, v []float32, link bool) error {
	s := x.pool.Get().(*scratch)
	defer x.pool.Put(s)
	var err error
	if s.query, err = prepare(s.query[:0], v, x.cfg); err != nil {
		return fmt.Errorf("store vector %d: %w", id, err)
	}
	x.writers.RLock()
	defer x.writers.RUnlock()
	g := x.g.Load()
	if g.holds(id, s.query) {
		return nil
	}
	n := g.add(id, s.query)
	if link {
		g.link(n, s)
	} else {
		g.postpone(n)
	}
	g.reveal(id, n)
	return nil
}

// Delete removes id, and says whether it was there.
func (x *Index) Delete(id uint64) bool {
	x.writers.RLock()
	defer x.writers.RUnlock()
	return x.g.Load().bury(id)
}

// Vector appends the vector of id to dst as the index keeps it, so for Cosine
// at length 1, and says whether id is there.
func (x *Index) Vector(dst []float32, id uint64) ([]float32, bool) {
	g := x.g.Load()
	n, ok := g.node(id)
	if !ok {
		return dst, false
	}
	return append(dst, g.vector(n)...), true
}
