package actiontest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sidesPlace is a repository in which a pull request began at "fork" and its
// base branch went on:
//
//	first ── fork ── tip          main
//	           └──── head         topic
type sidesPlace struct {
	bare                   string
	first, fork, tip, head string
}

func newSidesPlace(t *testing.T) sidesPlace {
	t.Helper()
	peers(t, "git", "bash")
	dir := short(t)
	p := sidesPlace{bare: filepath.Join(dir, "bare")}
	git(t, dir, "init", "--quiet", "--bare", "--initial-branch=main", p.bare)
	git(t, p.bare, "config", "uploadpack.allowReachableSHA1InWant", "true") // as GitHub does
	work := filepath.Join(dir, "work")
	git(t, dir, "clone", "--quiet", p.bare, work)
	git(t, work, "checkout", "--quiet", "-b", "main")
	commit := func(name string) string {
		git(t, work, "commit", "--quiet", "--allow-empty", "-m", name)
		return git(t, work, "rev-parse", "HEAD")
	}
	p.first, p.fork = commit("first"), commit("fork")
	git(t, work, "checkout", "--quiet", "-b", "topic")
	p.head = commit("head")
	git(t, work, "checkout", "--quiet", "main")
	p.tip = commit("tip")
	git(t, work, "push", "--quiet", "origin", "main", "topic")
	return p
}

func TestBaseAndHeadAreFound(t *testing.T) {
	p := newSidesPlace(t)
	for _, tt := range []struct {
		name       string
		depth      string
		env        map[string]string
		base, head string
		says       string
	}{
		{"a pull request is compared with where it began", "0", map[string]string{"PR_BASE": p.tip, "PR_HEAD": p.head}, p.fork, p.head, ""},
		{"a shallow checkout has to do with the tip of base", "1", map[string]string{"PR_BASE": p.tip, "PR_HEAD": p.head}, p.tip, p.head, "use fetch-depth: 0"},
		{"a base that is named is taken as it is", "0", map[string]string{"BASE": p.tip, "PR_BASE": p.first, "PR_HEAD": p.head}, p.tip, p.head, ""},
		{"a branch of origin", "0", map[string]string{"BASE": "topic", "HEAD": "main"}, p.head, p.tip, ""},
		{"a branch that the checkout lacks is fetched", "1", map[string]string{"BASE": "topic", "HEAD": "main"}, p.head, p.tip, ""},
		{"a push is compared with its parent", "2", map[string]string{"GITHUB_SHA": p.tip}, p.fork, p.tip, ""},
		{"a push in a shallow checkout has no parent", "1", map[string]string{"GITHUB_SHA": p.tip}, "", "", "use fetch-depth: 2 or 0"},
		{"a base that is nowhere", "0", map[string]string{"BASE": "nowhere"}, "", "", "base nowhere is neither in the checkout nor"},
		{"a name that looks like an option", "0", map[string]string{"BASE": "--upload-pack=touch executed;"}, "", "", "nothing to compare"},
		{"one commit on both sides", "0", map[string]string{"BASE": p.tip}, "", "", "the same commit"},
		{"the event that has secrets", "0", map[string]string{"GITHUB_EVENT_NAME": "pull_request_target", "PR_BASE": p.tip, "PR_HEAD": p.head}, "", "", "with this repository's secrets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRunner(t)
			args := []string{"clone", "--quiet", "file://" + p.bare, r.workspace}
			if tt.depth != "0" {
				args = append(args, "--depth="+tt.depth)
			}
			git(t, r.temp, args...)
			for _, name := range []string{"BASE", "HEAD", "PR_BASE", "PR_HEAD"} {
				r.env[name] = tt.env[name]
			}
			r.env["GITHUB_SHA"], r.env["GITHUB_EVENT_NAME"] = p.tip, "pull_request"
			for k, v := range tt.env {
				r.env[k] = v
			}
			s := scope{values: map[string]string{}}
			ok := r.step(step{ID: "sides", Shell: "bash", Run: `"$GITHUB_ACTION_PATH/steps/sides"`}, s)
			base, head := s.values["steps.sides.outputs.base"], s.values["steps.sides.outputs.head"]
			if _, err := os.Stat(filepath.Join(r.workspace, "executed")); err == nil {
				t.Error("a name was executed")
			}
			if ok != (tt.head != "") || base != tt.base || head != tt.head || !strings.Contains(r.log.String(), tt.says) {
				t.Errorf("succeeded %v, base %s, head %s; want %s and %s, and %q\n%s", ok, base, head, tt.base, tt.head, tt.says, r.log.String())
			}
		})
	}
}
