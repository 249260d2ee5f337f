package actiontest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/benchharness/harness/ci/hubtest"
)

const repoName = "acme/search"

// service is a tiny server, built once, that behaves as the file service of its
// commit says: fine, or flaky.
var service = sync.OnceValues(func() (string, error) {
	program := filepath.Join(filepath.Dir(binary), "service")
	out, err := exec.Command("go", "build", "-o", program, "./testdata/service").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the service: %w\n%s", err, out)
	}
	return program, nil
})

const serviceConfig = `version: 1
targets: {svc: {url: "http://127.0.0.1:PORT"}}
variants:
  app:
    start: exec SERVICE "$(cat service)"
    ready: {url: "http://127.0.0.1:PORT/ready", timeout: 60s}
    env: {ADDR: "127.0.0.1:PORT"}
suites:
  default:
    load: {concurrent_users: 2, rounds: 6, duration: 600ms, warmup: 20ms}
    benchmarks:
      - {use: api/http, name: item, target: svc, with: {path: /item}}
`

// project is a repository on GitHub: its commits in a bare repository, and
// what people see in the stand-in.
type project struct {
	t          *testing.T
	hub        *hubtest.Server
	bare, work string
	folder     string // that harness.yaml is in
	tip, head  string // of main and topic
	runs       int
}

// newProject has one pull request, number 7, from a branch topic of owner.
func newProject(t *testing.T, owner, folder, behaviour string) *project {
	t.Helper()
	peers(t, "git", "bash", "curl", "tar", "go")
	if runtime.GOOS != "linux" {
		t.Skip("servers of commits are started and stopped on Linux in these tests")
	}
	program, err := service()
	if err != nil {
		t.Fatal(err)
	}
	dir := short(t)
	p := &project{t: t, folder: folder, bare: filepath.Join(dir, "bare"), work: filepath.Join(dir, "work")}
	git(t, dir, "init", "--quiet", "--bare", "--initial-branch=main", p.bare)
	git(t, dir, "clone", "--quiet", p.bare, p.work)
	git(t, p.work, "checkout", "--quiet", "-b", "main")
	config := strings.NewReplacer("PORT", fmt.Sprint(freePort(t)), "SERVICE", program).Replace(serviceConfig)
	write(t, filepath.Join(p.work, folder, "harness.yaml"), config)
	p.tip = p.push("main", "fine")
	git(t, p.work, "checkout", "--quiet", "-b", "topic")
	p.head = p.push("topic", behaviour)
	p.hub = hubtest.Start(t, hubtest.Options{State: fmt.Sprintf(`
repo: %s
private: true
tokens: {t-fork: {fork: true}, t-silent: {permissions: {checks: write, contents: read, pull_requests: read, metadata: read}}}
branches: {main: %s}
pulls: [{number: 7, head: "%s:topic", sha: %s}]
runs: [{id: 900, workflow: benchmarks.yml, branch: topic, sha: %s, event: pull_request, owner: %s}]
`, repoName, p.tip, owner, p.head, p.head, owner)})
	p.token("t-first", "../workflows/pull-request.yml")
	p.token("t-second", "../workflows/forks.yml")
	p.hub.Put(repoName, "main", filepath.Join(folder, "harness.yaml"), []byte(config))
	return p
}

// token adds a token with the permissions that a workflow gives its only job.
func (p *project) token(text, file string) {
	p.t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(p.t, file)), &w); err != nil {
		p.t.Fatal(err)
	}
	permissions := map[string]string{"metadata": "read"}
	for _, j := range w.Jobs {
		for name, level := range j.Permissions {
			permissions[strings.ReplaceAll(name, "-", "_")] = level
		}
	}
	p.hub.AddToken(text, hubtest.Token{Login: "github-actions[bot]", App: "github-actions", Permissions: permissions})
}

// freePort is a port that nobody listens on, below those that the system hands
// out.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port between 20000 and 32000 is free")
	return 0
}

func (p *project) push(branch, behaviour string) string {
	p.t.Helper()
	write(p.t, filepath.Join(p.work, p.folder, "service"), behaviour)
	git(p.t, p.work, "add", ".")
	git(p.t, p.work, "commit", "--quiet", "--allow-empty", "-m", behaviour)
	git(p.t, p.work, "push", "--quiet", "origin", "HEAD:"+branch)
	return git(p.t, p.work, "rev-parse", "HEAD")
}

// job is a runner with a checkout of the pull request and its event.
func (p *project) job(owner, token string) *runner {
	p.t.Helper()
	r := newRunner(p.t)
	git(p.t, r.temp, "clone", "--quiet", "--branch", "topic", p.bare, r.workspace)
	p.event(r, "pull_request", token, map[string]any{
		"action": "synchronize", "number": 7,
		"pull_request": map[string]any{
			"number": 7,
			"head":   map[string]any{"sha": p.head, "ref": "topic", "user": login(owner), "repo": repository(owner + "/search")},
			"base":   map[string]any{"sha": p.tip, "ref": "main", "user": login("acme"), "repo": repository(repoName)},
		},
	})
	return r
}

