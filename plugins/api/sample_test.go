package api

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestTheSampleConfigRunsAgainstTheReferenceService(t *testing.T) {
	text, err := os.ReadFile("harness.sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var sample struct {
		Suites map[string]struct {
			Benchmarks []struct {
				Use, Name string
				With      map[string]any
			}
		}
	}
	if err := yaml.Unmarshal(text, &sample); err != nil {
		t.Fatal(err)
	}
	target := reference(t)
	used := map[string]bool{}
	for _, b := range sample.Suites["default"].Benchmarks {
		bench := strings.TrimPrefix(b.Use, "api/")
		used[bench] = true
		s, err := setup(t, bench, target, b.With)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		for i := range uint64(3) {
			if err := do(t, worker(t, s, 0), i); err != nil {
				t.Errorf("%s: op %d: %v", b.Name, i, err)
			}
		}
	}
	for _, b := range Plugin().Benchmarks {
		if !used[b.Name] {
			t.Errorf("the sample has no benchmark of %s", b.Name)
		}
	}
}
