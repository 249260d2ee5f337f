package mutate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

func TestEveryMutationHasAnEditAndEveryEditItsPlace(t *testing.T) {
	if _, err := Overlay(root, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for _, m := range All {
		found := false
		for _, e := range edits {
			found = found || strings.Contains(e.new, "{{"+m.Name+"}}")
		}
		if !found {
			t.Errorf("mutation %s changes nothing", m.Name)
		}
	}
}

func TestAnEditWhosePlaceIsGoneOrThereTwiceIsAnError(t *testing.T) {
	texts := map[string]string{}
	for _, e := range edits {
		texts[e.file] += e.old + "\n"
	}
	if err := apply(texts); err != nil {
		t.Fatalf("every place is there once: %v", err)
	}
	if strings.Contains(texts["sdk/loop/record.go"], "{{") || !strings.Contains(texts["sdk/loop/record.go"], "(mutant == 3)") {
		t.Errorf("the condition was not put in: %s", texts["sdk/loop/record.go"])
	}
	for name, change := range map[string]string{"gone": "", "twice": "s.skipped++\ns.skipped++"} {
		texts := map[string]string{}
		for _, e := range edits {
			texts[e.file] += e.old + "\n"
		}
		texts["sdk/loop/open.go"] = strings.Replace(texts["sdk/loop/open.go"], "s.skipped++", change, 1)
		if err := apply(texts); err == nil || !strings.Contains(err.Error(), "s.skipped++") {
			t.Errorf("%s: error is %v, want one that names the place", name, err)
		}
	}
}

// slow are tests that take seconds of processor time and look at memory or
// simulate thousands of rounds: others find what they find.
const slow = "FalselyDoubted|AnHourHolds|UpperThousandth"

// The short form of the mutations: the tests of sdk/loop that need no real
// time have to fail with each awake, and to pass with none.
func TestTheTestsOfTheLoopFindEveryMutation(t *testing.T) {
	dir := t.TempDir()
	overlay, err := Overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "loop.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-o", program, "./sdk/loop")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the mutated tests: %v\n%s", err, out)
	}
	passes := func(program string) (bool, string) {
		cmd := exec.CommandContext(t.Context(), program, "-test.short", "-test.failfast", "-test.skip="+slow, "-test.timeout=60s")
		cmd.Dir = filepath.Join(root, "sdk/loop")
		out, err := cmd.CombinedOutput()
		return err == nil, string(out)
	}
	if ok, out := passes(program); !ok {
		t.Fatalf("the tests fail with every mutation asleep:\n%s", out)
	}
	for _, m := range All {
		if !m.Unit {
			continue
		}
		mutant := Program(program, m)
		if err := os.Link(program, mutant); err != nil {
			t.Fatal(err)
		}
		ok, out := passes(mutant)
		failed := firstFailure(out)
		if ok || failed == "" {
			t.Errorf("%s (%s): the tests of sdk/loop pass:\n%s", m.Name, m.Doc, out)
			continue
		}
		t.Logf("%s (%s): found by %s", m.Name, m.Doc, failed)
	}
}

func firstFailure(out string) string {
	for line := range bytes.SplitSeq([]byte(out), []byte("\n")) {
		if name, ok := bytes.CutPrefix(line, []byte("--- FAIL: ")); ok {
			name, _, _ = bytes.Cut(name, []byte(" "))
			return string(name)
		}
	}
	return ""
}
