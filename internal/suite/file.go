package suite

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/benchharness/harness/internal/manifest"
)

// File is the config file. Its JSON Schema is generated from these types: the
// json tags name the keys, omitempty marks the optional ones, and the
// jsonschema tags describe them.
type File struct {
	Version    Version                `json:"version" jsonschema:"version of this format"`
	Plugins    *PluginsSpec           `json:"plugins,omitempty" jsonschema:"plugins that the file needs: a list of names, or of paths relative to the file; or by name what each of them may do"`
	Targets    map[string]TargetSpec  `json:"targets,omitempty" jsonschema:"systems under test by name; ${NAME} and ${NAME:-default} take values from the environment here and in variants"`
	Suites     map[string]SuiteSpec   `json:"suites,omitempty" jsonschema:"suites by name; the one named default runs when --suite is not given; without any, the built-in default suite runs"`
	Thresholds []ThresholdSpec        `json:"thresholds,omitempty" jsonschema:"how much worse a metric may become, in order, the last match wins"`
	Budgets    []BudgetSpec           `json:"budgets,omitempty" jsonschema:"absolute limits on metrics"`
	Reports    []Format               `json:"reports,omitempty" jsonschema:"report formats to write"`
	Policy     *PolicySpec            `json:"policy,omitempty" jsonschema:"what becomes of gating metrics that a comparison cannot judge"`
	Variants   map[string]VariantSpec `json:"variants,omitempty" jsonschema:"ways to build and serve the system under test by name, between which harness ab chooses"`
	Isolate    *IsolateSpec           `json:"isolate,omitempty" jsonschema:"CPUs of the generator's own and of the target's own"`
	Lines      Lines                  `json:"-"`
}

// reserved are top-level keys with a meaning in a later version.
var reserved = []string{"history"}

// Lines are the line numbers of a mapping's keys; "" is the mapping itself.
type Lines map[string]int

// TargetSpec is a system under test.
type TargetSpec struct {
	URL     *Secret           `json:"url,omitempty" jsonschema:"http(s)://host:port or host:port"`
	GRPC    *Secret           `json:"grpc,omitempty" jsonschema:"host:port of a gRPC endpoint beside url"`
	DSN     *Secret           `json:"dsn,omitempty" jsonschema:"database connection string"`
	APIKey  *Secret           `json:"api_key,omitempty" jsonschema:"secret that the target asks for; take it from the environment with ${NAME}"`
	Headers map[string]Secret `json:"headers,omitempty" jsonschema:"extra request headers"`
	Lines   Lines             `json:"-"`
}

// SuiteSpec is a named selection of benchmarks.
type SuiteSpec struct {
	Load       *LoadSpec       `json:"load,omitempty" jsonschema:"load of every benchmark that does not say otherwise"`
	Benchmarks []BenchmarkSpec `json:"benchmarks" jsonschema:"what is measured, in order"`
	Lines      Lines           `json:"-"`
}

// BenchmarkSpec is one benchmark of a suite.
type BenchmarkSpec struct {
	Use    string    `json:"use" jsonschema:"plugin/benchmark, as harness list shows it"`
	Name   *string   `json:"name,omitempty" jsonschema:"second part of the id, plugin/name; the benchmark's own name by default"`
	Target *string   `json:"target,omitempty" jsonschema:"name of a target, or reference for the built-in reference stack"`
	With   *With     `json:"with,omitempty" jsonschema:"parameters of the benchmark"`
	Load   *LoadSpec `json:"load,omitempty" jsonschema:"load of this benchmark; a key that is absent comes from the suite's load"`
	Lines  Lines     `json:"-"`
}

