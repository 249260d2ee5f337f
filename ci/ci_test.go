package ci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/ci/actions"
	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hub"
	"github.com/benchharness/harness/ci/hubtest"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

func encodedRun(t testing.TB, run *result.Run) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := result.Encode(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodedComparison(t testing.TB, c *verdict.Comparison) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := verdict.EncodeComparison(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func runOf(id string, change func(*result.Run)) *result.Run {
	run := &result.Run{
		ID: id, Started: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC), Complete: true,
		Machine: json.RawMessage(`{}`), MachineID: "m1",
		Benchmarks: []result.Benchmark{{ID: "api/x", Plugin: "api", With: json.RawMessage(`{}`), Status: result.NotMeasured, Reason: "no target"}},
	}
	if change != nil {
		change(run)
	}
	return run
}

func comparisonOf(base, head string) *verdict.Comparison {
	return &verdict.Comparison{
		Sentence: "No regression", Method: verdict.Method{Design: verdict.Interleaved, Alpha: 0.025}, Counts: map[verdict.Verdict]int{},
		Base: verdict.Side{RunIDs: []string{base}}, Head: verdict.Side{RunIDs: []string{head}},
	}
}

func TestWhatBlocksIsWhatWasAskedFor(t *testing.T) {
	judge := func(f FailOn) Judge {
		return Judge{FailOn: f, Policy: func(string) (verdict.Policy, error) { return verdict.Policy{}, nil }}
	}
	worse := 0.2
	row := func(v verdict.Verdict) *verdict.Comparison {
		c := comparisonOf("b", "h")
		c.Rows = []verdict.Row{{Benchmark: "api/x", Metric: "latency_p95", Gate: true, Verdict: v, Worse: &worse}}
		c.Counts = map[verdict.Verdict]int{v: 1}
		return c
	}
	unfinished := row(verdict.Unchanged)
	unfinished.Validity = []result.Finding{{Level: "caution", Code: "not_run", Message: "base: api/y: target down"}}
	broken := row(verdict.Unchanged)
	broken.Budgets = []result.Budget{{Gate: true, Verdict: verdict.NotMeasured, Reason: "invalid: the clock broke"}}
	for _, c := range []struct {
		name                              string
		c                                 *verdict.Comparison
		policy, regression, undecided, no int
	}{
		{"a regression", row(verdict.Regressed), 1, 1, 1, 0},
		{"nothing", row(verdict.Unchanged), 0, 0, 0, 0},
		{"an undecided metric", row(verdict.Inconclusive), 0, 0, 4, 0},
		{"an invalid metric", row(verdict.Invalid), 4, 0, 4, 0},
		{"a benchmark that could not run", unfinished, 3, 0, 3, 0},
		{"an invalid number under a budget", broken, 4, 0, 4, 0},
	} {
		for f, want := range map[FailOn]int{ByPolicy: c.policy, OnRegression: c.regression, OnInconclusive: c.undecided, Never: c.no, "": c.policy} {
			leg, err := judge(f).Leg(Documents{Comparison: c.c})
			if err != nil || leg.Exit != want {
				t.Errorf("%s, %q: exit %d, %v; want %d", c.name, f, leg.Exit, err, want)
			}
		}
	}
	stopped := runOf("h", func(r *result.Run) { r.Interrupted = true })
	if leg, err := judge(ByPolicy).Leg(Documents{Comparison: row(verdict.Regressed), Head: stopped}); err != nil || leg.Exit != 130 {
		t.Errorf("an interrupted run exits with %d, %v", leg.Exit, err)
	}
	if missing := judge(OnRegression).Missing("x", errors.New("gone")); missing.Exit != 3 || !strings.Contains(missing.Problem, "gone") {
		t.Errorf("a missing document is %+v", missing)
	}
	legs := []body.Leg{{Exit: 4}, {Exit: 3}, {Exit: 0}}
	if Exit(legs) != 3 {
		t.Errorf("legs exit with %d", Exit(legs))
	}
	if _, err := ParseFailOn("often"); err == nil {
		t.Error("often is accepted")
	}
}

func TestChangesAreTold(t *testing.T) {
	leg := func(v verdict.Verdict, exit int) []body.Leg {
		c := comparisonOf("b", "h")
		c.Rows = []verdict.Row{{Gate: true, Verdict: v}}
		c.Counts = map[verdict.Verdict]int{v: 1}
		return []body.Leg{{Comparison: c, Exit: exit}}
	}
	for _, c := range []struct {
		name               string
		legs               []body.Leg
		regressed, changed bool
	}{
		{"unchanged", leg(verdict.Unchanged, 0), false, false},
		{"improved", leg(verdict.Improved, 0), false, true},
		{"slower", leg(verdict.Slower, 0), false, true},
		{"regressed, and not to block", leg(verdict.Regressed, 0), true, true},
		{"invalid", leg(verdict.Invalid, 4), true, true},
		{"no comparison", []body.Leg{{Problem: "gone"}}, true, true},
	} {
		if r, ch := Regressed(c.legs), Changed(c.legs); r != c.regressed || ch != c.changed {
			t.Errorf("%s: regressed %v, changed %v", c.name, r, ch)
		}
	}
}

func TestAStrangersComparisonIsNotBelieved(t *testing.T) {
	j := Judge{Untrusted: true, Policy: func(string) (verdict.Policy, error) { return verdict.Policy{}, nil }}
	if _, err := j.Leg(Documents{Comparison: comparisonOf("b", "h")}); err == nil || !strings.Contains(err.Error(), "not believed") {
		t.Errorf("the error is %v", err)
	}
	if _, err := j.Leg(Documents{Head: runOf("h", nil)}); err == nil || !strings.Contains(err.Error(), "name a baseline") {
		t.Errorf("the error is %v", err)
	}
	j.Base = []*result.Run{runOf("b", nil)}
	leg, err := j.Leg(Documents{Head: runOf("h", nil)})
	if err != nil || leg.Comparison.Method.Design != verdict.StoredOne {
		t.Errorf("%v, %v", leg.Comparison, err)
	}
	if _, err := j.Leg(Documents{Set: &verdict.Pair{Base: runOf("b", nil), Head: runOf("h", nil)}}); err == nil {
		t.Error("two runs that were not interleaved are taken for such")
	}
}

func TestTheBaselineIsTheBestThatThereIs(t *testing.T) {
	own := func(ids ...string) (out []*result.Run) {
		for _, id := range ids {
			out = append(out, runOf(id, nil))
		}
		return out
	}
	foreign := []*result.Run{runOf("f", func(r *result.Run) { r.MachineID = "m\x1b2" })}
	for _, c := range []struct {
		name    string
		sources []Baseline
		lacking []string
		runs    string
		want    string
	}{
		{"nothing", nil, []string{"the branch h could not be read"}, "", "there is no baseline yet (the branch h could not be read)"},
		{"enough of this machine", []Baseline{{own("1", "2", "3", "4"), "A"}}, nil, "2 3 4", "baseline: 3 runs of this machine from A, the newest of 2026-01-02"},
		{"this machine in the second source", []Baseline{{foreign, "A"}, {own("1"), "B"}}, nil, "1", "baseline: 1 run of this machine from B, the newest of 2026-01-02 (A has no run of this machine)"},
		{"another machine only", []Baseline{{foreign, "A"}}, nil, "f", "baseline: a run of another machine (m 2) from A, of 2026-01-02 (A has no run of this machine)"},
	} {
		runs, sentence := Choose(c.sources, c.lacking, "m1", 3)
		var ids []string
		for _, r := range runs {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != c.runs || sentence != c.want {
			t.Errorf("%s: %q and %q, want %q and %q", c.name, got, sentence, c.runs, c.want)
		}
	}
}

func TestThePullRequestIsFoundByTheEventAndTheAPI(t *testing.T) {
	server := hubtest.New(hubtest.Options{State: `
repo: acme/search
tokens: {ghs_x: {permissions: {pull_requests: read}}}
branches: {main: base}
pulls:
  - {number: 7, head: "stranger:patch", sha: a, base: main}
  - {number: 8, head: "acme:done", sha: b, base: main, state: closed}
`})
	client, err := hub.New(hub.Options{API: server.URL(), Token: "ghs_x", HTTP: server.Transport("")})
	if err != nil {
		t.Fatal(err)
	}
	repo := hub.Repo{Owner: "acme", Name: "search"}
	over := func(event, owner, branch, sha string) actions.Context {
		run := &actions.WorkflowRun{ID: 1, Event: event, HeadOwner: owner, HeadRepo: "search", HeadBranch: branch, HeadSHA: hubtest.SHA(sha)}
		return actions.Context{Repo: repo, WorkflowRun: run, HeadSHA: run.HeadSHA}
	}
	for _, c := range []struct {
		name   string
		w      actions.Context
		number int
		stop   string
		err    string
	}{
		{"a fork's run", over("pull_request", "stranger", "patch", "a"), 7, "", ""},
		{"a fork's run that a push overtook", over("pull_request", "stranger", "patch", "old"), 0, "by now", ""},
		{"a run of a pull request that is closed", over("pull_request", "acme", "done", "b"), 0, "is closed", ""},
		{"a run without a pull request", over("push", "acme", "main", "base"), 0, "started by push", ""},
		{"a run of nobody", over("pull_request", "nobody", "patch", "a"), 0, "", "none of acme/search"},
		{"by number", actions.Context{Repo: repo, PR: 7}, 7, "", ""},
		{"by number, with another commit", actions.Context{Repo: repo, PR: 7, HeadSHA: hubtest.SHA("old")}, 0, "by now", ""},
		{"by branch", actions.Context{Repo: repo, HeadBranch: "done", HeadSHA: hubtest.SHA("b")}, 0, "is closed", ""},
		{"by nothing", actions.Context{Repo: repo}, 0, "", "no pull request is named"},
	} {
		p, err := FindPull(context.Background(), client, c.w)
		var stop *Stop
		switch {
		case c.number > 0 && (err != nil || p.Number != c.number):
			t.Errorf("%s: #%d, %v; want #%d", c.name, p.Number, err, c.number)
		case c.stop != "" && (!errors.As(err, &stop) || !strings.Contains(stop.Reason, c.stop)):
			t.Errorf("%s: %v, want a stop with %q", c.name, err, c.stop)
		case c.err != "" && (err == nil || errors.As(err, &stop) || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.err)
		}
	}
}

func TestAWebhooksAddressStaysSecret(t *testing.T) {
	status := http.StatusOK
	var got []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		if status == http.StatusFound {
			w.Header().Set("Location", "http://127.0.0.1:1/secret")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "no_such_hook")
	}))
	defer s.Close()
	if err := Post(t.Context(), s.URL+"/secret", []byte(`{"text":"x"}`)); err != nil || string(got) != `{"text":"x"}` {
		t.Errorf("%q, %v", got, err)
	}
	for _, c := range []struct {
		address string
		status  int
		want    string
	}{
		{s.URL + "/secret", 404, "answered 404"},
		{s.URL + "/secret", http.StatusFound, "answered 302"},
		{"http://127.0.0.1:1/secret", 0, "connection refused"},
		{"http://example.com/secret", 0, "not https"},
		{"secret", 0, "no URL"},
		{"https://exa mple.com/secret", 0, "no URL"},
	} {
		status = c.status
		err := Post(t.Context(), c.address, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want an error with %q and without the address", c.address, err, c.want)
		}
	}
}

func FuzzDocumentsOfAStranger(f *testing.F) {
	f.Add([]byte(`{}`), encodedRun(f, runOf("h", nil)))
	marked := runOf("b", nil)
	verdict.Interleaving{Comparison: "b", Side: "base", Looks: []int{6}}.Mark(marked)
	head := runOf("h", nil)
	verdict.Interleaving{Comparison: "b", Side: "head", Looks: []int{6}}.Mark(head)
	f.Add(encodedRun(f, marked), encodedRun(f, head))
	f.Fuzz(func(t *testing.T, base, head []byte) {
		d, err := Read(Memory{"base.json": base, "head.json": head}, "")
		if err != nil {
			return
		}
		j := Judge{Untrusted: true, Policy: func(string) (verdict.Policy, error) { return verdict.Policy{}, nil }}
		leg, err := j.Leg(d)
		if err != nil {
			leg = j.Missing("", err)
		}
		text := body.Comment([]body.Leg{leg}, body.Options{Suite: "default", Marker: body.Marker{Suite: "default"}})
		if len(text) > body.CommentLimit {
			t.Errorf("the comment has %d bytes", len(text))
		}
	})
}
