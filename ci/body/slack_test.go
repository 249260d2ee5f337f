package body

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// slackLink is the only markup of Slack's that the bot writes beside code.
var slackLink = regexp.MustCompile(`<(https?://[^<>|\s]+)\|(Full report|Run)>`)

// slackHarmless checks the payload against Slack's limits and syntax.
func slackHarmless(t testing.TB, legs []Leg, o Options) {
	t.Helper()
	b, err := Slack(legs, o)
	if err != nil {
		t.Fatal(err)
	}
	var m slackMessage
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	check := func(text string, limit int) {
		t.Helper()
		if n := utf8.RuneCountInString(text); n > limit || n == 0 {
			t.Errorf("a text is %d characters long, 1 to %d are allowed", n, limit)
		}
		text = slackLink.ReplaceAllString(text, "")
		if strings.ContainsAny(text, "<>") {
			t.Errorf("a text holds Slack's control characters: %q", text)
		}
		if regexp.MustCompile(`&(amp|lt|gt);`).ReplaceAllString(text, "") != strings.ReplaceAll(regexp.MustCompile(`&(amp|lt|gt);`).ReplaceAllString(text, ""), "&", "") {
			t.Errorf("a text holds a lone &: %q", text)
		}
		outside := regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
		if strings.ContainsAny(outside, "*~`") || regexp.MustCompile(`:[\w+-]+:`).MatchString(outside) {
			t.Errorf("a text holds markup outside of code: %q", outside)
		}
	}
	check(m.Text, 4000)
	for _, block := range m.Blocks {
		switch block.Type {
		case "header":
			check(block.Text.Text, 150)
		case "section":
			check(block.Text.Text, 3000)
		case "context":
			for _, e := range block.Elements {
				check(e.Text, 3000)
			}
		default:
			t.Errorf("a block of type %s", block.Type)
		}
	}
}

func TestSlackShowsTheVerdictAndWhatFailed(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			slackHarmless(t, e.legs, e.o)
			b, err := Slack(e.legs, e.o)
			if err != nil {
				t.Fatal(err)
			}
			var m slackMessage
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			j := judge(e.legs)
			sections := 0
			for _, block := range m.Blocks {
				if block.Type == "section" {
					sections++
					for _, line := range strings.Split(block.Text.Text, "\n") {
						if !strings.HasPrefix(line, "• `") && !strings.HasSuffix(line, " more") {
							t.Errorf("a line is %q", line)
						}
					}
				}
			}
			if want := min(j.count(failing...), 1); sections != want {
				t.Errorf("%d sections with failing rows, want %d", sections, want)
			}
			if !strings.Contains(string(b), "Full report") {
				t.Error("the report is not linked")
			}
		})
	}
}
