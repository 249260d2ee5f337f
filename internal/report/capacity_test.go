package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
)

// hunted is a run of searches: one that found a capacity, one that the generator
// limited, one whose range ended, one that held nothing, and one that was
// interrupted.
func hunted() *result.Run {
	num := func(x float64) *float64 { return &x }
	search := func(id, by, ended string, lower, upper float64) result.Benchmark {
		b := bench(id, 16, rounds(2000, 0, 10*time.Millisecond, nil, false)[:3])
		c := &result.Capacity{
			LimitedBy: by, Ended: ended, Within: 0.05, Confirm: 3, From: 10, To: 1000, Unloaded: num(0.008), Gaps: []result.Gap{},
			Criterion: []string{"the rate is sustained", "latency_p95 ≤ 400ms (budget <b>|`x`)"},
			Probes: []result.Probe{
				{Rate: 195, Phase: "confirm", Duration: 2, Outcome: result.HeldRate, Throughput: num(195), P95: num(0.0102), Success: num(1), Settled: true},
			},
		}
		if lower > 0 {
			c.Lower = num(lower)
		}
		if upper > 0 {
			c.Upper = num(upper)
			c.Probes = append(c.Probes, result.Probe{Rate: upper, Phase: "again", Duration: 2, Outcome: result.MissedRate, Reason: "a queue was left\x1b[2J\nat the <i>end</i>", Throughput: num(190)})
		}
		if c.Confirmed = ended == result.SearchFound; c.Confirmed && by != result.LimitGenerator {
			c.Value = num(lower)
		}
		b.Capacity, b.Params = c, map[string]string{"load": "capacity", "max_in_flight": "16"}
		result.Summarise(&b, nil)
		return b
	}
	found := search("api/found", result.LimitTarget, result.SearchFound, 195, 200.5)
	late := search("api/late", result.LimitGenerator, result.SearchFound, 195, 200.5)
	late.Capacity.Probes[1].Outcome = result.GeneratorFailed
	late.Validity = []result.Finding{{Level: "caution", Code: "capacity_generator", Message: "limited by the generator"}}
	most := search("api/most", result.LimitRange, result.SearchFound, 195, 0)
	none := search("api/none", result.LimitTarget, result.SearchNone, 0, 195)
	blind := search("api/blind", result.LimitGenerator, result.SearchNone, 0, 195)
	stopped := search("api/stopped", result.LimitUnknown, result.SearchStopped, 195, 0)
	stopped.Status, stopped.Reason = result.Partial, "interrupted"
	return &result.Run{ID: "hunt", Started: start, Finished: start, Complete: true, Benchmarks: []result.Benchmark{found, late, most, none, blind, stopped}}
}

// tables are the capacity tables of a report, without what is around them.
func tables(t *testing.T, text string, begin *regexp.Regexp, end string) string {
	t.Helper()
	var out strings.Builder
	for _, at := range begin.FindAllStringIndex(text, -1) {
		part := text[at[0]:]
		if i := strings.Index(part[1:], end); i >= 0 {
			part = part[:i+1]
		}
		out.WriteString(strings.TrimSpace(part) + "\n\n")
	}
	if out.Len() == 0 {
		t.Fatalf("there is no capacity in\n%s", text)
	}
	return out.String()
}

func TestTheTablesOfSearchesAreTheGoldens(t *testing.T) {
	run := hunted()
	for _, c := range []struct {
		golden     string
		render     func(io.Writer, *result.Run) error
		begin, end string
	}{
		{"capacity.txt", func(w io.Writer, r *result.Run) error { return Text(w, r, TextOptions{Clocks: true, Width: 100}) }, `(?m)^(Capacity|Rounds of the searches)`, "\n\n"},
		{"capacity.md", Markdown, `(?m)^(## Capacity|<details>\n?<summary>Rounds of the searches)`, "\n## "},
		{"capacity.html", HTML, `<(section|details)[^>]*id="(capacity|probes)"`, "</table>"},
	} {
		t.Run(c.golden, func(t *testing.T) {
			golden(t, c.golden, tables(t, render(t, renderer{render: c.render}, run), regexp.MustCompile(c.begin), c.end))
		})
	}
}

func TestOnlyACapacityReadsLikeOne(t *testing.T) {
	got := capacityTable(hunted())
	want := map[string][2]string{
		"api/found": {"195/s", "confirmed"}, "api/late": {notAvailable, "not known"}, "api/most": {"≥ 195/s", "a lower bound"},
		"api/none": {notAvailable, "none held"}, "api/blind": {notAvailable, "not known"}, "api/stopped": {notAvailable, "not confirmed"},
	}
	if len(got.Rows) != len(want) {
		t.Fatalf("%d rows", len(got.Rows))
	}
	for _, r := range got.Rows {
		for id, w := range want {
			if strings.HasPrefix(fmt.Sprint(r.Cells[0].Text), id) && (r.Cells[1].Text != w[0] || r.Cells[6].Text != w[1]) {
				t.Errorf("%s: %q, %q; want %q", id, r.Cells[1].Text, r.Cells[6].Text, w)
			}
		}
	}
}
