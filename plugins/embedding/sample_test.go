package embedding

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/benchharness/harness/sdk"
	"go.yaml.in/yaml/v3"
)

func TestTheSampleNamesBenchmarksAndParametersThatExist(t *testing.T) {
	content, err := os.ReadFile("sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Targets map[string]any
		Suites  map[string]struct {
			Benchmarks []struct {
				Use, Name, Target string
				With              map[string]any
			}
		}
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Suites["default"].Benchmarks) < 3 {
		t.Fatal("the sample has hardly any benchmarks")
	}
	for _, entry := range file.Suites["default"].Benchmarks {
		b, ok := Plugin().Benchmark(strings.TrimPrefix(entry.Use, "embedding/"))
		if !ok {
			t.Errorf("%s: no benchmark %s", entry.Name, entry.Use)
			continue
		}
		raw := map[string]json.RawMessage{}
		for k, v := range entry.With {
			raw[k], _ = json.Marshal(v)
		}
		if _, err := sdk.CheckParams(b.Params, raw); err != nil {
			t.Errorf("%s: %v", entry.Name, err)
		}
		if _, named := file.Targets[entry.Target]; named != (b.Target != "") {
			t.Errorf("%s: target is %q, and the benchmark needs %q", entry.Name, entry.Target, b.Target)
		}
	}
}
