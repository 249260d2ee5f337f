package hnsw

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// buildChunk is how many nodes Build links before it takes them off the pending
// list: searches compare with that list one by one.
const buildChunk = 512

// Build links everything stored, with the given number of goroutines (0 means
// one for each processor), and returns when nothing is pending or ctx is done.
// Searches, insertions and deletions may go on meanwhile.
func (x *Index) Build(ctx context.Context, workers int) error {
	x.build.Lock()
	defer x.build.Unlock()
	return x.linkPending(ctx, x.g.Load(), workers)
}

func (x *Index) linkPending(ctx context.Context, g *graph, workers int) error {
	for {
		todo := g.pendingNodes()
		if len(todo) == 0 {
			return nil
		}
		g.linked(x.linkAll(ctx, g, todo[:min(len(todo), buildChunk)], workers))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// linkAll links nodes until ctx is done, and says how many of them, from the
// first on, it has dealt with.
func (x *Index) linkAll(ctx context.Context, g *graph, nodes []uint32, workers int) int {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, len(nodes)) {
		wg.Go(func() {
			s := x.pool.Get().(*scratch)
			defer x.pool.Put(s)
			// A node that was taken is always dealt with, so those before next
			// are exactly those that are done.
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(nodes) {
					return
				}
				// One deleted before it was ever linked is not missed.
				if !g.gone(nodes[i]) {
					g.link(nodes[i], s)
				}
			}
		})
	}
	wg.Wait()
	return min(int(next.Load()), len(nodes))
}

// Compact builds the graph anew from what is left after deletions, so that
// tombstones cost no more room and time, and swaps it in. Everything may go on
// meanwhile; what changes during the build is stored into the new graph at the
// swap and linked after it. If ctx ends the build, the index stays as it was.
func (x *Index) Compact(ctx context.Context, workers int) error {
	x.build.Lock()
	defer x.build.Unlock()
	old := x.g.Load()
	copied := old.snapshot()
	fresh := newGraph(x.cfg)
	// In the order of insertion, so that the same history gives the same graph.
	for _, n := range slices.Sorted(maps.Values(copied)) {
		fresh.adopt(old, n)
	}
	if err := x.linkPending(ctx, fresh, workers); err != nil {
		return err
	}
	x.swap(old, fresh, copied)
	return x.linkPending(ctx, fresh, workers)
}

// swap brings fresh up to date with what old has become since copied, and makes
// it the index's graph.
func (x *Index) swap(old, fresh *graph, copied map[uint64]uint32) {
	x.writers.Lock()
	defer x.writers.Unlock()
	for id, n := range old.ids {
		if was, ok := copied[id]; ok && was == n {
			continue
		}
		fresh.adopt(old, n)
	}
	for id := range copied {
		if _, ok := old.ids[id]; !ok {
			fresh.bury(id)
		}
	}
	x.g.Store(fresh)
}

// adopt stores a copy of node n of old, to be linked later.
func (g *graph) adopt(old *graph, n uint32) {
	id := old.id(n)
	m := g.add(id, old.vector(n))
	g.postpone(m)
	g.reveal(id, m)
}

// snapshot is a copy of which node each id has.
func (g *graph) snapshot() map[uint64]uint32 {
	g.idMu.RLock()
	defer g.idMu.RUnlock()
	return maps.Clone(g.ids)
}
