// Package wasmhost runs WASM plugins. It is the only importer of wazero.
//
// A [Module] is a compiled guest that was found to import nothing that it was
// not granted; [Module.Plugin] makes a plugin of it, whose sessions give every
// worker an instance of its own. The loop, the clocks and the rounds are the
// sdk's, as for any plugin. The ABI is package abi's.
//
// The package is for a process of its own. Go cannot preempt compiled guest
// code: an endless loop in a guest stops the collector and every timer of the
// process around it. What ends such a process is outside it and watches its
// page of package pulse. It is no security boundary against bugs in wazero;
// that process is.
package wasmhost

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
)

// Limits of one plugin. A zero is the default.
type Limits struct {
	Memory    int64         `json:"memory,omitempty"`      // bytes of one instance; default 64 MiB
	Log       int64         `json:"log,omitempty"`         // bytes of log of all instances; default 1 MiB
	Result    int64         `json:"result,omitempty"`      // bytes of one reply or answer; default 1 MiB
	OpTime    time.Duration `json:"op_time,omitempty"`     // inside the guest, in one op; default 1 s
	RoundTime time.Duration `json:"round_time,omitempty"`  // the same, in all ops of a round; default 10 min
	SetUpTime time.Duration `json:"set_up_time,omitempty"` // the same, in set up or tear down; default 10 s
}

// Or fills in the defaults.
func (l Limits) Or() Limits {
	return Limits{
		Memory: cmp.Or(l.Memory, 64<<20), OpTime: cmp.Or(l.OpTime, time.Second),
		RoundTime: cmp.Or(l.RoundTime, 10*time.Minute), SetUpTime: cmp.Or(l.SetUpTime, 10*time.Second),
		Log: cmp.Or(l.Log, 1<<20), Result: cmp.Or(l.Result, 1<<20),
	}
}

// Watched are the limits that only a watcher outside can enforce.
func (l Limits) Watched() pulse.Limits {
	l = l.Or()
	return pulse.Limits{SetUp: l.SetUpTime, Op: l.OpTime, Round: l.RoundTime}
}

// Grant is what a plugin may do.
type Grant struct {
	Capabilities []string `json:"capabilities,omitempty"` // those of package abi
	Blobs        string   `json:"blobs,omitempty"`        // the folder of capability blob
	Limits       Limits   `json:"limits"`
}

// Options say what to run.
type Options struct {
	Name string // the plugin's, for errors
	File string // the module
	// Digest is that of the module's bytes, "sha256:HEX": what is compiled is
	// what was looked at. "" is any.
	Digest string
	Cache  string // folder for compiled code; "" compiles every time
	Grant  Grant
	Pulse  *pulse.Page // how the process is watched; nil: it is not
	Log    *slog.Logger
	// Describing says that the plugin is only asked what it offers. Then it may
	// import what it was not granted, and no such import does anything.
	Describing bool

	compile bounds // of tests; zero is compileBounds
}
