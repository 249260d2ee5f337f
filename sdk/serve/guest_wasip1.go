package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

// Main is never called in a guest. A module built as a program has no exports
// that harness could call, and says so here.
func Main() {
	fmt.Fprintln(os.Stderr, "serve.Main: this module is no plugin: build it with -buildmode=c-shared")
	os.Exit(2)
}

// guest is what an instance has set up. It lives on one thread.
var guest struct {
	session sdk.Session
	worker  sdk.Worker
	metrics []sdk.Metric
	op      sdk.Op
	ctx     context.Context
}

// registered is the plugin of the module.
func registered() (sdk.Plugin, error) {
	plugins := sdk.Registered()
	if len(plugins) != 1 {
		return sdk.Plugin{}, fmt.Errorf("%d plugins are registered in the module, want exactly one", len(plugins))
	}
	return plugins[0], nil
}

//go:wasmexport harness_v1_describe
func guestDescribe() int32 {
	return attempt(func() error {
		p, err := registered()
		if err != nil {
			return err
		}
		text, err := abi.Describing(p)
		if err != nil {
			return err
		}
		return reply(text)
	})
}

//go:wasmexport harness_v1_setup
func guestSetUp(benchmark int32) int32 {
	return attempt(func() error {
		p, err := registered()
		if err != nil {
			return err
		}
		if benchmark < 0 || int(benchmark) >= len(p.Benchmarks) {
			return fmt.Errorf("there is no benchmark %d", benchmark)
		}
		return setUp(p.Benchmarks[benchmark])
	})
}

func setUp(b sdk.Benchmark) error {
	text, err := config("setup")
	if err != nil {
		return err
	}
	var s abi.Setup
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read what to set up: %w", err)
	}
	guest.ctx, guest.metrics = opContext{context.Background()}, b.Metrics
	guest.session, err = b.Setup(guest.ctx, sdk.SetupRequest{
		ID: s.ID, RunID: s.RunID, Params: s.Params, Seed: s.Seed, MaxWorkers: s.MaxWorkers, Timeout: time.Duration(s.Timeout),
		Target:  sdk.Target{Name: s.Target.Name, Kind: s.Target.Kind, Reference: s.Target.Reference},
		Journal: noJournal{}, Log: slog.New(slog.NewTextHandler(logWriter{}, logOptions)), KeepData: s.KeepData,
	})
	if err != nil {
		return err
	}
	if guest.session == nil {
		return fmt.Errorf("set up %s: the benchmark returned no session", s.ID)
	}
	guest.worker, err = guest.session.Worker(guest.ctx, s.Worker)
	if err != nil {
		return fmt.Errorf("make worker %d: %w", s.Worker, err)
	}
	guest.op.Worker = s.Worker
	d, ok := guest.session.(sdk.Describer)
	if !ok {
		return nil
	}
	known := d.Describe()
	info := abi.Info{Provenance: known.Provenance, WorkloadDigest: known.WorkloadDigest}
	for _, f := range known.Figures {
		info.Figures = append(info.Figures, abi.Figure(f))
	}
	if text, err = json.Marshal(info); err != nil {
		return fmt.Errorf("describe the session: %w", err)
	}
	return reply(text)
}

//go:wasmexport harness_v1_op
func guestOp(index, rand int64) int32 {
	guest.op.Begin(uint64(index), uint64(rand), time.Time{})
	if err := do(); err != nil {
		class := strings.ReplaceAll(sdk.Class(err), "\n", " ")
		_ = reply([]byte(class + "\n" + err.Error())) // the code says that it failed
		return 1
	}
	guest.op.Values(record)
	return 0
}

func do() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = sdk.Classify("panic", fmt.Errorf("panic: %v", p))
		}
	}()
	return guest.worker.Do(guest.ctx, &guest.op)
}

// record hands a value to the host, which takes metrics by number. One that is
// not declared has none, and the host says so beside the result.
func record(metric string, value float64) {
	n := int32(-1)
	for i := range guest.metrics {
		if guest.metrics[i].Name == metric {
			n = int32(i)
		}
	}
	hostRecord(n, value)
}

//go:wasmexport harness_v1_teardown
func guestTearDown() int32 {
	return attempt(func() error {
		if c, ok := guest.worker.(io.Closer); ok {
			if err := c.Close(); err != nil {
				return fmt.Errorf("close the worker: %w", err)
			}
		}
		if guest.session == nil {
			return nil
		}
		return guest.session.Close(context.Background())
	})
}

// attempt replies with what went wrong, in the form of a [abi.Problem].
func attempt(do func() error) (code int32) {
	defer func() {
		if p := recover(); p != nil {
			code = failed(fmt.Errorf("panic: %v", p))
		}
	}()
	if err := do(); err != nil {
		return failed(err)
	}
	return 0
}

func failed(err error) int32 {
	if text, jerr := json.Marshal(abi.ProblemOf(err)); jerr == nil {
		_ = reply(text) // the code says that it failed
	}
	return 1
}

// opContext is the context of everything in a guest. It has no channel that
// closes: there is one thread, and what would wait for it must ask instead.
type opContext struct{ context.Context }

// Err asks the host whether the op's time is over.
func (opContext) Err() error {
	if hostShouldStop() != 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// noJournal is the journal of a guest: whatever it creates outside itself is
// created by the host.
type noJournal struct{}

func (noJournal) Record(sdk.Object) error {
	return fmt.Errorf("a sandboxed plugin can create nothing that a crash would leave behind")
}

func (noJournal) Forget(sdk.Object) error { return nil }
