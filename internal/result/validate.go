package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxName is the length in bytes of the longest name in a document.
const maxName = 300

// Validate reports the first thing wrong with a document, with the path of
// the field. It checks that
//
//   - names (ids, metrics, plugins, parameters, resources, error classes) are
//     UTF-8 without control characters and without those that reorder text.
//     Free text (reasons, messages, provenance) may hold them: JSON escapes
//     them and the renderers leave them out;
//   - numbers are finite, and times, counts and statistics not negative;
//   - counts balance in every round that is not marked invalid;
//   - histograms decode, hold as many samples as they say, and their
//     statistics are in order;
//   - a metric is in a benchmark once, and no more than all ops succeeded;
//   - statuses, levels, verdicts and directions are known ones, and whatever
//     is not measured has a reason.
func Validate(run *Run) error { return validate(run, true) }

func validate(run *Run, histograms bool) error {
	c := &checker{histograms: histograms}
	c.run(run)
	return c.err
}

// checker keeps the first error, so that the checks read as a list.
type checker struct {
	histograms bool
	err        error
}

func (c *checker) fail(path, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...))
	}
}

func (c *checker) run(r *Run) {
	if r.Schema != Schema {
		c.fail("schema", "is %q, want %q", Printable(r.Schema, 40), Schema)
	}
	c.name("id", r.ID)
	c.name("machine_id", r.MachineID, optional)
	if len(r.Machine) > 0 && !json.Valid(r.Machine) {
		c.fail("machine", "is not JSON")
	}
	c.name("plan.suite", r.Plan.Suite, optional)
	for i, s := range r.Plan.Settings {
		c.name(fmt.Sprintf("plan.settings[%d].name", i), s.Name)
	}
	for i, p := range r.Plugins {
		path := fmt.Sprintf("plugins[%d]", i)
		c.name(path+".name", p.Name)
		c.name(path+".table.title", p.Table.Title, optional)
		c.name(path+".table.subject", p.Table.Subject, optional)
		for k, col := range p.Table.Columns {
			c.name(fmt.Sprintf("%s.table.columns[%d].title", path, k), col.Title)
			c.name(fmt.Sprintf("%s.table.columns[%d].metric", path, k), col.Metric)
		}
	}
	seen := map[string]bool{}
	for i := range r.Benchmarks {
		b := &r.Benchmarks[i]
		path := fmt.Sprintf("benchmarks[%d]", i)
		c.benchmark(path, b)
		key := fmt.Sprint(b.ID, b.Params)
		if seen[key] {
			c.fail(path, "%s is in the document twice with the same parameters", Printable(b.ID, 80))
		}
		seen[key] = true
		if c.err != nil {
			return
		}
	}
	c.resources("resources", r.Resources)
	c.findings("validity", r.Validity)
	if w := r.WaitQuiet; w != nil {
		c.positive("wait_quiet", &w.Most, &w.Waited)
	}
	for i := range r.Budgets {
		c.budget(fmt.Sprintf("budgets[%d]", i), &r.Budgets[i])
	}
}

