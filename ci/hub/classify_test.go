package hub

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAnswersBecomeErrorsThatSayWhatToDo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const denied = `{"message":"Resource not accessible by integration","documentation_url":"x"}`
	for _, tt := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		app    bool
		kind   error  // a pointer to the type
		says   string // a part of the line
	}{
		{name: "a wrong token", status: 401, body: `{"message":"Bad credentials"}`, kind: new(AuthError), says: "401: Bad credentials; the token is wrong or has expired"},
		{name: "a wrong key", status: 401, body: `{}`, app: true, kind: new(AuthError), says: "check the App's ID, its private key and the clock"},
		{name: "no permission", status: 403, body: denied, kind: new(PermissionError), says: "`permissions: pull-requests: write`"},
		{name: "no permission for an App", status: 403, body: denied, app: true, kind: new(PermissionError), says: "give the App the permission pull-requests: write"},
		{name: "a locked conversation", status: 403, body: `{"message":"Unable to create comment because issue is locked."}`, kind: new(LockedError), says: "unlock the conversation"},
		{name: "a blocked repository", status: 403, body: `{"message":"Repository access blocked"}`, kind: new(PermissionError), says: "blocked"},
		{name: "taken down", status: 451, body: `{"message":"Repository access blocked"}`, kind: new(PermissionError), says: "451"},
		{name: "not there", status: 404, body: `{"message":"Not Found"}`, kind: new(NotFoundError), says: "a token that may not see it gets the same answer (permissions: pull-requests: write)"},
		{name: "a conflict", status: 409, body: `{"message":"Conflict"}`, kind: new(ConflictError), says: "run this again"},
		{name: "gone", status: 410, body: `{"message":"This issue was deleted"}`, kind: new(GoneError), says: "deleted"},
		{name: "too long", status: 422, body: `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Body is too long (maximum is 65536 characters)"}]}`,
			kind: new(InvalidError), says: "422: Validation Failed data unprocessable Body is too long (maximum is 65536 characters)"},
		{name: "errors that are texts", status: 422, body: `{"message":"No","errors":["one","two"]}`, kind: new(InvalidError), says: "No one two"},
		{name: "a server error", status: 500, body: ``, kind: new(ServerError), says: "githubstatus.com"},
		{name: "a page of a proxy", status: 502, header: map[string]string{"Content-Type": "text/html"}, body: "<html><script>alert(1)</script>\n</html>", kind: new(ServerError), says: "502: a page that is not from its API"},
		{name: "a message with control characters", status: 500, body: "{\"message\":\"a\\u001b[31mb\\n\\u202ec\"}", kind: new(ServerError), says: "500: ab c"},
		{name: "a very long message", status: 500, body: `{"message":"` + strings.Repeat("x", 5000) + `"}`, kind: new(ServerError), says: "x…"},
		{name: "the hour used up", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(now.Unix() + 90)},
			body: `{"message":"API rate limit exceeded"}`, kind: new(LimitError), says: "API rate limit exceeded"},
	} {
		h := http.Header{"Content-Type": {"application/json"}}
		for k, v := range tt.header {
			h.Set(k, v)
		}
		err := classify(answer{op: op{what: "do it", need: "pull-requests: write"}, status: tt.status, header: h, body: []byte(tt.body), now: now, app: tt.app})
		if got, want := fmt.Sprintf("%T", err), fmt.Sprintf("%T", tt.kind); got != want {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		}
		line := err.Error()
		if !strings.HasPrefix(line, "do it: GitHub answered ") || !strings.Contains(line, tt.says) || len(line) > 700 || strings.ContainsAny(line, "\n\x1b\u202e") {
			t.Errorf("%s: %q, want %q in it", tt.name, line, tt.says)
		}
		var f *Failure
		if !errors.As(fmt.Errorf("around: %w", err), &f) || f.Status != tt.status {
			t.Errorf("%s: no Failure in it", tt.name)
		}
	}
}

