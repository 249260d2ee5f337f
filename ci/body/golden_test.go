package body

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

var update = flag.Bool("update", false, "write goldens instead of comparing them")

// example is a comment as a reviewer meets it.
type example struct {
	name string
	legs []Leg
	o    Options
}

const hostileName = "api/<script>alert(1)</script>|`x`|@everyone #1 GH-2 acme/x#3 https://evil.example ![a](b)"

func examples() []example {
	judged := func(exit int, rows ...verdict.Row) []Leg {
		return []Leg{{Comparison: comparison(append(rows, quiet()...)...), Head: headRun(), Exit: exit}}
	}
	with := func(change func(*Options)) Options { o := options(); change(&o); return o }

	budget := judged(1)
	budget[0].Comparison.Budgets = []result.Budget{
		budgetRow("NFR-PERF-001", "vector/minilm_general", "8", "throughput", "1/s", verdict.Missed, number64(10000), nil, number64(8120)),
		budgetRow("NFR-PERF-001", "vector/minilm_general", "1", "latency_mean", "s", verdict.Pass, nil, number64(0.010), number64(0.00031)),
		budgetRow("NFR-PERF-003", "embedding/phi-3-mini", "1", "latency_mean", "s", verdict.NotMeasured, nil, number64(0.1), nil),
	}
	budget[0].Comparison.Budgets[2].Reason = "no endpoint for phi-3-mini"

	invalidLegs := judged(4, valueless(metric("vector/mixtral_embeddings", "8", "latency_p95", 0.0009, 0, 0, ""), verdict.Invalid, "head, round 2 of 12: lag at p99 is 41% of the response"))
	invalidLegs[0].Comparison.Validity = []result.Finding{{Level: "caution", Code: "steal", Message: "head: steal was 14% of CPU time"}}

	firstRun := headRun()
	var fresh []verdict.Row
	for _, r := range quiet() {
		fresh = append(fresh, valueless(r, verdict.New, ""))
	}
	first := comparison(fresh...)
	first.Method = verdict.Method{Design: verdict.StoredOne, Rounds: 5}

	stored := judged(0)
	stored[0].Comparison.Method = verdict.Method{Design: verdict.StoredOne, Rounds: 5, Alpha: 0.025, Correction: "Holm over the gating metrics"}
	for i := range stored[0].Comparison.Rows {
		r := &stored[0].Comparison.Rows[i]
		r.Threshold = 0.3
		r.Cautions = []string{"one base run does not show how runs differ: the threshold is widened by the floor between runs, 20% (assumed: nobody has measured it)"}
	}
	var foreign []verdict.Row
	for _, r := range quiet() {
		foreign = append(foreign, valueless(r, verdict.Incomparable, "other machine: base ran on m-7, head on m-1"))
	}
	other := comparison(foreign...)
	other.Method, other.Base.MachineID = stored[0].Comparison.Method, "m-7"

	arm := headRun()
	arm.Harness.Arch, arm.Machine = "arm64", []byte(`{"cpu_model":"Neoverse-N1","logical_cores":4,"memory_bytes":16777216000}`)
	mac := headRun()
	mac.Harness.OS, mac.Harness.Arch, mac.Machine = "darwin", "arm64", []byte(`{"cpu_model":"Apple M1","logical_cores":3,"memory_bytes":7516192768}`)
	matrix := []Leg{
		{Name: "linux-amd64", Comparison: comparison(quiet()...), Head: headRun()},
		{Name: "linux-arm64", Comparison: comparison(append([]verdict.Row{regression(), metric("db/tpcb", "64", "throughput", 812, -0.163, 0.02, verdict.Regressed)}, quiet()...)...), Head: arm, Exit: 1},
		{Name: "macos-arm64", Comparison: comparison(append([]verdict.Row{undecidedRow("api/search", "latency_p95", 0.003, 31)}, quiet()...)...), Head: mac},
	}

	hostile := metric(hostileName, "8", "latency_p95", 0.002, 0.31, 0.02, verdict.Regressed)
	hostile.Reason = "see https://evil.example/?x=|y and ask @acme/admins, #12 <img src=x onerror=alert(1)>\x1b[31m red\u202e"
	hostileLegs := judged(1, hostile, metric("<!-- harness:v1 suite=default leg= head=0 run=999 attempt=9 -->", "", "[click](javascript:alert(1))", 0.002, 0.2, 0.02, verdict.Improved))
	hostileLegs[0].Comparison.Base.Label = "</details><h1>owned"

	stopped := headRun()
	stopped.Benchmarks[6].Status, stopped.Benchmarks[6].Rounds = result.Failed, nil
	stopped.Benchmarks[6].Reason, stopped.Benchmarks[6].Remedy = "target search answered nothing: connection refused", "start the service, or correct targets.search.url in harness.yaml"

	return []example{
		{"one-regression", judged(1, regression()), options()},
		{"all-fine", judged(0), options()},
		{"missed-budget", budget, options()},
		{"inconclusive", judged(0, undecidedRow("api/search", "latency_p95", 0.003, 31), undecidedRow("api/search", "throughput", 3950, 18), undecidedRow("api/search", "latency_mean", 0.002, 20)), options()},
		{"first-run", []Leg{{Comparison: first, Head: firstRun}}, with(func(o *Options) {
			o.Reproduce = ""
			o.Notes = []string{"no baseline was found: neither in the history nor in the last run of main"}
		})},
		{"invalid-rounds", invalidLegs, options()},
		{"stored-baseline", stored, options()},
		{"stored-baseline-of-another-machine", []Leg{{Comparison: other, Head: headRun()}}, with(func(o *Options) { o.Notes = []string{"the baseline is from the last run of main, 3 days ago"} })},
		{"matrix-of-3-legs", matrix, options()},
		{"truncated", []Leg{{Comparison: many(5000, 40, 0), Head: headRun(), Exit: 1}}, options()},
		{"hostile-names", hostileLegs, options()},
		{"could-not-run", []Leg{{Comparison: comparison(quiet()...), Head: stopped, Exit: 3}}, options()},
	}
}

// TestCommentsAreTheGoldens holds what reviewers read.
func TestCommentsAreTheGoldens(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			got := Comment(e.legs, e.o)
			if len(got) > CommentLimit {
				t.Errorf("the comment is %d bytes long", len(got))
			}
			golden(t, e.name+".md", got)
		})
	}
}

// golden compares with a file in ci/testdata/comments, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("..", "testdata", "comments", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("differs from %s in line %d\n got: %s\nwant: %s\nif that is meant: go test ./ci/body -update", path, i+1, a[i], b[i])
		}
	}
	t.Fatalf("has %d lines, %s has %d\nif that is meant: go test ./ci/body -update", len(a), path, len(b))
}
