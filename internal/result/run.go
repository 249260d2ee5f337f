// Package result is the Run document: the only thing that leaves a run.
//
// Everything that comes after a run (reports, baselines, comparisons, the
// bot) works from this document alone. The package holds its types, codec,
// checksum and validation. It measures nothing, judges nothing and knows no
// file names.
//
// Quantities are in SI base units (seconds, bytes, ratios of 1, 1/s, joules);
// null means unavailable.
package result

import (
	"encoding/json"
	"time"

	"github.com/benchharness/harness/sdk/loop"
)

// Schema is the value of [Run.Schema] that this package reads and writes.
const Schema = "harness.run/v1"

// Run is one invocation on one machine.
type Run struct {
	Schema   string    `json:"schema"`
	ID       string    `json:"id"` // sortable: 20260102T150405Z-4f3a2b1c
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Complete is false while the run is going on and stays false when it was
	// killed: the document then holds the finished rounds.
	Complete    bool            `json:"complete"`
	Interrupted bool            `json:"interrupted"` // ended by a signal
	Harness     Harness         `json:"harness"`
	Machine     json.RawMessage `json:"machine"` // fingerprint, see package machine
	MachineID   string          `json:"machine_id"`
	Plan        Plan            `json:"plan"`
	Plugins     []Plugin        `json:"plugins"`
	Benchmarks  []Benchmark     `json:"benchmarks"`
	Resources   []Resource      `json:"resources"` // over the whole run
	Validity    []Finding       `json:"validity"`  // about the machine during the run
	WaitQuiet   *WaitQuiet      `json:"wait_quiet,omitempty"`
	Budgets     []Budget        `json:"budgets"`
	Checksum    string          `json:"checksum"` // "sha256:…" of the document with this field empty
}

// WaitQuiet is how long the run waited for a quiet machine.
type WaitQuiet struct {
	Most   float64 `json:"most"`   // s that it was to wait at most, altogether
	Waited float64 `json:"waited"` // s
	Quiet  bool    `json:"quiet"`  // whether the machine was quiet at the end of every wait
}

// Harness says which harness made the document.
type Harness struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// Plan is what was asked for.
type Plan struct {
	Suite      string    `json:"suite"`
	Profile    string    `json:"profile"`
	ConfigFile string    `json:"config_file,omitempty"`
	Seed       uint64    `json:"seed"`
	Gating     bool      `json:"gating"`
	Settings   []Setting `json:"settings"`
}

// Setting is an effective setting and where it came from.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Plugin is a plugin that took part.
type Plugin struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Path    string `json:"path"` // "built-in" or the file
	Digest  string `json:"digest"`
	SDK     string `json:"sdk"`
	Table   Table  `json:"table"`
}

// Table is the layout of a plugin's results.
type Table struct {
	Title   string   `json:"title"`
	Subject string   `json:"subject"`
	Columns []Column `json:"columns"`
}

// Column is one column of a [Table].
type Column struct {
	Title  string `json:"title"`
	Metric string `json:"metric"`
}

// Status says what became of a benchmark.
type Status string

// Statuses of a benchmark.
const (
	Measured    Status = "measured"
	NotMeasured Status = "not_measured" // an optional prerequisite is absent
	Failed      Status = "failed"       // it could not run
	Partial     Status = "partial"      // some rounds are missing: interrupted or crashed
)

// Benchmark is one scenario's results.
type Benchmark struct {
	ID             string            `json:"id"`
	Plugin         string            `json:"plugin"`
	Use            string            `json:"use"`
	Doc            string            `json:"doc,omitempty"`
	Params         map[string]string `json:"params"` // tell scenarios of one benchmark apart
	With           json.RawMessage   `json:"with"`   // the benchmark's parameters
	Target         Target            `json:"target"`
	Provenance     map[string]string `json:"provenance"`
	WorkloadDigest string            `json:"workload_digest"`
	PluginDigest   string            `json:"plugin_digest"`
	Load           Load              `json:"load"`
	Isolation      *Isolation        `json:"isolation,omitempty"` // CPUs that were given to one side alone
	Until          *Until            `json:"until,omitempty"`     // the rule that rounds were added by
	Capacity       *Capacity         `json:"capacity,omitempty"`  // the search by which the rate was found
	Status         Status            `json:"status"`
	Reason         string            `json:"reason,omitempty"` // of every status but measured
	Remedy         string            `json:"remedy,omitempty"`
	Figures        []Figure          `json:"figures"` // measured once, in set-up
	Rounds         []Round           `json:"rounds"`
	Metrics        []Metric          `json:"metrics"`
	Validity       []Finding         `json:"validity"`
}

// Isolation are the CPUs that processes were bound to, as a list such as
// "0,2-4"; empty is any.
type Isolation struct {
	Generator string `json:"generator_cpus"` // of the plugin
	Target    string `json:"target_cpus"`    // of the target; always empty where harness did not start it
}

// Until is a rule that adds rounds until a metric is known, and how it ended.
type Until struct {
	Metric    string   `json:"metric"`
	Within    float64  `json:"within"` // by ratio, or in points of a metric of absolute scale
	MaxRounds int      `json:"max_rounds"`
	Ended     string   `json:"ended"`      // "reached", "bound", "not_available", or "stopped" by an interrupt or a failure
	HalfWidth *float64 `json:"half_width"` // of the metric's 95% interval, as Within; null where it has none
}

