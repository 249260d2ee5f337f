package hubtest

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheHoursRequestsRunOut(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, hub := inside(t, Options{Now: func() time.Time { return now }})
	s.SpendRate("t-bot", 1)
	_, _, header := hub.do("GET", here+"/pulls/7", "")
	if header.Get("X-RateLimit-Remaining") != "0" || header.Get("X-RateLimit-Reset") != fmtID(now.Add(time.Hour).Unix()) {
		t.Errorf("header %v", header)
	}
	hub.want(403, "GET", here+"/pulls/7", "", "API rate limit exceeded")
	hub.want(200, "GET", "/rate_limit", "")
	hub.as("t-ann").want(200, "GET", here+"/pulls/7", "")
	now = now.Add(time.Hour)
	hub.want(200, "GET", here+"/pulls/7", "")
}

func TestTooMuchContentInAMinuteMeetsTheSecondaryLimit(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	_, hub := inside(t, Options{Now: func() time.Time { return now }, ContentPerMinute: 2})
	post := func(want int) string {
		t.Helper()
		status, _, header := hub.do("POST", here+"/issues/7/comments", `{"body":"x"}`)
		if status != want {
			t.Errorf("%d, want %d", status, want)
		}
		return header.Get("Retry-After")
	}
	post(201)
	now = now.Add(10 * time.Second)
	post(201)
	if after := post(403); after != "51" {
		t.Errorf("Retry-After %q, want 51", after)
	}
	now = now.Add(51 * time.Second)
	post(201)
}

func TestAPrivateRepositoryIsNotThereForStrangers(t *testing.T) {
	_, hub := inside(t, Options{State: "repo: a/b\nprivate: true\npulls: [{number: 1, head: x, sha: s}]\ntokens: {t-bot: {permissions: {checks: write}}, t-read: {permissions: {pull_requests: read}}}"})
	hub.as("").want(404, "GET", "/repos/a/b/pulls/1", "")
	hub.want(403, "GET", "/repos/a/b/pulls/1", "", "Resource not accessible by integration")
	hub.as("t-read").want(200, "GET", "/repos/a/b/pulls/1", "")
}

