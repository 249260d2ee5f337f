package suite

import (
	"fmt"
	"sort"
	"strings"
)

// envNames are the environment variables of the settings that have one.
var envNames = map[string]string{
	"duration":         "BENCHMARK_DURATION",
	"warmup":           "BENCHMARK_WARMUP_TIME",
	"iterations":       "BENCHMARK_ITERATIONS",
	"concurrent-users": "BENCHMARK_CONCURRENT_USERS",
	"report":           "BENCHMARK_REPORT_FORMAT",
	"baseline":         "BENCHMARK_BASELINE_FILE",
	"threshold":        "PERFORMANCE_REGRESSION_THRESHOLD",
	"cleanup":          "BENCHMARK_CLEANUP_ENABLED",
}

// environment is the process's variables with those of .env behind them. A
// variable that is set to nothing counts as not set, so that .env or the file
// can fill it in.
type environment struct {
	process map[string]string
	dotenv  map[string]dotenvValue
	// unsetIsEmpty has lookup find every variable: the targets are not needed.
	unsetIsEmpty bool
}

func newEnvironment(environ []string, dotenv map[string]dotenvValue) environment {
	e := environment{process: make(map[string]string, len(environ)), dotenv: dotenv}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			e.process[name] = value
		}
	}
	return e
}

// setting returns the text of a setting's variable and where it is set.
func (e environment) setting(name string) (text string, from origin, r rank, ok bool) {
	if text = strings.TrimSpace(e.process[name]); text != "" {
		return text, origin{subject: "environment " + name}, rankEnv, true
	}
	v := e.dotenv[name]
	if text = strings.TrimSpace(v.text); text != "" {
		return text, origin{file: dotenvName, line: v.line, subject: name}, rankDotenv, true
	}
	return "", origin{}, 0, false
}

// lookup finds a variable for ${NAME}.
func (e environment) lookup(name string) (string, bool) {
	if v, ok := e.process[name]; ok {
		return v, true
	}
	v, ok := e.dotenv[name]
	return v.text, ok || e.unsetIsEmpty
}

// slips warns of variables that look like a setting's, misspelt.
func (e environment) slips() []string {
	known := make([]string, 0, len(envNames))
	isKnown := map[string]bool{}
	for _, n := range envNames {
		known = append(known, n)
		isKnown[n] = true
	}
	sort.Strings(known)
	var out []string
	warn := func(where, name string) {
		if isKnown[name] || !strings.HasPrefix(name, "BENCH") && !strings.HasPrefix(name, "PERF") {
			return
		}
		if near := Nearest(name, known); near != "" {
			out = append(out, fmt.Sprintf("%s %s is not a setting and has no effect; did you mean %s?", where, plain(name), near))
		}
	}
	for name := range e.process {
		warn("environment", name)
	}
	for name, v := range e.dotenv {
		warn(fmt.Sprintf("%s:%d:", dotenvName, v.line), name)
	}
	sort.Strings(out)
	return out
}
