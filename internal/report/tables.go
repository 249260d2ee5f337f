package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// defaultTable is the layout of a plugin that declares none.
var defaultTable = result.Table{Subject: "Benchmark", Columns: []result.Column{
	{Title: "Avg", Metric: "latency_mean"}, {Title: "P95", Metric: "latency_p95"}, {Title: "Throughput", Metric: "throughput"},
}}

// pluginGroup is a plugin with its benchmarks.
type pluginGroup struct {
	plugin     result.Plugin
	benchmarks []*result.Benchmark
}

// pluginGroups returns the plugins that have benchmarks, in the run's order.
func pluginGroups(run *result.Run) []pluginGroup {
	plugins := slices.Clone(run.Plugins)
	by := map[string][]*result.Benchmark{}
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		if by[b.Plugin] == nil && !slices.ContainsFunc(plugins, func(p result.Plugin) bool { return p.Name == b.Plugin }) {
			plugins = append(plugins, result.Plugin{Name: b.Plugin})
		}
		by[b.Plugin] = append(by[b.Plugin], b)
	}
	var out []pluginGroup
	for _, p := range plugins {
		if bs := by[p.Name]; len(bs) > 0 {
			out = append(out, pluginGroup{p, bs})
			delete(by, p.Name)
		}
	}
	return out
}

// pluginSections makes one table for each plugin that has benchmarks.
func pluginSections(run *result.Run, pools clockPools) []section {
	var out []section
	for _, g := range pluginGroups(run) {
		s := section{Table: pluginTable(run, g.plugin, g.benchmarks)}
		s.Table.ID = fmt.Sprintf("plugin-%d", len(out)+1)
		s.Clocks = newClockSection(run, pools, &s.Table, g.benchmarks)
		out = append(out, s)
	}
	return out
}

func pluginTable(run *result.Run, p result.Plugin, bs []*result.Benchmark) table {
	layout := p.Table
	if len(layout.Columns) == 0 {
		layout.Columns = defaultTable.Columns
	}
	if layout.Subject == "" {
		layout.Subject = defaultTable.Subject
	}
	if layout.Title == "" {
		layout.Title = label(p.Name)
	}
	keys := scenarioKeys(bs)
	t := table{Title: clean(layout.Title), Columns: []column{{Title: clean(layout.Subject)}}}
	for _, k := range keys {
		t.Columns = append(t.Columns, column{Title: keyTitle(k), Number: true, Key: true})
	}
	for _, c := range layout.Columns {
		t.Columns = append(t.Columns, column{Title: clean(c.Title), Number: true})
	}
	shared := sharedCautions(bs)
	for _, b := range bs {
		t.Rows = append(t.Rows, benchmarkRow(run, b, keys, layout.Columns, shared, &t))
	}
	for _, c := range shared {
		t.footnote(c.text())
	}
	return t
}

// shortName is a benchmark's id without its plugin.
func shortName(b *result.Benchmark) string {
	if _, name, _ := strings.Cut(b.ID, "/"); name != "" {
		return clean(name)
	}
	return clean(b.ID)
}

func benchmarkRow(run *result.Run, b *result.Benchmark, keys []string, columns []result.Column, shared []sharedCaution, t *table) row {
	var r row
	r.Cells = texts(shortName(b))
	for _, k := range keys {
		r.Cells = append(r.Cells, cell{Text: scenarioValue(b, k)})
	}
	var word, why string
	r.State, word, why = outcome(run, b)
	if r.State == absent || r.State == bad || len(b.Rounds) == 0 {
		r.Span = word + ": " + why
		return r
	}
	for _, c := range columns {
		r.Cells = append(r.Cells, metricCell(b, c, t))
	}
	if r.State != fine {
		r.Notes = append(r.Notes, word+": "+why)
	}
	if note := errorNote(b); note != "" {
		r.Notes = append(r.Notes, note)
	}
	for _, f := range b.Validity {
		if f.Level != "caution" {
			continue
		}
		if c := findShared(shared, f.Code); c != nil {
			r.Cells[0].Text += " " + c.mark
		} else {
			r.Notes = append(r.Notes, "caution: "+clean(f.Message))
		}
	}
	return r
}

// metricCell shows a metric or resource. Why there is none goes to the
// table's footnotes, once.
func metricCell(b *result.Benchmark, c result.Column, t *table) cell {
	q := b.Lookup(c.Metric)
	if q.Value != nil {
		return cell{Text: Quantity(*q.Value, q.Unit)}
	}
	if x := pooled(b, c.Metric); x != nil {
		t.footnote(pooledNote)
		return cell{Text: Quantity(*x, q.Unit) + "*", Title: pooledNote}
	}
	if q.Reason == result.NotRecorded {
		return cell{Text: "–", State: absent} // it has no such metric: nothing is missing
	}
	out := cell{Text: notAvailable, State: absent, Title: clean(q.Reason)}
	reason, gone := strings.CutPrefix(q.Reason, "unavailable: ")
	if gone {
		out.Text = "unavailable"
	}
	t.footnote(fmt.Sprintf("%s %s: %s", clean(c.Title), out.Text, clean(reason)))
	return out
}

// footnote adds a line below the table, once.
func (t *table) footnote(note string) {
	if !slices.Contains(t.Footnotes, note) {
		t.Footnotes = append(t.Footnotes, note)
	}
}

const pooledNote = "* pooled: the quantile of all rounds' ops together, because one round alone has too few"

