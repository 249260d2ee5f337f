package report

import (
	"slices"
	"testing"
)

func TestTheAreasAreTheTablesOfTheReport(t *testing.T) {
	run := fixture()
	v := newView(run)
	areas := Areas(run, 1000)
	if len(areas) != len(v.Plugins) {
		t.Fatalf("%d areas, the report has %d", len(areas), len(v.Plugins))
	}
	for i, a := range areas {
		table := v.Plugins[i].Table
		if a.Title != table.Title || len(a.Rows) != len(table.Rows) || a.More != 0 {
			t.Errorf("%s: %d rows and %d more, the report has %s with %d", a.Title, len(a.Rows), a.More, table.Title, len(table.Rows))
		}
		for j, r := range a.Rows {
			if r.Cells[0] != table.Rows[j].Cells[0].Text || r.Span != table.Rows[j].Span || !slices.Equal(r.Notes, table.Rows[j].Notes) {
				t.Errorf("%s: row %d is %v, the report has %v", a.Title, j, r, table.Rows[j])
			}
			if r.Span == "" && len(r.Cells) != len(a.Columns) {
				t.Errorf("%s: row %d has %d cells for %d columns", a.Title, j, len(r.Cells), len(a.Columns))
			}
		}
	}
}

func TestAreasLeaveOutRowsAndCountThem(t *testing.T) {
	run := fixture()
	all, rows, more := 0, 0, 0
	for _, a := range Areas(run, 1000) {
		all += len(a.Rows)
	}
	for _, a := range Areas(run, 4) {
		rows += len(a.Rows)
		more += a.More
	}
	if rows != 4 || more != all-4 {
		t.Errorf("%d rows and %d more of %d, want 4 rows", rows, more, all)
	}
}

func TestAFailedBenchmarkSaysWhy(t *testing.T) {
	run := fixture()
	var failed []string
	for i := range run.Benchmarks {
		if why, ok := Failed(run, &run.Benchmarks[i]); ok {
			if why == "" {
				t.Errorf("%s failed without a reason", run.Benchmarks[i].ID)
			}
			failed = append(failed, run.Benchmarks[i].ID)
		}
	}
	if want := []string{"api/graphql", "api/grpc"}; !slices.Equal(failed, want) {
		t.Errorf("failed are %q, want %q", failed, want)
	}
}
