package body

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/benchharness/harness/internal/report"
)

// Slack's own limits are 150 characters for a header, 3,000 for a section and
// 50 blocks.
const (
	slackHeader  = 150
	slackSection = 2900 // bytes, with room for the last line
	slackLines   = 10
	slackName    = 80
)

// slackMessage is the payload of an incoming webhook, see
// https://docs.slack.dev/reference/block-kit/blocks.
type slackMessage struct {
	Text   string       `json:"text"` // for notifications
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
	// Verbatim keeps Slack from making links of whatever looks like one.
	Verbatim bool `json:"verbatim,omitempty"`
}

// Slack is the payload of a Slack webhook: JSON with the verdict, what failed
// and links. Names of documents can neither mention anybody nor link.
func Slack(legs []Leg, o Options) ([]byte, error) {
	j := judge(legs)
	sentence := j.icon() + " " + j.sentence(plainStyle)
	m := slackMessage{Text: mrkdwn(shorten(sentence, 3*slackHeader)), Blocks: []slackBlock{
		{Type: "header", Text: &slackText{Type: "plain_text", Text: shorten(j.icon()+" "+j.headline(), slackHeader)}},
	}}
	if lines := j.slackLines(); lines != "" {
		m.Blocks = append(m.Blocks, slackBlock{Type: "section", Text: &slackText{Type: "mrkdwn", Text: lines, Verbatim: true}})
	}
	m.Blocks = append(m.Blocks, slackBlock{Type: "context", Elements: []slackText{{Type: "mrkdwn", Text: j.slackContext(o), Verbatim: true}}})
	out, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write the Slack message: %w", err)
	}
	return out, nil
}

func (j *judgement) slackLines() string {
	var lines []string
	room := slackSection
	for _, k := range failing {
		for _, i := range j.items[k] {
			line := j.slackLine(i)
			if room -= len(line) + 1; len(lines) == slackLines || room < 0 {
				return strings.Join(append(lines, number(j.count(failing...)-len(lines))+" more"), "\n")
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func (j *judgement) slackLine(i item) string {
	s := "• "
	if j.several() {
		s += slackCode(j.legName(i.leg)) + " "
	}
	s += slackCode(j.subject(i))
	if i.bench == nil {
		s += " " + slackCode(metricOf(i))
	}
	switch {
	case i.budget != nil:
		return s + " " + mrkdwn(shorten(valueOf(i.budget)+", limit "+report.Limit(*i.budget), slackName))
	case i.bench != nil:
		return s + " " + mrkdwn(shorten(plain(i.why), slackName))
	case i.row.Change != nil:
		return s + " " + mrkdwn(changeWords(i.row))
	}
	return s + " " + mrkdwn(shorten(plain(i.row.Reason), slackName))
}

func (j *judgement) slackContext(o Options) string {
	var parts []string
	for _, r := range []Ref{o.Base, o.Head} {
		if s := strings.TrimSpace(plain(r.Name) + " " + fmt.Sprintf("%.*s", shortSHA, plain(r.SHA))); s != "" {
			parts = append(parts, slackCode(s))
		}
	}
	out := []string{}
	if len(parts) > 0 {
		out = append(out, strings.Join(parts, " → "))
	}
	if s := plain(o.Suite); s != "" {
		out = append(out, "suite "+slackCode(s))
	}
	for _, l := range []struct{ text, to string }{{"Full report", o.ReportURL}, {"Run", o.RunURL}} {
		if to := address(l.to); to != "" {
			out = append(out, "<"+strings.ReplaceAll(to, "&", "&amp;")+"|"+l.text+">")
		}
	}
	if len(out) == 0 {
		return "harness"
	}
	return strings.Join(out, " · ")
}

var mrkdwnReplacer = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "~", "∼", "`", "'", ":", "ː")

// mrkdwn escapes text for Slack: its three control characters, and the marks of
// emphasis and emoji, for which it has no escape, by look-alikes.
func mrkdwn(s string) string {
	rs := []rune(mrkdwnReplacer.Replace(s))
	for i, r := range rs {
		if r == '_' && !(word(at(rs, i-1)) && word(at(rs, i+1))) { // inside a word it is no mark
			rs[i] = 'ˍ'
		}
	}
	return string(rs)
}

// slackCode is a code span of Slack, in which only the control characters mean
// anything.
func slackCode(s string) string {
	s = strings.ReplaceAll(shorten(s, slackName), "`", "'")
	return "`" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s) + "`"
}
