package actions

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// examples are payloads that GitHub sent, by the event's name. The test is
// skipped where they are not installed, or fails with HARNESS_REQUIRE_PEERS=1.
func examples(t *testing.T, server string) map[string][]json.RawMessage {
	t.Helper()
	file := filepath.Join("..", "..", ".build", "js-github", "node_modules", "@octokit", "webhooks-examples", server, "index.json")
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatal("needs GitHub's payloads: run `make test-tools`, which needs npm")
		}
		t.Skip("needs GitHub's payloads: run `make test-tools`, which needs npm")
	}
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(raw, &events); err != nil {
		t.Fatal(err)
	}
	by := map[string][]json.RawMessage{}
	for _, e := range events {
		by[e.Name] = e.Examples
	}
	return by
}

// TestPayloadsThatGitHubSentAreUnderstood reads each with a context of its own
// and compares with a plain walk through the JSON.
func TestPayloadsThatGitHubSentAreUnderstood(t *testing.T) {
	for _, server := range []string{"api.github.com", "ghes-31", "ghes-35"} {
		for event, payloads := range examples(t, server) {
			for i, payload := range payloads {
				c, err := FromEnv(environment(map[string]string{"GITHUB_EVENT_NAME": event, "GITHUB_REPOSITORY": ""}),
					func(string) ([]byte, error) { return payload, nil })
				if err != nil {
					t.Errorf("%s: %s %d: %v", server, event, i, err)
					continue
				}
				var tree map[string]any
				if err := json.Unmarshal(payload, &tree); err != nil {
					t.Fatal(err)
				}
				at := func(path ...string) any {
					var v any = tree
					for _, key := range path {
						m, ok := v.(map[string]any)
						if !ok {
							return nil
						}
						v = m[key]
					}
					return v
				}
				want := map[string][]any{}
				switch event {
				case "pull_request":
					want["head"] = []any{c.HeadSHA, at("pull_request", "head", "sha")}
					want["branch"] = []any{c.HeadBranch, at("pull_request", "head", "ref")}
					want["owner"] = []any{c.HeadOwner, at("pull_request", "head", "repo", "owner", "login")}
					want["base"] = []any{c.BaseSHA, at("pull_request", "base", "sha")}
					want["number"] = []any{float64(c.PR), at("pull_request", "number")}
					full, _ := at("pull_request", "head", "repo", "full_name").(string)
					want["fork"] = []any{c.Fork, full != at("repository", "full_name")}
				case "workflow_run":
					want["run"] = []any{float64(c.WorkflowRun.ID), at("workflow_run", "id")}
					want["head"] = []any{c.HeadSHA, at("workflow_run", "head_sha")}
					want["owner"] = []any{c.HeadOwner, at("workflow_run", "head_repository", "owner", "login")}
				case "merge_group":
					want["head"] = []any{c.HeadSHA, at("merge_group", "head_sha")}
				}
				for what, pair := range want {
					if pair[0] != pair[1] {
						t.Errorf("%s: %s %d: %s is %v, want %v", server, event, i, what, pair[0], pair[1])
					}
				}
			}
		}
	}
}
