package report

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/benchharness/harness/internal/result"
)

// clockSection is what the clocks of one plugin's scenarios showed, and how far
// each can be trusted. It can be laid out as a table with one line a scenario;
// where there is no room for that with a line for each quantile, or for each
// clock.
type clockSection struct {
	id, title string
	identity  []column // what tells rows apart
	rows      []clockRow
	notes     []string
}

type clockRow struct {
	identity []cell
	state    state
	span     string // why there are no clocks
	clocks   scenarioClocks
	validity cell
}

// shown are the statistics that stand beside the domain's numbers.
var shown = []struct {
	title string
	of    func(clockStats) *float64
}{
	{"P50", func(s clockStats) *float64 { return s.p50 }},
	{"P99", func(s clockStats) *float64 { return s.p99 }},
	{"Max", func(s clockStats) *float64 { return s.max }},
}

const (
	sameAsResponse = "same" // of the service clock
	byDefinition   = "–"    // of the lag of a closed loop
)

func newClockSection(run *result.Run, pools clockPools, domain *table, bs []*result.Benchmark) *clockSection {
	keys := scenarioKeys(bs)
	shared := sharedCautions(bs)
	s := &clockSection{id: domain.ID + "-clocks", title: domain.Title + ": clocks and validity"}
	s.identity = append(s.identity, column{Title: "Clocks, pooled"})
	s.identity = append(s.identity, domain.Columns[1:1+len(keys)]...)
	var batched []string
	for _, b := range bs {
		r := clockRow{identity: texts(shortName(b))}
		for _, k := range keys {
			r.identity = append(r.identity, cell{Text: scenarioValue(b, k)})
		}
		var word string
		r.state, word, _ = outcome(run, b)
		r.validity = validityCell(run, b, shared)
		var ok bool
		if r.clocks, ok = pools[b]; !ok || r.state == bad || r.state == absent {
			r.span = noClocks(word, r.validity)
		} else if r.clocks.batch > 1 {
			batched = append(batched, nameWith(b, keys))
		}
		s.rows = append(s.rows, r)
	}
	if len(batched) > 0 {
		s.notes = append(s.notes, "timed in batches, of which each is one sample, the mean of its ops: "+someOf(batched, 4))
	}
	return s
}

// noClocks says why a scenario has none, and what was found about it.
func noClocks(word string, validity cell) string {
	if word == "" {
		word = "no sample, " + validity.Text
	}
	if validity.After == "" {
		return "no clocks: " + word
	}
	return "no clocks: " + word + " (" + validity.After + ")"
}

// someOf lists the first of many names.
func someOf(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return sentence(names)
}

// short stands for all quantiles of a clock that is the same throughout, or the
// same as the response; "" if it is neither.
func (c scenarioClocks) short(i int) string {
	s := c.of[i]
	switch {
	case i == lagClock && c.closed && s.zero():
		return byDefinition
	case i == waitClock && s.samples > 0 && s.zero():
		return "0 s"
	case i == serviceClock && s.samples > 0 && c.texts(i) == c.texts(responseClock):
		return sameAsResponse
	}
	return ""
}

// texts are the quantiles of a clock that are shown.
func (c scenarioClocks) texts(i int) (out [3]string) {
	for k, q := range shown {
		out[k] = inSeconds(q.of(c.of[i]))
	}
	return out
}

// uniform says whether one word stands for a clock in every row that has
// clocks.
func (s *clockSection) uniform(i int) bool {
	word := ""
	for _, r := range s.rows {
		if r.span != "" {
			continue
		}
		short := r.clocks.short(i)
		if short == "" || word != "" && word != short {
			return false
		}
		word = short
	}
	return true
}

// clockLegend explains, in one line for the whole report, the words that stand
// in the tables of clocks. It is "" where there is none.
func clockLegend(sections []section) string {
	var same, none, few, any bool
	for _, s := range sections {
		for _, r := range s.Clocks.rows {
			if r.span != "" {
				continue
			}
			any = true
			for i := range clocks {
				short := r.clocks.short(i)
				same, none = same || short == sameAsResponse, none || short == byDefinition
				few = few || short == "" && strings.Contains(strings.Join(sliceOf(r.clocks.texts(i)), " "), notAvailable)
			}
		}
	}
	if !any {
		return ""
	}
	out := "Clocks, of all rounds' ops together: " + clockSum
	for _, part := range []struct {
		there bool
		text  string
	}{
		{same, "same: as the response"}, {none, "–: a closed loop is never late, by definition"}, {few, "n/a: too few ops"},
	} {
		if part.there {
			out += "; " + part.text
		}
	}
	return out + "."
}

func sliceOf(texts [3]string) []string { return texts[:] }

// clockPools are the clocks of the scenarios that have some.
type clockPools map[*result.Benchmark]scenarioClocks

// poolClocks opens the histograms of a run, which is most of the work of a
// large report, on every core.
func poolClocks(run *result.Run) clockPools {
	found := make([]*scenarioClocks, len(run.Benchmarks))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(found)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(found)); i = next.Add(1) - 1 {
				if c, ok := clocksOf(&run.Benchmarks[i]); ok {
					found[i] = &c
				}
			}
		})
	}
	workers.Wait()
	out := clockPools{}
	for i, c := range found {
		if c != nil {
			out[&run.Benchmarks[i]] = *c
		}
	}
	return out
}

// clockTable shows all there is of the four clocks of every scenario.
func clockTable(run *result.Run, pools clockPools) *table {
	t := &table{ID: "clocks", Title: "The four clocks in full", Columns: []column{
		{Title: "Benchmark"}, {Title: "Clock"}, {Title: "Ops", Number: true, Spare: 3}, {Title: "Mean", Number: true, Spare: 2},
		{Title: "P50", Number: true}, {Title: "P95", Number: true, Spare: 1}, {Title: "P99", Number: true}, {Title: "P99.9", Number: true}, {Title: "Max", Number: true},
	}, Footnotes: []string{"pooled: of all rounds' ops together"}}
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		s, _, _ := outcome(run, b)
		of, ok := pools[b]
		if !ok || s == absent || s == bad {
			continue
		}
		name := scenarioName(run, b)
		for i, c := range clocks {
			x := of.of[i]
			cells := texts(name, c.name, digits(float64(x.samples)))
			for _, v := range []*float64{x.mean, x.p50, x.p95, x.p99, x.p999, x.max} {
				if of.short(i) == byDefinition {
					cells = append(cells, quantileCell(byDefinition))
				} else {
					cells = append(cells, quantileCell(inSeconds(v)))
				}
			}
			t.Rows = append(t.Rows, row{State: s, Cells: cells})
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

func inSeconds(x *float64) string {
	if x == nil {
		return notAvailable
	}
	return Quantity(*x, "s")
}
