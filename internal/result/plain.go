package result

import (
	"regexp"
	"strings"
)

// plainWords are what Go's libraries say, and the same for people who do not
// know them. The first that matches at a place wins.
var plainWords = []struct {
	pattern *regexp.Regexp
	plain   string
}{
	{regexp.MustCompile(`rpc error: code = (\w+) desc = `), "$1: "},
	{regexp.MustCompile(`connection error: desc = "transport: (?:Error while dialing: |authentication handshake failed: )?((?:[^"\\]|\\.)*)"`), "$1"},
	{regexp.MustCompile(`context deadline exceeded(?: \(Client\.Timeout[^)]*\))?`), "timed out"},
	{regexp.MustCompile(`context canceled`), "cancelled"},
	{regexp.MustCompile(`\b(?:unexpected )?EOF\b`), "the connection was closed"},
}

// Plain puts a message, which a plugin may hand on from anywhere, into words
// for people: one line without what only Go programmers can read.
func Plain(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	for _, w := range plainWords {
		message = w.pattern.ReplaceAllString(message, w.plain)
	}
	return message
}
