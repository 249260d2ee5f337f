// Package sdk is what the author of a benchmark plugin imports.
//
// A plugin registers itself in init and its main is one call:
//
//	func init() {
//		sdk.Register(sdk.Plugin{Name: "hash", Version: "0.1.0", Benchmarks: []sdk.Benchmark{{
//			Name:  "sha256",
//			Doc:   "SHA-256 of 4 KiB.",
//			Setup: sdk.Func(func(ctx context.Context, op *sdk.Op) error { … }),
//		}}})
//	}
//
//	func main() { serve.Main() }
//
// A [Benchmark] says what is measured: its parameters, the metrics it records
// beyond the standard ones, the kind of target it needs, and how to set up a
// [Session]. A session hands out one [Worker] per concurrent user, and a worker
// does one op at a time. Everything else is the harness's: the loop, the
// clocks, the rounds, the histograms and the resource probes (package
// sdk/loop and sdk/probe), the wire (package sdk/serve).
//
// The package is not a client of the harness: it starts no process and opens
// no connection. It builds for GOOS=wasip1 and imports no gRPC.
package sdk
