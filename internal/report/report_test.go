package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/benchharness/harness/internal/result"
)

var update = flag.Bool("update", false, "write goldens instead of comparing them")

type renderer struct {
	name, golden string
	render       func(io.Writer, *result.Run) error
}

var renderers = []renderer{
	{"text", "run.txt", func(w io.Writer, r *result.Run) error { return Text(w, r, TextOptions{}) }},
	{"coloured text with every table", "run-color.txt", func(w io.Writer, r *result.Run) error {
		return Text(w, r, TextOptions{Color: true, Clocks: true, Width: 80})
	}},
	{"markdown", "run.md", Markdown},
	{"HTML", "run.html", HTML},
	{"JSON", "", JSON},
}

var rendered = map[string]string{}

// report renders the fixture, once.
func report(t *testing.T, i int) string {
	t.Helper()
	r := renderers[i]
	if rendered[r.name] == "" {
		rendered[r.name] = render(t, r, fixture())
	}
	return rendered[r.name]
}

func render(t *testing.T, r renderer, run *result.Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.render(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReportsAreTheGoldens(t *testing.T) {
	for i, r := range renderers[:4] {
		t.Run(r.name, func(t *testing.T) {
			golden(t, r.golden, report(t, i))
		})
	}
}

// golden compares with a file in testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s at line %s\nrun: go test ./internal/report -update", path, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return strings.Join([]string{a[i], b[i]}, "\nwant: ")
		}
	}
	return "the end"
}

func TestTheJSONReportIsTheDocument(t *testing.T) {
	run := fixture()
	var b bytes.Buffer
	if err := JSON(&b, run); err != nil {
		t.Fatal(err)
	}
	got, err := result.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Checksum != run.Checksum || len(got.Benchmarks) != len(run.Benchmarks) {
		t.Errorf("decoded %s with %d benchmarks", got.Checksum, len(got.Benchmarks))
	}
}

func TestReportsCanBeMadeOfRunsThatHoldLittle(t *testing.T) {
	for name, run := range map[string]*result.Run{
		"an empty run":                    {},
		"an interrupted run":              {ID: "x", Interrupted: true, Machine: []byte("null"), Started: start, Finished: start},
		"a fingerprint that is no object": {Machine: []byte(`[1]`)},
		"a failed benchmark":              {Benchmarks: []result.Benchmark{{ID: "noslash", Status: result.Failed, Reason: "x"}}, Complete: true},
		"an invalid run":                  {Complete: true, Validity: []result.Finding{{Level: "invalid", Message: "swapping"}}, Benchmarks: fixture().Benchmarks[2:3]},
	} {
		for _, r := range renderers[:4] {
			got := render(t, r, run)
			if run.Interrupted && !strings.Contains(got, "The run was interrupted") {
				t.Errorf("%s of %s does not say so", r.name, name)
			}
			if len(run.Validity) > 0 && !strings.Contains(got, "No number of this run can be trusted: swapping") {
				t.Errorf("%s of %s does not say so", r.name, name)
			}
		}
	}
}

func TestNothingInARunReachesATerminalOrBrowserAsMarkup(t *testing.T) {
	for i, r := range renderers[:4] {
		got := report(t, i)
		for _, c := range got {
			if c < ' ' && c != '\n' && (c != '\x1b' || r.golden != "run-color.txt") {
				t.Errorf("%s holds the control character %U", r.name, c)
				break
			}
		}
		if r.golden == "run-color.txt" && regexp.MustCompile("\x1b(\\[[^0-9]|[^\\[]|\\[[0-9]*[^0-9m])").MatchString(got) {
			t.Error("coloured text holds a sequence of its own")
		}
	}
	holdsNone(t, "HTML", withoutScript(t, report(t, 3)), "<script", "<img", "<b>oom", "<b>Unavailable")
	holdsNone(t, "markdown", report(t, 2), "<script", "<b>", "@everyone", " #1 ")
}

