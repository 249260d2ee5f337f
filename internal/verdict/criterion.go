package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/result"
)

// What a rate has to hold where no budget says so.
const (
	leastSuccess    = 0.99
	mostUnloaded    = 10                    // times the response of a single user, for the 95th percentile
	unloadedSlack   = 10 * time.Millisecond // beside it, for what any machine does
	overrunShare    = 0.02                  // of the round may pass until the last op is done
	queueShare      = 0.25                  // of the overrun, as the median's excess, is a queue and no straggler
	generatorsShare = 0.8                   // of the CPUs used by the plugin: it is the limit
)

// Criterion says whether a benchmark held a rate in a round.
//
// A rate is sustained when the round is valid, and when the ops that were open
// at the end of its schedule were done soon after it: a queue that grows all
// through the round leaves work behind. Then every budget on the benchmark has
// to hold, except those on its throughput and capacity, which are what is
// searched for. Where no budget is about the success ratio it is 99% at least;
// where none is about a latency the 95th percentile is at most ten times the
// median response of a single user, and 10 ms.
type Criterion struct {
	budgets  []Budget
	unloaded float64
	cpus     int
	own      bool
	run      *result.Run
}

// CriterionOptions are what a criterion is made of.
type CriterionOptions struct {
	Budgets  []Budget
	Match    func(pattern, id string) bool
	Run      *result.Run // whose findings count too
	Unloaded float64     // s, the median response of a single user
	CPUs     int         // that the generator may use; 0: not known
}

// NewCriterion is the criterion of a benchmark, of which id, target and load
// are read.
func NewCriterion(b *result.Benchmark, o CriterionOptions) *Criterion {
	if o.Run == nil {
		o.Run = &result.Run{}
	}
	c := &Criterion{unloaded: o.Unloaded, cpus: o.CPUs, own: b.Target == (result.Target{}), run: o.Run}
	users := &result.Run{Benchmarks: []result.Benchmark{*b}}
	var success, latency bool
	for _, x := range o.Budgets {
		switch {
		case x.Min == nil && x.Max == nil, !o.Match(x.Benchmark, b.ID),
			x.Metric == "throughput", x.Metric == result.CapacityMetric,
			x.ConcurrentUsers != 0 && b.Load.Workers != x.users(users, b.ID):
			continue
		}
		success = success || x.Metric == successRatio
		latency = latency || strings.HasPrefix(x.Metric, latencies)
		c.budgets = append(c.budgets, x)
	}
	if !success {
		least := leastSuccess
		c.budgets = append(c.budgets, Budget{Metric: successRatio, Unit: "ratio", Min: &least})
	}
	if !latency {
		most := mostUnloaded*o.Unloaded + unloadedSlack.Seconds()
		c.budgets = append(c.budgets, Budget{Metric: "latency_p95", Unit: "s", Max: &most})
	}
	return c
}

// Text says what has to hold, for people.
func (c *Criterion) Text() []string {
	out := []string{"the rate is sustained: 99% of the ops are sent in time, and no queue is left at the end of the round"}
	for _, b := range c.budgets {
		text := b.Metric
		if b.Min != nil {
			text += " ≥ " + amount(*b.Min, b.Unit)
		}
		if b.Max != nil {
			text += " ≤ " + amount(*b.Max, b.Unit)
		}
		switch {
		case b.ID != "":
			text += " (" + b.ID + ")"
		case b.Benchmark != "":
			text += " (budget)"
		case b.Metric == successRatio:
			text += " (no budget says otherwise)"
		default:
			text += fmt.Sprintf(" (no budget says otherwise: %d times the response of a single user and %s)", mostUnloaded, unloadedSlack)
		}
		out = append(out, text)
	}
	return out
}

func amount(x float64, unit string) string {
	switch unit {
	case "s":
		return time.Duration(x * float64(time.Second)).Round(time.Microsecond).String()
	case "ratio":
		return fmt.Sprintf("%.4g%%", 100*x)
	case "1/s":
		return fmt.Sprintf("%.4g/s", x)
	}
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", x, unit))
}

