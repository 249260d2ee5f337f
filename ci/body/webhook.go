package body

import (
	"encoding/json"
	"fmt"

	"github.com/benchharness/harness/internal/verdict"
)

// WebhookSchema is the value of Payload.Schema.
const WebhookSchema = "harness.webhook/v1"

// MaxFailing is the most rows of a Payload.
const MaxFailing = 1000

// Payload is the verdict for programs. Names are printable and on one line,
// and otherwise as they are in the documents: whoever shows them escapes them.
type Payload struct {
	Schema     string         `json:"schema"`
	Sentence   string         `json:"sentence"`
	Conclusion string         `json:"conclusion"` // as of a check
	Blocks     bool           `json:"blocks"`
	Suite      string         `json:"suite"`
	Base       PayloadRef     `json:"base"`
	Head       PayloadRef     `json:"head"`
	Counts     map[string]int `json:"counts"` // metrics by verdict
	Legs       []PayloadLeg   `json:"legs"`
	// Failing are the rows that fail a gate, the worst first; there may be more,
	// see FailingTotal.
	Failing      []PayloadRow      `json:"failing"`
	FailingTotal int               `json:"failing_total"`
	Notes        []string          `json:"notes"` // what limits trust
	Links        map[string]string `json:"links"` // "report", "run", "repository"
}

// PayloadRef is a side.
type PayloadRef struct {
	Name string `json:"name"`
	SHA  string `json:"sha"`
}

// PayloadLeg is the verdict of one leg.
type PayloadLeg struct {
	Name    string         `json:"name"`
	Exit    int            `json:"exit"`
	Counts  map[string]int `json:"counts"`
	Problem string         `json:"problem,omitempty"`
}

// PayloadRow is a row that fails. Numbers are in SI base units; null is
// unavailable.
type PayloadRow struct {
	// Kind is regressed, budget_missed, could_not_run, invalid or no_verdict.
	Kind      string            `json:"kind"`
	Leg       string            `json:"leg"`
	Benchmark string            `json:"benchmark"`
	Params    map[string]string `json:"params"`
	Metric    string            `json:"metric,omitempty"`
	Unit      string            `json:"unit,omitempty"`
	Base      *float64          `json:"base"`
	Head      *float64          `json:"head"`
	Change    *float64          `json:"change"` // ratio − 1, or points
	Low       *float64          `json:"low"`
	High      *float64          `json:"high"`
	Threshold *float64          `json:"threshold"`
	Min       *float64          `json:"min"` // of a budget
	Max       *float64          `json:"max"`
	Reason    string            `json:"reason,omitempty"`
}

// Webhook is the payload of any other webhook: JSON of the schema
// harness.webhook/v1, see [Payload].
func Webhook(legs []Leg, o Options) ([]byte, error) {
	j := judge(legs)
	p := Payload{
		Schema: WebhookSchema, Sentence: j.icon() + " " + j.sentence(plainStyle), Conclusion: j.conclusion(), Blocks: j.blocks,
		Suite: plain(o.Suite), Base: PayloadRef{plain(o.Base.Name), plain(o.Base.SHA)}, Head: PayloadRef{plain(o.Head.Name), plain(o.Head.SHA)},
		Counts: map[string]int{}, Legs: []PayloadLeg{}, Failing: []PayloadRow{}, FailingTotal: j.count(failing...),
		Notes: []string{}, Links: map[string]string{},
	}
	for _, n := range o.Notes {
		p.Notes = append(p.Notes, plain(n))
	}
	for i, l := range legs {
		leg := PayloadLeg{Name: plain(l.Name), Exit: l.Exit, Counts: verdictCounts(l.Comparison), Problem: plain(l.Problem)}
		for v, n := range leg.Counts {
			p.Counts[v] += n
		}
		if j.several() {
			leg.Name = j.legName(i)
		}
		p.Legs = append(p.Legs, leg)
	}
	for name, to := range map[string]string{"report": o.ReportURL, "run": o.RunURL, "repository": o.RepoURL} {
		if to = address(to); to != "" {
			p.Links[name] = to
		}
	}
	for _, k := range failing {
		for _, i := range j.items[k][:min(len(j.items[k]), MaxFailing-len(p.Failing))] {
			p.Failing = append(p.Failing, j.payloadRow(k, i))
		}
	}
	out, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the webhook's payload: %w", err)
	}
	return out, nil
}

func verdictCounts(c *verdict.Comparison) map[string]int {
	out := map[string]int{}
	if c == nil {
		return out
	}
	for i := range c.Rows {
		out[plain(string(c.Rows[i].Verdict))]++
	}
	return out
}

func (j *judgement) payloadRow(k kind, i item) PayloadRow {
	kinds := [...]string{regressed: "regressed", missed: "budget_missed", stopped: "could_not_run", untrusted: "invalid", unjudged: "no_verdict"}
	out := PayloadRow{Kind: kinds[k], Leg: plain(j.legs[i.leg].Name)}
	if j.several() {
		out.Leg = j.legName(i.leg)
	}
	switch {
	case i.budget != nil:
		b := i.budget
		out.Benchmark, out.Params, out.Metric, out.Unit = plain(b.Benchmark), printable(b.Params), plain(b.Metric), plain(b.Unit)
		out.Head, out.Min, out.Max, out.Reason = b.Value, b.Min, b.Max, plain(b.Reason)
	case i.bench != nil:
		out.Benchmark, out.Params, out.Reason = plain(i.bench.ID), printable(i.bench.Params), plain(i.why)
	default:
		r := i.row
		out.Benchmark, out.Params, out.Metric, out.Unit = plain(r.Benchmark), printable(r.Params), plain(r.Metric), plain(r.Unit)
		out.Base, out.Head, out.Change, out.Low, out.High, out.Reason = r.Base, r.Head, r.Change, r.Low, r.High, plain(r.Reason)
		out.Threshold = &r.Threshold
	}
	return out
}

func printable(params map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range params {
		out[plain(k)] = plain(v)
	}
	return out
}
