package hnsw

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// What a node is. Only a revealed node is ever a result; all of them carry
// searches onward, so a deletion cuts no path.
const (
	hidden   uint32 = iota // not yet reachable by its id
	revealed               // a search may return it
	dead                   // deleted or replaced
)

const maxLevel = 15

// graph holds nodes in blocks that never move. Vectors, ids and levels are
// written before a node is published (through its state, a link or the pending
// list, all of them atomic or locked) and never again. Link lists are written
// under the node's lock, word by word and atomically, and read without a lock:
// a reader may see half of a rewritten list, and every entry of it is still a
// proper neighbour.
type graph struct {
	cfg    Config
	metric Metric
	shift  uint // a block has 1<<shift nodes
	stride int  // words of one layer-0 list: the count, then up to 2M nodes

	growing sync.Mutex
	blocks  atomic.Pointer[[]*block]
	nodes   atomic.Uint32 // how many were ever added

	entryMu sync.Mutex
	entry   atomic.Uint64 // (level+1)<<32 | node; 0 while nothing is linked

	idMu sync.RWMutex
	ids  map[uint64]uint32 // of revealed nodes
	lost int               // dead nodes

	pendingMu sync.RWMutex
	pending   []uint32 // appended to and resliced, never written in place
}

type block struct {
	vectors []float32
	ids     []uint64
	state   []uint32
	base    []uint32     // layer-0 lists, stride words each
	upper   []upperLinks // lists of layers 1 and up
	copies  []uint32     // 1 + the next node with this very vector; 0 for none
	locks   []sync.Mutex
}

// upperLinks holds the lists of layers 1, 2, …, of 1+M words each.
type upperLinks []uint32

func newGraph(cfg Config) *graph {
	// About 1 MiB of vectors in a block: small indexes stay small, and the
	// directory of a large one stays in the cache.
	perBlock := min(max(1<<18/cfg.Dim, 64), 4096)
	g := &graph{
		cfg: cfg, metric: cfg.Metric,
		shift:  uint(bits.Len(uint(perBlock)) - 1),
		stride: 1 + 2*cfg.M,
		ids:    map[uint64]uint32{},
	}
	g.blocks.Store(new([]*block))
	return g
}

func (g *graph) newBlock() *block {
	n := 1 << g.shift
	return &block{
		vectors: make([]float32, n*g.cfg.Dim),
		ids:     make([]uint64, n),
		state:   make([]uint32, n),
		base:    make([]uint32, n*g.stride),
		upper:   make([]upperLinks, n),
		copies:  make([]uint32, n),
		locks:   make([]sync.Mutex, n),
	}
}

// at finds node n, which the caller learnt of from a published place.
func (g *graph) at(n uint32) (*block, int) {
	return (*g.blocks.Load())[n>>g.shift], int(n & (1<<g.shift - 1))
}

func (g *graph) vector(n uint32) []float32 {
	b, i := g.at(n)
	return b.vectors[i*g.cfg.Dim : (i+1)*g.cfg.Dim : (i+1)*g.cfg.Dim]
}

func (g *graph) id(n uint32) uint64 {
	b, i := g.at(n)
	return b.ids[i]
}

func (g *graph) visible(n uint32) bool {
	b, i := g.at(n)
	return atomic.LoadUint32(&b.state[i]) == revealed
}

func (g *graph) gone(n uint32) bool {
	b, i := g.at(n)
	return atomic.LoadUint32(&b.state[i]) == dead
}

// links is the list of n in a layer: its count, then room for its neighbours.
func (g *graph) links(n uint32, layer int) []uint32 {
	b, i := g.at(n)
	if layer == 0 {
		return b.base[i*g.stride : (i+1)*g.stride]
	}
	words := 1 + g.cfg.M
	return b.upper[i][(layer-1)*words : layer*words]
}

