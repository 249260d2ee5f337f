package suite

import (
	"fmt"
	"strings"
	"testing"
)

// settingCase is a setting of the environment with a text for every place. The
// profile's value is that of profile full.
type settingCase struct {
	name, env                  string
	flag, process, dotenv      string // as written
	inFile                     string // lines of the file; "" when it has no key
	wantFlag, wantEnv, wantDot string
	wantFile, wantProfile      string
}

var settingCases = []settingCase{
	{name: "duration", env: "BENCHMARK_DURATION", flag: "10s", process: "20", dotenv: "30s",
		inFile: "    load: {duration: 40s}", wantFlag: "10s", wantEnv: "20s", wantDot: "30s", wantFile: "40s", wantProfile: "5m0s"},
	{name: "warmup", env: "BENCHMARK_WARMUP_TIME", flag: "0", process: "2", dotenv: "3s",
		inFile: "    load: {warmup: 4s}", wantFlag: "0s", wantEnv: "2s", wantDot: "3s", wantFile: "4s", wantProfile: "30s"},
	{name: "iterations", env: "BENCHMARK_ITERATIONS", flag: "1", process: "2", dotenv: "3",
		inFile: "    load: {iterations: 4}", wantFlag: "1", wantEnv: "2", wantDot: "3", wantFile: "4", wantProfile: "1000"},
	{name: "concurrent-users", env: "BENCHMARK_CONCURRENT_USERS", flag: "1", process: "2", dotenv: "3",
		inFile: "    load: {concurrent_users: 4}", wantFlag: "1", wantEnv: "2", wantDot: "3", wantFile: "4", wantProfile: "100"},
	{name: "report", env: "BENCHMARK_REPORT_FORMAT", flag: "html", process: "json, markdown", dotenv: "text",
		inFile: "    load: {rounds: 2}\nreports: [markdown, html]", wantFlag: "html", wantEnv: "json,markdown", wantDot: "text", wantFile: "markdown,html", wantProfile: "json,html"},
	{name: "baseline", env: "BENCHMARK_BASELINE_FILE", flag: "a.json", process: "b.json", dotenv: "main",
		wantFlag: "a.json", wantEnv: "b.json", wantDot: "main", wantProfile: "baseline.json"},
	{name: "threshold", env: "PERFORMANCE_REGRESSION_THRESHOLD", flag: "7%", process: "12", dotenv: "2.5%",
		inFile:   "    load: {rounds: 2}\nthresholds: [{benchmark: '*', metric: '*', max_regression: 20%}]",
		wantFlag: "7%", wantEnv: "12%", wantDot: "2.5%", wantFile: "20%", wantProfile: "10%"},
	{name: "cleanup", env: "BENCHMARK_CLEANUP_ENABLED", flag: "", process: "false", dotenv: "no",
		wantFlag: "false", wantEnv: "false", wantDot: "false", wantProfile: "true"},
}

func TestEveryEnvironmentSettingComesFromTheFirstPlaceThatHasIt(t *testing.T) {
	for _, c := range settingCases {
		for _, from := range []string{"flag", "environment", ".env", "file", "profile"} {
			t.Run(c.name+" from "+from, func(t *testing.T) { c.check(t, from) })
		}
	}
}

// check sets the places from the given one downwards and expects the value of
// the given one.
func (c settingCase) check(t *testing.T, from string) {
	files := map[string]string{"baseline.json": "{}"}
	flags := flagsOf(t, "profile", "full")
	var environ []string
	var want, source string
	switch from {
	case "flag":
		if c.name == "cleanup" {
			flags.NoCleanup = true
			source = "flag --no-cleanup"
		} else if err := flags.Set(c.name, c.flag); err != nil {
			t.Fatal(err)
		} else {
			source = "flag --" + c.name
		}
		want = c.wantFlag
		fallthrough
	case "environment":
		environ = append(environ, c.env+"="+c.process)
		if want == "" {
			want, source = c.wantEnv, "environment "+c.env
		}
		fallthrough
	case ".env":
		files[".env"] = "\n# benchmark\n" + c.env + "='" + c.dotenv + "'\n"
		if want == "" {
			want, source = c.wantDot, ".env:3"
		}
		fallthrough
	case "file":
		if c.inFile == "" && from == "file" {
			t.Skip("the file has no key for it")
		}
		body := c.inFile
		if body == "" {
			body = "    load: {rounds: 2}"
		}
		files["harness.yaml"] = "version: 1\nsuites:\n  default:\n    benchmarks: [{use: db/select}]\n" + body + "\n"
		if want == "" {
			want, source = c.wantFile, fmt.Sprintf("harness.yaml:%d", 5+strings.Count(c.inFile, "\n"))
		}
	case "profile":
		want, source = c.wantProfile, "profile full"
	}
	p := mustPlan(t, files, flags, environ...)
	got := setting(t, p, c.name)
	if got.Value != want || got.Source != source {
		t.Errorf("got %s from %s, want %s from %s", got.Value, got.Source, want, source)
	}
}

