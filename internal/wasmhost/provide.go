package wasmhost

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/benchharness/harness/sdk/abi"
)

// hostFunc is a function of the host as a guest calls it: stack holds the
// arguments, and then the result.
type hostFunc func(in *instance, stack []uint64)

type instanceKey struct{}

// guestContext is the context of all calls of one instance. By it a host
// function finds whose call it is.
type guestContext struct {
	context.Context
	in *instance
}

func (c *guestContext) Value(key any) any {
	if key == (instanceKey{}) {
		return c.in
	}
	return nil
}

// functions are those of abi.Module. Which of them a module gets is decided by
// inspect.
var functions = map[string]hostFunc{
	"now": (*instance).hostNow, "log": (*instance).hostLog, "config_get": (*instance).hostConfigGet,
	"reply": (*instance).hostReply, "record": (*instance).hostRecord, "should_stop": (*instance).hostShouldStop,
	"http_do": (*instance).hostHTTP, "sql_query": (*instance).hostSQL, "blob_read": (*instance).hostBlob,
}

// provide makes the functions that the module imports, and no others.
func (m *Module) provide(ctx context.Context) error {
	imported := map[string]map[string]hostFunc{abi.Module: {}, wasiModule: {}}
	for _, f := range m.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		if module == wasiModule {
			imported[module][name] = wasi[name].call
		} else {
			imported[module][name] = functions[name]
		}
	}
	for module, fs := range imported {
		if len(fs) == 0 {
			continue
		}
		b := m.runtime.NewHostModuleBuilder(module)
		for name, f := range fs {
			params, result := signature(module, name)
			b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
				in := ctx.Value(instanceKey{}).(*instance)
				if in.mem == nil { // the module's own start function is running
					in.mem = mod.Memory()
				}
				f(in, stack)
			}), types(params), types(result)).Export(name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("plugin %s: make the functions that it imports: %w", m.opts.Name, err)
		}
	}
	return nil
}

func signature(module, name string) (params, result string) {
	if module == wasiModule {
		return wasi[name].params, wasi[name].result
	}
	for _, i := range abi.Imports {
		if i.Name == name {
			return i.Params, i.Result
		}
	}
	return "", ""
}

// emptyGuest is a module whose one function, of the shape of an op, returns 0.
var emptyGuest = []byte{
	0, 'a', 's', 'm', 1, 0, 0, 0,
	1, 7, 1, 0x60, 2, 0x7e, 0x7e, 1, 0x7f, // type 0: (i64, i64) → i32
	3, 2, 1, 0, // function 0 has type 0
	7, 6, 1, 2, 'o', 'p', 0, 0, // exported as op
	10, 6, 1, 4, 0, 0x41, 0, 0x0b, // i32.const 0
}
