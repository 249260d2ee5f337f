package hub

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchharness/harness/ci/hubtest"
)

func TestAFileIsReadAtABranch(t *testing.T) {
	s := world(t, "")
	s.Put("acme/search", "main", "large.bin", []byte(strings.Repeat("x", MaxFile+1)))
	s.Put("acme/search", "main", "just.bin", []byte(strings.Repeat("x", MaxFile)))
	c := client(t, s, "ghs_fork")
	for _, path := range []string{"harness.yaml", "dir/a.json", "just.bin"} {
		raw, err := c.File(t.Context(), acme, "main", path)
		if err != nil || path == "harness.yaml" && string(raw) != "suites: {}\n" || path == "just.bin" && len(raw) != MaxFile {
			t.Errorf("%s: %d bytes, %v", path, len(raw), err)
		}
	}
	var large *TooLargeError
	if _, err := c.File(t.Context(), acme, "main", "large.bin"); !errors.As(err, &large) {
		t.Errorf("too large: %v", err)
	}
	var missing *NotFoundError
	if _, err := c.File(t.Context(), acme, "main", "none.yaml"); !errors.As(err, &missing) || !strings.Contains(err.Error(), "none.yaml of acme/search at main") {
		t.Errorf("missing: %v", err)
	}
	if _, err := c.File(t.Context(), acme, "main", "dir"); err == nil || !strings.Contains(err.Error(), "it is not a file") {
		t.Errorf("a folder: %v", err)
	}
	for _, path := range []string{"", ".", "/etc/passwd", "../other/contents/x", "a/../b", "a//b"} {
		if _, err := c.File(t.Context(), acme, "main", path); err == nil || !strings.Contains(err.Error(), "not a path below") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestTheLatestRunIsNeverAForks: a fork may call its branch main, and its runs
// are listed among those of the branch.
func TestTheLatestRunIsNeverAForks(t *testing.T) {
	s := world(t, `
repo: acme/search
runs:
  - {id: 51, workflow: bench.yml, branch: main, sha: a, event: push}
  - {id: 52, workflow: bench.yml, branch: main, sha: b, event: push, status: completed, conclusion: failure}
  - {id: 53, workflow: bench.yml, branch: main, sha: c, event: pull_request, owner: mallory}
  - {id: 54, workflow: bench.yml, branch: main, sha: d, event: push, owner: mallory}
  - {id: 55, workflow: other.yml, branch: main, sha: e, event: push}
  - {id: 56, workflow: bench.yml, branch: dev, sha: f, event: push}
`)
	c := client(t, s, "ghs_job")
	run, err := c.LatestRun(t.Context(), acme, "bench.yml", "main")
	if err != nil || run.ID != 51 || run.HeadSHA != hubtest.SHA("a") || run.Event != "push" || run.Attempt != 1 {
		t.Errorf("%+v, %v", run, err)
	}
	var missing *NotFoundError
	if _, err := c.LatestRun(t.Context(), acme, "bench.yml", "none"); !errors.As(err, &missing) {
		t.Errorf("no such branch: %v", err)
	}
	for _, workflow := range []string{"", "../x.yml", "a/b.yml"} {
		if _, err := c.LatestRun(t.Context(), acme, workflow, "main"); err == nil || !strings.Contains(err.Error(), "workflow's file") {
			t.Errorf("%q: %v", workflow, err)
		}
	}
}
