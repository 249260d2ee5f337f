package body

import (
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

func leg(exit int, rows ...verdict.Row) Leg { return Leg{Comparison: comparison(rows...), Exit: exit} }

func fine(n int) []verdict.Row {
	var rows []verdict.Row
	for i := range n {
		r := metric("api/embed", "8", "latency_p95", 0.002, 0.001, 0.02, verdict.Unchanged)
		r.Params["n"] = number(i)
		rows = append(rows, r)
	}
	return rows
}

// informational is a row that does not gate.
func informationalRow(v verdict.Verdict) verdict.Row {
	return metric("api/search", "8", "latency_mean", 0.002, 0.2, 0.02, v)
}

func gating(v verdict.Verdict) verdict.Row {
	return metric("api/search", "8", "latency_p95", 0.002, 0.2, 0.02, v)
}

func acknowledgedRow() verdict.Row {
	r := gating(verdict.Regressed)
	r.Acknowledged = &verdict.Acknowledgement{Reason: "ranking by model", Until: start}
	return r
}

func TestTheSentenceSaysWhatAReviewerHasToKnow(t *testing.T) {
	interrupted := headRun()
	interrupted.Interrupted = true
	failed := headRun()
	failed.Benchmarks[0].Status, failed.Benchmarks[0].Reason, failed.Benchmarks[0].Rounds = result.Failed, "plugin crashed: signal: killed", nil
	budgets := leg(1, fine(2)...)
	budgets.Comparison.Budgets = []result.Budget{budgetRow("NFR", "vector/docs", "8", "throughput", "1/s", verdict.Missed, number64(10000), nil, number64(8120))}
	soft := leg(0, fine(2)...)
	soft.Comparison.Budgets = []result.Budget{budgetRow("NFR", "vector/docs", "8", "throughput", "1/s", verdict.Missed, number64(10000), nil, number64(8120))}
	soft.Comparison.Budgets[0].Gate = false
	unmeasured := leg(0, fine(2)...)
	unmeasured.Comparison.Budgets = []result.Budget{budgetRow("NFR", "vector/docs", "8", "throughput", "1/s", verdict.NotMeasured, number64(10000), nil, nil)}
	named := func(name string, l Leg) Leg { l.Name = name; return l }
	for _, tt := range []struct {
		name       string
		legs       []Leg
		want       string
		conclusion string
	}{
		{"all fine", []Leg{leg(0, fine(42)...)}, "✅ No regression in 42 metrics", Success},
		{"informational ones are undecided", []Leg{leg(0, append(fine(37), informationalRow(verdict.Inconclusive))...)}, "✅ No regression in 37 of 38 metrics, 1 undecided", Success},
		{"a gating one is undecided", []Leg{leg(0, append(fine(37), gating(verdict.Inconclusive))...)}, "⚪ No regression in 37 of 38 metrics, 1 undecided", Neutral},
		{"a gating one is undecided and the policy fails that", []Leg{leg(4, append(fine(37), gating(verdict.Inconclusive))...)},
			"❌ 1 gating metric without a verdict (blocks merge): api/search latency_p95", Failure},
		{"a gating one is missing", []Leg{leg(0, append(fine(3), gating(verdict.Missing))...)}, "⚪ No regression in 3 of 4 metrics, 1 gating metric missing", Neutral},
		{"a new one beside others", []Leg{leg(0, append(fine(3), gating(verdict.New))...)}, "✅ No regression in 3 of 4 metrics, 1 new", Success},
		{"one regression", []Leg{leg(1, append(fine(3), regression())...)}, "❌ 1 regression (blocks merge): api/search latency_p99 +14.2% [+11.0, +17.5]", Failure},
		{"three regressions", []Leg{leg(1, gating(verdict.Regressed), regression(), metric("db/tpcb", "", "throughput", 800, -0.5, 0.1, verdict.Regressed))},
			"❌ 3 regressions (blocks merge): db/tpcb throughput −50.0% [−60.0, −40.0]; api/search latency_p95 +20.0% [+18.0, +22.0] and 1 more", Failure},
		{"a regression that is not to block", []Leg{leg(0, append(fine(3), regression())...)}, "⚠️ 1 regression (does not block): api/search latency_p99 +14.2% [+11.0, +17.5]", Neutral},
		{"a drop in points", []Leg{leg(1, func() verdict.Row {
			r := metric("vector/docs", "", "recall", 0.95, -0.1, 0, verdict.Regressed)
			r.Gate = true
			return r
		}())}, "❌ 1 regression (blocks merge): vector/docs recall −10 points [−10, −10]", Failure},
		{"an acknowledged regression", []Leg{leg(0, append(fine(3), acknowledgedRow())...)}, "✅ No regression in 4 metrics, 1 acknowledged", Success},
		{"an informational one is worse", []Leg{leg(0, append(fine(3), informationalRow(verdict.Regressed))...)}, "✅ No gating regression in 4 metrics, 1 informational worse", Success},
		{"a missed budget", []Leg{budgets}, "❌ 1 budget missed (blocks merge): vector/docs, 8 users throughput 8.12 k/s, limit ≥ 10 k/s", Failure},
		{"a missed budget that does not gate", []Leg{soft}, "✅ No regression in 2 metrics", Success},
		{"a budget that was not measured", []Leg{unmeasured}, "⚪ No regression in 2 metrics, 1 budget not measured", Neutral},
		{"an invalid metric", []Leg{leg(4, append(fine(3), valueless(gating(""), verdict.Invalid, "lag"))...)}, "❌ 1 gating metric invalid (blocks merge): api/search latency_p95: lag", Failure},
		{"a benchmark that could not run", []Leg{{Comparison: comparison(fine(3)...), Head: failed, Exit: 3}},
			"❌ 1 benchmark could not run (blocks merge): embedding/all-minilm-l6-v2: plugin crashed: signal: killed", Failure},
		{"an interrupted run", []Leg{{Comparison: comparison(fine(3)...), Head: interrupted, Exit: 130}}, "❌ Interrupted (blocks merge), no regression in 3 metrics", Cancelled},
		{"nothing at hand but a failure", []Leg{{Exit: 3, Problem: "target search is down"}}, "❌ Not judged (blocks merge): target search is down", Failure},
		{"no baseline", []Leg{leg(0, gating(verdict.New), informationalRow(verdict.New))}, "⚪ Nothing to compare with: 2 metrics are new", Neutral},
		{"no comparison", []Leg{{Head: headRun()}}, "⚪ Nothing to compare with", Neutral},
		{"no legs", nil, "⚪ Nothing to compare with", Neutral},
		{"nothing is comparable", []Leg{leg(0, gating(verdict.Incomparable))}, "⚪ No verdict on any of 1 metric, 1 incomparable", Neutral},
		{"several legs, one of which fails", []Leg{named("linux", leg(0, fine(3)...)), named("macos", leg(1, append(fine(2), regression())...))},
			"❌ 1 regression in 1 of 2 legs (blocks merge): macos api/search latency_p99 +14.2% [+11.0, +17.5]", Failure},
		{"several legs without names", []Leg{leg(0, fine(3)...), leg(1, regression())},
			"❌ 1 regression in 1 of 2 legs (blocks merge): leg 2 api/search latency_p99 +14.2% [+11.0, +17.5]", Failure},
		{"one leg has nothing to compare with", []Leg{named("linux", leg(0, fine(3)...)), {Name: "macos", Problem: "no runner was free"}},
			"⚪ No regression in 3 metrics: macos: no runner was free", Neutral},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Sentence(tt.legs); got != tt.want {
				t.Errorf("says\n%s\nwant\n%s", got, tt.want)
			}
			check := Check(tt.legs, options())
			if check.Conclusion != tt.conclusion {
				t.Errorf("the check is %s, want %s", check.Conclusion, tt.conclusion)
			}
			if _, title, _ := strings.Cut(tt.want, " "); check.Title != title {
				t.Errorf("the check's title is %q", check.Title)
			}
			harmless(t, Comment(tt.legs, options()), options())
		})
	}
}

