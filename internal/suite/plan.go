// Package suite turns the config file, the environment, .env and the flags
// into one validated [Plan].
//
// A setting is taken from the first of: flag, environment (.env only fills in
// what the environment lacks), config file, profile default. [Plan.Settings]
// says which one won. The config file's JSON Schema is generated from the
// types in this package and committed.
//
// The package runs nothing and opens no connection. It learns what plugins
// offer from a [Catalog] and knows no plugin by name.
package suite

import (
	"context"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// Catalog says which plugins there are and what they declare.
type Catalog interface {
	// Plugins returns the names of the plugins that `--plugins all` means,
	// built-in ones first.
	Plugins() []string
	// Describe returns the declaration of a plugin. Its functions are nil
	// when it came over the wire.
	Describe(ctx context.Context, plugin string) (sdk.Plugin, error)
}

// Plan is everything a run needs to know, checked.
type Plan struct {
	Suite      string // "default" without a config file
	Profile    string // "quick", "standard" or "full"
	ConfigFile string // absolute path, or ""
	// Gating says that budgets gate. They do not in the default suite on the
	// reference stack.
	Gating     bool
	Seed       uint64
	Benchmarks []Benchmark // in the order of work; those of one plugin are adjacent
	Budgets    []Budget
	Thresholds []Threshold // in order; the last match wins
	Policy     Policy
	Reports    []string // formats, besides what is printed
	Out        string   // path of run.json
	Baseline   string   // file or name; "" = none
	Cleanup    bool
	Variant    *Variant // whose targets hold; nil = none
	Isolation  Isolation
	WaitQuiet  time.Duration // longest wait for a quiet machine, altogether; 0 = none
	// Grants are what plugins in a sandbox may do, by plugin; one that is not
	// in it may do nothing.
	Grants   map[string]Grant
	Settings []Setting
	// Warnings are what a person should know and what stops nothing: a
	// misspelt variable, a benchmark that was left out. One line each.
	Warnings []string
}

// Benchmark is one benchmark of the plan: prepared once, then driven by each
// of its scenarios' loads.
type Benchmark struct {
	ID        string // "vector/minilm_general"
	Plugin    string // "vector"
	Use       string // benchmark name within the plugin: "search"
	Doc       string
	Params    sdk.Params // checked, defaults filled in
	Target    Target
	Scenarios []Scenario // at least one
}

// Target says what a benchmark is pointed at.
type Target struct {
	// Kind is the benchmark's kind of target; "" when it needs none.
	Kind string
	// Reference asks for the reference stack's component of that kind.
	Reference bool
	// Spec holds the named target of the config, secrets filled in.
	Spec sdk.Target
}

// Scenario is a load under which a benchmark is measured.
type Scenario struct {
	// Params tell scenarios of one benchmark apart: {"concurrent_users": "1"}.
	Params map[string]string
	Load   Load
}

// Load is the load of a scenario over all its rounds.
type Load struct {
	Model     loop.Model
	Rate      float64         // ops/s; open models without Stages and Arrivals
	Stages    []loop.Stage    // open models: of every round
	Arrivals  []time.Duration // replay: of every round
	Think     time.Duration   // closed: between a user's ops
	SkipLate  time.Duration   // open: 0 = every op is sent
	Workers   int             // concurrent users (closed) or most in flight (open)
	Warmup    time.Duration   // before the first round
	Duration  time.Duration   // total over all rounds; 0 = none
	Ops       uint64          // total over all rounds; 0 = none
	Rounds    int             // at least 1
	OpTimeout time.Duration
	// Until, when asked, adds rounds to Rounds; Duration and Ops stay those of
	// Rounds rounds.
	Until Until
	// Capacity, when there, searches for a rate in place of Rate.
	Capacity *Capacity
}

// Budget is an absolute limit on a metric.
type Budget struct {
	ID        string // such as "NFR-PERF-001"; may be empty
	Benchmark string // pattern over ids; * crosses /
	Metric    string
	Unit      string // of Min and Max: SI base
	Min, Max  *float64
	// ConcurrentUsers limits the budget to scenarios with that many users;
	// 0 = any. "full" in the file means the highest of the benchmark: -1.
	ConcurrentUsers int
	// Source is the place in the config file, "file:line", or "default".
	Source string
}

// FullConcurrency as Budget.ConcurrentUsers means the scenario with the most
// workers of its benchmark.
const FullConcurrency = -1

// Threshold is how much worse a metric may become, by ratio or, for metrics
// of absolute scale, in points.
type Threshold struct {
	Benchmark     string
	Metric        string
	MaxRegression float64 // 0.10 = 10%
	MinAbsolute   float64 // differences below it, in the metric's unit, never matter
}

// Policy is what becomes of gating metrics that a comparison cannot judge. The
// zero value lets them pass.
type Policy struct {
	FailInconclusive    bool // more rounds would decide
	FailUncompared      bool // new, missing or incomparable
	CompareOtherMachine bool // a baseline of another machine is compared, with a caution
}

// Setting is one effective setting and where it came from.
type Setting struct {
	Name   string // as the flag: "concurrent-users"
	Value  string
	Source string // "flag --duration", "environment BENCHMARK_DURATION", ".env:3", "harness.yaml:12", "profile quick"
}
