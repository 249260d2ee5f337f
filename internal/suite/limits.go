package suite

import (
	"slices"
	"sort"
	"strings"

	"github.com/benchharness/harness/sdk"
)

func ptr[T any](v T) *T { return &v }

// defaultBudgets are the rows of the requirements' table of budgets. They are
// patterns over ids and name no plugin that has to exist: where nothing
// matches, a budget is not measured. Those without a limit are shown as such;
// their limits belong to a target and are set in the config.
var defaultBudgets = []Budget{
	{ID: "NFR-PERF-001", Benchmark: "vector/*", Metric: "latency_mean", Unit: "s", Max: ptr(0.010), ConcurrentUsers: 1},
	{ID: "NFR-PERF-001", Benchmark: "vector/*", Metric: "throughput", Unit: "1/s", Min: ptr(10_000.0), ConcurrentUsers: FullConcurrency},
	{ID: "NFR-PERF-002", Benchmark: "api/*", Metric: "latency_mean", Unit: "s"},
	{ID: "NFR-PERF-002", Benchmark: "api/*", Metric: "success_ratio", Unit: "ratio"},
	{ID: "NFR-PERF-002", Benchmark: "db/*", Metric: "latency_mean", Unit: "s"},
	{ID: "NFR-PERF-002", Benchmark: "db/*", Metric: "success_ratio", Unit: "ratio"},
	{ID: "NFR-PERF-003", Benchmark: "embedding/*", Metric: "latency_mean", Unit: "s", Max: ptr(0.100), ConcurrentUsers: 1},
}

// limits settles budgets and thresholds.
func (l *loader) limits() error {
	l.plan.Policy = l.file.policy()
	if err := l.thresholds(); err != nil {
		return err
	}
	if l.file != nil && len(l.file.Budgets) > 0 {
		l.plan.Gating = true
		return l.budgets()
	}
	l.plan.Gating = l.file != nil && l.suite != nil
	if l.suite != nil {
		return nil
	}
	for _, b := range defaultBudgets {
		if l.filtered && !l.matches(b.Benchmark) {
			continue // about a plugin that nobody asked for
		}
		b.Source = "default"
		l.plan.Budgets = append(l.plan.Budgets, b)
	}
	return nil
}

// policy is the file's.
func (f *File) policy() Policy {
	if f == nil || f.Policy == nil {
		return Policy{}
	}
	fails := func(o *Outcome) bool { return o != nil && *o == "fail" }
	return Policy{
		FailInconclusive: fails(f.Policy.Inconclusive), FailUncompared: fails(f.Policy.Uncompared),
		CompareOtherMachine: f.Policy.OtherMachine != nil && *f.Policy.OtherMachine == "compare",
	}
}

// matches says whether a pattern is about any benchmark of the plan.
func (l *loader) matches(pattern string) bool {
	return slices.ContainsFunc(l.plan.Benchmarks, func(b Benchmark) bool { return Match(pattern, b.ID) })
}

func (l *loader) budgets() error {
	for i := range l.file.Budgets {
		spec := &l.file.Budgets[i]
		o := origin{file: l.fileName, line: spec.Lines[""]}
		b := Budget{Benchmark: spec.Benchmark, Metric: spec.Metric, Source: o.String()}
		if spec.ID != nil {
			b.ID = *spec.ID
		}
		if spec.ConcurrentUsers != nil {
			b.ConcurrentUsers = int(*spec.ConcurrentUsers)
		}
		if spec.Min == nil && spec.Max == nil {
			return o.errorf("budgets[%d] has no limit; add min or max", i)
		}
		unit, err := l.metricUnit(spec.Benchmark, spec.Metric, origin{file: l.fileName, line: spec.Lines["metric"]})
		if err != nil {
			return err
		}
		if b.Min, b.Unit, err = l.limit(spec.Min, spec, "min", unit); err != nil {
			return err
		}
		var maxUnit string
		if b.Max, maxUnit, err = l.limit(spec.Max, spec, "max", unit); err != nil {
			return err
		}
		switch {
		case b.Unit == "":
			b.Unit = maxUnit
		case maxUnit != "" && maxUnit != b.Unit:
			return l.at(spec.Lines["max"], "budgets[%d].max is in %s and min in %s", i, maxUnit, b.Unit)
		}
		if b.Min != nil && b.Max != nil && *b.Min > *b.Max {
			return l.at(spec.Lines["min"], "budgets[%d].min is above max, so nothing can meet it", i)
		}
		l.warnUnmatched("budget", spec.Benchmark, o)
		l.plan.Budgets = append(l.plan.Budgets, b)
	}
	return nil
}

// limit is a budget's limit and its unit, which has to be the metric's where
// that is known.
func (l *loader) limit(q *Quantity, spec *BudgetSpec, key, unit string) (*float64, string, error) {
	if q == nil {
		return nil, "", nil
	}
	if err := sameUnit(q, unit, origin{file: l.fileName, line: spec.Lines[key], subject: "budget on " + plain(spec.Metric) + ": " + key}); err != nil {
		return nil, "", err
	}
	if q.Unit == "" {
		return &q.Value, unit, nil
	}
	return &q.Value, q.Unit, nil
}