func TestTheNextStepFitsTheVerdict(t *testing.T) {
	open := gating(verdict.Inconclusive)
	open.RoundsNeeded = 31
	unrepeated := gating(verdict.Inconclusive)
	unrepeated.Reason = verdict.NotRepeated
	storedOpen := leg(0, open)
	storedOpen.Comparison.Method.Design = verdict.StoredOne
	expired := acknowledgedRow()
	expired.Acknowledged.Expired = true
	for _, tt := range []struct {
		name string
		leg  Leg
		want []string
	}{
		{"a regression", leg(1, regression()), []string{"or accept it as below", options().Reproduce, "- {benchmark: \"api/search\", metric: \"latency_p99\", reason: \"why\", until: YYYY-MM-DD, up_to: 18%}"}},
		{"more regressions than are made into entries", leg(1, many(20, 20, 0).Rows...), []string{"accept it in `.harness/acknowledged.yaml`"}},
		{"an expired acknowledgement", leg(1, expired), []string{"accept it as below"}},
		{"an undecided metric", leg(0, open), []string{"1 gating metric is undecided", "`--looks 31`"}},
		{"a metric whose repeat is not there", leg(4, unrepeated), []string{"1 gating metric stood out", "the repeat that would confirm it is not in the documents", options().Reproduce}},
		{"an undecided metric of a stored base", storedOpen, []string{"`--rounds 31`"}},
		{"no baseline", leg(0, gating(verdict.New)), []string{"harness baseline save main"}},
		{"another machine", leg(0, gating(verdict.Incomparable)), []string{"1 gating metric is not compared", options().Reproduce}},
		{"an invalid metric", leg(4, gating(verdict.Invalid)), []string{"`harness doctor`"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := Comment([]Leg{tt.leg}, options())
			for _, want := range tt.want {
				if !strings.Contains(body, want) {
					t.Errorf("the comment lacks %q:\n%s", want, body)
				}
			}
		})
	}
	o := options()
	o.Reproduce = ""
	if body := Comment([]Leg{leg(1, regression())}, o); !strings.Contains(body, "or accept it as below.\n") {
		t.Errorf("where there is no command, the sentence ends in a colon:\n%s", body)
	}
	if body := Comment([]Leg{leg(0, fine(3)...)}, options()); strings.Contains(body, "**Next:**") {
		t.Errorf("there is a next step where nothing is to be done:\n%s", body)
	}
}

