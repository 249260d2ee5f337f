package suite

import (
	"net/url"
	"strings"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// Redacted is a plan as it goes into a run document: durations in seconds, and
// of a target only its name, kind and address.
type Redacted struct {
	Suite      string              `json:"suite"`
	Profile    string              `json:"profile"`
	ConfigFile string              `json:"config_file,omitempty"`
	Gating     bool                `json:"gating"`
	Seed       uint64              `json:"seed"`
	Benchmarks []RedactedBenchmark `json:"benchmarks"`
	Budgets    []RedactedBudget    `json:"budgets"`
	Thresholds []RedactedThreshold `json:"thresholds"`
	Policy     RedactedPolicy      `json:"policy"`
	Reports    []string            `json:"reports"`
	Out        string              `json:"out"`
	Baseline   string              `json:"baseline,omitempty"`
	Cleanup    bool                `json:"cleanup"`
	Settings   []RedactedSetting   `json:"settings"`
	Warnings   []string            `json:"warnings,omitempty"`
}

// RedactedBenchmark is a benchmark of a [Redacted] plan.
type RedactedBenchmark struct {
	ID        string             `json:"id"`
	Plugin    string             `json:"plugin"`
	Use       string             `json:"use"`
	Doc       string             `json:"doc,omitempty"`
	Params    sdk.Params         `json:"params"`
	Target    *RedactedTarget    `json:"target,omitempty"`
	Scenarios []RedactedScenario `json:"scenarios"`
}

// RedactedTarget is a target without credentials, headers and queries.
type RedactedTarget struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Reference bool   `json:"reference"`
	URL       string `json:"url,omitempty"`
	GRPC      string `json:"grpc,omitempty"`
}

// RedactedScenario is a scenario of a [RedactedBenchmark].
type RedactedScenario struct {
	Params map[string]string `json:"params"`
	Load   RedactedLoad      `json:"load"`
}

// RedactedLoad is a load; times are in seconds, totals over all rounds.
type RedactedLoad struct {
	Model     loop.Model `json:"model"`
	Rate      float64    `json:"rate,omitempty"`
	Workers   int        `json:"workers"`
	Warmup    float64    `json:"warmup"`
	Duration  float64    `json:"duration,omitempty"`
	Ops       uint64     `json:"ops,omitempty"`
	Rounds    int        `json:"rounds"`
	OpTimeout float64    `json:"op_timeout"`
}

// RedactedBudget is a [Budget].
type RedactedBudget struct {
	ID              string   `json:"id,omitempty"`
	Benchmark       string   `json:"benchmark"`
	Metric          string   `json:"metric"`
	Unit            string   `json:"unit"`
	Min             *float64 `json:"min,omitempty"`
	Max             *float64 `json:"max,omitempty"`
	ConcurrentUsers int      `json:"concurrent_users,omitempty"` // -1 = full
	Source          string   `json:"source"`
}

// RedactedPolicy is a [Policy].
type RedactedPolicy struct {
	FailInconclusive    bool `json:"fail_inconclusive"`
	FailUncompared      bool `json:"fail_uncompared"`
	CompareOtherMachine bool `json:"compare_other_machine"`
}

// RedactedThreshold is a [Threshold].
type RedactedThreshold struct {
	Benchmark     string  `json:"benchmark"`
	Metric        string  `json:"metric"`
	MaxRegression float64 `json:"max_regression"`
	MinAbsolute   float64 `json:"min_absolute,omitempty"`
}

// RedactedSetting is a [Setting].
type RedactedSetting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Redacted returns the plan without what is secret.
func (p Plan) Redacted() Redacted {
	out := Redacted{
		Suite: p.Suite, Profile: p.Profile, ConfigFile: p.ConfigFile, Gating: p.Gating, Seed: p.Seed,
		Benchmarks: []RedactedBenchmark{}, Budgets: []RedactedBudget{}, Thresholds: []RedactedThreshold{},
		Policy:  RedactedPolicy(p.Policy),
		Reports: p.Reports, Out: p.Out, Baseline: p.Baseline, Cleanup: p.Cleanup,
		Settings: []RedactedSetting{}, Warnings: p.Warnings,
	}
	for _, b := range p.Benchmarks {
		out.Benchmarks = append(out.Benchmarks, b.redacted())
	}
	for _, b := range p.Budgets {
		out.Budgets = append(out.Budgets, RedactedBudget(b))
	}
	for _, t := range p.Thresholds {
		out.Thresholds = append(out.Thresholds, RedactedThreshold(t))
	}
	for _, s := range p.Settings {
		out.Settings = append(out.Settings, RedactedSetting(s))
	}
	return out
}

func (b Benchmark) redacted() RedactedBenchmark {
	out := RedactedBenchmark{ID: b.ID, Plugin: b.Plugin, Use: b.Use, Doc: b.Doc, Params: b.Params}
	if b.Target.Kind != "" {
		out.Target = ptr(b.Target.Redacted())
	}
	for _, s := range b.Scenarios {
		l := s.Load
		out.Scenarios = append(out.Scenarios, RedactedScenario{Params: s.Params, Load: RedactedLoad{
			Model: l.Model, Rate: l.Rate, Workers: l.Workers, Warmup: l.Warmup.Seconds(), Duration: l.Duration.Seconds(),
			Ops: l.Ops, Rounds: l.Rounds, OpTimeout: l.OpTimeout.Seconds(),
		}})
	}
	return out
}

// Redacted returns the target without what is secret. A DSN becomes the URL of
// its host, port and database.
func (t Target) Redacted() RedactedTarget {
	out := RedactedTarget{Name: t.Spec.Name, Kind: t.Kind, Reference: t.Reference, GRPC: redactURL(t.Spec.GRPC), URL: redactURL(t.Spec.URL)}
	if t.Spec.DSN != "" {
		out.URL = redactDSN(t.Spec.DSN)
	}
	return out
}

// redactURL leaves scheme, host and path. A text that is no URL and no address
// may be anything, and nothing of it is left.
func redactURL(s string) string {
	switch {
	case s == "":
		return ""
	case !strings.Contains(s, "://"):
		if !isAddress(s, false) || strings.ContainsAny(s, "@?#/") {
			return "redacted"
		}
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return "redacted"
	}
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return clean.String()
}

// redactDSN reads both forms of a PostgreSQL connection string.
func redactDSN(dsn string) string {
	if strings.Contains(dsn, "://") {
		return redactURL(dsn)
	}
	parts := map[string]string{}
	for _, kv := range strings.Fields(dsn) {
		if k, v, ok := strings.Cut(kv, "="); ok {
			parts[k] = strings.Trim(v, "'")
		}
	}
	if parts["host"] == "" || strings.ContainsAny(dsn, `'\`) {
		return "redacted" // quoted values may hold anything
	}
	host := parts["host"]
	if p := parts["port"]; p != "" {
		host += ":" + p
	}
	clean := url.URL{Scheme: "postgres", Host: host, Path: "/" + parts["dbname"]}
	return clean.String()
}
