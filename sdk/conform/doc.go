// Package conform is the conformance suite of the plugin protocol, for whoever
// runs it: a Go test (package sdktest) or a command (harness plugin verify). It
// takes plugins in any language.
//
// It speaks the plugin protocol and checks that a plugin describes itself well
// and always alike, refuses bad parameters by name, drives rounds whose counts
// add up and fit their histograms and whose times fit the clock on the wall,
// ends a round that is cancelled, and cleans up after itself. [Program] checks
// the process as well: the handshake and nothing but it on stdout, and its end,
// without children, on SIGTERM and with its harness.
//
// The suite measures nothing, needs no particular speed, and is not the
// harness: how that treats a plugin that fails here is tested elsewhere.
package conform

import "context"

// T is what the suite needs of whoever runs it: a part of *testing.T, with the
// same meaning. [Recorder] is another.
type T interface {
	Context() context.Context
	Run(name string, f func(T)) bool
	TempDir() string
	Cleanup(f func())
	Failed() bool
	Helper()
	Logf(format string, args ...any)
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Skip(args ...any)
	Skipf(format string, args ...any)
}
