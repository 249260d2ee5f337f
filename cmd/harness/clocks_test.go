package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

// clockRow is what a report says of one scenario's clocks.
type clockRow struct{ cells []string }

// everyScenarioHasItsClocks checks, in a place where all five areas were
// measured and reported in every format, that each of them shows the four
// clocks and the validity of each scenario: there is no row without.
func everyScenarioHasItsClocks(t *testing.T, p *place, run *result.Run) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, b := range run.Benchmarks {
		for i, r := range b.Rounds {
			for name, h := range map[string]result.Histogram{"response": r.Clocks.Response, "service": r.Clocks.Service, "lag": r.Clocks.Lag, "wait": r.Clocks.Wait} {
				if h.Count == 0 || h.V2 == "" {
					t.Errorf("JSON: the clock %s of %s in round %d has no samples", name, b.ID, i)
				}
			}
		}
	}
	for name, rows := range map[string][]clockRow{
		"text": textClocks(t, read("report.txt")), "markdown": markdownClocks(t, read("report.md")), "HTML": htmlClocks(t, read("report.html")),
	} {
		if len(rows) != len(run.Benchmarks) {
			t.Errorf("%s has the clocks of %d scenarios, want %d", name, len(rows), len(run.Benchmarks))
			continue
		}
		for i, b := range byPlugin(run) {
			checkClockRow(t, name, b, rows[i])
		}
	}
	all := p.must("report", "--clocks").stdout
	for _, want := range []string{"The four clocks in full", "P99.9", "What the clocks mean", "What validity means"} {
		if !strings.Contains(all, want) {
			t.Errorf("harness report --clocks lacks %q", want)
		}
	}
}

// byPlugin are the scenarios in the order of reports.
func byPlugin(run *result.Run) []*result.Benchmark {
	var out []*result.Benchmark
	for _, plugin := range run.Plugins {
		for i := range run.Benchmarks {
			if run.Benchmarks[i].Plugin == plugin.Name {
				out = append(out, &run.Benchmarks[i])
			}
		}
	}
	return out
}

var (
	clockText    = regexp.MustCompile(`^(n/a|same|–|0 s|[\d.,]+ (ns|µs|ms|s))$`)
	validityText = regexp.MustCompile(`^(valid|caution|invalid|not complete)\b`)
)

func checkClockRow(t *testing.T, format string, b *result.Benchmark, r clockRow) {
	t.Helper()
	_, name, _ := strings.Cut(b.ID, "/")
	if len(r.cells) == 0 || r.cells[0] != name {
		t.Errorf("%s: %q, want a row of %s", format, r.cells, name)
		return
	}
	all := strings.Join(r.cells, "|")
	if b.Status == result.NotMeasured {
		if !strings.Contains(all, "no clocks: not measured") {
			t.Errorf("%s does not say why %s has no clocks: %q", format, b.ID, r.cells)
		}
		return
	}
	clocks, validities := 0, 0
	for _, c := range r.cells {
		if clockText.MatchString(c) {
			clocks++
		}
		if validityText.MatchString(c) {
			validities++
		}
	}
	// Three quantiles of the response, and each of the others at least in one
	// word.
	if clocks < 6 || validities != 1 {
		t.Errorf("%s: %d figures of clocks and %d words of validity for %s: %q", format, clocks, validities, b.ID, r.cells)
	}
}

// textClocks reads the blocks of the text report. The lines of a scenario that
// has several belong to the first.
func textClocks(t *testing.T, text string) (rows []clockRow) {
	t.Helper()
	in := false
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "  Clocks, pooled") {
			in = true
			for _, title := range []string{"Service", "Lag", "Wait", "Validity"} {
				in = in && (strings.Contains(line, title) || strings.Count(line, "P50") > 1)
			}
			if !in {
				t.Errorf("the columns of clocks are %q", line)
			}
			continue
		}
		if !in || len(line) < 3 {
			in = false
			continue
		}
		cells := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(regexp.MustCompile(`^(✗ |! |– )`).ReplaceAllString(line, "")), -1)
		switch {
		case strings.HasPrefix(line, "    ") && len(rows) > 0:
			rows[len(rows)-1].cells = append(rows[len(rows)-1].cells, cells...)
		case !strings.HasPrefix(line, "  timed in batches"):
			rows = append(rows, clockRow{cells})
		}
	}
	return rows
}

func markdownClocks(t *testing.T, text string) (rows []clockRow) {
	t.Helper()
	for _, part := range strings.Split(text, ": clocks and validity\n\n")[1:] {
		table, _, _ := strings.Cut(part, "\n\n")
		lines := strings.Split(table, "\n")
		for _, title := range []string{"| Validity |", "| Response P50 | Response P99 | Response Max |", "| Service ", "| Lag ", "| Wait "} {
			if !strings.Contains(lines[0], title) {
				t.Errorf("markdown: the columns of clocks are %q, want %q among them", lines[0], title)
			}
		}
		for _, line := range lines[2:] {
			var cells []string
			for c := range strings.SplitSeq(strings.Trim(line, "| "), "|") {
				cells = append(cells, strings.NewReplacer(`\`, "", "~~", "", "**", "").Replace(strings.TrimSpace(c)))
			}
			rows = append(rows, clockRow{cells})
		}
	}
	return rows
}

var (
	clockTables = regexp.MustCompile(`(?s)<div class="clocks">(.*?)</div>\n<details class="meaning">`)
	tableRows   = regexp.MustCompile(`<tr[^>]*><th scope="row">.*?</tr>`)
	rowCells    = regexp.MustCompile(`<t[hd][^>]*>(.*?)</t[hd]>`)
	anyTag      = regexp.MustCompile(`<[^>]*>`)
)

func htmlClocks(t *testing.T, page string) (rows []clockRow) {
	t.Helper()
	for _, table := range clockTables.FindAllStringSubmatch(page, -1) {
		for _, title := range []string{">Validity<", ">Response<", ">Service<", ">Lag<", ">Wait<"} {
			if !strings.Contains(table[1], title) {
				t.Errorf("HTML: a table of clocks lacks the title %q", title)
			}
		}
		for _, line := range tableRows.FindAllString(table[1], -1) {
			var cells []string
			for _, c := range rowCells.FindAllStringSubmatch(line, -1) {
				cells = append(cells, strings.TrimSpace(anyTag.ReplaceAllString(c[1], "")))
			}
			rows = append(rows, clockRow{cells})
		}
	}
	return rows
}
