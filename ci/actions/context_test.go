package actions

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchharness/harness/ci/hub"
)

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	shaC = "cccccccccccccccccccccccccccccccccccccccc"
)

// environment of a job of acme/search, with more laid over it.
func environment(more map[string]string) func(string) string {
	env := map[string]string{
		"GITHUB_REPOSITORY": "acme/search", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_EVENT_PATH": "/event.json",
		"GITHUB_SHA": shaC, "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch",
	}
	for k, v := range more {
		env[k] = v
	}
	return func(name string) string { return env[name] }
}

func fromEvent(name, payload string) (Context, error) {
	return FromEnv(environment(map[string]string{"GITHUB_EVENT_NAME": name}), func(string) ([]byte, error) { return []byte(payload), nil })
}

// base is what every context of environment has.
func base(event string) Context {
	return Context{
		Event: event, Repo: hub.Repo{Owner: "acme", Name: "search"}, RunID: 77, Attempt: 2,
		RunURL: "https://github.com/acme/search/actions/runs/77", APIURL: hub.DefaultAPI, ServerURL: "https://github.com",
	}
}

func TestContextSaysWhatAnEventIsAbout(t *testing.T) {
	for _, tt := range []struct {
		name, event, payload string
		want                 func(*Context)
	}{
		{"a pull request of the repository itself", "pull_request",
			`{"action":"synchronize","number":7,"pull_request":{"number":7,
			 "head":{"ref":"fast","sha":"` + shaA + `","repo":{"name":"search","owner":{"login":"acme"}}},
			 "base":{"ref":"main","sha":"` + shaB + `","repo":{"name":"search","owner":{"login":"acme"}}}}}`,
			func(c *Context) {
				c.Action, c.PR = "synchronize", 7
				c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = shaA, "fast", "acme", "search"
				c.BaseSHA, c.BaseRef = shaB, "main"
			}},
		{"a pull request of a fork with another name", "pull_request_target",
			`{"action":"opened","pull_request":{"number":8,
			 "head":{"ref":"main","sha":"` + shaA + `","repo":{"name":"search2","owner":{"login":"mallory"}}},
			 "base":{"ref":"main","sha":"` + shaB + `"}}}`,
			func(c *Context) {
				c.Action, c.PR, c.Fork = "opened", 8, true
				c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = shaA, "main", "mallory", "search2"
				c.BaseSHA, c.BaseRef = shaB, "main"
			}},
		{"a pull request whose fork was deleted", "pull_request",
			`{"pull_request":{"number":9,"head":{"ref":"x","sha":"` + shaA + `","repo":null,"user":{"login":"acme"}},"base":{"ref":"main","sha":"` + shaB + `"}}}`,
			func(c *Context) {
				c.PR, c.Fork = 9, true
				c.HeadSHA, c.HeadBranch, c.HeadOwner = shaA, "x", "acme"
				c.BaseSHA, c.BaseRef = shaB, "main"
			}},
		{"the run of a fork, whose list of pull requests lies", "workflow_run",
			`{"action":"completed","workflow_run":{"id":55,"run_attempt":3,"name":"bench","event":"pull_request","conclusion":"success",
			 "head_sha":"` + shaA + `","head_branch":"main","head_repository":{"name":"search","owner":{"login":"mallory"}},
			 "pull_requests":[{"number":1}]}}`,
			func(c *Context) {
				c.Action, c.Fork = "completed", true
				c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = shaA, "main", "mallory", "search"
				c.WorkflowRun = &WorkflowRun{ID: 55, Attempt: 3, Name: "bench", Event: "pull_request", Conclusion: "success",
					HeadSHA: shaA, HeadBranch: "main", HeadOwner: "mallory", HeadRepo: "search"}
			}},
		{"a push to a branch", "push", `{"ref":"refs/heads/main","before":"` + shaA + `","after":"` + shaB + `"}`,
			func(c *Context) {
				c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = shaB, "main", "acme", "search"
				c.BaseSHA, c.BaseRef = shaA, "main"
			}},
		{"the first push of a branch", "push", `{"ref":"refs/heads/new","before":"0000000000000000000000000000000000000000","after":"` + shaB + `"}`,
			func(c *Context) {
				c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo, c.BaseRef = shaB, "new", "acme", "search", "new"
			}},
		{"a push of a tag", "push", `{"ref":"refs/tags/v1","before":"0000000000000000000000000000000000000000","after":"` + shaB + `"}`,
			func(c *Context) { c.HeadSHA, c.HeadOwner, c.HeadRepo = shaB, "acme", "search" }},
		{"a merge queue", "merge_group",
			`{"action":"checks_requested","merge_group":{"head_sha":"` + shaA + `","head_ref":"refs/heads/gh-readonly-queue/main/pr-1-x","base_sha":"` + shaB + `","base_ref":"refs/heads/main"}}`,
			func(c *Context) {
				c.Action = "checks_requested"
				c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = shaA, "gh-readonly-queue/main/pr-1-x", "acme", "search"
				c.BaseSHA, c.BaseRef = shaB, "main"
			}},
		{"a schedule", "schedule", `{"schedule":"0 3 * * *"}`,
			func(c *Context) { c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = shaC, "main", "acme", "search" }},
		{"somebody who started it", "workflow_dispatch", `{"ref":"refs/heads/main","inputs":null}`,
			func(c *Context) { c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = shaC, "main", "acme", "search" }},
		{"a comment on a pull request, whose head nobody says", "issue_comment", `{"action":"created","issue":{"number":4,"pull_request":{}}}`,
			func(c *Context) { c.Action, c.PR, c.Fork = "created", 4, true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := fromEvent(tt.event, tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			want := base(tt.event)
			tt.want(&want)
			if g, w := show(got), show(want); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

func show(c Context) string {
	out, _ := json.MarshalIndent(c, "", " ")
	return string(out)
}

func TestTheMergeCommitIsNeverTheHead(t *testing.T) {
	// GITHUB_SHA is the merge commit in events of pull requests; a payload
	// without a head must not make it one.
	for _, event := range []string{"pull_request", "pull_request_target", "workflow_run", "issue_comment"} {
		c, err := fromEvent(event, `{}`)
		if err != nil {
			t.Fatal(err)
		}
		if c.HeadSHA != "" {
			t.Errorf("%s: head is %s", event, c.HeadSHA)
		}
	}
}

func TestMeasuredIsTheRunThatMeasured(t *testing.T) {
	if run, attempt := (Context{RunID: 7, Attempt: 1}).Measured(); run != 7 || attempt != 1 {
		t.Error(run, attempt)
	}
	c := Context{RunID: 7, Attempt: 1, WorkflowRun: &WorkflowRun{ID: 5, Attempt: 2}}
	if run, attempt := c.Measured(); run != 5 || attempt != 2 {
		t.Error(run, attempt)
	}
}

func TestOutsideActionsTheContextIsEmpty(t *testing.T) {
	c, err := FromEnv(func(string) string { return "" }, func(string) ([]byte, error) { return nil, errors.New("no file is named") })
	if err != nil {
		t.Fatal(err)
	}
	if want := (Context{APIURL: hub.DefaultAPI, ServerURL: "https://github.com"}); show(c) != show(want) {
		t.Errorf("got %s", show(c))
	}
}

func TestAddressesOfAnEnterpriseServerAreTaken(t *testing.T) {
	c, err := FromEnv(environment(map[string]string{"GITHUB_EVENT_NAME": "schedule", "GITHUB_SERVER_URL": "https://ghe.example", "GITHUB_API_URL": "https://ghe.example/api/v3"}),
		func(string) ([]byte, error) { return []byte(`{}`), nil })
	if err != nil {
		t.Fatal(err)
	}
	if c.APIURL != "https://ghe.example/api/v3" || c.RunURL != "https://ghe.example/acme/search/actions/runs/77" {
		t.Error(show(c))
	}
}

func TestWhatNoPayloadCanHoldIsAnError(t *testing.T) {
	pull := func(ref, sha, owner string) string {
		raw, _ := json.Marshal(map[string]any{"pull_request": map[string]any{"number": 7,
			"head": map[string]any{"ref": ref, "sha": sha, "repo": map[string]any{"name": "search", "owner": map[string]any{"login": owner}}}}})
		return string(raw)
	}
	if _, err := fromEvent("pull_request", pull("ok/$(id)`x`'", shaA, "acme")); err != nil {
		t.Errorf("a name that git allows: %v", err)
	}
	for name, payload := range map[string]string{
		"an array":              `[]`,
		"half an object":        `{"pull_request":`,
		"a branch of two lines": pull("a\nb", shaA, "acme"),
		"a branch with a space": pull("a b", shaA, "acme"),
		"a branch like a flag":  pull("--upload-pack=x", shaA, "acme"),
		"a branch with bidi":    pull("a\u202eb", shaA, "acme"),
		"a branch that climbs":  pull("a/../b", shaA, "acme"),
		"a short commit":        pull("a", "abc123", "acme"),
		"a commit like a flag":  pull("a", "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "acme"),
		"an owner with a slash": pull("a", shaA, "acme/x"),
		"a number below zero":   `{"pull_request":{"number":-7}}`,
		"a run without number":  `{"workflow_run":{"head_sha":"` + shaA + `"}}`,
	} {
		if c, err := fromEvent("pull_request", payload); err == nil {
			t.Errorf("%s: got %s", name, show(c))
		} else if strings.ContainsAny(err.Error(), "\n\u202e") {
			t.Errorf("%s: the error is no plain line: %q", name, err)
		}
	}
	for name, value := range map[string]string{"GITHUB_RUN_ID": "x", "GITHUB_RUN_ATTEMPT": "-1", "GITHUB_REPOSITORY": "acme"} {
		if _, err := FromEnv(environment(map[string]string{name: value}), func(string) ([]byte, error) { return []byte(`{}`), nil }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func TestALargePayloadIsNotReadWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 10*MaxEvent); err != nil { // sparse
		t.Fatal(err)
	}
	raw, err := ReadEvent(file)
	if err != nil || len(raw) != MaxEvent+1 {
		t.Fatalf("read %d bytes, %v", len(raw), err)
	}
	_, err = FromEnv(environment(map[string]string{"GITHUB_EVENT_PATH": file}), ReadEvent)
	if err == nil || !strings.Contains(err.Error(), "larger than 25 MiB") {
		t.Errorf("got %v", err)
	}
}

func FuzzFromEnv(f *testing.F) {
	for _, event := range []string{"pull_request", "workflow_run", "push", "merge_group", "schedule"} {
		f.Add(event, []byte(`{"pull_request":{"number":1,"head":{"ref":"a","sha":"`+shaA+`"}}}`))
		f.Add(event, []byte(`{"workflow_run":{"id":1,"head_sha":"`+shaA+`","head_branch":null,"head_repository":null}}`))
		f.Add(event, []byte(`{"workflow_run":{"id":1}}`))
		f.Add(event, []byte(`{"ref":"refs/heads/x","before":"","after":"`+shaA+`","repository":{"name":"x","owner":{"name":"y"}}}`))
	}
	f.Fuzz(func(t *testing.T, event string, payload []byte) {
		c, err := FromEnv(environment(map[string]string{"GITHUB_EVENT_NAME": event}), func(string) ([]byte, error) { return payload, nil })
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("the error is no plain line: %q", err)
			}
			return
		}
		for _, s := range []string{c.HeadSHA, c.BaseSHA, c.HeadBranch, c.BaseRef, c.HeadOwner, c.HeadRepo} {
			if strings.ContainsAny(s, " \n\r\x1b\x00") || strings.HasPrefix(s, "-") && s == c.HeadSHA {
				t.Errorf("%q got through", s)
			}
		}
		if c.WorkflowRun != nil && c.WorkflowRun.HeadSHA != c.HeadSHA {
			t.Error("two heads")
		}
	})
}
