package wasmhost

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
	"github.com/benchharness/harness/sdk/abi"
)

const (
	maxFile  = 64 << 20 // bytes of a module
	pageSize = 64 << 10 // bytes of a page of guest memory
	maxPages = 1 << 16
)

// features of WebAssembly that guests may use. Reference types are left out:
// with them a guest can grow tables, which no limit on memory covers.
const features = api.CoreFeaturesV2 &^ api.CoreFeatureReferenceTypes

// Module is a compiled guest whose imports were all granted.
type Module struct {
	opts     Options
	limits   Limits
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	compiled wazero.CompiledModule
	blobs    *os.Root // nil without the capability
	callCost time.Duration
	logLeft  atomic.Int64
}

// Open reads, checks and compiles a module. It runs nothing of it.
func Open(ctx context.Context, o Options) (m *Module, err error) {
	m = &Module{opts: o, limits: o.Grant.Limits.Or()}
	m.logLeft.Store(m.limits.Log)
	defer func() {
		if err != nil {
			_ = m.Close() // the error that matters is there
			m = nil
		}
	}()
	if err = o.Grant.check(); err != nil {
		return m, fmt.Errorf("plugin %s: %w", o.Name, err)
	}
	code, err := read(o.File)
	if err != nil {
		return m, fmt.Errorf("plugin %s: %w", o.Name, err)
	}
	if o.Digest != "" {
		if is := fmt.Sprintf("sha256:%x", sha256.Sum256(code)); is != o.Digest {
			return m, fmt.Errorf("plugin %s: its module changed while it was started: it has digest %s, want %s; run it again", o.Name, is, o.Digest)
		}
	}
	return m, m.compile(ctx, code)
}

// read returns the bytes of a module that has a chance of being one.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the module: %w", err)
	}
	defer f.Close()
	code, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the module: %w", err)
	}
	return code, checkBinary(code)
}

func (m *Module) compile(ctx context.Context, code []byte) (err error) {
	name := m.opts.Name
	config, err := compilerConfig()
	if err != nil {
		return fmt.Errorf("plugin %s: %w", name, err)
	}
	pages := min(m.limits.Memory/pageSize, maxPages)
	config = config.WithCoreFeatures(features).WithDebugInfoEnabled(false).WithMemoryLimitPages(uint32(max(pages, 1)))
	err = m.compileWith(ctx, config, code)
	if err != nil && m.runtime != nil && damaged(err) && clearCache(m.opts.Cache) {
		m.opts.Log.Warn("the compiled modules in the cache are damaged, and were removed", "folder", m.opts.Cache)
		if err = m.Close(); err == nil {
			err = m.compileWith(ctx, config, code)
		}
	}
	if err != nil {
		return fmt.Errorf("plugin %s: %w", name, err)
	}
	if err := m.inspect(); err != nil {
		return fmt.Errorf("plugin %s %w", name, err)
	}
	if m.granted(abi.Blob) {
		if m.blobs, err = os.OpenRoot(m.opts.Grant.Blobs); err != nil {
			return fmt.Errorf("plugin %s: open its folder of blobs: %w", name, err)
		}
	}
	return m.provide(ctx)
}

// compileWith compiles with what was compiled before.
func (m *Module) compileWith(ctx context.Context, config wazero.RuntimeConfig, code []byte) (err error) {
	if m.cache, err = openCache(m.opts.Cache); err != nil {
		return err
	}
	if m.cache != nil {
		config = config.WithCompilationCache(m.cache)
	}
	m.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if err := m.compileWithin(ctx, code); err != nil {
		return fmt.Errorf("the module cannot be compiled: %s", firstLine(err))
	}
	if m.callCost, err = m.measureCall(ctx); err != nil {
		return fmt.Errorf("measure an empty call: %w", err)
	}
	return nil
}

// compileWithin compiles within the bounds. What reaches one of them is never
// closed: the compiler goes on in it until the process ends.
func (m *Module) compileWithin(ctx context.Context, code []byte) error {
	var compiled wazero.CompiledModule
	r := m.runtime
	ctx, cancel := context.WithCancel(ctx) // heeded between two functions of the module
	defer cancel()
	ended, err := cmp.Or(m.opts.compile, compileBounds).hold(func() (err error) {
		defer func() {
			if p := recover(); p != nil { // in the compiler, by a module that is malformed in a new way
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		compiled, err = r.CompileModule(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)), code)
		return err
	})
	if !ended {
		m.runtime, m.cache = nil, nil
		return err
	}
	m.compiled = compiled
	return err
}

// errNoCompiler is said of machines that could only interpret a guest, which
// would be a measurement of the interpreter.
var errNoCompiler = errors.New("there is no WebAssembly compiler for this machine, which has to be amd64 or arm64: build the plugin as a program")

func compilerConfig() (config wazero.RuntimeConfig, err error) {
	defer func() {
		if recover() != nil {
			err = errNoCompiler
		}
	}()
	config = wazero.NewRuntimeConfigCompiler()
	// A machine without the compiler is told apart when a runtime is made.
	ctx := context.Background()
	return config, wazero.NewRuntimeWithConfig(ctx, config).Close(ctx)
}

// Close frees the module. Its sessions must be closed.
func (m *Module) Close() error {
	ctx := context.Background()
	var errs []error
	if m.runtime != nil {
		errs = append(errs, m.runtime.Close(ctx))
	}
	if m.cache != nil {
		errs = append(errs, m.cache.Close(ctx))
	}
	if m.blobs != nil {
		errs = append(errs, m.blobs.Close())
	}
	return errors.Join(errs...)
}

// slot is where the calls of an instance are noted.
func (m *Module) slot(worker int) (*pulse.Slot, error) {
	if m.opts.Pulse == nil {
		return pulse.Loose(), nil
	}
	return m.opts.Pulse.Slot(worker)
}

// firstLine is what an error of wazero says, without the stack below it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimPrefix(line, "wasm error: ")
}

// checkBinary refuses what is no module, and tables that are large from the
// beginning, before memory is spent on them.
func checkBinary(code []byte) error {
	switch {
	case len(code) > maxFile:
		return fmt.Errorf("the module has more than %d MiB", maxFile>>20)
	case len(code) < 8 || !bytes.HasPrefix(code, []byte("\x00asm")):
		return errors.New("the file is no WebAssembly module")
	case !bytes.Equal(code[4:8], []byte{1, 0, 0, 0}):
		return errors.New("the file is a WebAssembly component or of another version: harness runs modules of version 1")
	}
	return checkTables(code[8:])
}
