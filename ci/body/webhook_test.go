package body

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/verdict"
)

func payload(t *testing.T, legs []Leg, o Options) Payload {
	t.Helper()
	b, err := Webhook(legs, o)
	if err != nil {
		t.Fatal(err)
	}
	var p Payload
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheWebhookCarriesTheVerdict(t *testing.T) {
	o := options()
	o.Notes = []string{"the baseline is from the last run of main"}
	p := payload(t, []Leg{
		{Name: "linux", Comparison: comparison(append(fine(3), regression())...), Exit: 1},
		{Name: "macos", Exit: 3, Problem: "no runner was free"},
	}, o)
	if p.Schema != WebhookSchema || p.Conclusion != Failure || !p.Blocks || p.Suite != "default" || p.Head != (PayloadRef{"faster-ranking", headSHA}) {
		t.Errorf("the payload is %+v", p)
	}
	if p.Sentence != Sentence([]Leg{{Name: "linux", Comparison: comparison(append(fine(3), regression())...), Exit: 1}, {Name: "macos"}}) {
		t.Errorf("the sentence is %q", p.Sentence)
	}
	if p.Counts[string(verdict.Unchanged)] != 3 || p.Counts[string(verdict.Regressed)] != 1 || len(p.Legs) != 2 || p.Legs[1].Problem != "no runner was free" {
		t.Errorf("counts are %v, legs %+v", p.Counts, p.Legs)
	}
	if len(p.Failing) != 1 || p.FailingTotal != 1 {
		t.Fatalf("%d rows of %d fail", len(p.Failing), p.FailingTotal)
	}
	r, want := p.Failing[0], regression()
	if r.Kind != "regressed" || r.Leg != "linux" || r.Benchmark != "api/search" || r.Metric != "latency_p99" || r.Unit != "s" || r.Params["concurrent_users"] != "8" ||
		*r.Base != *want.Base || *r.Head != *want.Head || *r.Change != 0.142 || *r.Low != 0.11 || *r.High != 0.175 || *r.Threshold != 0.1 || r.Min != nil {
		t.Errorf("the row is %+v", r)
	}
	if p.Links["report"] != o.ReportURL || p.Links["run"] != o.RunURL || len(p.Notes) != 1 {
		t.Errorf("links are %v, notes %v", p.Links, p.Notes)
	}
}

func TestTheWebhookCountsRowsThatItLeavesOut(t *testing.T) {
	p := payload(t, []Leg{{Comparison: many(3000, 1500, 0), Exit: 1}}, Options{})
	if len(p.Failing) != MaxFailing || p.FailingTotal != 1500 {
		t.Errorf("%d rows of %d", len(p.Failing), p.FailingTotal)
	}
	if *p.Failing[0].Change < *p.Failing[MaxFailing-1].Change {
		t.Error("the worst rows are not first")
	}
}

func TestEveryKindOfFailureIsInTheWebhook(t *testing.T) {
	kinds := map[string]bool{}
	for _, e := range examples() {
		for _, r := range payload(t, e.legs, e.o).Failing {
			kinds[r.Kind] = true
			if r.Benchmark == "" {
				t.Errorf("%s: a row without a benchmark", e.name)
			}
		}
	}
	for _, want := range []string{"regressed", "budget_missed", "could_not_run", "invalid"} {
		if !kinds[want] {
			t.Errorf("no row is %s", want)
		}
	}
}

func TestEmptyListsOfTheWebhookAreNotNull(t *testing.T) {
	b, err := Webhook(nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "null") {
		t.Errorf("the payload is %s", b)
	}
}