func holdsNone(t *testing.T, what, got string, bad ...string) {
	t.Helper()
	for _, s := range bad {
		if strings.Contains(got, s) {
			t.Errorf("%s holds %q", what, s)
		}
	}
}

// withoutScript takes out the page's own script, which has to be there once.
func withoutScript(t *testing.T, html string) string {
	t.Helper()
	own := "<script>" + sortScript + "</script>"
	if n := strings.Count(html, own); n != 1 {
		t.Fatalf("the page holds its script %d times", n)
	}
	return strings.Replace(html, own, "", 1)
}

func TestMarkdownTablesHaveOneNumberOfCells(t *testing.T) { checkTables(t, report(t, 2)) }

// checkTables checks that no row of a markdown table is broken.
func checkTables(t *testing.T, md string) {
	t.Helper()
	cells, before := 0, ""
	for _, line := range strings.Split(md, "\n") {
		if !strings.HasPrefix(line, "|") {
			before = line
			continue
		}
		if !strings.HasSuffix(line, "|") {
			t.Errorf("a row of a table is broken: %q", line)
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if !strings.HasPrefix(before, "|") {
			cells = n
		}
		if n != cells {
			t.Errorf("%d bars, want %d, in %q", n, cells, line)
		}
		before = line
	}
}

func TestTheHTMLPageStandsAlone(t *testing.T) {
	checkPage(t, report(t, 3), `role="img" aria-label="Response latency of vector/minilm_general`)
}

// checkPage checks that a page stands alone and is well formed.
func checkPage(t *testing.T, html string, wanted ...string) {
	t.Helper()
	html = withoutScript(t, html)
	holdsNone(t, "the page", html, "src=", "@import", "url(", "<script", "<iframe", "<object", " style=", " onclick")
	if links := regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(html, -1); len(links) != 1 || links[0][1] != "data:," {
		t.Errorf("the page links to %v", links)
	}
	for _, want := range append(wanted, "prefers-color-scheme: dark", `name="viewport"`, `<html lang="en">`, "<caption>", "Content-Security-Policy") {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	d := xml.NewDecoder(strings.NewReader(html[strings.Index(html, "<body>"):strings.Index(html, "</html>")]))
	d.Strict = false
	d.AutoClose = []string{"br", "wbr"}
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("elements do not match: %v", err)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if ids[m[1]] {
			t.Errorf("id %q is used twice", m[1])
		}
		ids[m[1]] = true
	}
}

func TestNumbersThatCannotBeTrustedNeverLookFine(t *testing.T) {
	text, md, html := report(t, 0), report(t, 2), report(t, 3)
	for name, c := range map[string]struct{ doc, want string }{
		"invalid in text":           {text, `✗ mixtral_embeddings +8 +\(\S+ \S+\)`},
		"its reason in text":        {text, `└ invalid: round 2 of 5: lag at p99 is 41% of the response`},
		"invalid in markdown":       {md, `\| mixtral_embeddings \*\*\(invalid\)\*\* \| 8 \| ~~`},
		"invalid in HTML":           {html, `mixtral_<wbr>embeddings <span class="tag invalid">invalid</span></th>.*<s>`},
		"a target that is down":     {text, `✗ graphql\n +└ failed: no op succeeded; 500 ops failed \(http_503 × 500\)`},
		"no number of it in HTML":   {html, `<tr class="bad"><th scope="row">graphql</th><td class="span" colspan="4"><span>failed: no op succeeded`},
		"a partial one in markdown": {md, `\| tpcb \*\*\(not complete\)\*\* `},
		"a GPU that is not there":   {text, `bge_base +1 .* unavailable`},
		"why it is not there":       {text, `GPU util unavailable: built without NVML`},
		"a quantile of too few ops": {text, `bge_base +1 +\S+ ms +\S+ ms\* `},
		"why it is marked":          {text, `\* pooled: the quantile of all rounds`},
		"a caution beside numbers":  {text, `└ caution: rounds 1, 4 of 5: the plugin's GC took 12% of the round`},
		"a failure in 3,000":        {text, `99\.96%`},
	} {
		if !regexp.MustCompile(c.want).MatchString(c.doc) {
			t.Errorf("%s: nothing matches %q", name, c.want)
		}
	}
}

func TestTextHonoursItsWidth(t *testing.T) {
	for _, width := range []int{80, 120} {
		var b bytes.Buffer
		if err := Text(&b, fixture(), TextOptions{Width: width, Clocks: true}); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if strings.HasPrefix(line, "  BENCHMARK_") || strings.HasPrefix(line, "harness ·") {
				continue // a command is not wrapped
			}
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("width %d: %d columns in %q", width, n, line)
			}
		}
	}
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct {
		x    float64
		unit string
		want string
	}{
		{0, "s", "0 s"}, {250e-9, "s", "250 ns"}, {999.6e-6, "s", "1.00 ms"}, {0.0123, "s", "12.3 ms"}, {0.999, "s", "999 ms"},
		{1.5e-6, "s", "1.50 µs"}, {75, "s", "75 s"}, {300.5, "s", "300 s"}, {-0.002, "s", "-2 ms"},
		{81.23, "1/s", "81.2/s"}, {1234, "1/s", "1.23 k/s"}, {12345678, "1/s", "12.3 M/s"}, {0, "1/s", "0/s"}, {0.02, "1/s", "0.0200/s"},
		{8345698304, "B", "7.77 GiB"}, {512, "B", "512 B"}, {2.1e7, "B/s", "21 MB/s"}, {1234, "J", "1.23 kJ"},
		{0.5, "ratio", "50.0%"}, {1, "ratio", "100%"}, {0, "ratio", "0%"}, {0.99934, "ratio", "99.9%"}, {0.99996, "ratio", ">99.99%"},
		{0.9996, "ratio", "99.96%"}, {0.0001, "ratio", "<0.1%"}, {1.31, "cores", "1.31 cores"}, {54, "Cel", "54 °C"},
		{12345, "", "12,345"}, {1234567.8, "", "1,234,568"}, {0.0512, "", "0.0512"}, {99.97, "", "100"}, {-1234, "", "-1,234"},
	} {
		if got := Quantity(c.x, c.unit); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.x, c.unit, got, c.want)
		}
	}
	if got := fixed(megabit)(125e3); got != "1 Mbit/s" {
		t.Errorf("125 kB/s is %q, want 1 Mbit/s", got)
	}
}