func sameUnit(q *Quantity, unit string, o origin) error {
	if q.Unit == "" || unit == "" || q.Unit == unit {
		return nil
	}
	example := map[string]string{"s": "such as 10ms", "1/s": "such as 10000/s", "ratio": "such as 99.9%", "B": "such as 64MiB"}[unit]
	if example == "" {
		example = "or a number without unit"
	}
	return o.errorf("is in %s, but the metric is in %s; want a value %s", q.Unit, unit, example)
}

// metricUnit finds the unit of a metric of the benchmarks that a pattern
// covers; "" when it is unknown, which is no mistake as long as none of them
// is planned: a plugin that --plugins leaves out is not asked for its metrics.
func (l *loader) metricUnit(pattern, metric string, o origin) (string, error) {
	known := map[string]string{}
	for _, m := range sdk.StandardMetrics {
		known[m] = standardUnit(m)
	}
	for _, m := range l.in.Metrics {
		known[m.Name] = m.Unit
	}
	matched := false
	for _, b := range l.plan.Benchmarks {
		if !Match(pattern, b.ID) {
			continue
		}
		matched = true
		if decl, ok := l.described[b.Plugin].Benchmark(b.Use); ok {
			for _, m := range decl.Metrics {
				known[m.Name] = m.Unit
			}
		}
	}
	unit, ok := known[metric]
	if !ok && matched {
		return "", o.errorf("metric %s is not recorded by benchmarks that match %s%s", show(metric), show(pattern), didYouMean(metric, sortedKeys(known)))
	}
	return unit, nil
}

func standardUnit(metric string) string {
	switch {
	case strings.HasPrefix(metric, "latency_"):
		return "s"
	case metric == "throughput":
		return "1/s"
	}
	return "ratio"
}

// warnUnmatched warns of a pattern that covers no benchmark of the suite,
// whether it runs now or not.
func (l *loader) warnUnmatched(what, pattern string, o origin) {
	var ids []string
	for _, b := range l.plan.Benchmarks {
		ids = append(ids, b.ID)
	}
	if l.suite != nil {
		for i := range l.suite.Benchmarks {
			if _, _, id, err := l.identify(&l.suite.Benchmarks[i], ""); err == nil {
				ids = append(ids, id)
			}
		}
	} else if l.filtered {
		return // what the other plugins offer is not known
	}
	if slices.ContainsFunc(ids, func(id string) bool { return Match(pattern, id) }) {
		return
	}
	sort.Strings(ids)
	hint := ""
	if near := Nearest(pattern, ids); near != "" {
		hint = "; did you mean " + near + "?"
	}
	l.warnf("%s: the %s on %s covers no benchmark of suite %s%s", o, what, show(pattern), plain(l.plan.Suite), hint)
}

// isGeneral says whether a threshold covers everything.
func isGeneral(benchmark, metric string) bool { return benchmark == "*" && metric == "*" }

// generalThreshold is the file's threshold for everything, the last that it
// has, or nil.
func (l *loader) generalThreshold() *fileValue[float64] {
	if l.file == nil {
		return nil
	}
	var out *fileValue[float64]
	for _, t := range l.file.Thresholds {
		if isGeneral(t.Benchmark, t.Metric) {
			out = &fileValue[float64]{float64(t.MaxRegression), t.Lines["max_regression"]}
		}
	}
	return out
}

// thresholds are those of the file behind one that covers everything. A flag
// or the environment replaces the general threshold and leaves those alone
// that were set for single benchmarks or metrics.
func (l *loader) thresholds() error {
	general := l.settings.threshold
	l.plan.Thresholds = []Threshold{{Benchmark: "*", Metric: "*", MaxRegression: general.value}}
	if l.file == nil {
		return nil
	}
	for i, spec := range l.file.Thresholds {
		t := Threshold{Benchmark: spec.Benchmark, Metric: spec.Metric, MaxRegression: float64(spec.MaxRegression)}
		if general.rank > rankFile && isGeneral(t.Benchmark, t.Metric) {
			t.MaxRegression = general.value
		}
		o := origin{file: l.fileName, line: spec.Lines[""]}
		unit := ""
		if !strings.Contains(spec.Metric, "*") {
			var err error
			if unit, err = l.metricUnit(spec.Benchmark, spec.Metric, origin{file: l.fileName, line: spec.Lines["metric"]}); err != nil {
				return err
			}
		}
		if spec.MinAbsolute != nil {
			at := origin{file: l.fileName, line: spec.Lines["min_absolute"], subject: "thresholds[" + totalRule.text(uint64(i)) + "].min_absolute"}
			if err := sameUnit(spec.MinAbsolute, unit, at); err != nil {
				return err
			}
			t.MinAbsolute = spec.MinAbsolute.Value
		}
		l.warnUnmatched("threshold", spec.Benchmark, o)
		l.plan.Thresholds = append(l.plan.Thresholds, t)
	}
	return nil
}