func TestAChecksLifeIsThatOfGitHub(t *testing.T) {
	s, hub := inside(t, Options{})
	sha := SHA("first")
	one := here + "/check-runs/" + id(t, hub.want(201, "POST", here+"/check-runs", body(obj{"name": "harness", "head_sha": sha}), `"status":"queued"`))
	hub.want(200, "PATCH", one, body(obj{"conclusion": "success"}), `"status":"completed"`)
	hub.want(200, "PATCH", one, body(obj{"status": "in_progress"}), `"conclusion":null`)
	note := obj{"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
	for range 2 {
		hub.want(200, "PATCH", one, body(obj{"output": obj{"title": "t", "summary": "s", "annotations": []obj{note, note}}}))
	}
	hub.want(201, "POST", here+"/check-runs", body(obj{"name": "harness", "head_sha": sha}))
	hub.want(200, "GET", here+"/commits/"+sha+"/check-runs", "", `"total_count":1`)
	hub.want(200, "GET", here+"/commits/"+sha+"/check-runs?filter=all", "", `"total_count":2`)
	hub.want(200, "GET", here+"/commits/"+sha+"/check-runs?check_name=other", "", `"total_count":0`)
	got := s.Checks("acme/search", sha)
	if len(got) != 2 || got[0].Annotations != 4 || len(got[0].Batches) != 2 {
		t.Errorf("checks %+v", got)
	}
}

// TestWhatGitHubRefusesIsRefused has requests that its description forbids as
// well.
func TestWhatGitHubRefusesIsRefused(t *testing.T) {
	_, hub := inside(t, Options{NoContract: true})
	sha := SHA("first")
	one := here + "/check-runs/" + id(t, hub.want(201, "POST", here+"/check-runs", body(obj{"name": "harness", "head_sha": sha})))
	hub.want(422, "PATCH", one, body(obj{"status": "completed"}), "conclusion")
	hub.want(422, "PATCH", one, body(obj{"output": obj{"title": "t"}}), "summary")
	hub.want(422, "PATCH", one, body(obj{"output": obj{"summary": strings.Repeat("é", MaxCheckText+1)}}), "Only 65535 characters")
	hub.want(422, "PATCH", one, body(obj{"output": obj{"summary": "s", "annotations": make([]obj, 51)}}), "No more than 50 items are allowed; 51 were supplied.")
	hub.want(422, "PATCH", one, body(obj{"conclusion": "regressed"}), "not a member")
	hub.want(422, "POST", here+"/check-runs", `{}`, "head_sha")
	hub.want(422, "POST", here+"/issues/7/comments", `{"body":" "}`, "blank")
	hub.want(400, "POST", here+"/issues/7/comments", `{`, "Problems parsing JSON")
	hub.want(422, "POST", here+"/statuses/"+sha, body(obj{"state": "neutral"}), "state")
	hub.want(422, "POST", here+"/statuses/"+sha, body(obj{"state": "success", "target_url": "ftp://x"}), "target_url")
}

// TestAViolationIsSeen sends what a wrong client would send.
func TestAViolationIsSeen(t *testing.T) {
	needContract(t)
	long := strings.Repeat("x", MaxCheckText+1)
	note := obj{"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
	var notes []obj
	for range 51 {
		notes = append(notes, note)
	}
	check := func(with obj) string {
		v := obj{"name": "n", "head_sha": SHA("first")}
		for k, x := range with {
			v[k] = x
		}
		return body(v)
	}
	for _, tt := range []struct{ name, method, path, body, words string }{
		{"a field that does not exist", "POST", here + "/check-runs", check(obj{"conclude": "success"}), `"conclude" is unsupported`},
		{"a conclusion that does not exist", "POST", here + "/check-runs", check(obj{"conclusion": "regressed"}), "/conclusion"},
		{"51 annotations", "POST", here + "/check-runs", check(obj{"output": obj{"title": "t", "summary": "s", "annotations": notes}}), "maximum number of items is 50"},
		{"a summary that is too long", "POST", here + "/check-runs", check(obj{"output": obj{"title": "t", "summary": long}}), "maximum string length is 65535"},
		{"an annotation without a line", "POST", here + "/check-runs", check(obj{"output": obj{"title": "t", "summary": "s", "annotations": []obj{{"path": "a"}}}}), "is missing"},
		{"a time that is none", "POST", here + "/check-runs", check(obj{"started_at": "yesterday"}), "/started_at"},
		{"a comment without a body", "POST", here + "/issues/7/comments", `{}`, `"body" is missing`},
		{"a number as a text", "POST", here + "/issues/7/comments", `{"body":7}`, "/body"},
		{"a query that does not exist", "GET", here + "/pulls?author=ann", "", `no query parameter "author"`},
		{"a state that does not exist", "GET", here + "/pulls?state=merged", "", `"state" in query`},
		{"a number that is none", "GET", here + "/issues/seven/comments", "", `"issue_number" in path`},
		{"an operation that does not exist", "GET", here + "/issues/7/remarks", "", "no such operation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{State: state})
			hub := client{t: t, base: s.URL(), token: "t-bot"}
			hub.http.Transport = s.Transport("")
			hub.do(tt.method, tt.path, tt.body)
			v := s.Violations()
			if len(v) == 0 || !strings.Contains(v[0], tt.words) || strings.Contains(v[0], "\n") {
				t.Errorf("violations %q, want one with %q first", v, tt.words)
			}
		})
	}
}

// TestAWrongAnswerOfTheStandInIsSeen breaks the stand-in's own answers.
func TestAWrongAnswerOfTheStandInIsSeen(t *testing.T) {
	c := needContract(t)
	s := New(Options{State: state})
	r := s.repos[0]
	for _, tt := range []struct {
		name   string
		change func(obj)
		words  string
	}{
		{"as it is", func(obj) {}, ""},
		{"a field is missing", func(v obj) { delete(v, "html_url") }, `"html_url" is missing`},
		{"a field is misspelt", func(v obj) { v["htmlurl"] = "" }, `"htmlurl" is unsupported`},
		{"an address is relative", func(v obj) { v["html_url"] = "/acme" }, "/html_url"},
		{"a time is none", func(v obj) { v["created_at"] = "now" }, "/created_at"},
		{"what may not be null is", func(v obj) { v["issue_url"] = nil }, "/issue_url"},
		{"what may be null is", func(v obj) { v["user"] = nil }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := s.viewComment(r, r.comments[0])
			tt.change(v)
			ro, params := match("GET", here+"/issues/comments/1")
			req, err := newRequest("GET", s.URL()+here+"/issues/comments/1")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.checkResponse(exchange{template: ro.template, params: params, request: req, answer: say(200, v)})
			if (err == nil) != (tt.words == "") || err != nil && !strings.Contains(err.Error(), tt.words) {
				t.Errorf("error %v, want %q", err, tt.words)
			}
		})
	}
}