// LoadSpec is how benchmarks are driven.
type LoadSpec struct {
	Model           *Model    `json:"model,omitempty" jsonschema:"closed: each user starts its next op when the last is done; open: ops start at a constant rate; poisson: open with random gaps"`
	Rate            *Rate     `json:"rate,omitempty" jsonschema:"ops per second of an open loop"`
	ConcurrentUsers *Users    `json:"concurrent_users,omitempty" jsonschema:"users of a closed loop"`
	MaxInFlight     *Users    `json:"max_in_flight,omitempty" jsonschema:"most ops in flight of an open loop"`
	Duration        *Duration `json:"duration,omitempty" jsonschema:"total over all rounds"`
	Warmup          *Warmup   `json:"warmup,omitempty" jsonschema:"driven before the first round and not recorded"`
	MonitorDuration *Duration `json:"monitor_duration,omitempty" jsonschema:"total over all rounds of benchmarks that watch instead of working"`
	Rounds          *Rounds   `json:"rounds,omitempty" jsonschema:"measured repetitions"`
	Iterations      *Count    `json:"iterations,omitempty" jsonschema:"total ops over all rounds of benchmarks counted by iterations"`
	Operations      *Count    `json:"operations,omitempty" jsonschema:"total ops over all rounds of benchmarks counted by operations"`
	OpTimeout       *Duration `json:"op_timeout,omitempty" jsonschema:"longest that one op may take"`

	FindCapacity *CapacitySpec `json:"find_capacity,omitempty" jsonschema:"search for the highest rate of an open loop that holds, in place of a rate"`

	Until *UntilSpec `json:"until,omitempty" jsonschema:"rounds are added until a metric is known well enough; duration and counts are then shared out over rounds, and say how long one round is"`

	Stages    []StageSpec `json:"stages,omitempty" jsonschema:"how the rate of an open loop runs through every round, in place of rate and duration: steps, ramps, spikes"`
	Replay    *string     `json:"replay,omitempty" jsonschema:"file with the seconds at which ops of an open loop arrive in every round, one a line, relative to the config file"`
	ThinkTime *Duration   `json:"think_time,omitempty" jsonschema:"pause of a user of a closed loop between two ops; on no clock"`
	SkipLate  *Duration   `json:"skip_late,omitempty" jsonschema:"ops of an open loop that find nobody idle for as long are skipped and counted as that late; by default they are sent, however late"`

	Lines Lines `json:"-"`
}

// ThresholdSpec is how much worse a metric may become.
type ThresholdSpec struct {
	Benchmark     string    `json:"benchmark" jsonschema:"pattern over benchmark ids; * crosses /"`
	Metric        string    `json:"metric" jsonschema:"pattern over metric names"`
	MaxRegression Percent   `json:"max_regression" jsonschema:"percentage such as 10%, or points for ratios such as recall"`
	MinAbsolute   *Quantity `json:"min_absolute,omitempty" jsonschema:"differences below it never matter, such as 1ms"`
	Lines         Lines     `json:"-"`
}

// BudgetSpec is an absolute limit on a metric.
type BudgetSpec struct {
	ID              *string      `json:"id,omitempty" jsonschema:"name of the requirement, shown in reports"`
	Benchmark       string       `json:"benchmark" jsonschema:"pattern over benchmark ids; * crosses /"`
	Metric          string       `json:"metric" jsonschema:"name of a metric"`
	Min             *Quantity    `json:"min,omitempty" jsonschema:"least value, such as 10000/s or 99.9%"`
	Max             *Quantity    `json:"max,omitempty" jsonschema:"greatest value, such as 10ms"`
	ConcurrentUsers *Concurrency `json:"concurrent_users,omitempty" jsonschema:"only at that many users, or full for the most of the benchmark"`
	Lines           Lines        `json:"-"`
}

// PolicySpec is what becomes of gating metrics that a comparison cannot judge.
type PolicySpec struct {
	Inconclusive *Outcome      `json:"inconclusive,omitempty" jsonschema:"a metric that more rounds would decide: pass (the default) or fail, which is exit code 4"`
	Uncompared   *Outcome      `json:"uncompared,omitempty" jsonschema:"a metric that is new, missing or incomparable: pass (the default) or fail, which is exit code 4"`
	OtherMachine *OtherMachine `json:"other_machine,omitempty" jsonschema:"a baseline of another machine: incomparable (the default) or compare, with a caution"`
	Lines        Lines         `json:"-"`
}

