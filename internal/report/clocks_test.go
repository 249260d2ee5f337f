package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/loop"
)

// zeros is a histogram of n samples of 0.
func zeros(n int64) *hdrhistogram.Histogram {
	h := loop.NewHistogram()
	if err := h.RecordValues(0, n); err != nil {
		panic(err)
	}
	return h
}

// loopRound is a round of n ops whose lag and wait are 0 where they are not
// given.
func loopRound(n int, response, lag, wait time.Duration, batch uint64) result.Round {
	of := func(d time.Duration) *hdrhistogram.Histogram {
		if d == 0 {
			return zeros(int64(n))
		}
		return histogram(n, d)
	}
	return result.NewRound(loop.Result{
		Started: start, Elapsed: time.Second, Batch: batch, Counts: loop.Counts{Scheduled: uint64(n), OK: uint64(n)},
		Clocks: loop.Clocks{Response: of(response + lag + wait), Service: of(response), Lag: of(lag), Wait: of(wait)},
	})
}

// scenarioOf is a benchmark of rounds under a load.
func scenarioOf(id, model string, rs ...result.Round) result.Benchmark {
	b := bench(id, 8, rs)
	b.Load.Model = model
	return b
}

func runOf(bs ...result.Benchmark) *result.Run {
	return &result.Run{Complete: true, Started: start, Finished: start, Benchmarks: bs}
}

func textOf(t *testing.T, run *result.Run, o TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, run, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStatisticsOfAClockAreThoseOfItsPooledHistogram(t *testing.T) {
	for name, rs := range map[string][]result.Round{
		"one round":                 {loopRound(3000, time.Millisecond, 0, 0, 1)},
		"three rounds":              {loopRound(200, time.Millisecond, time.Microsecond, 0, 1), loopRound(300, 2*time.Millisecond, 0, 0, 1), loopRound(10, time.Second, 0, 0, 1)},
		"batches":                   {loopRound(3000, time.Millisecond, 0, time.Microsecond, 100)},
		"too few":                   {loopRound(3, time.Millisecond, 0, 0, 1)},
		"a round without samples":   {loopRound(500, time.Millisecond, 0, 0, 1), {}},
		"too few zeros for a p99":   {loopRound(100, time.Millisecond, 0, 0, 1)},
		"too few zeros, in batches": {loopRound(100, time.Millisecond, 0, 0, 50)},
	} {
		b := scenarioOf("x/y", "closed", rs...)
		got, _ := clocksOf(&b)
		for i, c := range clocks {
			want, err := result.Pooled(rs, c.of)
			if err != nil {
				t.Fatal(err)
			}
			g := got.of[i]
			if g.samples != want.Count || inSeconds(g.mean) != inSeconds(want.Mean) || inSeconds(g.p50) != inSeconds(want.P50) ||
				inSeconds(g.p95) != inSeconds(want.P95) || inSeconds(g.p99) != inSeconds(want.P99) || inSeconds(g.max) != inSeconds(want.Max) {
				t.Errorf("%s, %s: %+v, want %+v", name, c.name, g, want)
			}
		}
	}
}

func TestWordsStandForClocksThatSayNothingNew(t *testing.T) {
	closed := scenarioOf("x/closed", "closed", loopRound(1000, time.Millisecond, 0, 0, 1))
	open := scenarioOf("x/open", "constant", loopRound(1000, time.Millisecond, 0, 0, 1))
	late := scenarioOf("x/late", "constant", loopRound(1000, time.Millisecond, 50*time.Microsecond, 0, 1))
	// A plugin of somebody's own can be late in a closed loop: that is shown.
	odd := scenarioOf("x/odd", "closed", loopRound(1000, time.Millisecond, 50*time.Microsecond, 0, 1))
	empty := scenarioOf("x/empty", "closed", result.Round{Counts: loop.Counts{Scheduled: 1, OK: 1}})
	for _, c := range []struct {
		b                  result.Benchmark
		service, lag, wait string
	}{
		{closed, "same", "–", "0 s"}, {open, "same", "", "0 s"}, {late, "", "", "0 s"}, {odd, "", "", "0 s"}, {empty, "", "–", ""},
	} {
		of, _ := clocksOf(&c.b)
		got := []string{of.short(responseClock), of.short(serviceClock), of.short(lagClock), of.short(waitClock)}
		if want := []string{"", c.service, c.lag, c.wait}; strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q, want %q", c.b.ID, got, want)
		}
	}
	if got := textOf(t, runOf(closed, late), TextOptions{Width: 160}); !strings.Contains(got, "Lag ─") || strings.Contains(got, "Wait ─") {
		t.Errorf("where one of two loops is open the lag has numbers, and a wait that is 0 in both has one column:\n%s", got)
	}
}

func TestClocksTakeAsManyLinesAsTheWidthAllowsAndLoseNothing(t *testing.T) {
	run := runOf(
		scenarioOf("x/a_rather_long_name_of_an_endpoint", "constant", loopRound(1000, 10*time.Millisecond, 20*time.Microsecond, 3*time.Millisecond, 1)),
		scenarioOf("x/short", "constant", loopRound(2000, 20*time.Millisecond, 30*time.Microsecond, 5*time.Millisecond, 1)),
	)
	for _, c := range []struct{ width, lines int }{{200, 1}, {100, 3}, {80, 3}, {60, 4}, {50, 4}} {
		got := textOf(t, run, TextOptions{Width: c.width})
		_, block, _ := strings.Cut(got, "Clocks,")
		block, _, _ = strings.Cut(block, "\nClocks, of")
		for _, want := range []string{"10.1 ms", "20.3 µs", "3.04 ms", "13.2 ms", "20.3 ms", "30.4 µs", "5.07 ms", "valid"} {
			if !strings.Contains(block, want) {
				t.Errorf("width %d lacks %q:\n%s", c.width, want, block)
			}
		}
		lines, from := 0, false
		for line := range strings.SplitSeq(block, "\n") {
			if n := utf8.RuneCountInString(line); n > c.width {
				t.Errorf("width %d: %d columns in %q", c.width, n, line)
			}
			if from = from || strings.Contains(line, "short"); from && line != "" && !strings.Contains(line, "└") {
				lines++
			}
		}
		if lines != c.lines {
			t.Errorf("width %d: %d lines a scenario, want %d:\n%s", c.width, lines, c.lines, block)
		}
	}
}