// Samples is how many ops a round needs for every quantile of the criterion.
func (c *Criterion) Samples() int64 {
	n := int64(1)
	for _, b := range c.budgets {
		n = max(n, result.SamplesFor(b.Metric))
	}
	return n
}

// Judge judges a benchmark of a single round, which is summarised, and whose
// load has the rate and the length of that round.
func (c *Criterion) Judge(b *result.Benchmark) (outcome, reason string) {
	round := &b.Rounds[0]
	if i := slices.IndexFunc(round.Validity, invalidLag); i >= 0 && !c.own {
		// A tenth of the response and more, also of one that has a queue in it, is
		// what the generator added.
		return result.GeneratorFailed, round.Validity[i].Message
	}
	if why := c.queued(b, round); why != "" {
		if c.generatorBusy(round) {
			return result.GeneratorFailed, fmt.Sprintf("the generator used %.0f%% of the CPUs that it has: %s", 100*c.generatorCPU(round), why)
		}
		return result.MissedRate, why
	}
	for _, f := range round.Validity {
		switch {
		case f.Level != "invalid":
		case slices.Contains(ofGenerator, f.Code):
			return result.GeneratorFailed, f.Message
		default:
			return result.MissedRate, f.Message
		}
	}
	if why, ok := c.run.InvalidReason(); ok {
		return result.GeneratorFailed, why
	}
	unknown := ""
	for _, x := range c.budgets {
		row := x.judgeScenario(c.run, b)
		switch {
		case row.Verdict == Missed:
			return result.MissedRate, missedText(row)
		case row.Verdict == NotMeasured && unknown == "":
			unknown = "cannot be judged: " + row.Reason
		}
	}
	if unknown != "" { // what cannot be judged is no fault of the target's
		return result.GeneratorFailed, unknown
	}
	return result.HeldRate, ""
}

// ofGenerator are the findings that make a round invalid and say nothing of the
// target.
var ofGenerator = []string{"lag", "identity", "elapsed"}

func invalidLag(f result.Finding) bool { return f.Level == "invalid" && f.Code == "lag" }

// queued says that the rate was more than was sustained. The loop finds ops
// that were still waiting for a worker when the schedule was over. Those that
// wait in the target are not among them: they are what is left to be done then,
// and most ops of the round waited as well.
func (c *Criterion) queued(b *result.Benchmark, r *result.Round) string {
	if i := slices.IndexFunc(r.Validity, func(f result.Finding) bool { return f.Code == "under_achieved" }); i >= 0 {
		return r.Validity[i].Message
	}
	over := r.Elapsed - b.Load.Duration - c.unloaded
	median := r.Clocks.Response.P50
	if median == nil || over <= overrunShare*b.Load.Duration || *median-c.unloaded < queueShare*over {
		return ""
	}
	return fmt.Sprintf("a queue was left at the end: the last ops were done %s after the round of %s, and the median response was %s",
		amount(r.Elapsed-b.Load.Duration, "s"), amount(b.Load.Duration, "s"), amount(*median, "s"))
}

// generatorBusy says that the plugin used up the machine. Where the plugin's own
// work is what is measured that is no fault.
func (c *Criterion) generatorBusy(r *result.Round) bool {
	return !c.own && c.generatorCPU(r) >= generatorsShare
}

func (c *Criterion) generatorCPU(r *result.Round) float64 {
	i := slices.IndexFunc(r.Resources, func(g result.Resource) bool { return g.Name == "plugin.cpu" && g.Average != nil })
	if i < 0 || c.cpus == 0 {
		return 0
	}
	return *r.Resources[i].Average / float64(c.cpus)
}

func missedText(row result.Budget) string {
	limit := ""
	if row.Max != nil && *row.Value > *row.Max {
		limit = "more than " + amount(*row.Max, row.Unit)
	} else if row.Min != nil {
		limit = "less than " + amount(*row.Min, row.Unit)
	}
	return fmt.Sprintf("%s was %s, %s", row.Metric, amount(*row.Value, row.Unit), limit)
}
