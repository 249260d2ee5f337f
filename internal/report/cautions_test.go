package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

// cautious is a run with rows of one plugin that all have the same caution.
func cautious(rows int) *result.Run {
	run := &result.Run{}
	for i := range rows {
		run.Benchmarks = append(run.Benchmarks, result.Benchmark{
			ID: fmt.Sprintf("api/e%d", i), Plugin: "api", Status: result.Measured,
			Rounds:   []result.Round{{}},
			Validity: []result.Finding{{Level: "caution", Code: "steal", Message: fmt.Sprintf("%d%% stolen", i)}},
		})
	}
	return run
}

func TestACautionOfManyRowsIsSaidOnceAndMarkedInEach(t *testing.T) {
	for _, tt := range []struct{ rows, said, marked int }{{1, 1, 0}, {2, 2, 0}, {3, 1, 3}, {9, 1, 9}} {
		var b bytes.Buffer
		if err := Text(&b, cautious(tt.rows), TextOptions{}); err != nil {
			t.Fatal(err)
		}
		table, _, _ := strings.Cut(b.String(), "\nEnvironment")
		said, marked := strings.Count(table, "% stolen"), strings.Count(table, " [a] ")
		if tt.marked > 0 {
			marked-- // the footnote begins with the mark too
		}
		if said != tt.said || marked != tt.marked {
			t.Errorf("%d rows: said %d times and marked %d times, want %d and %d:\n%s", tt.rows, said, marked, tt.said, tt.marked, table)
		}
	}
}