func TestTheCommandQuotesWhatAShellWouldRead(t *testing.T) {
	run := fixture()
	run.Plan.ConfigFile = "/x/my suite; rm -rf $HOME.yaml"
	want := `BENCHMARK_DURATION='10 s'\''' harness run --config '/x/my suite; rm -rf $HOME.yaml' --profile quick --seed 42 --concurrent-users=8`
	if got := reproduce(run); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestErrorsOfTheWriterAreReported(t *testing.T) {
	for _, r := range renderers {
		if err := r.render(full{}, fixture()); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

// BenchmarkLargeHTML is the page of 1,000 scenarios of 5 rounds: asked are 2 s
// and 5 MB.
func BenchmarkLargeHTML(b *testing.B) {
	run := fixture()
	five := rounds(2500, 0, 320*time.Microsecond, nil, false)
	run.Benchmarks = nil
	for i := range 1000 {
		run.Benchmarks = append(run.Benchmarks, bench(fmt.Sprintf("api/endpoint-%04d", i), 8, five))
	}
	n := 0
	for b.Loop() {
		var out bytes.Buffer
		if err := HTML(&out, run); err != nil {
			b.Fatal(err)
		}
		n = out.Len()
	}
	b.ReportMetric(float64(n)/1e6, "MB")
}

func BenchmarkHTML(b *testing.B) {
	run := fixture()
	for b.Loop() {
		if err := HTML(io.Discard, run); err != nil {
			b.Fatal(err)
		}
	}
}
