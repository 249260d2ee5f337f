package verdict

import (
	"time"

	"github.com/benchharness/harness/internal/result"
)

// ComparisonSchema is the value of [Comparison.Schema] that this package
// writes.
const ComparisonSchema = "harness.comparison/v1"

// Comparison is a head run judged against a base. Like the run document it is
// all that later steps (reports, the bot) work from.
type Comparison struct {
	Schema   string           `json:"schema"`
	Created  time.Time        `json:"created"`
	Sentence string           `json:"sentence"` // the verdict in one line
	Method   Method           `json:"method"`
	Base     Side             `json:"base"`
	Head     Side             `json:"head"`
	Rows     []Row            `json:"rows"`
	Budgets  []result.Budget  `json:"budgets"` // of head
	Counts   map[Verdict]int  `json:"counts"`  // rows by verdict
	Validity []result.Finding `json:"validity"`
	Checksum string           `json:"checksum"`
}

// Side is one of the two runs.
type Side struct {
	Label     string    `json:"label"` // file, baseline name or git ref, as it was asked for
	RunIDs    []string  `json:"run_ids"`
	Started   time.Time `json:"started"`
	Harness   string    `json:"harness"` // version
	Commit    string    `json:"commit,omitempty"`
	MachineID string    `json:"machine_id"`
}

// Design is how the rounds of the two sides came about, which decides the
// test.
type Design string

// Designs of a comparison.
const (
	Interleaved Design = "interleaved" // ABBA on one machine: paired t on log ratios
	StoredOne   Design = "stored_one"  // one base run: Welch on rounds, threshold widened by the floor
	StoredMany  Design = "stored_many" // five or more base runs: prediction interval over runs
)

// Method says how the verdicts were reached.
type Method struct {
	Design     Design  `json:"design"`
	Rounds     int     `json:"rounds"` // of head, the most of any benchmark
	Looks      []int   `json:"looks"`  // rounds at which an interleaved comparison was looked at
	Alpha      float64 `json:"alpha"`  // one-sided error of a family, and of each bound of an interval: 0.025 makes it one of 95%
	Correction string  `json:"correction"`
	Confirmed  bool    `json:"confirmed"` // only an independent repeat can make a gating metric regressed or improved
}

// Verdict of a metric.
type Verdict string

// Verdicts, the first that matches (measurement.md, "Judging two runs").
const (
	Invalid      Verdict = "invalid"      // a side's number cannot be trusted
	Incomparable Verdict = "incomparable" // other machine, other workload, or success dropped
	Regressed    Verdict = "regressed"    // confirmed, bound beyond 0 and estimate at least the threshold
	Improved     Verdict = "improved"     // its mirror
	Slower       Verdict = "slower"       // significant, at least the floor, under the threshold
	Faster       Verdict = "faster"       // its mirror
	Unchanged    Verdict = "unchanged"    // both bounds within the threshold
	Inconclusive Verdict = "inconclusive" // more rounds would decide
	New          Verdict = "new"          // nothing to compare with
	Missing      Verdict = "missing"      // base has it, head has not
)

// Row is the verdict on one metric of one scenario.
type Row struct {
	Benchmark string            `json:"benchmark"`
	Params    map[string]string `json:"params"`
	Plugin    string            `json:"plugin"`
	Metric    string            `json:"metric"`
	Unit      string            `json:"unit"`
	Better    string            `json:"better"`
	Scale     string            `json:"scale"`
	Gate      bool              `json:"gate"`

	Base *float64 `json:"base"`
	Head *float64 `json:"head"`
	// BasePerRound has one value for each round that the verdict rests on; of
	// five or more base runs, one for each run.
	BasePerRound []*float64 `json:"base_per_round"`
	HeadPerRound []*float64 `json:"head_per_round"`

	// Change is head against base with its confidence interval: a ratio − 1
	// (0.10 = 10% more), or points for scale absolute. Worse is the same with
	// the sign of "worse": positive is a regression whatever Better says.
	Change *float64 `json:"change"`
	Low    *float64 `json:"low"`
	High   *float64 `json:"high"`
	Worse  *float64 `json:"worse"`
	P      *float64 `json:"p"`     // one-sided, unadjusted
	PAdj   *float64 `json:"p_adj"` // after correction for multiplicity

	Threshold float64 `json:"threshold"` // what matters, after widening
	Floor     float64 `json:"floor"`     // below which a difference is never called one

	Verdict      Verdict          `json:"verdict"`
	Reason       string           `json:"reason,omitempty"`
	RoundsNeeded int              `json:"rounds_needed,omitempty"` // of inconclusive
	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"`
	Cautions     []string         `json:"cautions,omitempty"` // "plugin digest differs", …
}

// Acknowledgement accepts a regression for a while.
type Acknowledgement struct {
	Benchmark string    `json:"benchmark"` // pattern
	Metric    string    `json:"metric"`    // pattern
	Reason    string    `json:"reason"`
	Until     time.Time `json:"until"`
	UpTo      float64   `json:"up_to"` // ratio − 1 up to which it holds
	Expired   bool      `json:"expired"`
}