// Ends of [Until].
const (
	UntilReached = "reached"       // the metric is known as well as asked for
	UntilBound   = "bound"         // the most rounds were done before
	UntilAbsent  = "not_available" // the first rounds gave the metric no value
	UntilStopped = "stopped"       // the run ended before
)

// Target is what was measured, without its secrets.
type Target struct {
	Name string `json:"name,omitempty"` // "reference" or the name in the config
	Kind string `json:"kind,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Load is the load that was asked for, over all rounds.
type Load struct {
	Model      string  `json:"model"`
	Rate       float64 `json:"rate,omitempty"` // 1/s; not of loads with stages or a replay
	Workers    int     `json:"workers"`        // concurrent users, or most in flight
	Warmup     float64 `json:"warmup"`         // s
	Duration   float64 `json:"duration"`       // s, 0 = unbounded
	Operations uint64  `json:"operations"`     // 0 = unbounded
	Rounds     int     `json:"rounds"`
	OpTimeout  float64 `json:"op_timeout"` // s

	Stages   []Stage `json:"stages,omitempty"`     // of an open loop, in every round
	Replay   string  `json:"replay,omitempty"`     // digest of the arrivals that were replayed, in every round
	Think    float64 `json:"think_time,omitempty"` // s, between the ops of a user of a closed loop
	SkipLate float64 `json:"skip_late,omitempty"`  // s after which a late op of an open loop was skipped; 0 = never
}

// Stage is a part of a round in which the rate changes evenly.
type Stage struct {
	Duration float64 `json:"duration"` // s
	From     float64 `json:"from"`     // 1/s
	To       float64 `json:"to"`       // 1/s
}

// Figure is a value measured once.
type Figure struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}

// Round is one measured repetition: the unit of statistics.
type Round struct {
	Started       time.Time         `json:"started"`
	Elapsed       float64           `json:"elapsed"`  // s
	Position      int               `json:"position"` // in the order of all rounds of the run, from 0
	PluginProcess int               `json:"plugin_process"`
	TargetProcess int               `json:"target_process"` // 0: none of ours
	Counts        loop.Counts       `json:"counts"`
	Errors        map[string]uint64 `json:"errors"`
	Samples       []string          `json:"error_samples,omitempty"`
	Clocks        Clocks            `json:"clocks"`
	Batch         uint64            `json:"batch"` // ops per timed batch
	Overflow      uint64            `json:"overflow"`
	Values        map[string]Value  `json:"values"`
	Resources     []Resource        `json:"resources"`
	Validity      []Finding         `json:"validity"`
}

// Clocks are the four clocks of a round.
type Clocks struct {
	Response Histogram `json:"response"`
	Service  Histogram `json:"service"`
	Lag      Histogram `json:"lag"`
	Wait     Histogram `json:"wait"`
}

// Histogram is one clock: the encoded histogram and, for readers without a
// codec, its main statistics in seconds. A quantile that the number of
// samples does not support is null.
type Histogram struct {
	V2    string   `json:"v2"` // HdrHistogram's compressed V2 encoding, base64, of nanoseconds
	Count uint64   `json:"count"`
	Mean  *float64 `json:"mean"`
	P50   *float64 `json:"p50"`
	P95   *float64 `json:"p95"`
	P99   *float64 `json:"p99"`
	Max   *float64 `json:"max"`
}

// Value is what ops recorded of one declared metric.
type Value struct {
	Count uint64  `json:"count"`
	Sum   float64 `json:"sum"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
}

// Resource is one gauge of the resource probe.
type Resource struct {
	Name        string    `json:"name"` // "host.cpu", "plugin.memory", "gpu.0.util"
	Unit        string    `json:"unit"`
	Average     *float64  `json:"average"`
	Peak        *float64  `json:"peak"`
	Unavailable string    `json:"unavailable,omitempty"` // the reason
	Series      []float32 `json:"series,omitempty"`      // evenly spaced over the round
}

// Metric is a benchmark's value of one metric.
type Metric struct {
	Name     string     `json:"name"`
	Unit     string     `json:"unit"`
	Better   string     `json:"better"` // "lower" or "higher"
	Scale    string     `json:"scale"`  // "ratio" or "absolute"
	Gate     bool       `json:"gate"`
	Value    *float64   `json:"value"`     // geometric mean over rounds; arithmetic for scale absolute
	PerRound []*float64 `json:"per_round"` // null where a round has too few samples
}

// Finding limits trust in a number.
type Finding struct {
	Level   string `json:"level"` // "invalid" or "caution"
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Budget is the judgement of one budget on one scenario.
type Budget struct {
	ID        string            `json:"id,omitempty"`
	Benchmark string            `json:"benchmark"`
	Params    map[string]string `json:"params"`
	Metric    string            `json:"metric"`
	Unit      string            `json:"unit"`
	Min       *float64          `json:"min"`
	Max       *float64          `json:"max"`
	Value     *float64          `json:"value"`
	Verdict   string            `json:"verdict"` // "pass", "missed" or "not_measured"
	Reason    string            `json:"reason,omitempty"`
	Gate      bool              `json:"gate"`
}
