package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestComparingNeedsNoSecretAndNoPlugin(t *testing.T) {
	dir := t.TempDir()
	file := `version: 1
targets: {main: {url: "http://127.0.0.1:1", api_key: "${NOT_SET_HERE}"}}
suites:
  default:
    benchmarks: [{use: nobody/knows, name: x, target: main}]
policy: {uncompared: fail, other_machine: compare}
thresholds:
  - {benchmark: "*", metric: "*", max_regression: 5%}
  - {benchmark: "api/*", metric: latency_p99, max_regression: 15%, min_absolute: 1ms}
`
	if err := os.WriteFile(filepath.Join(dir, "harness.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		flags   []string
		environ []string
		general float64
	}{
		{"the file's", nil, nil, 0.05},
		{"the environment's before it", nil, []string{"PERFORMANCE_REGRESSION_THRESHOLD=12"}, 0.12},
		{"the flag's before both", []string{"threshold", "20%"}, []string{"PERFORMANCE_REGRESSION_THRESHOLD=12"}, 0.2},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ResolveJudging(Inputs{Flags: flagsOf(t, c.flags...), Environ: c.environ, Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			want := []Threshold{{"*", "*", c.general, 0}, {"*", "*", c.general, 0}, {"api/*", "latency_p99", 0.15, 0.001}}
			if fmt.Sprint(got.Thresholds) != fmt.Sprint(want) {
				t.Errorf("thresholds are %v, want %v", got.Thresholds, want)
			}
			if want := (Policy{FailUncompared: true, CompareOtherMachine: true}); got.Policy != want {
				t.Errorf("policy is %+v, want %+v", got.Policy, want)
			}
		})
	}
}

func TestMistakesInWhatComparingNeedsAreTold(t *testing.T) {
	for _, c := range []struct{ flag, value, want string }{
		{"threshold", "much", "want a percentage"},
		{"config", "no.yaml", "does not exist"},
	} {
		_, err := ResolveJudging(Inputs{Flags: flagsOf(t, c.flag, c.value), Dir: t.TempDir()})
		var config *ConfigError
		if !errors.As(err, &config) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--%s %s: %v, want %q", c.flag, c.value, err, c.want)
		}
	}
	got, err := ResolveJudging(Inputs{Dir: t.TempDir(), Environ: []string{"PERFORMANCE_REGRESION_THRESHOLD=1"}})
	if err != nil || len(got.Warnings) != 1 || got.Thresholds[0].MaxRegression != 0.10 {
		t.Errorf("%+v, %v, want the default and a warning", got, err)
	}
}
