package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/verdict"
)

// sample is a config with one endpoint whose latency the fault decides, so that
// the comparison does not depend on how fast the machine is.
const sample = `version: 1
suites:
  default:
    load: {concurrent_users: 2, rounds: 3, duration: 900ms, warmup: 50ms}
    benchmarks:
      - {use: api/http, name: collections, with: {path: /collections}}
`

func (p *place) document(name string) *result.Run {
	p.t.Helper()
	run, err := store.ReadRun(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return run
}

func TestABNamesASlowedTargetAndEveryRoundHasFreshProcesses(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", sample)
	o := p.harness("ab", "--looks", "6", "--base-set", "faults=fixed=20ms", "--head-set", "faults=fixed=40ms", "--format", "json,markdown")
	first, _, _ := strings.Cut(o.stdout, "\n")
	if o.code != exitGate || !strings.Contains(first, "regression") || !strings.Contains(first, "api/collections") {
		t.Fatalf("exit code %d, first line %q\n%s", o.code, first, o.stderr)
	}
	if !strings.Contains(o.stdout, "faults=fixed=20ms → head faults=fixed=40ms") {
		t.Errorf("the report does not say what the sides are:\n%s", o.stdout)
	}
	seen := map[int]string{}
	for _, name := range []string{"base.json", "head.json", "base-repeat.json", "head-repeat.json"} {
		b := p.document(name).Benchmarks[0]
		if len(b.Rounds) != 6 {
			t.Errorf("%s has %d rounds, want 6", name, len(b.Rounds))
		}
		for _, r := range b.Rounds {
			for _, pid := range []int{r.PluginProcess, r.TargetProcess} {
				if before := seen[pid]; pid == 0 || before != "" {
					t.Errorf("%s: process %d served a round of %s too", name, pid, before)
				}
				seen[pid] = name
			}
		}
	}
	p.judgesAgain(1)
	for _, name := range []string{"comparison.json", "comparison.md"} {
		if !slices.Contains(entries(t, p.dir), name) {
			t.Errorf("%s is not there", name)
		}
	}
	if len(p.processes()) > 0 || len(entries(t, p.tmp)) > 0 {
		t.Errorf("left behind: processes %v, files %q", p.processes(), entries(t, p.tmp))
	}
}

// judgesAgain compares what ab decided with what compare makes of its documents.
func (p *place) judgesAgain(code int) {
	p.t.Helper()
	rows := func(text []byte) string {
		c, err := verdict.DecodeComparison(bytes.NewReader(text))
		if err != nil {
			p.t.Fatal(err)
		}
		rows, err := json.Marshal(c.Rows)
		if err != nil {
			p.t.Fatal(err)
		}
		return string(rows)
	}
	decided, err := os.ReadFile(filepath.Join(p.dir, "comparison.json"))
	if err != nil {
		p.t.Fatal(err)
	}
	o := p.harness("compare", "--interleaved", "--format", "json")
	if o.code != code {
		p.t.Fatalf("exit code %d, want %d\n%s", o.code, code, o.stderr)
	}
	if was, is := rows(decided), rows([]byte(o.stdout)); was != is {
		p.t.Errorf("ab said\n%s\nand its documents say\n%s", was, is)
	}
}

func TestABOfOneAndTheSameFindsNoRegression(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", sample)
	p.write("base-repeat.json", "of an earlier comparison")
	if o := p.harness("ab", "--looks", "3", "--base-set", "faults=fixed=20ms", "--head-set", "faults=fixed=20ms"); o.code != 0 {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if slices.Contains(entries(t, p.dir), "base-repeat.json") {
		t.Error("the repeat of an earlier comparison is still there")
	}
	p.judgesAgain(0)
}

func TestAAKeepsTheFloorsOfThisMachine(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", sample)
	o := p.must("aa", "--pairs", "3")
	if !strings.Contains(o.stdout, "api/collections") || !strings.Contains(o.stdout, "latency_p95") {
		t.Errorf("the table lacks the metric:\n%s", o.stdout)
	}
	kept, err := filepath.Glob(filepath.Join(p.home, ".local", "share", "harness", "floors", "*.json"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept floors are %q, %v", kept, err)
	}
}

func TestFloorsThatCannotBeReadAreSaidBeforeAnythingIsMeasured(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", sample)
	p.must("aa", "--pairs", "3")
	kept, err := filepath.Glob(filepath.Join(p.home, ".local", "share", "harness", "floors", "*.json"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept floors are %q, %v", kept, err)
	}
	if err := os.WriteFile(kept[0], []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := p.harness("aa", "--pairs", "3")
	if o.code != exitUsage || strings.Contains(o.stderr, "pair 1 of") || !strings.Contains(o.stderr, "remove "+kept[0]) {
		t.Errorf("exit code %d, stderr %q; want the remedy before the first pair", o.code, o.stderr)
	}
	if err := os.Remove(kept[0]); err != nil {
		t.Fatal(err)
	}
	p.must("aa", "--pairs", "3")
}

func TestFlagsThatWouldDoNothingAreRefused(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", sample)
	for _, command := range []string{"ab", "aa"} {
		for _, flag := range []string{"--out=x.json", "--report=html", "--baseline=main"} {
			if o := p.harness(command, flag); o.code != exitUsage || !strings.Contains(o.stderr, "unknown flag") {
				t.Errorf("%s %s: exit code %d, stderr %q", command, flag, o.code, o.stderr)
			}
		}
	}
}

func TestSidesAreCheckedBeforeAnythingIsMeasured(t *testing.T) {
	p := newPlace(t)
	p.write("harness.yaml", sample)
	for set, want := range map[string]string{
		"fault=fixed=20ms": `did you mean faults?`,
		"faults":           "want NAME=VALUE",
		"faults=slow":      "head:",
		"duration=-1s":     "want a duration",
		"out=head.json":    "harness run alone",
		"threshold=5%":     "which is --threshold",
	} {
		o := p.harness("ab", "--head-set", set)
		if o.code != exitUsage || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, want) {
			t.Errorf("--head-set %s: exit code %d, stderr %q; want one line with %q", set, o.code, o.stderr, want)
		}
	}
	if left := entries(t, p.tmp); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
