package wasmhost

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero"
)

// measureCall measures what calling into a guest and returning costs by
// itself, which is a part of every op: the fastest of a few runs, because
// anything else that happens makes it slower.
func (m *Module) measureCall(ctx context.Context) (time.Duration, error) {
	mod, err := m.runtime.InstantiateWithConfig(ctx, emptyGuest, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return 0, err
	}
	defer mod.Close(ctx)
	const calls, runs = 256, 8
	op := mod.ExportedFunction("op")
	var stack [2]uint64
	best := time.Duration(1 << 62)
	for range runs {
		start := time.Now()
		for range calls {
			if err := op.CallWithStack(ctx, stack[:]); err != nil {
				return 0, err
			}
		}
		best = min(best, time.Since(start))
	}
	return best / calls, nil
}
