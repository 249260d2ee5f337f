// Package sdktest is the conformance suite that any plugin runs against
// itself, in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		sdktest.Run(t, plugin)                                 // in this process
//		sdktest.Binary(t, []string{"./harness-plugin-mine"})   // the built program
//	}
//
// Both speak the plugin protocol and check that the plugin describes itself
// well and always alike, refuses bad parameters by name, drives rounds whose
// counts add up and fit their histograms, ends a round that is cancelled, and
// cleans up after itself. [Binary] checks the process as well: the handshake
// and nothing but it on stdout, and its end, without children, on SIGTERM and
// with its harness. It takes plugins in any language.
//
// The suite measures nothing, needs no particular speed, and is not the
// harness: how that treats a plugin that fails here is tested elsewhere.
package sdktest
