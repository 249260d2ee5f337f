package hub

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/ci/hubtest"
)

// TestAFilterThatTheServerIgnoresIsAppliedHere answers with every pull request
// and every run, as GitHub does where it cannot read a filter.
func TestAFilterThatTheServerIgnoresIsAppliedHere(t *testing.T) {
	sha := hubtest.SHA("first")
	pull := func(number, owner, branch, more string) string {
		return `{"number":` + number + `,"state":"open",` + more + `"head":{"ref":"` + branch + `","sha":"` + sha + `","user":{"login":"` + owner + `"},"repo":{"name":"search","owner":{"login":"` + owner + `"}}}}`
	}
	c := over(t, func(*http.Request) (*http.Response, error) {
		return reply(200, "["+pull("1", "mallory", "faster", "")+","+pull("2", "contributor", "other", "")+","+pull("3", "contributor", "faster", `"merged_at":"2026-01-02T03:04:05Z",`)+"]"), nil
	})
	p, err := c.FindPull(t.Context(), acme, Head{Owner: "contributor", Branch: "faster", SHA: sha})
	if err != nil || p.Number != 3 || !p.Merged {
		t.Errorf("%+v, %v", p, err)
	}
	run := func(id, branch, conclusion string) string {
		return `{"id":` + id + `,"event":"push","head_branch":"` + branch + `","conclusion":"` + conclusion + `","head_repository":{"full_name":"acme/search"}}`
	}
	c = over(t, func(*http.Request) (*http.Response, error) {
		return reply(200, `{"workflow_runs":[`+run("1", "dev", "success")+","+run("2", "main", "failure")+","+run("3", "main", "success")+"]}"), nil
	})
	if r, err := c.LatestRun(t.Context(), acme, "bench.yml", "main"); err != nil || r.ID != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestADownloadIsNeverLedFromHTTPSToHTTP(t *testing.T) {
	for _, location := range []string{"http://blob.example/x?sig=s", "file:///etc/passwd", "ftp://x/y"} {
		n := 0
		c := over(t, func(*http.Request) (*http.Response, error) {
			n++
			return reply(302, "", "Location", location), nil
		})
		_, err := c.Download(t.Context(), Artifact{Repo: acme, ID: 5, RunID: 51, Name: "results"}, Limits{})
		if err == nil || !strings.Contains(err.Error(), "redirected from https to") || strings.Contains(err.Error(), "sig=") || n != 1 {
			t.Errorf("%s: %v after %d requests", location, err, n)
		}
	}
}

func TestTheTokenOfAnAppIsForOneRepository(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "", as(App{ID: 4, Key: appOf(t, s), Repo: acme}))
		if _, err := c.Pull(t.Context(), acme, 7); err != nil {
			t.Fatal(err)
		}
		for _, call := range s.Calls() {
			if strings.HasSuffix(call.Path, "/access_tokens") && !strings.Contains(string(call.Body), `"repositories":["search"]`) {
				t.Errorf("asked for %s", call.Body)
			}
		}
	})
}

func TestWhatNeverLeftMayBeSentAgain(t *testing.T) {
	r := &retrier{}
	failed := &ServerError{&Failure{Status: 502}}
	if r.mayRepeat(http.MethodPost, op{}, failed) || !r.mayRepeat(http.MethodPost, op{}, unsent{failed}) {
		t.Error("the token's failure is not told from the request's")
	}
}

func TestATokenOfAnInstallationThatDoesNotSaySoIsTakenForAWorkflows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "repo: acme/search\ntokens: {fedcba9876543210: {permissions: {issues: write, pull_requests: write}}}\n")
		put(t, client(t, s, "ghs_job"), said("red", 1))
		if r := put(t, client(t, s, "fedcba9876543210"), said("green", 2)); r.Action != Updated || r.Login != actionsBot {
			t.Errorf("%+v", r)
		}
	})
}

func TestGraphQLLiesBesideTheAPI(t *testing.T) {
	for api, want := range map[string]string{"https://api.test": "/graphql", "https://ghe.test/api/v3": "/api/graphql"} {
		c := over(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != want {
				t.Errorf("%s: asked %s, want %s", api, r.URL.Path, want)
			}
			return reply(200, `{"data":{"viewer":{"login":"x[bot]"}}}`), nil
		}, func(o *Options) { o.API = api })
		if login, err := c.viewer(t.Context()); err != nil || login != "x[bot]" {
			t.Errorf("%s: %q, %v", api, login, err)
		}
	}
}

func TestADryRunMayAskWhoItIs(t *testing.T) {
	s := world(t, "")
	s.Say("acme/search", 7, "bench-bot[bot]", said("red", 1).Body)
	var dry DryRun
	c := client(t, s, "ghs_other", func(o *Options) { o.DryRun = &dry })
	if r := put(t, c, said("green", 2)); r.Action != Updated || r.Login != "bench-bot[bot]" || len(dry.Calls()) != 1 {
		t.Errorf("%+v, %v", r, dry.Calls())
	}
}

func TestOfTwoChecksThatWereLeftTheNewestIsTakenOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "ghs_job")
		var newest int64
		for range 3 {
			check, err := c.createCheck(t.Context(), checkOf("harness"))
			if err != nil {
				t.Fatal(err)
			}
			newest = max(newest, check.ID)
		}
		if check := start(t, c, checkOf("harness")); check.ID != newest {
			t.Errorf("took over %d, want %d", check.ID, newest)
		}
	})
}

// TestAnOldReadingIsReadAgainBeforeAWrite lets a list take ten seconds, in
// which a newer run writes.
func TestAnOldReadingIsReadAgainBeforeAWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		put(t, client(t, s, "ghs_job"), said("old", 1))
		on := "GET …/issues/{issue_number}/comments"
		s.After(on, hubtest.Once(func(*hubtest.Call) {
			put(t, client(t, s, "ghs_job"), said("newest", 3))
			time.Sleep(10 * time.Second)
		}))
		c := client(t, s, "ghs_job")
		if r := put(t, c, said("new", 2)); r.Action != Stale {
			t.Errorf("%+v in %d calls", r, c.Calls())
		}
		same(t, "comments", comments(s), "github-actions[bot]: newest (run 3)\n")
	})
}

func TestTheBodyOfAnAnswerIsClosed(t *testing.T) {
	closed := false
	c := over(t, func(*http.Request) (*http.Response, error) {
		r := reply(404, `{}`)
		r.Body = closer{r.Body, &closed}
		return r, nil
	})
	var missing *NotFoundError
	if _, err := c.Pull(t.Context(), acme, 7); !errors.As(err, &missing) || !closed {
		t.Errorf("%v, closed %v", err, closed)
	}
}

type closer struct {
	io.Reader
	closed *bool
}

func (c closer) Close() error { *c.closed = true; return nil }
