package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hubtest"
)

// setup is a repository with a pull request of a fork (7), a closed one (8) and
// a locked one (9).
const setup = `
repo: acme/search
tokens:
  ghs_job: {permissions: {pull_requests: write, issues: write, checks: write, statuses: write, contents: read, actions: read}}
  ghs_fork: {fork: true}
  ghs_status: {permissions: {pull_requests: write, issues: write, statuses: write, contents: read}}
  ghs_other: {login: "bench-bot[bot]", app: bench-bot, permissions: {pull_requests: write, issues: write, checks: write}}
  ghp_ann: {login: ann, permissions: {repo: write}}
  0123456789abcdef: {login: ann, permissions: {repo: write}}
files: {main: {harness.yaml: "suites: {}\n", dir/a.json: "{}"}}
pulls:
  - {number: 7, head: "contributor:faster", sha: first}
  - {number: 8, head: slower, sha: second, state: closed}
  - {number: 9, head: locked, sha: third, locked: true}
`

var acme = Repo{"acme", "search"}

// world gives a GitHub without sockets, which fails the test for every request
// and answer that does not fit GitHub's own description.
func world(t *testing.T, more string) *hubtest.Server {
	t.Helper()
	s := hubtest.New(hubtest.Options{State: setup})
	if more != "" {
		if err := s.Setup(more); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, v := range s.Violations() {
			t.Errorf("GitHub's API description: %s", v)
		}
	})
	return s
}

// client gives one that may wait as long as the fake clock of a bubble lasts.
func client(t *testing.T, s *hubtest.Server, token string, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{API: s.URL(), Token: token, HTTP: s.Transport(""), MaxWait: time.Hour, Log: t.Logf}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// said is a comment of a run.
func said(text string, run int64) CommentRequest {
	m := body.Marker{Suite: "default", Head: hubtest.SHA("first"), Run: run, Attempt: 1}
	return CommentRequest{Marker: m, Body: text + "\n\n" + m.String()}
}

// comments shows those of pull request 7, one a line: author, first line, run.
func comments(s *hubtest.Server) string {
	var b strings.Builder
	for _, c := range s.Comments("acme/search", 7) {
		first, _, _ := strings.Cut(c.Body, "\n")
		m, _ := body.ParseMarker(c.Body)
		fmt.Fprintf(&b, "%s: %s (run %d)\n", c.Login, first, m.Run)
	}
	return b.String()
}

// calls shows the requests so far, one a line.
func calls(s *hubtest.Server) string {
	var b strings.Builder
	for _, c := range s.Calls() {
		fmt.Fprintf(&b, "%s %s\n", c.Method, strings.TrimPrefix(c.Path, "/repos/acme/search"))
	}
	return b.String()
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}
