// Package sdktest is the conformance suite that any plugin runs against
// itself, in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		sdktest.Run(t, plugin)                                 // in this process
//		sdktest.Binary(t, []string{"./harness-plugin-mine"})   // the built program
//	}
//
// Package [conform] has what they check; `harness plugin verify` runs the same
// against a program, without Go.
//
// [conform]: https://pkg.go.dev/github.com/benchharness/harness/sdk/conform
package sdktest
