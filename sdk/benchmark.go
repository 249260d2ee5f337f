package sdk

import (
	"context"
	"log/slog"
	"time"
)

// Benchmark is one thing that can be measured.
type Benchmark struct {
	// Name is the second part of `use: plugin/name`.
	Name string
	// Doc is one sentence for `harness list`.
	Doc string
	// Params are the parameters under `with:`; see [ParamsOf].
	Params []Param
	// Metrics are those that ops record beyond the standard ones
	// (latency_mean, latency_p50, latency_p95, latency_p99, latency_max,
	// throughput, success_ratio).
	Metrics []Metric
	// Target is the kind of system the benchmark needs: "" for none, one of
	// the reference stack's kinds (TargetPostgres, TargetVector,
	// TargetService), or a kind of the plugin's own, which then has to be
	// named in the config.
	Target string
	// Presets are what a suite without a config file runs. None means one
	// run with default parameters, under the benchmark's own name.
	Presets []Preset
	// Load is what the benchmark asks for when neither config nor flags say.
	Load LoadHint
	// Setup prepares one scenario and returns its session. It runs once
	// before the first round and is not timed. Errors made by [NotMeasured],
	// [BadParam] and [TargetDown] are told apart by the harness.
	Setup func(context.Context, SetupRequest) (Session, error)
}

// Kinds of target that the reference stack can provide.
const (
	TargetPostgres = "postgres" // Target.DSN
	TargetVector   = "vector"   // Target.URL, Qdrant's gRPC protocol
	TargetService  = "service"  // Target.URL (HTTP) and Target.GRPC: the retrieval service
)

// Preset is a named set of parameters: `vector/minilm_general` is preset
// minilm_general of a benchmark of plugin vector.
type Preset struct {
	Name string
	Doc  string
	With map[string]any
}

// LoadHint is how a benchmark wants to be driven by default.
type LoadHint struct {
	// Solo adds a scenario at one worker before the one at full concurrency,
	// because a budget is set for an unloaded latency.
	Solo bool
	// Serial caps the default concurrency at one worker. An explicit
	// --concurrent-users still wins.
	Serial bool
	// Rate, if > 0, makes an open loop at this many ops/s the default.
	Rate float64
	// Monitor says that the benchmark watches for --monitor-duration
	// instead of working for --duration.
	Monitor bool
	// CountedBy names the total that bounds the benchmark besides duration:
	// "iterations", "operations" or "" for both.
	CountedBy string
	// MaxOps, if > 0, bounds the ops of one round, for ops that consume
	// something finite.
	MaxOps uint64
}

// SetupRequest is what a benchmark gets to prepare one scenario.
type SetupRequest struct {
	ID         string        // benchmark id, such as "vector/docs"
	RunID      string        // put it in the name of everything you create outside Dir
	Params     Params        // validated against Benchmark.Params, defaults filled in
	Target     Target        // zero when Benchmark.Target is ""
	Seed       uint64        // the same seed gives the same workload
	MaxWorkers int           // the most concurrent workers that any round will use
	Timeout    time.Duration // of one op
	Dir        string        // scratch folder, private, removed after teardown; "" in a sandbox
	Journal    Journal       // record objects here before creating them outside Dir
	Log        *slog.Logger
	KeepData   bool // --no-cleanup: leave what was created in place
}

// Target is the system under test, as named in the config or as started by
// the harness.
type Target struct {
	Name      string            // the name in the config, or "reference"
	Kind      string            // the Benchmark.Target it was resolved for
	Reference bool              // started by the harness from the reference stack
	URL       string            // http(s)://host:port or host:port
	GRPC      string            // host:port of a gRPC endpoint beside URL, if any
	DSN       string            // database connection string
	APIKey    string            // secret
	Headers   map[string]string // extra request headers; values may be secret
}

// Session is one prepared scenario.
type Session interface {
	// Worker returns the worker of number n, 0 ≤ n < MaxWorkers. It is called
	// before a round starts, never in timed code; once for each n, the worker
	// is reused by later rounds. A worker that implements io.Closer is closed
	// before the session.
	Worker(ctx context.Context, n int) (Worker, error)
	// Close undoes Setup. ctx outlives the round's.
	Close(ctx context.Context) error
}

// Worker does ops one at a time, in one goroutine.
type Worker interface {
	// Do does one op. The harness stamps the clocks around it. An error makes
	// the op failed, under the class given by [Classify]; an error after the
	// op's deadline makes it timed out.
	Do(ctx context.Context, op *Op) error
}

// Describer is implemented by sessions that know more about what they
// measure than their parameters say.
type Describer interface{ Describe() SessionInfo }

// RoundReady is implemented by sessions that ready their process for a round:
// an open one needs a thread that keeps the schedule, a closed one does not.
// The function it returns undoes that after the round.
type RoundReady interface {
	ReadyRound(open bool) (after func())
}

// SessionInfo describes a prepared scenario.
type SessionInfo struct {
	// Provenance says what is really measured: "engine", "server_version",
	// "weights" and so on. Values are shown in every report.
	Provenance map[string]string
	// WorkloadDigest identifies the work; runs with different digests are
	// never compared. Empty: derived from id, parameters and seed.
	WorkloadDigest string
	// Figures were measured once, during Setup: upload, index, ready.
	Figures []Figure
}

// Figure is a value measured once.
type Figure struct {
	Name  string  // snake case, such as "index_seconds"
	Unit  string  // SI: "s", "B", "1/s", "ratio"
	Value float64 // finite
}

// Func makes a Setup for a benchmark that needs no state: every worker calls
// do. do must be safe for concurrent use.
func Func(do func(ctx context.Context, op *Op) error) func(context.Context, SetupRequest) (Session, error) {
	return func(context.Context, SetupRequest) (Session, error) { return funcSession(do), nil }
}

type funcSession func(context.Context, *Op) error

func (f funcSession) Worker(context.Context, int) (Worker, error) { return f, nil }
func (f funcSession) Close(context.Context) error                 { return nil }
func (f funcSession) Do(ctx context.Context, op *Op) error        { return f(ctx, op) }
