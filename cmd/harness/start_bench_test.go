package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/benchharness/harness/internal/plughost"
)

// BenchmarkStartPlugin is the start of an exec plugin until it has described
// itself, and its end.
func BenchmarkStartPlugin(b *testing.B) {
	path := filepath.Join(b.TempDir(), "harness-plugin-hash")
	if out, err := exec.Command("go", "build", "-o", path, "../../examples/plugins/hash").CombinedOutput(); err != nil {
		b.Fatalf("build the plugin: %v\n%s", err, out)
	}
	for b.Loop() {
		p, err := plughost.Start(b.Context(), plughost.Options{Name: "hash", Path: path})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Describe(b.Context()); err != nil {
			b.Fatal(err)
		}
		p.Stop()
	}
}
