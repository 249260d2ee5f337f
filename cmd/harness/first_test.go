package main

import (
	"path/filepath"
	"testing"

	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/sdk/sdktest"
)

// TestAPluginOfTheFirstProtocolStillRuns keeps the promise that a plugin which
// was built once need not be built again.
func TestAPluginOfTheFirstProtocolStillRuns(t *testing.T) {
	p := newPlace(t)
	plugin := buildPlugin(t, p.dir, "first", "testdata/first")
	sdktest.Binary(t, []string{plugin})
	p.must("run", "--plugin", plugin, "--plugins", "first", "--duration", "200ms", "--warmup", "0s", "--rounds", "2", "--report", "json")
	run, err := store.ReadRun(filepath.Join(p.dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range run.Benchmarks {
		if b.ID != "first/nap" || len(b.Rounds) != 2 || b.Rounds[0].Counts.OK == 0 {
			t.Errorf("%s has %d rounds", b.ID, len(b.Rounds))
		}
	}
}