func (c *checker) benchmark(path string, b *Benchmark) {
	c.name(path+".id", b.ID)
	c.name(path+".plugin", b.Plugin)
	c.name(path+".use", b.Use, optional)
	c.params(path+".params", b.Params)
	if len(b.With) > 0 && !json.Valid(b.With) {
		c.fail(path+".with", "is not JSON")
	}
	for _, k := range sortedKeys(b.Provenance) {
		c.name(path+".provenance", k)
	}
	switch b.Status {
	case Measured:
		if len(b.Rounds) == 0 {
			c.fail(path+".status", "is measured, but there is no round")
		}
	case NotMeasured, Failed, Partial:
		if b.Reason == "" {
			c.fail(path+".reason", "is empty, but the status is %s", b.Status)
		}
	default:
		c.fail(path+".status", "is %q, want measured, not_measured, failed or partial", Printable(string(b.Status), 40))
	}
	l := b.Load
	if l.Workers < 0 || l.Rounds < 0 {
		c.fail(path+".load", "is negative")
	}
	c.positive(path+".load", &l.Rate, &l.Warmup, &l.Duration, &l.OpTimeout, &l.Think, &l.SkipLate)
	for i := range l.Stages {
		s := &l.Stages[i]
		c.positive(fmt.Sprintf("%s.load.stages[%d]", path, i), &s.Duration, &s.From, &s.To)
	}
	c.conditions(path, b)
	c.capacity(path+".capacity", b.Capacity)
	for i, f := range b.Figures {
		at := fmt.Sprintf("%s.figures[%d]", path, i)
		c.name(at+".name", f.Name)
		c.finite(at+".value", &f.Value)
	}
	for i := range b.Rounds {
		c.round(fmt.Sprintf("%s.rounds[%d]", path, i), &b.Rounds[i])
	}
	metrics := make(map[string]bool, len(b.Metrics))
	for i, m := range b.Metrics {
		at := fmt.Sprintf("%s.metrics[%d]", path, i)
		c.metric(at, m, len(b.Rounds))
		if metrics[m.Name] {
			c.fail(at, "%s is in the benchmark twice", Printable(m.Name, 80))
		}
		metrics[m.Name] = true
	}
	c.findings(path+".validity", b.Validity)
}

// conditions are those under which rounds were measured, and ended.
func (c *checker) conditions(path string, b *Benchmark) {
	if i := b.Isolation; i != nil {
		c.name(path+".isolation.generator_cpus", i.Generator, optional)
		c.name(path+".isolation.target_cpus", i.Target, optional)
	}
	if u := b.Until; u != nil {
		c.name(path+".until.metric", u.Metric)
		c.positive(path+".until", &u.Within, u.HalfWidth)
		if u.MaxRounds < 0 {
			c.fail(path+".until.max_rounds", "is %d, want 0 or more", u.MaxRounds)
		}
		if ends := []string{UntilReached, UntilBound, UntilAbsent, UntilStopped}; !slices.Contains(ends, u.Ended) {
			c.fail(path+".until.ended", "is %q, want one of: %s", Printable(u.Ended, 40), strings.Join(ends, ", "))
		}
	}
}

func (c *checker) round(path string, r *Round) {
	c.positive(path+".elapsed", &r.Elapsed)
	if r.Position < 0 || r.PluginProcess < 0 || r.TargetProcess < 0 {
		c.fail(path, "position or process number is negative")
	}
	if !r.Counts.Balanced() && !slices.ContainsFunc(r.Validity, Finding.invalid) {
		c.fail(path+".counts", "do not balance and the round is not marked invalid: %s", identityMessage(r.Counts))
	}
	for _, class := range sortedKeys(r.Errors) {
		c.name(path+".errors", class)
	}
	for _, clock := range []struct {
		name string
		h    *Histogram
	}{
		{"response", &r.Clocks.Response}, {"service", &r.Clocks.Service},
		{"lag", &r.Clocks.Lag}, {"wait", &r.Clocks.Wait},
	} {
		c.histogram(path+".clocks."+clock.name, clock.h)
	}
	for _, name := range sortedKeys(r.Values) {
		v := r.Values[name]
		c.name(path+".values", name)
		c.finite(path+".values."+name, &v.Sum, &v.Min, &v.Max)
	}
	c.resources(path+".resources", r.Resources)
	c.findings(path+".validity", r.Validity)
}

func (c *checker) histogram(path string, h *Histogram) {
	c.positive(path, h.Mean, h.P50, h.P95, h.P99, h.Max)
	last := 0.0
	for _, q := range []*float64{h.P50, h.P95, h.P99, h.Max} {
		if q != nil && *q < last {
			c.fail(path, "a higher quantile is smaller than a lower one")
		}
		if q != nil {
			last = *q
		}
	}
	if h.V2 == "" && h.Count == 0 || !c.histograms || c.err != nil {
		return // the empty histogram need not be made to be believed
	}
	_, err := counting(func(n *counts) (struct{}, error) { return struct{}{}, h.countInto(n) })
	var count *countError
	switch {
	case errors.As(err, &count):
		c.fail(path+".count", "%w", err)
	case err != nil:
		c.fail(path+".v2", "%w", err)
	}
}

