package body

import (
	"encoding/json"
	"strings"
)

// Sentence is the verdict in one line of plain text, without markup: whether
// it blocks, and what failed. Whoever shows it as markdown escapes it with
// [Prose].
func Sentence(legs []Leg) string {
	var parts []string
	for _, l := range legs {
		switch {
		case l.Comparison != nil:
			parts = append(parts, plain(l.Comparison.Sentence))
		case l.Problem != "":
			parts = append(parts, plain(l.Problem))
		}
	}
	if len(parts) == 0 {
		return "Nothing to compare with"
	}
	return strings.Join(parts, "; ")
}

// Comment is the body of the comment, the marker in its last line. It is never
// longer than o.Limit. Rows that fail a gate come first and are the last to be
// shortened; what is left out is counted.
func Comment(legs []Leg, o Options) string {
	return "### " + Prose(Sentence(legs)) + "\n\n" + o.Marker.String() + "\n"
}

// Summary is the comment for a job's summary: with more room, and without the
// marker.
func Summary(legs []Leg, o Options) string { return "### " + Prose(Sentence(legs)) + "\n" }

// Check is the same as a check run shows it.
func Check(legs []Leg, o Options) CheckOutput {
	out := CheckOutput{Conclusion: Success, Title: Sentence(legs), Summary: Summary(legs, o)}
	for _, l := range legs {
		if l.Exit != 0 {
			out.Conclusion = Failure
		}
	}
	return out
}

// Slack is the payload of a Slack webhook: JSON with the verdict, what failed
// and links.
func Slack(legs []Leg, o Options) ([]byte, error) {
	return json.Marshal(map[string]string{"text": Sentence(legs)})
}

// Webhook is the payload of any other webhook: JSON of the schema
// harness.webhook/v1, see [Payload].
func Webhook(legs []Leg, o Options) ([]byte, error) {
	return json.Marshal(Payload{Schema: WebhookSchema, Sentence: Sentence(legs)})
}
