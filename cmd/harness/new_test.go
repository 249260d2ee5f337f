package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// TestAProjectOfEveryKindBuildsConformsAndRuns makes a project as a plugin's
// author would, calls its Makefile, and puts what that built beside the
// built-in plugins.
func TestAProjectOfEveryKindBuildsConformsAndRuns(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for kind, built := range map[string]string{"go": "harness-plugin-mine", "python": "harness-plugin-mine", "wasm": "harness-plugin-mine.wasm"} {
		t.Run(kind, func(t *testing.T) {
			if _, err := exec.LookPath("python3"); err != nil && kind == "python" {
				absent(t, "needs python3 with venv: install python3-venv")
			}
			p := newPlace(t)
			p.must("plugin", "new", "mine", "--kind", kind, "--dir", "made", "--sdk-path", root)
			project := filepath.Join(p.dir, "made")
			make := exec.CommandContext(t.Context(), "make", "-C", project, "test", "manifest", "HARNESS="+binary)
			make.Env = append(os.Environ(), p.env...) // the caches of Go are the tests' own
			make.Env = slices.DeleteFunc(make.Env, func(kv string) bool { return kv == "HOME="+p.home })
			if out, err := make.CombinedOutput(); err != nil {
				t.Fatalf("make test: %v\n%s", err, out)
			}
			file := filepath.Join(project, built)
			wantLine(t, p.must("list", "--plugin", file).stdout, "mine/digest") // by its manifest
			p.must("run", "--plugins", "mine,system", "--plugin", file, "--duration", "300ms", "--warmup", "0s", "--rounds", "2", "--report", "json")
			run, err := store.ReadRun(filepath.Join(p.dir, "run.json"))
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(run.Benchmarks, func(b result.Benchmark) bool { return b.ID == "mine/digest" })
			if i < 0 || len(run.Benchmarks) < 2 {
				t.Fatalf("the run has %d benchmarks, want mine/digest and those of system", len(run.Benchmarks))
			}
			for _, r := range run.Benchmarks[i].Rounds {
				if !r.Counts.Balanced() || r.Counts.OK == 0 || r.Counts.Failed > 0 {
					t.Errorf("a round has %+v", r.Counts)
				}
			}
			wantLine(t, p.must("compare", "run.json", "run.json", "--format", "json").stdout, `"benchmark": "mine/digest"`)
			if kind != "wasm" { // a module does not sleep
				p.wantOverloadFound(file)
			}
		})
	}
}

// wantOverloadFound offers a plugin three times what it can do: ops that sleep
// for 10 ms, one at a time, at 300/s. How fast the machine is does not matter.
func (p *place) wantOverloadFound(file string) {
	p.t.Helper()
	p.write("overload.yaml", `version: 1
suites:
  default:
    benchmarks:
      - use: mine/digest
        with: {size: 1, sleep: 10ms}
        load: {model: poisson, rate: 300/s, max_in_flight: 1}
`)
	o := p.harness("run", "--config", "overload.yaml", "--plugin", file, "--duration", "300ms", "--warmup", "0s", "--rounds", "2", "--report", "json", "--out", "overload.json")
	run, err := store.ReadRun(filepath.Join(p.dir, "overload.json"))
	if err != nil {
		p.t.Fatalf("%v\n%s%s", err, o.stdout, o.stderr)
	}
	for _, r := range run.Benchmarks[0].Rounds {
		if !slices.ContainsFunc(r.Validity, func(f result.Finding) bool { return f.Level == "invalid" && f.Code == "under_achieved" }) {
			p.t.Errorf("at three times the capacity a round has %v, want that it is invalid", r.Validity)
		}
	}
}