func (c *checker) resources(path string, rs []Resource) {
	for i, r := range rs {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.name(at+".name", r.Name)
		c.finite(at, r.Average, r.Peak)
		for _, x := range r.Series {
			if x := float64(x); math.IsNaN(x) || math.IsInf(x, 0) {
				c.fail(at+".series", "holds a value that is not finite")
			}
		}
		if (r.Average == nil) != (r.Unavailable != "") {
			c.fail(at, "%s needs either an average or the reason why it is unavailable", Printable(r.Name, 80))
		}
	}
}

func (c *checker) metric(path string, m Metric, rounds int) {
	c.name(path+".name", m.Name)
	if m.Better != "lower" && m.Better != "higher" {
		c.fail(path+".better", "is %q, want lower or higher", Printable(m.Better, 40))
	}
	if m.Scale != "ratio" && m.Scale != "absolute" {
		c.fail(path+".scale", "is %q, want ratio or absolute", Printable(m.Scale, 40))
	}
	c.finite(path+".value", m.Value)
	c.finite(path+".per_round", m.PerRound...)
	if m.Name == "success_ratio" {
		c.part(path+".value", m.Value)
		c.part(path+".per_round", m.PerRound...)
	}
	if len(m.PerRound) != rounds {
		c.fail(path+".per_round", "has %d values for %d rounds", len(m.PerRound), rounds)
	}
}

func (c *checker) findings(path string, fs []Finding) {
	for i, f := range fs {
		at := fmt.Sprintf("%s[%d]", path, i)
		if f.Level != "invalid" && f.Level != "caution" {
			c.fail(at+".level", "is %q, want invalid or caution", Printable(f.Level, 40))
		}
		c.name(at+".code", f.Code)
	}
}

func (c *checker) budget(path string, b *Budget) {
	c.name(path+".id", b.ID, optional)
	c.name(path+".benchmark", b.Benchmark)
	c.name(path+".metric", b.Metric)
	c.params(path+".params", b.Params)
	c.finite(path, b.Min, b.Max, b.Value)
	switch b.Verdict {
	case "pass", "missed":
		if b.Value == nil {
			c.fail(path+".verdict", "is %s, but there is no value", b.Verdict)
		}
	case "not_measured":
		if b.Reason == "" {
			c.fail(path+".reason", "is empty, but the verdict is not_measured")
		}
	default:
		c.fail(path+".verdict", "is %q, want pass, missed or not_measured", Printable(b.Verdict, 40))
	}
}

func (c *checker) params(path string, ps map[string]string) {
	for _, k := range sortedKeys(ps) {
		c.name(path, k)
		c.name(path+"."+k, ps[k], optional)
	}
}

type nameOption bool

const optional nameOption = true

func (c *checker) name(path, s string, opts ...nameOption) {
	if err := CheckName(s); err != nil && (s != "" || !slices.Contains(opts, optional)) {
		c.fail(path, "%w", err)
	}
}

// CheckName reports what is wrong with a name in a document of harness: it is
// to be UTF-8, not empty, of at most 300 bytes, and without control characters
// and those that reorder text.
func CheckName(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case len(s) > maxName:
		return fmt.Errorf("is %d bytes long, at most %d are allowed", len(s), maxName)
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not UTF-8", s)
	}
	for _, r := range s {
		if unprintable(r) {
			return fmt.Errorf("%q holds the control character %U", s, r)
		}
	}
	return nil
}

func (c *checker) finite(path string, xs ...*float64) {
	for _, x := range xs {
		if x != nil && !finite(*x) {
			c.fail(path, "is not a finite number")
		}
	}
}

// part checks parts of a whole.
func (c *checker) part(path string, xs ...*float64) {
	for _, x := range xs {
		if x != nil && !(*x >= 0 && *x <= 1) {
			c.fail(path, "is %v, want 0 to 1", *x)
		}
	}
}

func (c *checker) positive(path string, xs ...*float64) {
	c.finite(path, xs...)
	for _, x := range xs {
		if x != nil && *x < 0 {
			c.fail(path, "is %v, want 0 or more", *x)
		}
	}
}
