package report

import (
	"bytes"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

type comparisonRenderer struct {
	name, golden string
	render       func(io.Writer, *verdict.Comparison) error
}

var comparisonRenderers = []comparisonRenderer{
	{"text", "comparison.txt", func(w io.Writer, c *verdict.Comparison) error { return ComparisonText(w, c, TextOptions{}) }},
	{"coloured text with every table", "comparison-color.txt", func(w io.Writer, c *verdict.Comparison) error {
		return ComparisonText(w, c, TextOptions{Color: true, Clocks: true, Width: 120})
	}},
	{"markdown", "comparison.md", ComparisonMarkdown},
	{"HTML", "comparison.html", func(w io.Writer, c *verdict.Comparison) error {
		base, head := comparedRuns()
		return ComparisonHTML(w, c, base, head, pastFixture()...)
	}},
	{"JSON", "comparison.json", ComparisonJSON},
}

func renderComparison(t *testing.T, i int, c *verdict.Comparison) string {
	t.Helper()
	var b bytes.Buffer
	if err := comparisonRenderers[i].render(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestComparisonsAreTheGoldens(t *testing.T) {
	for i, r := range comparisonRenderers {
		t.Run(r.name, func(t *testing.T) { golden(t, r.golden, renderComparison(t, i, comparisonFixture())) })
	}
}

func TestTheVerdictIsTheFirstLine(t *testing.T) {
	c := comparisonFixture()
	for i, want := range []string{c.Sentence + "\n", "\x1b[1;31m" + c.Sentence + "\x1b[0m\n", "# " + c.Sentence + "\n"} {
		if got := renderComparison(t, i, c); !strings.HasPrefix(got, want) {
			t.Errorf("%s begins with %q", comparisonRenderers[i].name, got[:min(len(got), 200)])
		}
	}
	body := regexp.MustCompile(`(?s)<body>\s*<header>\s*<h1[^>]*>`).Split(renderComparison(t, 3, c), 2)
	if len(body) != 2 || !strings.HasPrefix(body[1], c.Sentence+"</h1>") {
		t.Error("the page does not begin with the verdict")
	}
}

func TestTheComparisonInJSONIsTheDocument(t *testing.T) {
	c := comparisonFixture()
	got, err := verdict.DecodeComparison(strings.NewReader(renderComparison(t, 4, c)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Sentence != c.Sentence || len(got.Rows) != len(c.Rows) || *got.Rows[1].Worse != *c.Rows[1].Worse {
		t.Errorf("decoded %q with %d rows", got.Sentence, len(got.Rows))
	}
}

func TestNothingInAComparisonReachesATerminalOrBrowserAsMarkup(t *testing.T) {
	c := comparisonFixture()
	evil := "\x1b[2Jx\n<img src=x onerror=alert(1)>|</script><b>\u202e'\"`&@everyone #1"
	c.Sentence, c.Base.Label, c.Base.Commit, c.Base.MachineID = evil, evil, evil, evil
	c.Method.Design, c.Method.Correction = verdict.Design(evil), evil
	c.Rows = append(c.Rows, c.Rows[1], c.Rows[2])
	for i := range c.Rows[len(c.Rows)-2:] {
		r := &c.Rows[len(c.Rows)-2+i]
		r.Benchmark, r.Metric, r.Unit, r.Scale, r.Reason, r.Cautions = evil, evil, evil, evil, evil, []string{evil}
		r.Params = map[string]string{evil: evil + string(rune('0'+i)), "b": "c"}
		r.Acknowledged = &verdict.Acknowledgement{Reason: evil}
	}
	c.Rows[len(c.Rows)-1].Verdict = verdict.Verdict(evil)
	c.Validity = append(c.Validity, result.Finding{Level: "invalid", Message: evil})
	for i, r := range comparisonRenderers[:4] {
		got := renderComparison(t, i, c)
		colored := r.golden == "comparison-color.txt"
		for _, char := range got {
			if char == '\u202e' || char < ' ' && char != '\n' && (char != '\x1b' || !colored) {
				t.Errorf("%s holds the control character %U", r.name, char)
				break
			}
		}
		if colored && regexp.MustCompile("\x1b\\[[0-9;]*[^0-9;m]").MatchString(got) {
			t.Error("coloured text holds a sequence of its own")
		}
		switch r.name {
		case "markdown":
			holdsNone(t, r.name, got, "<img", "<b>", "</script", "@everyone", " #1")
			checkTables(t, got)
		case "HTML":
			holdsNone(t, r.name, withoutScript(t, got), "<img", "<b>\u202e", "</script", `="&lt;img src=x onerror=alert(1)>`)
		}
	}
}

func TestTheComparisonPageStandsAlone(t *testing.T) {
	checkPage(t, renderComparison(t, 3, comparisonFixture()),
		`role="img" aria-label="latency_p95 of api/search, 8 users: change &#43;18.4%, interval &#43;15.3% to &#43;21.5%, threshold 10%, for the worse"`,
		`role="img" aria-label="Response latency of api/search, 8 users in base and head`,
		`role="img" aria-label="CPU over both runs, average `,
		`new levels begin with run 18 and 34"`)
	bare := comparisonFixture()
	var b bytes.Buffer
	if err := ComparisonHTML(&b, bare, nil, nil); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String(), `class="interval"`, `class="lanes"`)
	holdsNone(t, "the page without runs", b.String(), "Response latency", "What the machine did", "History</h5>")
}

func TestComparisonsThatHoldLittleOrNonsenseCanBeShown(t *testing.T) {
	nan, huge, inf := math.NaN(), 1e308, math.Inf(-1)
	nonsense := verdict.Row{Benchmark: "a/b", Metric: "m", Gate: true, Verdict: verdict.Regressed, Better: "higher", Scale: "ratio",
		Base: &huge, Head: &nan, Change: &huge, Low: &inf, High: &huge, Worse: &nan, PAdj: &nan, Threshold: huge,
		BasePerRound: []*float64{&huge, nil, &nan}, HeadPerRound: []*float64{&inf, &huge}, RoundsNeeded: -1}
	finite := nonsense
	negative := -1e308
	finite.Head, finite.Low, finite.Worse, finite.Threshold = &huge, &negative, &negative, 1e-300
	finite.BasePerRound, finite.HeadPerRound = []*float64{&huge, &negative}, []*float64{&negative, &huge}
	for name, c := range map[string]*verdict.Comparison{
		"an empty comparison":              {},
		"a row without anything":           {Rows: []verdict.Row{{}}},
		"numbers that are none":            {Rows: []verdict.Row{nonsense}},
		"numbers at the end of the range":  {Rows: []verdict.Row{finite}},
		"an inconclusive row without ends": {Rows: []verdict.Row{{Verdict: verdict.Inconclusive, Gate: true, Change: &huge}}},
		"a history of nothing":             {Rows: []verdict.Row{{Benchmark: "a/b", Metric: "m", Verdict: verdict.New}}},
	} {
		past := History{Benchmark: "a/b", Metric: "m", Values: []float64{nan, huge, -huge, nan}, Changes: []int{-1, 2, 99}}
		for i := range comparisonRenderers[:4] {
			onlyNumbers(t, name, renderComparison(t, i, c))
		}
		var b bytes.Buffer
		if err := ComparisonHTML(&b, c, &result.Run{}, nil, past); err != nil {
			t.Fatal(err)
		}
		onlyNumbers(t, name, b.String())
		withoutScript(t, b.String())
	}
}

// onlyNumbers checks that nothing that is no number, or has hundreds of digits,
// is shown.
func onlyNumbers(t *testing.T, name, got string) {
	t.Helper()
	got = regexp.MustCompile(`<meta http-equiv[^>]*>`).ReplaceAllString(got, "") // its digests are any letters
	holdsNone(t, name, got, "NaN", "Inf")
	if m := regexp.MustCompile(`[\d,]{40,}`).FindString(got); m != "" {
		t.Errorf("%s shows the number %s", name, m)
	}
}

func TestChangesAreWrittenWithTheirSign(t *testing.T) {
	for _, c := range []struct {
		x     float64
		scale string
		want  string
	}{
		{0.1234, "ratio", "+12.3%"}, {-0.05, "ratio", "−5.0%"}, {0, "ratio", "0.0%"}, {-0.0001, "ratio", "0.0%"},
		{1.5, "ratio", "+150%"}, {0.9996, "ratio", "+100%"}, {34, "ratio", "+3,400%"}, {120, "ratio", "×121"},
		{1e300, "ratio", "×1e+300"}, {-0.012, "absolute", "−1.20 points"}, {0.00004, "absolute", "+0.00400 points"}, {0, "absolute", "0 points"},
		{math.NaN(), "ratio", "n/a"},
	} {
		if got := changeText(c.x, c.scale); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.x, c.scale, got, c.want)
		}
	}
}

func TestWorseIsToTheRightWhicheverWayIsBetter(t *testing.T) {
	at := func(r verdict.Row) string { return newRowPlot(&r, bad).At }
	slower := judgedRow("a/b", "", "latency_p95", "s", 1, 0.2, 0.01, verdict.Regressed)
	fewer := judgedRow("a/b", "", "throughput", "1/s", 1, -0.2, 0.01, verdict.Regressed)
	if at(slower) != "40" || at(fewer) != "40" {
		t.Errorf("20%% slower is at %s, 20%% fewer at %s, want both at 40", at(slower), at(fewer))
	}
}

func TestADesignSaysWhatItsValuesAre(t *testing.T) {
	for design, want := range map[verdict.Design]string{
		verdict.Interleaved: "Each round</h5>", verdict.StoredOne: "Each round</h5>", verdict.StoredMany: "Each run of the base, each round of the head</h5>",
	} {
		c := comparisonFixture()
		c.Method.Design = design
		if got := renderComparison(t, 3, c); !strings.Contains(got, want) || !strings.Contains(got, designText(design, len(c.Base.RunIDs))) {
			t.Errorf("the page of design %s lacks %q or what the design is", design, want)
		}
	}
	for alpha, want := range map[float64]string{0.025: "95% interval", 0.01: "98% interval", 0.005: "99% interval", 0: "Interval", 0.7: "Interval"} {
		if got := intervalTitle(alpha); got != want {
			t.Errorf("α %v gives %q, want %q", alpha, got, want)
		}
	}
}

func TestDifferingThresholdsGetAColumn(t *testing.T) {
	c := comparisonFixture()
	c.Rows[1].Threshold = 0.15
	if got := renderComparison(t, 0, c); !regexp.MustCompile(`interval +Threshold +Base +Head\n`).MatchString(got) || strings.Contains(got, "\n  Threshold ") {
		t.Errorf("the text has no column of thresholds:\n%s", got)
	}
}

func TestComparisonTextHonoursItsWidth(t *testing.T) {
	long := comparisonFixture()
	for i := range long.Rows {
		long.Rows[i].Benchmark = "api/collections/by-owner/and-by-a-name-that-is-long/" + long.Rows[i].Benchmark
		long.Rows[i].Threshold += float64(i) / 100 // a column of them
	}
	for _, width := range []int{40, 80, 100, 200} {
		for name, c := range map[string]*verdict.Comparison{"a comparison": comparisonFixture(), "one with long names": long} {
			var b bytes.Buffer
			if err := ComparisonText(&b, c, TextOptions{Width: width, Clocks: true}); err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(b.String(), "\n") {
				if n := utf8.RuneCountInString(line); n > width && i > 0 { // the verdict is not wrapped
					t.Errorf("%s at %d: %d columns in %q", name, width, n, line)
				}
			}
			text := b.String()
			if strings.Contains(text, "(in…") || !strings.Contains(text, "(info)") {
				t.Errorf("%s at %d: what does not gate is not marked", name, width)
			}
			if words := strings.Join(strings.Fields(text), ""); !strings.Contains(words, "by-a-name-that-is-long") && c == long && width >= 80 {
				t.Errorf("%s at %d: a name is cut", name, width)
			}
			if left := strings.Contains(text, "Not shown for lack"); left != (width <= 80 || width == 100 && c == long) {
				t.Errorf("%s at %d: columns left out: %t", name, width, left)
			}
		}
	}
}

func TestNamesAreBrokenAtTheirJointsFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		want  []string
	}{
		{"api/search", 14, []string{"api/search"}},
		{"api/collections/by-owner", 16, []string{"api/collections/", "by-owner"}},
		{"latency_p95 (info)", 14, []string{"latency_p95", "(info)"}},
		{"latency_p95 (info)", 11, []string{"latency_p95", "(info)"}},
		{"abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"a/abcdefghij/b", 4, []string{"a/", "abcd", "efgh", "ij/b"}},
		{"abcdef, b", 4, []string{"abcd", "ef,", "b"}},
		{"abcdef [a]", 7, []string{"abcdef", "[a]"}},
		{"abcdefgh [a]", 7, []string{"abcdefg", "h [a]"}},
		{"", 8, []string{""}},
	} {
		if got := wrapName(c.name, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d columns is %q, want %q", c.name, c.width, got, c.want)
		}
	}
}

func TestErrorsOfTheWriterAreReportedForComparisons(t *testing.T) {
	for _, r := range comparisonRenderers {
		if err := r.render(full{}, comparisonFixture()); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

func TestManyScenariosMakeAPageThatSaysWhatItLeavesOut(t *testing.T) {
	var b bytes.Buffer
	if err := ComparisonHTML(&b, manyBenchmarks(maxCards+20), nil, nil); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), `<article class="card`); n != maxCards || !strings.Contains(b.String(), "20 more scenarios are in the tables only") {
		t.Errorf("%d scenarios are drawn, want %d and a word about the others", n, maxCards)
	}
}

// BenchmarkComparisonHTML is the page of 1,000 benchmarks with 7 metrics each:
// asked are 2 s and 5 MB.
func BenchmarkComparisonHTML(b *testing.B) {
	c := manyBenchmarks(1000)
	base, head := manyRuns(1000)
	n := 0
	for b.Loop() {
		var out bytes.Buffer
		if err := ComparisonHTML(&out, c, base, head); err != nil {
			b.Fatal(err)
		}
		n = out.Len()
	}
	b.ReportMetric(float64(n)/1e6, "MB")
}

func TestTheFactsSayWhatThereWas(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		want string
	}{
		{"one base run", designText(verdict.StoredOne, 1), "one stored base run"},
		{"three base runs", designText(verdict.StoredOne, 3), "3 stored base runs, too few"},
		{"seven base runs", designText(verdict.StoredMany, 7), "several stored base runs"},
		{"the same machine", machineText(&verdict.Side{MachineID: "m"}, &verdict.Side{MachineID: "m"}), "m, the same for both"},
		{"no machine", machineText(&verdict.Side{}, &verdict.Side{}), "not named by either"},
		{"one machine", machineText(&verdict.Side{}, &verdict.Side{MachineID: "m"}), "different machines"},
	} {
		if !strings.Contains(c.text, c.want) {
			t.Errorf("%s: %q, want %q", c.name, c.text, c.want)
		}
	}
}