func TestASettingThatIsChosenTakesEffect(t *testing.T) {
	p := mustPlan(t, nil, flagsOf(t, "plugins", "db"),
		"BENCHMARK_DURATION=20", "BENCHMARK_WARMUP_TIME=1", "BENCHMARK_CONCURRENT_USERS=3", "BENCHMARK_REPORT_FORMAT=text",
		"BENCHMARK_BASELINE_FILE=main", "PERFORMANCE_REGRESSION_THRESHOLD=12", "BENCHMARK_CLEANUP_ENABLED=false")
	load := benchmark(t, p, "db/select").Scenarios[0].Load
	if load.Duration.Seconds() != 20 || load.Warmup.Seconds() != 1 || load.Workers != 3 || load.Ops != 0 {
		t.Errorf("load is %+v", load)
	}
	if p.Reports[0] != "text" || p.Baseline != "main" || p.Cleanup || p.Thresholds[0].MaxRegression != 0.12 {
		t.Errorf("plan is %+v", p.Redacted())
	}
	p = mustPlan(t, nil, flagsOf(t, "plugins", "embedding"), "BENCHMARK_ITERATIONS=77")
	if load := benchmark(t, p, "embedding/minilm").Scenarios[0].Load; load.Ops != 77 {
		t.Errorf("iterations are %d, want 77", load.Ops)
	}
}

func TestAVariableSetToNothingIsNotSet(t *testing.T) {
	p := mustPlan(t, map[string]string{".env": "BENCHMARK_DURATION=5"}, Flags{}, "BENCHMARK_DURATION=")
	if got := setting(t, p, "duration"); got.Value != "5s" || got.Source != ".env:1" {
		t.Errorf("got %+v, want 5s from .env:1", got)
	}
}

func TestMisspeltVariablesAreWarnedOf(t *testing.T) {
	p := mustPlan(t, map[string]string{".env": "BENCHMARK_WARMUPTIME=5"}, flagsOf(t, "plugins", "db"),
		"BENCHMARK_DURATON=5", "BENCHMARK_ITERATIONS=5", "BENCHMARK_COLOUR=red", "PATH=/bin")
	want := []string{
		".env:1: BENCHMARK_WARMUPTIME is not a setting and has no effect; did you mean BENCHMARK_WARMUP_TIME?",
		"environment BENCHMARK_DURATON is not a setting and has no effect; did you mean BENCHMARK_DURATION?",
	}
	if strings.Join(p.Warnings, "\n") != strings.Join(want, "\n") {
		t.Errorf("warnings are %q, want %q", p.Warnings, want)
	}
}

func TestTheBaselineOfProfileFullIsUsedOnlyWhereThereIsOne(t *testing.T) {
	if p := mustPlan(t, nil, flagsOf(t, "profile", "full")); p.Baseline != "" {
		t.Errorf("baseline is %q in a folder without one", p.Baseline)
	}
}

func TestAFlagReplacesTheGeneralThresholdOnly(t *testing.T) {
	files := map[string]string{"harness.yaml": `version: 1
thresholds:
  - {benchmark: "*", metric: "*", max_regression: 20%}
  - {benchmark: "db/*", metric: latency_p99, max_regression: 15%, min_absolute: 1ms}
`}
	p := mustPlan(t, files, flagsOf(t, "threshold", "5"))
	want := []Threshold{{"*", "*", 0.05, 0}, {"*", "*", 0.05, 0}, {"db/*", "latency_p99", 0.15, 0.001}}
	if fmt.Sprint(p.Thresholds) != fmt.Sprint(want) {
		t.Errorf("thresholds are %v, want %v", p.Thresholds, want)
	}
}

func TestTheFileIsLookedForUnderBothNames(t *testing.T) {
	text := "version: 1\nreports: [text]\n"
	for name, c := range map[string]struct {
		files    map[string]string
		flags    []string
		want     string
		warnings int
	}{
		"neither":                  {nil, nil, "none", 0},
		"harness.yml":              {map[string]string{"harness.yml": text}, nil, "harness.yml", 0},
		"harness.yaml before .yml": {map[string]string{"harness.yaml": text, "harness.yml": "bad"}, nil, "harness.yaml", 1},
		"--config before both":     {map[string]string{"harness.yaml": "bad", "other.yaml": text}, []string{"config", "other.yaml"}, "other.yaml", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustPlan(t, c.files, flagsOf(t, append(c.flags, "plugins", "db")...))
			if got := setting(t, p, "config").Value; got != c.want {
				t.Errorf("config is %s, want %s", got, c.want)
			}
			if len(p.Warnings) != c.warnings {
				t.Errorf("warnings are %q, want %d", p.Warnings, c.warnings)
			}
		})
	}
}
