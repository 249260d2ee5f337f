package hub

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/result"
)

const (
	// maxMessage is how much of the server's words an error repeats, in bytes.
	maxMessage = 300
	// noHint is how long a secondary limit is waited for where GitHub does not
	// say: "at least one minute", its documentation asks for.
	noHint = time.Minute
)

// lockedWord finds "issue is locked", and not "access blocked".
var lockedWord = regexp.MustCompile(`\blocked\b`)

// answer is what there is to know of a reply that is no success.
type answer struct {
	op     op
	status int
	header http.Header
	body   []byte
	now    time.Time
	app    bool // authenticated as an App
}

// classify makes an error of an answer.
func classify(a answer) error {
	message, raw := words(a.header, a.body)
	f := &Failure{Op: a.op.what, Status: a.status, Message: message}
	lower := strings.ToLower(raw)
	if wait, secondary, ok := limited(a, lower); ok {
		return &LimitError{Failure: f, Secondary: secondary, Wait: wait}
	}
	switch {
	case a.status == http.StatusUnauthorized:
		f.Remedy = "the token is wrong or has expired: give a valid one in GITHUB_TOKEN"
		if a.app {
			f.Remedy = "check the App's ID, its private key and the clock of this machine"
		}
		return &AuthError{f}
	case a.status == http.StatusForbidden && lockedWord.MatchString(lower):
		f.Remedy = "unlock the conversation, or give the token write access to the repository"
		return &LockedError{f}
	case a.status == http.StatusForbidden || a.status == http.StatusUnavailableForLegalReasons:
		f.Remedy = permission(a)
		return &PermissionError{f}
	case a.status == http.StatusNotFound:
		f.Remedy = "check the name; a token that may not see it gets the same answer"
		if a.op.need != "" {
			f.Remedy += " (permissions: " + a.op.need + ")"
		}
		return &NotFoundError{f}
	case a.status == http.StatusConflict:
		f.Remedy = "something else changed it at the same time: run this again"
		return &ConflictError{f}
	case a.status == http.StatusGone:
		f.Remedy = "it was deleted or has expired"
		return &GoneError{f}
	case a.status >= 500:
		f.after, _ = retryAfter(a.header, a.now)
		f.Remedy = "GitHub has a problem: see githubstatus.com, or run this again"
		return &ServerError{f}
	}
	return &InvalidError{f}
}

// permission is the remedy for a token that may not.
func permission(a answer) string {
	need := a.op.need
	if need == "" {
		// Such as "pull_requests=write; issues=write": any of them would do.
		need = line(strings.NewReplacer("=", ": ", "_", "-").Replace(a.header.Get("X-Accepted-GitHub-Permissions")))
	}
	if need == "" {
		return "the token may not do this"
	}
	if a.app {
		return "give the App the permission " + need + ", and accept it for the installation"
	}
	return "give the job `permissions: " + need + "`; the token of a pull request from a fork can only read, see docs/ci.md"
}

// limited says whether an answer means too many calls, of which kind, and how
// long to wait.
// Source: docs.github.com, "Rate limits for the REST API", exceeding them.
func limited(a answer, lower string) (wait time.Duration, secondary, ok bool) {
	if a.status != http.StatusForbidden && a.status != http.StatusTooManyRequests {
		return 0, false, false
	}
	secondary = strings.Contains(lower, "secondary rate limit") || strings.Contains(lower, "abuse")
	used := a.header.Get("X-RateLimit-Remaining") == "0"
	after, hinted := retryAfter(a.header, a.now)
	switch {
	case hinted:
		return after, secondary || !used, true
	case used && !secondary:
		return untilReset(a.header, a.now), false, true
	case secondary || a.status == http.StatusTooManyRequests || strings.Contains(lower, "rate limit exceeded"):
		return noHint, true, true
	}
	return 0, false, false
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if s, err := strconv.ParseInt(v, 10, 64); err == nil {
		return time.Duration(min(max(s, 1), 1<<30)) * time.Second, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(serverTime(h, now)), time.Second), true
	}
	return noHint, true
}

// untilReset is the time until the hour's calls are given anew, by the
// server's clock where it tells it.
func untilReset(h http.Header, now time.Time) time.Duration {
	s, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || s <= 0 {
		return noHint
	}
	left := time.Unix(min(s, 1<<40), 0).Sub(serverTime(h, now))
	// One second more, as both are cut to whole ones.
	return min(max(left, 0), 1<<30*time.Second) + time.Second
}

func serverTime(h http.Header, now time.Time) time.Time {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at
	}
	return now
}

// words takes what the server says out of a body: one line for an error, and
// the message as it is.
func words(h http.Header, body []byte) (short, raw string) {
	var said struct {
		Message string `json:"message"`
		Errors  []any  `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		if len(body) > 0 && !strings.Contains(h.Get("Content-Type"), "json") {
			return "a page that is not from its API", ""
		}
		return "", ""
	}
	parts := []string{said.Message}
	for _, e := range said.Errors {
		switch e := e.(type) {
		case string:
			parts = append(parts, e)
		case map[string]any:
			for _, key := range []string{"field", "code", "message"} {
				if s, ok := e[key].(string); ok {
					parts = append(parts, s)
				}
			}
		}
	}
	return strings.TrimRight(line(strings.Join(parts, " ")), "."), said.Message
}

// line makes one short line of any text.
func line(s string) string {
	s = result.Printable(s, 3*len(s)) // an invalid byte becomes three
	return result.Printable(strings.Join(strings.Fields(s), " "), maxMessage)
}
