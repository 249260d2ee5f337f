//go:build !wasip1

package serve

import (
	"math"
	"os"
	"runtime/debug"
)

// garbageRoom is what may lie about between two garbage collections, in bytes,
// beside as much as is alive.
const garbageRoom = 32 << 20

// moreRoom lets the process's garbage collector wait for garbageRoom more than
// it would, until the block that it returns is given up. A plugin keeps few
// megabytes alive, so that an op of 3 KB would have it collected every few
// thousand ops, and those few ops are the ones at the p99 (BenchmarkGarbage).
//
// The block is never touched, so it takes address space and no memory; but it
// counts as alive, and the collector waits until as much again is garbage. A
// higher GOGC would multiply whatever the plugin keeps, and a memory limit would
// have to be guessed. Who has set GOGC or GOMEMLIMIT has decided: then there is
// no block.
func moreRoom() []byte {
	if os.Getenv("GOGC") != "" || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return nil
	}
	return make([]byte, garbageRoom)
}