// pooled returns a latency quantile of all rounds' ops together, or nil when
// they too are too few for it, or the metric is none.
func pooled(b *result.Benchmark, metric string) *float64 {
	h, err := result.Pooled(b.Rounds, result.Response)
	if err != nil {
		return nil
	}
	switch metric {
	case "latency_p50":
		return h.P50
	case "latency_p95":
		return h.P95
	case "latency_p99":
		return h.P99
	}
	return nil
}

// scenarioKeys returns the parameters that tell the scenarios of some
// benchmark among bs apart; none when every benchmark has one scenario.
func scenarioKeys(bs []*result.Benchmark) []string {
	first := map[string]*result.Benchmark{}
	keys := map[string]bool{}
	for _, b := range bs {
		other, seen := first[b.ID]
		if !seen {
			first[b.ID] = b
			continue
		}
		for _, params := range []map[string]string{b.Params, other.Params} {
			for k := range params {
				if b.Params[k] != other.Params[k] {
					keys[k] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func keyTitle(key string) string {
	switch key {
	case "concurrent_users":
		return "Users"
	case "max_in_flight":
		return "In flight"
	}
	return label(key)
}

// scenarioValue is the value of a parameter; the number of users is known
// from the load as well.
func scenarioValue(b *result.Benchmark, key string) string {
	if v, ok := b.Params[key]; ok {
		return clean(v)
	}
	if key == "concurrent_users" && b.Load.Workers > 0 {
		return fmt.Sprint(b.Load.Workers)
	}
	return "–"
}

// scenarioName is a benchmark's id with what tells its scenarios apart.
func scenarioName(run *result.Run, b *result.Benchmark) string {
	var siblings []*result.Benchmark
	for i := range run.Benchmarks {
		if run.Benchmarks[i].ID == b.ID {
			siblings = append(siblings, &run.Benchmarks[i])
		}
	}
	return nameWith(b, scenarioKeys(siblings))
}

// nameWith is a benchmark's id with some of its parameters.
func nameWith(b *result.Benchmark, keys []string) string {
	var parts []string
	for _, k := range keys {
		parts = append(parts, paramText(k, scenarioValue(b, k)))
	}
	if len(parts) == 0 {
		return clean(b.ID)
	}
	return clean(b.ID) + ", " + strings.Join(parts, ", ")
}

func paramText(key, value string) string {
	switch {
	case key == "concurrent_users" && value == "1":
		return "1 user"
	case key == "concurrent_users":
		return value + " users"
	}
	return clean(key) + " " + value
}

func classList(classes map[string]uint64) string {
	if len(classes) == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(classes), func(a, b string) int {
		if classes[a] != classes[b] {
			return int(min(max(int64(classes[b])-int64(classes[a]), -1), 1))
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, n := range names[:min(len(names), 3)] {
		parts = append(parts, fmt.Sprintf("%s × %s", clean(n), digits(float64(classes[n]))))
	}
	if more := len(names) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d other classes", more))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func budgetTable(budgets []result.Budget) *table {
	if len(budgets) == 0 {
		return nil
	}
	t := &table{ID: "budgets", Title: "Budgets", Columns: []column{
		{Title: "Budget", Spare: 1}, {Title: "Benchmark"}, {Title: "Metric"}, {Title: "Limit", Number: true, Spare: 2}, {Title: "Value", Number: true}, {Title: "Verdict"},
	}}
	for _, b := range budgets {
		r := row{}
		name := clean(b.Benchmark)
		if users, ok := b.Params["concurrent_users"]; ok {
			name += ", " + paramText("concurrent_users", clean(users))
		}
		value := cell{Text: notAvailable, State: absent}
		if b.Value != nil {
			value = cell{Text: Quantity(*b.Value, b.Unit)}
		}
		verdict := cell{Text: b.Verdict, State: good}
		switch b.Verdict {
		case "missed":
			verdict.State = bad
		case "not_measured":
			verdict = cell{Text: "not measured", State: absent}
			if b.Value != nil { // a value that cannot count is not shown as one that does
				value.Text, value.State = "("+value.Text+")", absent
			}
			r.Notes = []string{clean(b.Reason)}
		}
		r.Cells = append(texts(orNone(b.ID), name, clean(b.Metric), limit(b)), value, verdict)
		t.Rows = append(t.Rows, r)
	}
	return t
}

func limit(b result.Budget) string {
	var parts []string
	if b.Min != nil {
		parts = append(parts, "≥ "+Quantity(*b.Min, b.Unit))
	}
	if b.Max != nil {
		parts = append(parts, "≤ "+Quantity(*b.Max, b.Unit))
	}
	return strings.Join(parts, ", ")
}

// figureTable shows what set-up measured, once for each benchmark.
func figureTable(run *result.Run) *table {
	t := &table{ID: "setup", Title: "Set-up", Columns: []column{{Title: "Benchmark"}, {Title: "Figure"}, {Title: "Value", Number: true}},
		Footnotes: []string{"measured once, in set-up: a figure has no clocks"}}
	seen := map[string]bool{}
	for _, b := range run.Benchmarks {
		for _, f := range b.Figures {
			r := row{Cells: texts(clean(b.ID), label(f.Name), Quantity(f.Value, f.Unit))}
			if key := fmt.Sprint(r.Cells); !seen[key] {
				seen[key] = true
				t.Rows = append(t.Rows, r)
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}
