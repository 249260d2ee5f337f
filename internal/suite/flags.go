package suite

import "fmt"

// Flags are the flags of a run as text, the way they were typed; nil means not
// given. The texts are parsed and checked by [Resolve], so that a mistake in a
// flag reads like the same mistake in the environment or the file.
type Flags struct {
	Plugins         *string // "all" or names with commas
	Suite           *string
	Profile         *string
	Config          *string
	Duration        *string
	Warmup          *string
	Iterations      *string
	Operations      *string
	ConcurrentUsers *string
	Rate            *string
	Rounds          *string
	MonitorDuration *string
	OpTimeout       *string
	Until           *string
	MaxRounds       *string
	GeneratorCPUs   *string
	TargetCPUs      *string
	WaitQuiet       *string
	Seed            *string
	Out             *string
	Report          *string
	Baseline        *string
	Threshold       *string
	NoCleanup       bool
	FindCapacity    bool
	RateFrom        *string
	RateTo          *string
	Targets         []string // --target KIND=URL, repeatable
	Grants          []string // --grant PLUGIN=CAPABILITY,…, repeatable
	Variant         string   // variant that is measured; "" = none
	SoleVariant     bool     // without Variant, the only one of the file
}

// FlagDef describes a flag to whoever parses the command line.
type FlagDef struct {
	Name  string // "concurrent-users"
	Arg   string // "N"
	Usage string
}

// FlagDefs are the flags that take a value. --no-cleanup, --find-capacity and
// --target are not among them: two take none and the third may be repeated.
var FlagDefs = []FlagDef{
	{"plugins", "NAMES", "plugins to run: all, or names with commas"},
	{"suite", "NAME", "suite of the config file"},
	{"profile", "NAME", "quick, standard or full: how long and how hard"},
	{"config", "FILE", "config file (default harness.yaml, if there is one)"},
	{"duration", "D", "total time of each benchmark over all rounds, such as 30s or 300"},
	{"warmup", "D", "time before the first round that is not recorded"},
	{"iterations", "N", "total ops of benchmarks counted by iterations"},
	{"operations", "N", "total ops of benchmarks counted by operations"},
	{"concurrent-users", "N", "workers at full concurrency"},
	{"rate", "R", "open loop at that many ops per second, such as 1000/s"},
	{"rate-from", "R", "with --find-capacity: lowest rate to try, and the first"},
	{"rate-to", "R", "with --find-capacity: highest rate to try"},
	{"rounds", "N", "measured repetitions"},
	{"monitor-duration", "D", "total time of benchmarks that watch instead of working"},
	{"op-timeout", "D", "longest that one op may take"},
	{"until", "METRIC=P", "add rounds until the 95% interval of a metric is that narrow, such as latency_p95=5%"},
	{"max-rounds", "N", "with --until: rounds after which to end in any case (default 30)"},
	{"generator-cpus", "LIST", "CPUs of the plugins, such as 0 or 0,2-4"},
	{"target-cpus", "LIST", "CPUs of the targets that harness starts"},
	{"wait-quiet", "D", "wait at most that long, altogether, for a quiet machine"},
	{"seed", "N", "seed of the workload"},
	{"out", "FILE", "run document to write"},
	{"report", "FORMATS", "report formats with commas: text, json, html, markdown"},
	{"baseline", "FILE|NAME", "run or baseline to compare with"},
	{"threshold", "P", "regression that matters, such as 10%"},
}

// Set stores the text of a flag of [FlagDefs].
func (f *Flags) Set(name, text string) error {
	p := f.field(name)
	if p == nil {
		return fmt.Errorf("set flag %q: no such flag", name)
	}
	*p = &text
	return nil
}

// text returns what a flag was set to, if it was.
func (f *Flags) text(name string) (string, bool) {
	if p := f.field(name); p != nil && *p != nil {
		return **p, true
	}
	return "", false
}

func (f *Flags) field(name string) **string {
	switch name {
	case "plugins":
		return &f.Plugins
	case "suite":
		return &f.Suite
	case "profile":
		return &f.Profile
	case "config":
		return &f.Config
	case "duration":
		return &f.Duration
	case "warmup":
		return &f.Warmup
	case "iterations":
		return &f.Iterations
	case "operations":
		return &f.Operations
	case "concurrent-users":
		return &f.ConcurrentUsers
	case "rate":
		return &f.Rate
	case "rate-from":
		return &f.RateFrom
	case "rate-to":
		return &f.RateTo
	case "rounds":
		return &f.Rounds
	case "monitor-duration":
		return &f.MonitorDuration
	case "op-timeout":
		return &f.OpTimeout
	case "until":
		return &f.Until
	case "max-rounds":
		return &f.MaxRounds
	case "generator-cpus":
		return &f.GeneratorCPUs
	case "target-cpus":
		return &f.TargetCPUs
	case "wait-quiet":
		return &f.WaitQuiet
	case "seed":
		return &f.Seed
	case "out":
		return &f.Out
	case "report":
		return &f.Report
	case "baseline":
		return &f.Baseline
	case "threshold":
		return &f.Threshold
	}
	return nil
}