func TestLimitsSayHowLongToWait(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	reset := func(s int64) string { return fmt.Sprint(now.Unix() + s) }
	for _, tt := range []struct {
		name      string
		status    int
		header    map[string]string
		message   string
		wait      time.Duration
		secondary bool
		none      bool // no limit at all
	}{
		{name: "primary", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(90)}, wait: 91 * time.Second},
		{name: "primary as 429", status: 429, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(90)}, wait: 91 * time.Second},
		{name: "the server's clock is 40 s ahead", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(90),
			"Date": now.Add(40 * time.Second).Format(http.TimeFormat)}, wait: 51 * time.Second},
		{name: "a reset in the past", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(-500)}, wait: time.Second},
		{name: "a reset that is no number", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, wait: time.Minute},
		{name: "a reset beyond all bounds", status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9223372036854775807"}, wait: 1<<30*time.Second + time.Second},
		{name: "secondary", status: 403, header: map[string]string{"Retry-After": "30"}, wait: 30 * time.Second, secondary: true},
		{name: "secondary with a date", status: 429, header: map[string]string{"Retry-After": now.Add(20 * time.Second).Format(http.TimeFormat)}, wait: 20 * time.Second, secondary: true},
		{name: "secondary beyond all bounds", status: 429, header: map[string]string{"Retry-After": "999999999999999999"}, wait: 1 << 30 * time.Second, secondary: true},
		{name: "a hint that is none", status: 429, header: map[string]string{"Retry-After": "later"}, wait: time.Minute, secondary: true},
		{name: "at once is a second", status: 429, header: map[string]string{"Retry-After": "0"}, wait: time.Second, secondary: true},
		{name: "secondary, only in words", status: 403, message: "You have exceeded a secondary rate limit.", wait: time.Minute, secondary: true},
		{name: "abuse, only in words", status: 403, message: "You have triggered an abuse detection mechanism.", wait: time.Minute, secondary: true},
		{name: "429 without a word", status: 429, wait: time.Minute, secondary: true},
		{name: "403 is no limit by itself", status: 403, message: "Resource not accessible by integration", header: map[string]string{"X-RateLimit-Remaining": "12"}, none: true},
		{name: "503 is none, whatever it asks for", status: 503, header: map[string]string{"Retry-After": "30"}, none: true},
	} {
		h := http.Header{}
		for k, v := range tt.header {
			h.Set(k, v)
		}
		err := classify(answer{status: tt.status, header: h, body: []byte(`{"message":"` + tt.message + `"}`), now: now})
		var limit *LimitError
		if errors.As(err, &limit) == tt.none {
			t.Errorf("%s: %v", tt.name, err)
		} else if !tt.none && (limit.Wait != tt.wait || limit.Secondary != tt.secondary) {
			t.Errorf("%s: wait %s, secondary %v, want %s, %v", tt.name, limit.Wait, limit.Secondary, tt.wait, tt.secondary)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(403, "30", "0", "99", []byte(`{"message":"x","errors":[{"code":"y"}]}`))
	f.Add(502, "", "", "", []byte("<html>"))
	f.Add(429, "Mon, 02 Jan 2006 15:04:05 GMT", "1", "-5", []byte(`{"message":5,"errors":{}}`))
	f.Fuzz(func(t *testing.T, status int, after, left, reset string, body []byte) {
		if status < 400 || status > 599 {
			return
		}
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {left}, "X-Ratelimit-Reset": {reset}}
		err := classify(answer{op: op{what: "do it"}, status: status, header: h, body: body, now: time.Unix(1e9, 0)})
		if s := err.Error(); len(s) > 700 || strings.ContainsAny(s, "\n\r\x1b") {
			t.Errorf("no short line: %q", s)
		}
		var limit *LimitError
		if errors.As(err, &limit) && limit.Wait < time.Second {
			t.Errorf("wait %s", limit.Wait)
		}
	})
}
