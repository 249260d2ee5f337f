package body

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/benchharness/harness/internal/verdict"
)

// matrix is n legs of metrics metrics each, of which failing fail.
func matrix(n, metrics, failing int) []Leg {
	var legs []Leg
	for i := range n {
		l := Leg{Name: fmt.Sprintf("linux-amd64-%d", i), Comparison: many(metrics, failing, i), Head: headRun()}
		if failing > 0 {
			l.Exit = 1
		}
		for b := range 50 {
			l.Head.Benchmarks = append(l.Head.Benchmarks, scenario(fmt.Sprintf("api/endpoint_number_%04d", b), 0.002, 3520))
		}
		legs = append(legs, l)
	}
	return legs
}

// within checks every length that GitHub could mean.
func within(t testing.TB, body string, limit int) {
	t.Helper()
	t.Helper()
	if units := len(utf16.Encode([]rune(body))); len(body) > limit || units > limit {
		t.Errorf("the body is %d bytes and %d units of UTF-16 long, the limit is %d", len(body), units, limit)
	}
}

func TestEverySizeKeepsToTheLimit(t *testing.T) {
	for _, tt := range []struct{ legs, metrics, failing int }{
		{1, 5, 1}, {1, 5000, 0}, {1, 2000, 300}, {1, 2000, 700}, {1, 2000, 1500}, {8, 5000, 20}, {8, 1000, 1000}, {256, 10, 1},
	} {
		for _, limit := range []int{0, 1} {
			if limit == 1 && tt.legs*tt.metrics > 10_000 {
				continue
			}
			t.Run(fmt.Sprintf("%d legs of %d metrics, %d failing, limit %d", tt.legs, tt.metrics, tt.failing, limit), func(t *testing.T) {
				legs, o := matrix(tt.legs, tt.metrics, tt.failing), options()
				o.Limit = limit
				body := Comment(legs, o)
				want := map[int]int{0: CommentLimit, 1: minLimit}[limit]
				within(t, body, want)
				if tt.metrics > 100 && tt.failing == 0 && len(body) < want*9/10 {
					t.Errorf("only %d of %d bytes are used", len(body), want)
				}
				if _, ok := ParseMarker(body); !ok {
					t.Error("the marker is lost")
				}
				harmless(t, body, o)
				everyMetricIsShownOrCounted(t, body, judge(legs))
			})
		}
	}
}

var (
	hiddenRows = regexp.MustCompile(`\n([\d,]+) rows? hidden`)
	hiddenAll  = regexp.MustCompile(`\nHidden for length: (.*?): \[full report\]`)
	notFitting = regexp.MustCompile(`\*\*([\d,]+) of [\d,]+ failing rows do not fit here`)
)