func TestTheValidityOfARowHasAWordAndItsCodes(t *testing.T) {
	with := func(id string, fs ...result.Finding) result.Benchmark {
		b := scenarioOf(id, "closed", loopRound(1000, time.Millisecond, 0, 0, 1))
		b.Validity = fs
		return b
	}
	finding := func(level, code string) result.Finding {
		return result.Finding{Level: level, Code: code, Message: "because"}
	}
	part := with("x/part", finding("caution", "steal"))
	part.Status, part.Reason = result.Partial, "interrupted"
	var many []result.Finding
	for i := range 9 {
		many = append(many, finding("caution", fmt.Sprint("code", i)))
	}
	for _, c := range []struct {
		b    result.Benchmark
		run  []result.Finding
		want string
	}{
		{with("x/good"), nil, "valid"},
		{with("x/good"), []result.Finding{finding("caution", "busy")}, "valid"},
		{with("x/good"), []result.Finding{finding("invalid", "clock")}, "invalid clock"},
		{with("x/careful", finding("caution", "steal"), finding("caution", "steal"), finding("caution", "swap")), nil, "caution steal, swap"},
		{with("x/bad", finding("caution", "steal"), finding("invalid", "lag")), nil, "invalid steal, lag"},
		{with("x/many", many...), nil, "caution code0, code1, code2, code3 and 5 more"},
		{with("x/hostile", finding("caution", "\x1b[2J"+strings.Repeat("y", 500))), nil, "caution " + strings.Repeat("y", 37) + "…"},
		{part, nil, "not complete steal"},
	} {
		run := runOf(c.b)
		run.Validity = c.run
		v := validityCell(run, &run.Benchmarks[0], nil)
		if got := strings.TrimSpace(v.Text + " " + v.After); got != c.want {
			t.Errorf("%s: %q, want %q", c.b.ID, got, c.want)
		}
	}
	// What many rows share is said once, with its code, and marked.
	three := runOf(with("x/a", finding("caution", "steal")), with("x/b", finding("caution", "steal")), with("x/c", finding("caution", "steal")))
	if got := textOf(t, three, TextOptions{}); !strings.Contains(got, "caution [a]\n") || !strings.Contains(got, "[a] caution steal in 3 rows") {
		t.Errorf("a shared caution:\n%s", got)
	}
}

func TestScenariosWithoutClocksSayWhy(t *testing.T) {
	failed := scenarioOf("x/down", "closed", round(500, 500, time.Millisecond, nil, false))
	failed.Validity = []result.Finding{{Level: "invalid", Code: "no_success", Message: "none"}}
	run := runOf(failed, unmeasured("x/absent", result.NotMeasured, "no endpoint", ""), unmeasured("x/broken", result.Failed, "crashed", ""),
		scenarioOf("x/empty", "closed", result.Round{Counts: loop.Counts{Scheduled: 1, OK: 1}}))
	got := textOf(t, run, TextOptions{})
	for _, want := range []string{"down            no clocks: failed (no_success)", "absent          no clocks: not measured", "broken          no clocks: failed",
		"empty           no clocks: no sample, valid"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
}

func TestBatchesAreNamedWhereTheirClocksStand(t *testing.T) {
	got := textOf(t, runOf(scenarioOf("x/fast", "closed", loopRound(1000, time.Microsecond, 0, 0, 64)), scenarioOf("x/slow", "closed", loopRound(1000, time.Second, 0, 0, 1))), TextOptions{})
	if !strings.Contains(got, "timed in batches, of which each is one sample, the mean of its ops: x/fast\n") {
		t.Errorf("the report does not name what was timed in batches:\n%s", got)
	}
}

func TestWhatAClockMeansIsOneStepAway(t *testing.T) {
	for i, r := range renderers[:4] {
		doc := report(t, i)
		if r.golden == "run.txt" {
			if !strings.Contains(strings.Join(strings.Fields(doc), " "), "What each means: harness report --clocks") {
				t.Errorf("%s does not name the flag", r.name)
			}
			continue
		}
		words := strings.Join(strings.Fields(strings.NewReplacer("&#39;", "'", "\x1b[0m", "", "\x1b[2m", "").Replace(doc)), " ")
		for _, c := range clocks {
			if !strings.Contains(words, strings.Fields(c.meaning)[0]+" "+strings.Join(strings.Fields(c.meaning)[1:6], " ")) {
				t.Errorf("%s does not say what %s means", r.name, c.name)
			}
		}
	}
	// On the page it is a click from each table, without a script.
	html := report(t, 3)
	if tables, folds := strings.Count(html, `<div class="clocks">`), strings.Count(html, `<details class="meaning">`); tables != 5 || folds != tables {
		t.Errorf("%d tables of clocks and %d meanings, want 5 of each", tables, folds)
	}
}
