package hubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const state = `
repo: acme/search
tokens:
  t-bot: {permissions: {issues: write, pull_requests: write, checks: write, statuses: write, contents: read, actions: read}}
  t-fork: {fork: true}
  t-ann: {login: ann, permissions: {repo: write}}
  t-none: {permissions: {metadata: read}}
files: {main: {harness.yaml: "suites: {}\n", bench/a.json: "{}", bench/b.json: "{}"}}
pulls:
  - {number: 7, head: "contributor:faster", sha: first, comments: [{by: ann, body: nice}]}
  - {number: 8, head: slower, sha: second, state: closed}
  - {number: 9, head: locked, sha: third, locked: true}
runs:
  - {id: 51, workflow: bench.yml, branch: main, sha: main, event: push, artifacts: {results: {run.json: "{}"}}}
  - {id: 52, workflow: bench.yml, branch: faster, sha: first, event: pull_request, owner: contributor, status: in_progress}
`

const here = "/repos/acme/search"

// client makes plain requests.
type client struct {
	t     *testing.T
	http  http.Client
	base  string
	token string
}

// inside gives a client and a server without sockets.
func inside(t *testing.T, o Options) (*Server, client) {
	t.Helper()
	if o.State == "" {
		o.State = state
	}
	s := New(o)
	t.Cleanup(func() {
		for _, v := range s.Violations() {
			t.Errorf("GitHub's API description: %s", v)
		}
	})
	c := client{t: t, base: s.URL(), token: "t-bot"}
	c.http.Transport = s.Transport("")
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s, c
}

func (c client) as(token string) client {
	c.token = token
	return c
}

