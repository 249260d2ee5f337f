package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// all are the benchmarks of the default suite.
var all = []string{
	"embedding/all-MiniLM-L6-v2", "embedding/phi-3-mini", "embedding/e5-small", "embedding/bge-base",
	"vector/minilm_general", "vector/mixtral_embeddings", "vector/phi3_embeddings",
	"api/embed", "api/search", "api/collections", "api/graphql", "api/grpc_search",
	"db/select_only", "db/simple_update", "db/tpcb_like", "db/select_only_simple", "db/bulk_load", "db/transactions",
	"system/monitor", "system/cpu_single", "system/cpu_all", "system/memory_copy", "system/memory_triad",
	"system/file_write_fsync", "system/file_read", "system/loopback_rtt", "system/loopback_throughput",
}

// TestTheDefaultSuiteMeasuresAllFiveAreas is the main job, shortened: what
// `harness run --plugins all` does on a bare machine.
func TestTheDefaultSuiteMeasuresAllFiveAreas(t *testing.T) {
	p := newPlace(t)
	o := p.must("run", "--plugins", "all", "--duration", "300ms", "--warmup", "50ms", "--monitor-duration", "300ms", "--report", "text,json,html,markdown")
	for _, title := range []string{"Embedding generation", "Vector search", "API", "Database", "System", "System utilisation", "Budgets"} {
		if !strings.Contains(o.stdout, "\n"+title+"\n") {
			t.Errorf("the report has no section %q", title)
		}
	}
	for _, name := range []string{"run.json", "report.txt", "report.html", "report.md"} {
		if !slices.Contains(entries(t, p.dir), name) {
			t.Errorf("%s is not there", name)
		}
	}
	run, err := store.ReadRun(filepath.Join(p.dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !run.Complete || run.Interrupted {
		t.Errorf("complete is %v, interrupted %v", run.Complete, run.Interrupted)
	}
	seen := map[string]bool{}
	for _, b := range run.Benchmarks {
		seen[b.ID] = true
		checkBenchmark(t, b)
	}
	want := slices.Clone(all)
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("benchmarks are %q,\nwant %q", got, want)
	}
	everyScenarioHasItsClocks(t, p, run)
	if len(p.processes()) > 0 || len(entries(t, p.tmp)) > 0 {
		t.Errorf("left behind: processes %v, files %q", p.processes(), entries(t, p.tmp))
	}
	if again := p.must("report", "--format", "markdown"); !strings.Contains(again.stdout, "NFR-PERF-001") {
		t.Error("the report made from the document alone lacks the budgets")
	}
}

func checkBenchmark(t *testing.T, b result.Benchmark) {
	t.Helper()
	if b.Status == result.NotMeasured {
		if b.ID != "embedding/phi-3-mini" && b.Plugin != "db" || b.Reason == "" || b.Remedy == "" {
			t.Errorf("%s is not measured: %q; %q", b.ID, b.Reason, b.Remedy)
		}
		return
	}
	if b.Status != result.Measured || len(b.Rounds) != b.Load.Rounds {
		t.Errorf("%s %v is %s with %d of %d rounds: %s", b.ID, b.Params, b.Status, len(b.Rounds), b.Load.Rounds, b.Reason)
	}
	for i, r := range b.Rounds {
		if !r.Counts.Balanced() || r.Counts.OK == 0 {
			t.Errorf("%s round %d: counts %+v", b.ID, i, r.Counts)
		}
		if r.PluginProcess == 0 || (b.Target.Kind != "") != (r.TargetProcess != 0) {
			t.Errorf("%s round %d: processes %d and %d", b.ID, i, r.PluginProcess, r.TargetProcess)
		}
		if r.Clocks.Response.Count < r.Counts.OK {
			t.Errorf("%s round %d: %d response times for %d ok ops", b.ID, i, r.Clocks.Response.Count, r.Counts.OK)
		}
	}
	for _, m := range b.Metrics {
		if m.Name == "latency_mean" && (m.Value == nil || *m.Value <= 0) {
			t.Errorf("%s has no mean latency", b.ID)
		}
		// Transactions that conflict give up after their retries: that is what
		// the workload is about.
		if m.Name == "success_ratio" && b.ID != "db/transactions" && (m.Value == nil || *m.Value != 1) {
			t.Errorf("%s: success ratio %v, want 1", b.ID, m.Value)
		}
		if m.Name == "recall" && (m.Value == nil || *m.Value < 0.9) {
			t.Errorf("%s: recall %v, want 0.9 or more", b.ID, m.Value)
		}
	}
}