func login(name string) map[string]any { return map[string]any{"login": name} }

func repository(fullName string) map[string]any {
	owner, name, _ := strings.Cut(fullName, "/")
	return map[string]any{"full_name": fullName, "name": name, "owner": login(owner)}
}

// event is what GitHub tells a job: its payload, its environment and the
// context of its expressions.
func (p *project) event(r *runner, name, token string, payload map[string]any) {
	p.t.Helper()
	payload["repository"] = repository(repoName)
	b, err := json.Marshal(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(r.temp, "event.json")
	write(p.t, path, string(b))
	p.runs++
	for k, v := range map[string]string{
		"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": path, "GITHUB_REPOSITORY": repoName, "GITHUB_SHA": hubtest.SHA("merge"),
		"GITHUB_RUN_ID": fmt.Sprint(800 + p.runs), "GITHUB_RUN_ATTEMPT": "1",
		"GITHUB_API_URL": p.hub.URL(), "GITHUB_SERVER_URL": "https://github.com",
	} {
		r.env[k] = v
	}
	r.github = map[string]string{"token": token, "event_name": name, "repository": repoName, "actor": "ann"}
	flatten("event", payload, r.github)
	r.inputs = map[string]string{"harness-path": binary, "args": "--looks=6"}
}

// flatten makes paths of a payload, as expressions name its values.
func flatten(path string, v any, into map[string]string) {
	if m, ok := v.(map[string]any); ok {
		for k, v := range m {
			flatten(path+"."+k, v, into)
		}
		return
	}
	into[path] = fmt.Sprint(v)
}

// only is the one comment that there is.
func (p *project) only() hubtest.Comment {
	p.t.Helper()
	c := p.hub.Comments(repoName, 7)
	if len(c) != 1 {
		p.t.Fatalf("%d comments, want one\n%s", len(c), p.hub.Dump())
	}
	return c[0]
}

func (p *project) conclusions(sha string) (out []string) {
	for _, c := range p.hub.Checks(repoName, sha) {
		out = append(out, c.Status+" "+c.Conclusion)
	}
	return out
}

// stopWord is the word that turns a log's commands on again.
func stopWord(log string) string {
	_, after, _ := strings.Cut(log, "::stop-commands::")
	word, _, _ := strings.Cut(after, "\n")
	return word
}

func TestAPullRequestTurnsRedAndThenGreenAgain(t *testing.T) {
	t.Parallel()
	p := newProject(t, "acme", ".", "flaky")
	rel := newReleases(t)
	r := p.job("acme", "t-first")
	delete(r.inputs, "harness-path")
	r.inputs["version"], r.inputs["sha256sums"], r.inputs["releases"] = releasedVersion, rel.sums(), rel.URL
	out := r.act()
	if !r.failed || out["verdict"] != "fail" || out["exit-code"] != "1" || !strings.Contains(out["sentence"], "api/item") {
		t.Fatalf("failed %v, outputs %v\n%s", r.failed, out, r.log.String())
	}
	first := p.only()
	if !strings.Contains(first.Body, "regression") || !strings.Contains(first.Body, p.head[:7]) || !strings.Contains(first.Body, p.tip[:7]) {
		t.Errorf("the comment lacks the regression, base or head:\n%s", first.Body)
	}
	if want := "\nharness ab --base-ref " + p.tip + " --head-ref " + p.head + " --looks=6\n"; !strings.Contains(first.Body, want) {
		t.Errorf("the comment lacks the command%s\n%s", want, first.Body)
	}
	if got := p.conclusions(p.head); !slices.Equal(got, []string{"completed failure"}) {
		t.Errorf("checks: %q\n%s", got, r.log.String())
	}
	if len(stopWord(r.log.String())) != 32 || !strings.Contains(r.log.String(), "\n::"+stopWord(r.log.String())+"::\n") {
		t.Errorf("lines of the pull request's code may be commands\n%s", r.log.String())
	}
	if _, err := os.Stat(out["report"]); err != nil {
		t.Errorf("report: %v", err)
	}
	var names []string
	for _, f := range r.artifacts[out["artifact"]] {
		names = append(names, filepath.Base(f))
	}
	for _, want := range []string{"base.json", "head.json", "comparison.json", "comparison.html"} {
		if !slices.Contains(names, want) {
			t.Errorf("the artifact %s lacks %s: %q", out["artifact"], want, names)
		}
	}
	if s := read(t, filepath.Join(r.temp, "_GITHUB_STEP_SUMMARY")); !strings.Contains(s, "api/item") {
		t.Errorf("the job's summary is %q", s)
	}

	p.head = p.push("topic", "fine")
	p.hub.Push(repoName, 7, p.head)
	r = p.job("acme", "t-first")
	if out = r.act(); r.failed || out["verdict"] != "pass" {
		t.Fatalf("failed %v, outputs %v\n%s", r.failed, out, r.log.String())
	}
	second := p.only()
	if second.ID != first.ID || second.Edits != 1 || !strings.Contains(second.Body, p.head[:7]) {
		t.Errorf("comment %d was edited %d times, was %d\n%s", second.ID, second.Edits, first.ID, second.Body)
	}
	if got := p.conclusions(p.head); len(got) != 1 || !strings.HasPrefix(got[0], "completed ") || strings.HasSuffix(got[0], "failure") {
		t.Errorf("checks: %q", got)
	}
}

func TestAForksPullRequestIsMeasuredWithoutSecretsAndPublishedByAnother(t *testing.T) {
	t.Parallel()
	p := newProject(t, "contributor", "bench", "flaky")
	r := p.job("contributor", "t-fork")
	r.inputs["working-directory"], r.inputs["leg"] = "bench", "linux/amd64"
	r.inputs["threshold"], r.inputs["args"] = "20%", "--looks=6\n\n--seed=3\n"
	out := r.act()
	if !r.failed || out["verdict"] != "fail" || out["artifact"] != "harness-default.linux-amd64" || !strings.Contains(r.log.String(), "::notice title=a pull request that this job may not write to::") {
		t.Fatalf("failed %v, outputs %v\n%s", r.failed, out, r.log.String())
	}
	for _, c := range p.hub.Calls() {
		t.Errorf("the first half called %s", c.String())
	}

	files := map[string]string{}
	for _, f := range r.artifacts[out["artifact"]] {
		files[filepath.Base(f)] = read(t, f)
	}
	p.hub.Upload(repoName, 900, out["artifact"], hubtest.Zip(files))
	r = newRunner(t)
	p.event(r, "workflow_run", "t-second", map[string]any{
		"action": "completed",
		"workflow_run": map[string]any{
			"id": 900, "run_attempt": 1, "name": "Benchmarks", "event": "pull_request", "conclusion": "failure", "head_sha": p.head, "head_branch": "topic",
			"head_repository": repository("contributor/search"), "pull_requests": []any{},
		},
	})
	r.inputs = map[string]string{"harness-path": binary, "mode": "publish", "working-directory": "bench", "leg": "linux/amd64"}
	if r.act(); r.failed {
		t.Fatal(r.log.String())
	}
	if c := p.only(); !strings.Contains(c.Body, "regression") || !strings.Contains(c.Body, "api/item") || !strings.Contains(c.Body, "threshold 10%") {
		t.Errorf("the comment, which goes by the base branch's threshold:\n%s", c.Body)
	}
	if got := p.conclusions(p.head); !slices.Equal(got, []string{"completed failure"}) {
		t.Errorf("checks: %q\n%s", got, r.log.String())
	}
	if left, err := os.ReadDir(r.workspace); err != nil || len(left) > 0 {
		t.Errorf("the second half left %v in its workspace, %v", left, err)
	}
}

// The check was begun and the answer got lost, so that nobody knows: it is
// completed all the same.
func TestACheckWhoseBeginningIsNotKnownIsCompleted(t *testing.T) {
	t.Parallel()
	p := newProject(t, "acme", ".", "fine")
	r := p.job("acme", "t-first")
	cut := filepath.Join(short(t), "harness")
	write(t, cut, "#!/bin/sh\n"+binary+" \"$@\" || exit $?\ncase \"$*\" in *--start*) exit 5 ;; esac\n")
	r.inputs["harness-path"], r.inputs["args"] = cut, "--looks=2"
	r.act()
	got := p.conclusions(p.head)
	if len(got) != 1 || !strings.HasPrefix(got[0], "completed ") {
		t.Errorf("checks: %q\n%s", got, r.log.String())
	}
}

func TestAMistakeInTheSetupFailsTheJobAndCompletesTheCheck(t *testing.T) {
	t.Parallel()
	p := newProject(t, "acme", ".", "fine")
	r := p.job("acme", "t-silent") // may not comment
	r.inputs["suite"], r.inputs["fail-on"] = "nightly", "never"
	out := r.act()
	if !r.failed || out["verdict"] != "error" || out["exit-code"] != "2" || out["report"] != "" {
		t.Errorf("failed %v, outputs %v\n%s", r.failed, out, r.log.String())
	}
	if got := p.conclusions(p.head); len(got) != 1 || !strings.HasPrefix(got[0], "completed ") {
		t.Errorf("checks: %q\n%s", got, r.log.String())
	}
	if !strings.Contains(r.log.String(), "::error title=harness could not deliver") || len(p.hub.Comments(repoName, 7)) > 0 {
		t.Errorf("the log does not say that nobody may comment\n%s", r.log.String())
	}
	if slices.Contains(r.skipped, "judge") {
		t.Error("nothing passed or failed the job")
	}
}