// do makes a request; body is JSON or "".
func (c client) do(method, path, body string) (int, string, http.Header) {
	c.t.Helper()
	res, err := c.try(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, string(b), res.Header
}

func (c client) try(method, path, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(r)
}

// want does a request and checks the status and words of the body.
func (c client) want(status int, method, path, body string, words ...string) string {
	c.t.Helper()
	got, answer, _ := c.do(method, path, body)
	if got != status {
		c.t.Errorf("%s %s as %q: %d, want %d: %.300s", method, path, c.token, got, status, answer)
	}
	for _, w := range words {
		if !strings.Contains(answer, w) {
			c.t.Errorf("%s %s: the answer lacks %q: %.300s", method, path, w, answer)
		}
	}
	return answer
}

// id reads the number of what a request made.
func id(t *testing.T, answer string) string {
	t.Helper()
	var v struct{ ID int64 }
	if err := json.Unmarshal([]byte(answer), &v); err != nil || v.ID == 0 {
		t.Fatalf("no id in %s", answer)
	}
	return fmt.Sprint(v.ID)
}

func body(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestEveryOperationFitsGitHubsDescription calls everything that the stand-in
// has, with every status that it has of its own, and holds all of it against
// GitHub's description.
func TestEveryOperationFitsGitHubsDescription(t *testing.T) {
	c := needContract(t)
	s, hub := inside(t, Options{Contract: c})
	driveComments(hub)
	driveChecks(hub)
	driveReads(hub)
	driveApp(t, s, hub)

	cover := s.Coverage()
	for _, r := range routes {
		ok := slices.ContainsFunc(slices.Collect(maps.Keys(cover)), func(k string) bool {
			return strings.HasPrefix(k, r.method+" "+r.template+" 2") || strings.HasPrefix(k, r.method+" "+r.template+" 302")
		})
		if !ok && !r.outside {
			t.Errorf("no successful %s %s in the test", r.method, r.template)
		}
	}
	t.Logf("description %s: %d requests, %d answers with a declared status, %d with another (errors), %d not JSON",
		c.Version, cover["request"], cover["declared"], cover["undeclared"], cover["free"])
}

func driveComments(hub client) {
	comments := here + "/issues/7/comments"
	hub.want(200, "GET", comments+"?per_page=100&page=1", "", `"nice"`)
	made := hub.want(201, "POST", comments, `{"body":"hello"}`, "github-actions[bot]", "hello")
	one := here + "/issues/comments/" + id(hub.t, made)
	hub.want(200, "GET", one, "", "hello")
	hub.want(200, "PATCH", one, `{"body":"changed"}`, "changed")
	hub.want(422, "PATCH", one, body(obj{"body": strings.Repeat("é", MaxBody+1)}), "Body is too long (maximum is 65536 characters)")
	hub.want(200, "PATCH", one, body(obj{"body": strings.Repeat("é", MaxBody)}))
	hub.want(204, "DELETE", one, "")
	hub.want(404, "DELETE", one, "", "Not Found")
	hub.want(404, "PATCH", one, `{"body":"late"}`)
	hub.want(404, "GET", here+"/issues/77/comments", "")
	hub.want(201, "POST", here+"/issues/8/comments", `{"body":"closed is no reason"}`)
	hub.want(403, "POST", here+"/issues/9/comments", `{"body":"x"}`, "issue is locked")
	hub.as("t-ann").want(201, "POST", here+"/issues/9/comments", `{"body":"x"}`)
	hub.as("t-fork").want(403, "POST", comments, `{"body":"x"}`, "Resource not accessible by integration")
	hub.as("").want(401, "POST", comments, `{"body":"x"}`, "Requires authentication")
	hub.as("wrong").want(401, "GET", comments, "", "Bad credentials")
	hub.as("t-fork").want(200, "GET", comments, "")
}

func driveChecks(hub client) {
	sha := SHA("first")
	made := hub.want(201, "POST", here+"/check-runs", body(obj{"name": "harness", "head_sha": sha, "status": "in_progress"}), "in_progress")
	one := here + "/check-runs/" + id(hub.t, made)
	note := obj{"path": "harness.yaml", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "slower"}
	output := obj{"title": "1 regression", "summary": "one", "text": "more", "annotations": slices.Repeat([]obj{note}, 50)}
	hub.want(200, "PATCH", one, body(obj{"status": "completed", "conclusion": "failure", "output": output}), `"annotations_count":50`)
	hub.want(200, "GET", one, "", `"conclusion":"failure"`)
	hub.want(200, "GET", one+"/annotations?per_page=10", "", "slower")
	hub.want(200, "GET", here+"/commits/"+sha+"/check-runs?check_name=harness&filter=latest", "", `"total_count":1`)
	hub.want(422, "POST", here+"/check-runs", body(obj{"name": "x", "head_sha": SHA("nowhere")}), "No commit found")
	hub.as("t-ann").want(403, "POST", here+"/check-runs", body(obj{"name": "x", "head_sha": sha}), "GitHub App")
	hub.as("t-fork").want(403, "POST", here+"/check-runs", body(obj{"name": "x", "head_sha": sha}), "not accessible")
	hub.want(201, "POST", here+"/statuses/"+sha, body(obj{"state": "failure", "context": "harness", "description": "1 regression", "target_url": "https://example.com/x"}))
	hub.want(422, "POST", here+"/statuses/"+sha, body(obj{"state": "success", "description": strings.Repeat("x", 141)}), "too long")
	hub.want(200, "GET", here+"/commits/"+sha+"/status", "", `"state":"failure"`)
	hub.want(200, "GET", here+"/commits/"+sha+"/statuses", "", "harness")
}

func driveReads(hub client) {
	hub.want(200, "GET", here, "")
	hub.want(404, "GET", "/repos/acme/nothing", "")
	hub.want(200, "GET", here+"/commits/main", "", SHA("main"))
	hub.want(200, "GET", here+"/pulls/7", "", `"label":"contributor:faster"`, `"merged":false`)
	hub.want(200, "GET", here+"/pulls/8", "", `"state":"closed"`)
	hub.want(404, "GET", here+"/pulls/77", "")
	hub.want(200, "GET", here+"/pulls?head=contributor:faster&state=open&per_page=100", "", SHA("first"))
	hub.want(200, "GET", here+"/commits/"+SHA("first")+"/pulls", "", `"number":7`)
	hub.want(200, "GET", here+"/contents/harness.yaml?ref=main", "", `"encoding":"base64"`)
	hub.want(200, "GET", here+"/contents/bench/a.json", "")
	hub.want(200, "GET", here+"/contents/bench?ref=main", "", "bench/b.json")
	hub.want(200, "GET", here+"/contents/?ref=main", "", `"type":"dir"`)
	hub.want(404, "GET", here+"/contents/none.yaml?ref=main", "")
	hub.want(200, "GET", here+"/actions/runs?branch=main&event=push", "", `"total_count":1`)
	hub.want(200, "GET", here+"/actions/workflows/bench.yml/runs?branch=main&status=success", "", `"id":51`)
	hub.want(200, "GET", here+"/actions/runs/52", "", `"pull_requests":[]`, "contributor")
	hub.want(404, "GET", here+"/actions/runs/53", "")
	list := hub.want(200, "GET", here+"/actions/runs/51/artifacts?name=results", "", `"total_count":1`)
	hub.want(200, "GET", here+"/actions/artifacts", "", "results")
	var found struct{ Artifacts []struct{ ID int64 } }
	if err := json.Unmarshal([]byte(list), &found); err != nil || len(found.Artifacts) != 1 {
		hub.t.Fatal(list)
	}
	one := fmt.Sprintf("%s/actions/artifacts/%d", here, found.Artifacts[0].ID)
	hub.want(200, "GET", one, "")
	hub.want(302, "GET", one+"/zip", "")
	hub.as("t-none").want(403, "GET", one+"/zip", "", "not accessible")
	hub.as("").want(401, "GET", one+"/zip", "")
	hub.want(403, "GET", "/user", "", "Resource not accessible by integration")
	hub.as("t-ann").want(200, "GET", "/user", "", `"login":"ann"`)
	hub.want(200, "GET", "/users/ann", "")
	hub.want(404, "GET", "/users/nobody", "")
	hub.want(200, "POST", "/graphql", `{"query":"query{viewer{login}}"}`, "github-actions[bot]")
	hub.want(200, "GET", "/rate_limit", "", `"remaining"`)
}

func TestFaultsAnswerAsGitHubDoes(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		kind   Kind
		status int
		header string
		words  string
	}{
		{Unauthorized, 401, "", "Bad credentials"},
		{Forbidden, 403, "", "Resource not accessible by integration"},
		{RateLimited, 403, "X-Ratelimit-Remaining: 0", "API rate limit exceeded"},
		{Secondary, 403, "Retry-After: 60", "secondary rate limit"},
		{Abuse, 403, "", "#abuse-rate-limits"},
		{NotFound, 404, "", "Not Found"},
		{Conflict, 409, "", "Conflict"},
		{TooLong, 422, "", "Body is too long"},
		{TooMany, 429, "Retry-After: 60", "secondary rate limit"},
		{Internal, 500, "", "Server Error"},
		{BadGateway, 502, "Content-Type: text/html; charset=utf-8", "<html>"},
		{Unavailable, 503, "Retry-After: 60", "unavailable"},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			s, hub := inside(t, Options{Now: func() time.Time { return at }})
			s.Inject(Fault{On: "POST …/comments", Kind: tt.kind, Applied: true})
			status, answer, header := hub.do("POST", here+"/issues/7/comments", `{"body":"hello"}`)
			name, value, _ := strings.Cut(tt.header, ": ")
			if status != tt.status || !strings.Contains(answer, tt.words) || header.Get(name) != value {
				t.Errorf("%d %v: %s", status, header, answer)
			}
			if n := len(s.Comments("acme/search", 7)); n != 2 {
				t.Errorf("%d comments, want 2: the request was to have its effect", n)
			}
			hub.want(201, "POST", here+"/issues/7/comments", `{"body":"again"}`)
		})
	}
}

func newRequest(method, url string) (*http.Request, error) { return http.NewRequest(method, url, nil) }
