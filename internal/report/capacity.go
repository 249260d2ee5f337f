package report

import (
	"fmt"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// capacityTable has a row for each search for a capacity.
func capacityTable(run *result.Run) *table {
	t := &table{ID: "capacity", Title: "Capacity", Columns: []column{
		{Title: "Benchmark"}, {Title: "Capacity", Number: true}, {Title: "Holds", Number: true, Spare: 1}, {Title: "Not", Number: true, Spare: 1},
		{Title: "P95 there", Number: true, Spare: 2}, {Title: "Limited by"}, {Title: "Verdict"},
	}}
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		c := b.Capacity
		if c == nil {
			continue
		}
		r := row{}
		value := cell{Text: notAvailable, State: absent}
		verdict := cell{Text: "not confirmed", State: bad}
		switch {
		case c.LimitedBy == result.LimitGenerator: // what held is in its own column, and no capacity
			verdict = cell{Text: "not known", State: bad}
		case c.Confirmed && c.LimitedBy != result.LimitTarget:
			value, verdict = cell{Text: "≥ " + exactRate(c.Lower)}, cell{Text: "a lower bound", State: partial}
		case c.Confirmed:
			value, verdict = cell{Text: exactRate(c.Value)}, cell{Text: "confirmed", State: good}
		case c.Ended == result.SearchNone:
			verdict.Text = "none held"
		}
		p95 := cell{Text: notAvailable, State: absent}
		if q := b.Lookup("latency_p95"); q.Value != nil && c.Lower != nil {
			p95 = cell{Text: Quantity(*q.Value, q.Unit)}
		}
		r.Cells = append(texts(scenarioName(run, b)), value, cell{Text: exactRate(c.Lower)}, cell{Text: exactRate(c.Upper)}, p95,
			cell{Text: clean(c.LimitedBy)}, verdict)
		for _, f := range b.Validity {
			if strings.HasPrefix(f.Code, "capacity_") {
				r.Notes = append(r.Notes, clean(f.Message))
			}
		}
		t.Rows = append(t.Rows, r)
		t.footnote(fmt.Sprintf("What had to hold for %s, in %s in a row: %s.", clean(b.ID), count(c.Confirm, "round"), clean(strings.Join(c.Criterion, "; "))))
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

// probeTable has a row for each round of each search.
func probeTable(run *result.Run) *table {
	t := &table{ID: "probes", Title: "Rounds of the searches for a capacity", Columns: []column{
		{Title: "Benchmark"}, {Title: "Round", Number: true}, {Title: "For"}, {Title: "Rate", Number: true}, {Title: "Length", Number: true, Spare: 1},
		{Title: "Did", Number: true}, {Title: "P95", Number: true}, {Title: "Success", Number: true, Spare: 2}, {Title: "Outcome"},
	}}
	for i := range run.Benchmarks {
		b := &run.Benchmarks[i]
		if b.Capacity == nil {
			continue
		}
		for n, p := range b.Capacity.Probes {
			outcome := cell{Text: clean(p.Outcome), State: good}
			switch p.Outcome {
			case result.MissedRate:
				outcome.State = bad
			case result.GeneratorFailed:
				outcome.State = partial
			}
			r := row{Cells: append(texts(scenarioName(run, b), fmt.Sprint(n+1), clean(p.Phase), exactRate(&p.Rate), Quantity(p.Duration, "s"),
				quantity(p.Throughput, "1/s"), quantity(p.P95, "s"), quantity(p.Success, "ratio")), outcome)}
			if p.Reason != "" {
				r.Notes = []string{clean(p.Reason)}
			}
			t.Rows = append(t.Rows, r)
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

// exactRate is a rate with all its digits: it is what to ask for.
func exactRate(x *float64) string {
	if x == nil {
		return "–"
	}
	return fmt.Sprintf("%v/s", *x)
}

func quantity(x *float64, unit string) string {
	if x == nil {
		return notAvailable
	}
	return Quantity(*x, unit)
}
