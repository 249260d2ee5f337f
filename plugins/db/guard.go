package db

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// guard interrupts a worker's connection when the context of its op ends.
//
// The loop gives a worker the same context for all ops until one times out, so
// the guard watches each context once and not each op. A context also ends
// between ops, when a round does: the state word tells whether there is an op
// to interrupt, and of which context.
type guard struct {
	ctx     context.Context
	unwatch func() bool
	number  uint64 // of the context
	conn    net.Conn

	state atomic.Uint64 // number<<guardShift | what the worker does
	mu    sync.Mutex    // held while an op is interrupted
}

const (
	guardIdle = iota
	guardBusy
	guardInterrupted
	guardShift = 2
)

// begin starts an op on the connection. It fails when ctx has ended.
func (g *guard) begin(ctx context.Context, c net.Conn) error {
	if ctx != g.ctx {
		g.watch(ctx)
	}
	g.conn = c
	g.state.Store(g.number<<guardShift | guardBusy)
	// If ctx ended before the store, interrupt saw no op; after it, this does.
	return ctx.Err()
}

func (g *guard) watch(ctx context.Context) {
	g.close()
	g.number++
	g.ctx = ctx
	number := g.number
	g.unwatch = context.AfterFunc(ctx, func() { g.interrupt(number) })
}

// interrupt makes reads and writes of the op's connection fail at once.
func (g *guard) interrupt(number uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state.CompareAndSwap(number<<guardShift|guardBusy, number<<guardShift|guardInterrupted) {
		_ = g.conn.SetDeadline(time.Unix(1, 0)) // fails only where it is closed
	}
}

// end ends the op and says whether it was interrupted: then its connection is
// of no more use, even if the op was done in time.
func (g *guard) end() bool {
	if g.state.CompareAndSwap(g.number<<guardShift|guardBusy, g.number<<guardShift) {
		return false
	}
	g.mu.Lock() // the interrupter is done with the connection
	defer g.mu.Unlock()
	g.state.Store(g.number << guardShift)
	return true
}

// close stops watching.
func (g *guard) close() {
	if g.unwatch != nil {
		g.unwatch()
		g.unwatch, g.ctx = nil, nil
	}
}