// everyMetricIsShownOrCounted adds up lines and hidden rows of the verdicts,
// legs and the head's results.
func everyMetricIsShownOrCounted(t *testing.T, body string, j *judgement) {
	t.Helper()
	want := j.count(failing...)
	for _, g := range groups {
		want += j.count(g.kind)
	}
	for _, s := range append(j.areas(1<<30), j.clocks(1<<30)...) {
		want += s.n
	}
	for _, s := range j.resources() {
		want += s.n
	}
	if e := j.environment(j.trust(options())); e != nil {
		want += e.n
	}
	if j.several() {
		want += len(j.legs)
	}
	got := 0
	for _, line := range strings.Split(body, "\n") {
		if strings.HasPrefix(line, "- `") || strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") {
			got++
		}
	}
	got -= strings.Count(body, "\n| ---") // the heads
	for _, re := range []*regexp.Regexp{hiddenRows, notFitting} {
		for _, m := range re.FindAllStringSubmatch(body, -1) {
			got += atoi(t, m[1])
		}
	}
	for _, m := range hiddenAll.FindAllStringSubmatch(body, -1) {
		for _, part := range strings.Split(m[1], ", ") {
			n, _, _ := strings.Cut(part, " ")
			got += atoi(t, n)
		}
	}
	if got != want {
		t.Errorf("%d rows are shown or counted as hidden, there are %d", got, want)
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFailingRowsAreShortenedBeforeOneIsLeftOut(t *testing.T) {
	for _, tt := range []struct {
		failing, shown int
		want, without  string
	}{
		{300, 300, "| Benchmark | Metric | Base | Head | Change |", "do not fit"},
		{600, 600, "| Benchmark | Metric | Change |", "do not fit"},
		{1000, 1000, "\n- `api/failing_end…ber_0036` `latency_p95` +48.0%\n", "do not fit"},
		{5000, 0, "of 5,000 failing rows do not fit here.** Shown are the worst: [full report](", "| Benchmark | Metric | Change |"},
	} {
		t.Run(fmt.Sprint(tt.failing), func(t *testing.T) {
			c := many(5000, tt.failing, 0)
			body := Comment([]Leg{{Comparison: c, Exit: 1}}, options())
			if !strings.Contains(body, tt.want) || strings.Contains(body, tt.without) {
				t.Errorf("the comment lacks %q or has %q:\n%.3000s", tt.want, tt.without, body)
			}
			got := strings.Count(body, "`latency_p95` +") + strings.Count(body, "`latency_p95` | **+") + strings.Count(body, "ms | **+")
			if tt.shown == 0 {
				missing := atoi(t, notFitting.FindStringSubmatch(body)[1])
				if got = got - namedInSentence + missing; got != tt.failing || missing > 4000 {
					t.Errorf("%d rows are shown or counted, %d counted", got, missing)
				}
			} else if got -= namedInSentence; got != tt.shown {
				t.Errorf("%d failing rows are shown, want %d", got, tt.shown)
			}
		})
	}
}

func TestTheLeastImportantRowsAreLeftOutFirst(t *testing.T) {
	legs := []Leg{{Comparison: many(5000, 10, 0), Head: headRun(), Exit: 1}}
	body, j := Comment(legs, options()), judge(legs)
	shown := func(title string) int {
		_, section, ok := strings.Cut(body, "<details><summary>"+title)
		if !ok {
			t.Errorf("there is no table %q", title)
		}
		section, _, _ = strings.Cut(section, "</details>")
		return strings.Count(section, "\n| `")
	}
	if n := shown(number(j.count(undecided)) + " inconclusive"); n < 400 {
		t.Errorf("%d inconclusive rows are shown, which more rounds would decide", n)
	}
	for _, title := range []string{number(j.count(improved)) + " improved", number(j.count(unchanged)) + " unchanged", "Environment", "Resources", "Results"} {
		if n := shown(title); n > fairShare {
			t.Errorf("%d rows of %s are shown, more than its share beside a more important table that was cut", n, title)
		}
	}
	if !strings.Contains(body, "rows hidden: [full report](https://github.com/acme/search/actions/runs/123#artifacts)") {
		t.Error("hidden rows do not say where they are to be found")
	}
	o := options()
	o.ReportURL = ""
	if body := Comment(legs, o); !strings.Contains(body, "rows hidden.\n") || strings.Contains(body, "full report") {
		t.Error("hidden rows lead to a report that there is not")
	}
}

func TestSummariesAndChecksKeepToTheirLimits(t *testing.T) {
	legs := matrix(4, 2000, 400)
	within(t, Summary(legs, options()), SummaryLimit)
	check := Check(legs, options())
	within(t, check.Summary, CommentLimit)
	within(t, check.Text, CommentLimit)
	if len([]rune(check.Title)) > maxTitle {
		t.Errorf("the title is %d characters long", len([]rune(check.Title)))
	}
	harmless(t, check.Summary, options())
	harmless(t, check.Text, options())
}

func TestHugeTextsDoNotBreakTheLimit(t *testing.T) {
	huge := strings.Repeat("@huge `text` ", 5000)
	legs, o := everywhere(huge, strings.Repeat("<", 60_000))
	o.Notes = []string{huge, huge, huge, huge, huge, huge}
	o.ReportURL, o.RunURL = "https://x.example/"+huge, "https://x.example/"+strings.Repeat("é", 400)
	// Every remark, the command and the entries to copy as long as they get.
	var rows []verdict.Row
	for i := range maxAccept {
		rows = append(rows, metric(strings.Repeat("é", 15)+number(i), "", strings.Repeat("ü", 10), 1, 0.2, 0.1, verdict.Regressed))
		rows[i].Gate = true
	}
	long := options()
	swelling := strings.Repeat("<1 ", maxText/3)
	long.Notes, long.Reproduce = []string{swelling, swelling, swelling, swelling, swelling}, strings.Repeat("x", maxCommand)
	long.Base.Name, long.Head.Name, long.ReportURL = huge, huge, "https://x.example/"+strings.Repeat("a", maxURL-20)
	long.Marker.Suite, long.Marker.Leg, long.Marker.Head = strings.Repeat("é", 90), strings.Repeat("é", 90), strings.Repeat("é", 90)
	for _, tt := range []struct {
		legs []Leg
		o    Options
	}{{legs, o}, {[]Leg{leg(1, rows...)}, long}} {
		for limit, want := range map[int]int{0: CommentLimit, 1: minLimit} {
			tt.o.Limit = limit
			body := Comment(tt.legs, tt.o)
			within(t, body, want)
			harmless(t, body, tt.o)
			for i := range rows {
				if name := number(i) + "` | `"; len(tt.legs) == 1 && !strings.Contains(body, name) && !strings.Contains(body, "é"+number(i)+"` `") {
					t.Errorf("failing row %d is not in the body of %d bytes", i, len(body))
				}
			}
		}
	}
	accept := judge([]Leg{leg(1, rows...)}).accept()
	if len(accept) < maxEntries-500 {
		t.Errorf("the entries to copy are only %d bytes long: the test asks too little", len(accept))
	}
}

func TestTheSameDocumentsGiveTheSameText(t *testing.T) {
	for _, e := range examples() {
		first := Comment(e.legs, e.o)
		if again := Comment(e.legs, e.o); again != first {
			t.Errorf("%s differs from one time to the next", e.name)
		}
	}
}

func BenchmarkComment(b *testing.B) {
	legs := matrix(8, 5000, 50)
	for i := range legs {
		for n := range 700 {
			legs[i].Head.Benchmarks = append(legs[i].Head.Benchmarks, scenario(fmt.Sprintf("api/more_%04d", n), 0.002, 3520))
		}
		for r := range legs[i].Comparison.Rows {
			legs[i].Comparison.Rows[r].Cautions = []string{"plugin api differs: sha256:abc and sha256:def"}
		}
	}
	b.ResetTimer()
	for b.Loop() {
		if n := len(Comment(legs, options())); n > CommentLimit {
			b.Fatal(n)
		}
	}
}