// Types of single values. Each reads itself from a YAML scalar.
type (
	// Version is 1.
	Version int
	// Model is closed, open or poisson.
	Model string
	// Format is a report format.
	Format string
	// Outcome is pass or fail.
	Outcome string
	// OtherMachine is incomparable or compare.
	OtherMachine string
	// Duration is 1 ms to 30 days.
	Duration time.Duration
	// Warmup is a duration that may be 0.
	Warmup time.Duration
	// Rate is in ops per second.
	Rate float64
	// StageRate is a Rate that may be 0.
	StageRate float64
	// Percent is a ratio, written as a percentage.
	Percent float64
	// Users counts workers, Rounds rounds, Count ops.
	Users  uint64
	Rounds uint64
	Count  uint64
	// Concurrency is a number of users, or FullConcurrency.
	Concurrency int
	// CPUs is a list of CPU numbers and ranges.
	CPUs string
	// MaxRounds counts rounds, 5 or more.
	MaxRounds uint64
	// Secret is text that may hold ${NAME} and is never shown.
	Secret string
	// Capability is clock, http, sql or blob.
	Capability string
	// Size is in bytes, 1 KiB to 4 GiB.
	Size int64
	// Quantity is a value in an SI base unit; Unit is "" when none was given.
	Quantity struct {
		Value float64
		Unit  string
	}
	// With holds the parameters of a benchmark as JSON, and their lines.
	With struct {
		Values map[string]json.RawMessage
		lines  map[string]int // by dotted path
	}
)

// Load models in the config file.
const (
	ModelClosed  Model = "closed"
	ModelOpen    Model = "open"
	ModelPoisson Model = "poisson"
)

// Formats are the report formats that a run can write.
var Formats = []string{"text", "json", "html", "markdown"}

// scalar reads itself from a plain YAML value. It returns what it wants
// instead when the value is another.
type scalar interface {
	fromScalar(text string, isNumber bool) (want string)
}

// oneOf is a scalar with a fixed set of values.
type oneOf interface{ allowed() []string }

func (*Model) allowed() []string {
	return []string{string(ModelClosed), string(ModelOpen), string(ModelPoisson)}
}
func (*Format) allowed() []string { return Formats }
func (*Capability) allowed() []string {
	var out []string
	for _, c := range manifest.Capabilities() {
		out = append(out, string(c))
	}
	return out
}
func (*Outcome) allowed() []string      { return []string{"pass", "fail"} }
func (*OtherMachine) allowed() []string { return []string{"incomparable", "compare"} }

func (v *Version) fromScalar(text string, isNumber bool) string {
	if !isNumber || text != "1" {
		return "1, the version of the format that this harness reads"
	}
	*v = 1
	return ""
}

func (d *Duration) fromScalar(text string, _ bool) string {
	return fill(d, durationRule, text, true)
}

func (d *Warmup) fromScalar(text string, _ bool) string {
	return fill(d, warmupRule, text, true)
}

func (r *StageRate) fromScalar(text string, _ bool) string {
	return fill(r, stageRateRule, text, true)
}

func (r *Rate) fromScalar(text string, _ bool) string {
	return fill(r, rateRule, text, true)
}

// A bare number could be meant as a ratio or as a percentage, so the sign has
// to be written.
func (p *Percent) fromScalar(text string, isNumber bool) string {
	return fill(p, percentRule, text, !isNumber && percentExpr.MatchString(text))
}

func (u *Users) fromScalar(text string, isNumber bool) string {
	return fill(u, usersRule, text, isNumber)
}

func (r *Rounds) fromScalar(text string, isNumber bool) string {
	return fill(r, roundsRule, text, isNumber)
}

func (c *Count) fromScalar(text string, isNumber bool) string {
	return fill(c, totalRule, text, isNumber)
}

func (c *Concurrency) fromScalar(text string, isNumber bool) string {
	if text == "full" {
		*c = FullConcurrency
		return ""
	}
	n, ok := usersRule.parse(text)
	if !ok || !isNumber {
		return usersRule.want + ", or full"
	}
	*c = Concurrency(n)
	return ""
}

func (s *Size) fromScalar(text string, _ bool) string {
	return fill(s, sizeRule, text, true)
}

func (q *Quantity) fromScalar(text string, _ bool) string {
	v, unit, ok := parseQuantity(text)
	if !ok {
		return wantQuantity
	}
	*q = Quantity{v, unit}
	return ""
}

// number is any type that a rule's value converts to.
type number interface {
	~int | ~uint64 | ~int64 | ~float64
}

func fill[D, T number](dst *D, r rule[T], text string, ok bool) string {
	v, parsed := r.parse(text)
	if !parsed || !ok {
		return r.want
	}
	*dst = D(v)
	return ""
}

// numberText is how a YAML number is given to fromScalar: without exponents,
// underscores and other bases.
func numberText(v any) (string, bool) {
	switch n := v.(type) {
	case int:
		return strconv.Itoa(n), true
	case int64:
		return strconv.FormatInt(n, 10), true
	case uint64:
		return strconv.FormatUint(n, 10), true
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64), true
	}
	return "", false
}
