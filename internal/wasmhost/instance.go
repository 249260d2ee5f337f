package wasmhost

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

// instance is one guest. No two calls enter it at the same time.
type instance struct {
	m      *Module
	base   *guestContext // of every call into it
	mod    api.Module
	mem    api.Memory
	op     api.Function
	slot   *pulse.Slot
	clock  guestClock
	random *rand.ChaCha8
	log    *slog.Logger
	line   []byte // printed, and not ended yet
	words  string // the last error that it logged, or its runtime printed
	broken error  // it trapped or exited

	setup   *abi.Setup
	metrics []sdk.Metric
	http    *httpTarget
	sql     *sqlTarget

	// Of the call that is running.
	phase   pulse.Phase
	ctx     context.Context
	current *sdk.Op // in an op
	reply   []byte
	noted   error // the first thing that the host did not let pass
	last    string
	values  int // recorded in this op
	stack   [2]uint64
}

// instantiate makes an instance and runs what the module runs first. setup is
// nil for one that describes itself.
func (m *Module) instantiate(ctx context.Context, phase pulse.Phase, setup *abi.Setup) (*instance, error) {
	in := &instance{m: m, setup: setup, log: m.opts.Log, clock: guestClock{real: m.granted(abi.Clock)}}
	var seed [32]byte
	worker := 0
	if setup != nil {
		worker = setup.Worker
		binary.LittleEndian.PutUint64(seed[:], setup.Seed)
		binary.LittleEndian.PutUint64(seed[8:], uint64(worker)+1)
		in.log = in.log.With("benchmark", setup.ID, "worker", worker)
	}
	in.random = rand.NewChaCha8(seed)
	in.base = &guestContext{context.Background(), in}
	var err error
	if in.slot, err = m.slot(worker); err != nil {
		return nil, err
	}
	err = in.run(ctx, phase, 0, func() error {
		in.mod, err = m.runtime.InstantiateModule(in.base, m.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			return err
		}
		in.mem = in.mod.Memory()
		if first := in.mod.ExportedFunction(abi.Initialize); first != nil {
			return first.CallWithStack(in.base, nil)
		}
		return nil
	})
	if err == nil {
		err = in.noted
	}
	if err != nil {
		in.drop()
		return nil, fmt.Errorf("start an instance: %w", err)
	}
	in.op = in.mod.ExportedFunction(abi.Op)
	return in, nil
}

// run enters the guest. An error means that it cannot be entered again.
func (in *instance) run(ctx context.Context, phase pulse.Phase, op uint64, call func() error) error {
	if in.broken != nil {
		return in.broken
	}
	in.begin(ctx, phase)
	in.slot.Enter(phase, op)
	err := call()
	in.slot.Leave()
	in.phase = pulse.Idle
	if err != nil {
		in.broken = in.trapped(err)
	}
	return in.broken
}

func (in *instance) begin(ctx context.Context, phase pulse.Phase) {
	in.ctx, in.phase, in.reply, in.noted = ctx, phase, in.reply[:0], nil
}

// trapped says how a guest ended, with its last words.
func (in *instance) trapped(err error) error {
	in.flush()
	how := "was stopped: " + firstLine(err)
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		how = fmt.Sprintf("exited with code %d", exit.ExitCode())
	}
	if in.words != "" {
		how += fmt.Sprintf(" after %q", in.words)
	}
	return fmt.Errorf("the guest %s", how)
}

// call calls an export other than the op, and returns what it replied with.
func (in *instance) call(ctx context.Context, phase pulse.Phase, name string, args ...uint64) ([]byte, error) {
	f := in.mod.ExportedFunction(name)
	if f == nil {
		return nil, nil
	}
	clear(in.stack[:])
	copy(in.stack[:], args)
	if err := in.run(ctx, phase, 0, func() error { return f.CallWithStack(in.base, in.stack[:]) }); err != nil {
		return nil, err
	}
	in.flush()
	switch {
	case in.noted != nil:
		return nil, in.noted
	case uint32(in.stack[0]) != 0:
		return nil, in.problem(name)
	}
	return in.reply, nil
}

// problem is what a call that failed replied with.
func (in *instance) problem(name string) error {
	var p abi.Problem
	if json.Unmarshal(in.reply, &p) == nil && p.Message != "" {
		return p.Err()
	}
	if text := oneLine(string(in.reply)); text != "" {
		return errors.New(text)
	}
	return fmt.Errorf("%s returned %d", name, int32(in.stack[0]))
}

// Do does one op. It is all that the host adds to a call of the guest.
func (in *instance) Do(ctx context.Context, op *sdk.Op) error {
	if in.broken != nil {
		return sdk.Fatal(in.broken)
	}
	in.begin(ctx, pulse.Op)
	in.current, in.values = op, 0
	in.stack = [2]uint64{op.Index, op.Rand}
	in.slot.Enter(pulse.Op, op.Index)
	err := in.op.CallWithStack(in.base, in.stack[:])
	in.slot.Leave()
	if err == nil && uint32(in.stack[0]) == 0 && in.noted == nil {
		return nil
	}
	return in.failed(err)
}

// failed is the error of an op that did not go well.
func (in *instance) failed(err error) error {
	in.flush()
	if err != nil {
		in.broken = in.trapped(err)
		return sdk.Fatal(in.broken)
	}
	if in.noted != nil {
		return in.noted
	}
	class, message, _ := strings.Cut(string(in.reply), "\n")
	class, message = oneLine(class), oneLine(message)
	switch {
	case class == "":
		return fmt.Errorf("the op returned %d", int32(in.stack[0]))
	case message == "":
		message = class
	}
	return sdk.Classify(class, errors.New(message))
}

// note remembers the first thing that the host did not let pass, which fails
// the call that is running.
func (in *instance) note(class, format string, args ...any) {
	if in.noted == nil {
		in.noted = sdk.Classify(class, fmt.Errorf(format, args...))
	}
}

// drop frees the instance.
func (in *instance) drop() {
	if in.mod != nil {
		_ = in.mod.Close(in.base) // nothing of it is open
	}
	if in.sql != nil {
		in.sql.close()
	}
	in.slot.Release()
}

// Close tears down what was set up in the instance, and drops it.
func (in *instance) Close() error {
	defer in.drop()
	if in.broken != nil {
		return nil // it was said
	}
	_, err := in.call(context.Background(), pulse.TearDown, abi.TearDown)
	return err
}

// oneLine keeps a guest's words from breaking the line they stand in.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