// That a repeat would be asked for is no repeat.
func TestARepeatIsToldWhereThereWasOne(t *testing.T) {
	for _, tt := range []struct {
		name  string
		row   verdict.Row
		there bool
	}{
		{"nothing stood out", fine(1)[0], false},
		{"what stood out was not repeated", gating(verdict.Inconclusive), false},
		{"only an informational metric is better", informationalRow(verdict.Improved), false},
		{"a gating metric is better", gating(verdict.Improved), true},
		{"a regression", regression(), true},
		{"an accepted regression", acknowledgedRow(), true},
	} {
		l := leg(0, append(fine(3), tt.row)...)
		l.Comparison.Method.Confirmed = true
		if got := strings.Contains(Comment([]Leg{l}, options()), "confirmed by a repeat"); got != tt.there {
			t.Errorf("%s: a repeat is told: %v", tt.name, got)
		}
	}
}

func TestACommandCannotLeaveItsBlock(t *testing.T) {
	o := options()
	o.Reproduce = "harness ab\n```\n# x\n````\u202e @everyone"
	body := Comment([]Leg{leg(1, regression())}, o)
	harmless(t, body, o)
	if !strings.Contains(body, "\n`````sh\nharness ab\n```\n# x\n````  @everyone\n`````\n") {
		t.Errorf("the block is\n%s", body)
	}
	o.Reproduce = strings.Repeat("x", maxCommand+1)
	if body := Comment([]Leg{leg(1, regression())}, o); strings.Contains(body, "xxxx") || !strings.Contains(body, "too long") {
		t.Error("a command that is too long is shown, or nothing is said")
	}
}

func TestAnnotationsPointAtTheConfiguration(t *testing.T) {
	legs := []Leg{{Comparison: many(300, 150, 0), Exit: 1}}
	o := options()
	check := Check(legs, o)
	if len(check.Annotations) != MaxAnnotations {
		t.Fatalf("%d annotations, want %d", len(check.Annotations), MaxAnnotations)
	}
	a := check.Annotations[0]
	if a.Path != "harness.yaml" || a.Line != 1 || a.Level != "failure" ||
		a.Title != "Regression: api/failing_endpoint_number_0036 latency_p95" || a.Message != "1 ms → 1.48 ms; +48.0% [+45.0, +51.0], threshold 10%" {
		t.Errorf("the first annotation is %+v", a)
	}
	legs[0].Exit = 0
	if got := Check(legs, o).Annotations[0].Level; got != "warning" {
		t.Errorf("a regression that does not block is a %s", got)
	}
	o.ConfigPath = ""
	if got := Check(legs, o).Annotations; len(got) != 0 {
		t.Errorf("%d annotations point nowhere", len(got))
	}
}