func TestTheStateIsReadFromAText(t *testing.T) {
	dir := t.TempDir()
	key := newKey(t)
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	for name, data := range map[string][]byte{"key.pem": block, "policy.yaml": []byte("a: 1\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := New(Options{Dir: dir, State: `
repo: acme/search
branches: {release: old}
files: {main: {harness.yaml: {file: policy.yaml}}}
apps: [{id: 4, installation: 40, slug: bench-bot, key: key.pem, permissions: {issues: write}}]
tokens: {t: {permissions: {issues: write}}}
rate: {t: 1}
pulls:
  - {number: 1, head: "ann:topic", repo: search-fork, sha: 0123456789012345678901234567890123456789, draft: true, merged: true, comments: [{by: ann, body: hi, times: 3}]}
faults: [{on: "GET …/pulls/{pull_number}", kind: "502", skip: 1, times: 2, after: 5s}]
`})
	hub := client{t: t, base: s.URL(), token: "t"}
	hub.http.Transport = s.Transport("")
	hub.want(200, "GET", here+"/pulls/1", "", "search-fork", "0123456789012345678901234567890123456789")
	hub.want(502, "GET", here+"/pulls/1", "")
	hub.want(502, "GET", here+"/pulls/1", "")
	hub.want(403, "GET", here+"/pulls/1", "", "rate limit")
	if got := string(s.repos[0].files["main"]["harness.yaml"]); got != "a: 1\n" {
		t.Errorf("file %q", got)
	}
	if n := len(s.Comments("acme/search", 1)); n != 3 {
		t.Errorf("%d comments, want 3", n)
	}
}

func TestAStateWithAMistakeIsRefused(t *testing.T) {
	for _, tt := range []struct{ name, state, words string }{
		{"unknown field", "repo: a/b\npull: []", "field pull not found"},
		{"no owner", "repo: b", "want owner/name"},
		{"missing file", "repo: a/b\nfiles: {main: {x: {file: gone}}}", "gone"},
		{"missing key", "apps: [{id: 1, key: gone.pem}]", "gone.pem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := New(Options{Dir: t.TempDir()}).Setup(tt.state)
			if err == nil || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("error %v, want %q", err, tt.words)
			}
		})
	}
}

func TestTheDumpIsReadable(t *testing.T) {
	s, hub := inside(t, Options{State: `
repo: acme/search
tokens: {t-bot: {permissions: {issues: write, checks: write, statuses: write}}}
pulls: [{number: 7, head: "contributor:faster", sha: first, locked: false, comments: [{by: ann, body: nice, times: 120}]}]
`})
	one := here + "/issues/comments/" + id(t, hub.want(201, "POST", here+"/issues/7/comments", `{"body":"a"}`))
	hub.want(200, "PATCH", one, `{"body":"first line\r\n\nthird"}`)
	note := obj{"path": "harness.yaml", "start_line": 3, "end_line": 3, "annotation_level": "failure", "title": "slower", "message": "by\n14%"}
	hub.want(201, "POST", here+"/check-runs", body(obj{"name": "harness", "head_sha": SHA("first"), "conclusion": "failure", "details_url": "https://example.com",
		"output": obj{"title": "1 regression", "summary": "sum", "annotations": []obj{note}}}))
	hub.want(201, "POST", here+"/statuses/"+SHA("first"), body(obj{"state": "success", "context": "c", "description": "d"}))
	want := `acme/search
  pull 7 open: contributor:faster ` + SHA("first")[:12] + ` → main
    comment by ann, and 119 more like it
      | nice
    comment by github-actions[bot], edited 1×
      | first line
      |
      | third
  commit ` + SHA("first")[:12] + `
    check "harness" completed failure by github-actions[bot]
      link https://example.com
      title 1 regression
      summary
        | sum
      failure harness.yaml:3 slower: by / 14%
    status "c" success by github-actions[bot]: d
`
	if got := s.Dump(); got != want {
		t.Errorf("dump:\n%s\nwant:\n%s", got, want)
	}
	if calls := s.DumpCalls(); !strings.HasPrefix(calls, "POST /repos/acme/search/issues/7/comments → 201\nPATCH ") {
		t.Errorf("calls:\n%s", calls)
	}
}