// copyOf is the next node with the vector of n that stands behind n.
func (g *graph) copyOf(n uint32) (uint32, bool) {
	b, i := g.at(n)
	c := atomic.LoadUint32(&b.copies[i])
	return c - 1, c != 0
}

// addCopy puts n behind first, which has the same vector. Nodes behind another
// have no links: a hundred equal vectors that linked with each other would be
// an island, for they are the nearest there are.
func (g *graph) addCopy(first, n uint32) {
	b, i := g.at(first)
	nb, ni := g.at(n)
	for {
		next := atomic.LoadUint32(&b.copies[i])
		atomic.StoreUint32(&nb.copies[ni], next)
		if atomic.CompareAndSwapUint32(&b.copies[i], next, n+1) {
			return
		}
	}
}

// add gives v a hidden node that nothing leads to yet.
func (g *graph) add(id uint64, v []float32) uint32 {
	g.growing.Lock()
	n := g.nodes.Load()
	if blocks := *g.blocks.Load(); int(n>>g.shift) == len(blocks) {
		grown := append(slices.Clone(blocks), g.newBlock())
		g.blocks.Store(&grown)
	}
	g.nodes.Store(n + 1)
	g.growing.Unlock()
	b, i := g.at(n)
	copy(b.vectors[i*g.cfg.Dim:], v)
	b.ids[i] = id
	if level := g.level(id); level > 0 {
		b.upper[i] = make(upperLinks, level*(1+g.cfg.M))
	}
	return n
}

// level draws from the geometric distribution that gives each layer 1/M of the
// one below (the paper's mL = 1/ln M), as a function of seed and id alone: the
// order of insertions and the number of threads do not matter.
func (g *graph) level(id uint64) int {
	h := id*0x9e3779b97f4a7c15 + g.cfg.Seed
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	level, m := 0, uint64(g.cfg.M)
	for level < maxLevel && h%m == 0 {
		h /= m
		level++
	}
	return level
}

// reveal makes n the node of id, and buries the one it replaces.
func (g *graph) reveal(id uint64, n uint32) {
	g.idMu.Lock()
	defer g.idMu.Unlock()
	if old, ok := g.ids[id]; ok {
		g.kill(old)
	}
	g.ids[id] = n
	b, i := g.at(n)
	atomic.StoreUint32(&b.state[i], revealed)
}

func (g *graph) bury(id uint64) bool {
	g.idMu.Lock()
	defer g.idMu.Unlock()
	n, ok := g.ids[id]
	if ok {
		delete(g.ids, id)
		g.kill(n)
	}
	return ok
}

func (g *graph) kill(n uint32) {
	b, i := g.at(n)
	atomic.StoreUint32(&b.state[i], dead)
	g.lost++
}

func (g *graph) node(id uint64) (uint32, bool) {
	g.idMu.RLock()
	defer g.idMu.RUnlock()
	n, ok := g.ids[id]
	return n, ok
}

// holds says that id has this very vector, so that sending it again costs no
// tombstone.
func (g *graph) holds(id uint64, v []float32) bool {
	n, ok := g.node(id)
	return ok && slices.Equal(g.vector(n), v)
}

func (g *graph) count() int {
	g.idMu.RLock()
	defer g.idMu.RUnlock()
	return len(g.ids)
}

func (g *graph) buried() int {
	g.idMu.RLock()
	defer g.idMu.RUnlock()
	return g.lost
}

func (g *graph) postpone(n uint32) {
	g.pendingMu.Lock()
	defer g.pendingMu.Unlock()
	g.pending = append(g.pending, n)
}

// pendingNodes is safe to read for ever; it does not follow later changes.
func (g *graph) pendingNodes() []uint32 {
	g.pendingMu.RLock()
	defer g.pendingMu.RUnlock()
	return g.pending
}

// linked drops the first n pending nodes.
func (g *graph) linked(n int) {
	g.pendingMu.Lock()
	defer g.pendingMu.Unlock()
	if g.pending = g.pending[n:]; len(g.pending) == 0 {
		g.pending = nil
	}
}
