package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hubtest"
)

var head = hubtest.SHA("first")

func checkOf(name string) CheckRequest {
	return CheckRequest{Repo: acme, SHA: head, Name: name, ExternalID: "harness/default/", DetailsURL: "https://example.com/run"}
}

func verdictOf(conclusion string, annotations int) body.CheckOutput {
	out := body.CheckOutput{Conclusion: conclusion, Title: "1 regression", Summary: "summary", Text: "text"}
	for i := range annotations {
		out.Annotations = append(out.Annotations, body.Annotation{Path: "harness.yaml", Line: i + 1, Level: "failure", Title: "t", Message: "m"})
	}
	return out
}

func start(t *testing.T, c *Client, r CheckRequest) Check {
	t.Helper()
	check, err := c.StartCheck(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// checks shows the check runs and statuses of the head, one a line.
func checks(s *hubtest.Server) string {
	var b strings.Builder
	for _, c := range s.Checks("acme/search", head) {
		fmt.Fprintf(&b, "%s: %s %s, %q, %v\n", c.Name, c.Status, c.Conclusion, c.Title, c.Batches)
	}
	for _, st := range s.Statuses("acme/search", head) {
		fmt.Fprintf(&b, "%s: status %s, %q\n", st.Context, st.State, st.Description)
	}
	return b.String()
}

func TestACheckIsInProgressAndThenCompleted(t *testing.T) {
	for _, tt := range []struct {
		annotations int
		batches     string
	}{{0, "[]"}, {1, "[1]"}, {50, "[50]"}, {51, "[50 1]"}, {120, "[50 50 20]"}} {
		bubble(t, func(t *testing.T) {
			s := world(t, "")
			c := client(t, s, "ghs_job")
			check := start(t, c, checkOf("harness"))
			if check.ID == 0 || check.Status || check.Reused || check.URL == "" {
				t.Errorf("%+v", check)
			}
			same(t, "at the start", checks(s), "harness: in_progress , \"Measuring\", []\n")
			if err := c.CompleteCheck(t.Context(), check, verdictOf(body.Failure, tt.annotations)); err != nil {
				t.Fatal(err)
			}
			same(t, "at the end", checks(s), `harness: completed failure, "1 regression", `+tt.batches+"\n")
		})
	}
}

func TestACheckOfAJobThatWasKilledIsTakenOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		start(t, client(t, s, "ghs_job"), checkOf("harness"))
		other := checkOf("harness")
		other.ExternalID = "somebody else's"
		start(t, client(t, s, "ghs_job"), other)
		c := client(t, s, "ghs_job") // the next attempt
		check := start(t, c, checkOf("harness"))
		if !check.Reused {
			t.Errorf("%+v", check)
		}
		if err := c.CompleteCheck(t.Context(), check, verdictOf(body.Success, 0)); err != nil {
			t.Fatal(err)
		}
		same(t, "checks", checks(s), "harness: completed success, \"1 regression\", []\nharness: in_progress , \"Measuring\", []\n")
		if again := start(t, c, checkOf("harness")); again.Reused {
			t.Error("a completed check was taken for one in progress")
		}
	})
}

func TestWithoutTheRightToCreateChecksThereIsACommitStatus(t *testing.T) {
	for _, token := range []string{"ghs_status", "ghp_ann"} {
		for conclusion, state := range map[string]string{body.Success: "success", body.Neutral: "success", body.Failure: "failure", body.Cancelled: "error"} {
			bubble(t, func(t *testing.T) {
				s := world(t, "")
				c := client(t, s, token)
				check := start(t, c, checkOf("harness"))
				if !check.Status {
					t.Fatalf("%+v", check)
				}
				same(t, "at the start", checks(s), "harness: status pending, \"Measuring\"\n")
				out := verdictOf(conclusion, 3)
				out.Title = strings.Repeat("é", 200)
				if err := c.CompleteCheck(t.Context(), check, out); err != nil {
					t.Fatal(err)
				}
				same(t, "at the end", checks(s), fmt.Sprintf("harness: status %s, %q\n", state, strings.Repeat("é", 139)+"…"))
			})
		}
	}
}

func TestACheckWhoseFateIsNotKnownIsNotCreatedTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		s.Inject(hubtest.Fault{On: "POST …/check-runs", Kind: hubtest.BadGateway, Applied: true})
		s.Inject(hubtest.Fault{On: "GET …/check-runs", Kind: hubtest.NotFound, Skip: 1})
		_, err := client(t, s, "ghs_job").StartCheck(t.Context(), checkOf("harness"))
		var missing *NotFoundError
		if !errors.As(err, &missing) {
			t.Errorf("error %v, want that the checks cannot be listed", err)
		}
		if check := start(t, client(t, s, "ghs_job"), checkOf("harness")); !check.Reused {
			t.Errorf("the next attempt did not take the check over:\n%s", checks(s))
		}
		same(t, "checks", checks(s), "harness: in_progress , \"Measuring\", []\n")
	})
}

func TestATokenThatMayNeitherIsToldSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := client(t, world(t, ""), "ghs_fork").StartCheck(t.Context(), checkOf("harness"))
		var denied *PermissionError
		if !errors.As(err, &denied) || !strings.Contains(err.Error(), "checks: write") {
			t.Errorf("error %v", err)
		}
	})
}

func TestACheckIsCompletedAlthoughItsContextIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "ghs_job")
		check := start(t, c, checkOf("harness"))
		over, cancel := context.WithCancel(t.Context())
		cancel()
		s.Inject(hubtest.Fault{On: "PATCH …/check-runs/{check_run_id}", Kind: hubtest.BadGateway})
		if err := c.CompleteCheck(over, check, verdictOf(body.Cancelled, 0)); err != nil {
			t.Fatal(err)
		}
		same(t, "checks", checks(s), "harness: completed cancelled, \"1 regression\", []\n")

		s.Inject(hubtest.Fault{On: "PATCH …/check-runs/{check_run_id}", Kind: hubtest.Hang, Times: -1})
		began := time.Now()
		if err := c.CompleteCheck(over, check, verdictOf(body.Cancelled, 0)); err == nil {
			t.Error("nobody answered, and all is well")
		}
		if d := time.Since(began); d != completeGrace {
			t.Errorf("took %s, want %s", d, completeGrace)
		}
	})
}

func TestWhatGitHubRefusesIsLeftOutOfTheCheck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "ghs_job")
		check := start(t, c, checkOf("harness"))
		s.Inject(hubtest.Fault{On: "PATCH …/check-runs/{check_run_id}", Kind: hubtest.TooLong, Times: 2})
		if err := c.CompleteCheck(t.Context(), check, verdictOf(body.Failure, 3)); err != nil {
			t.Fatal(err)
		}
		same(t, "checks", checks(s), "harness: completed failure, \"1 regression\", []\n")
		if got := s.Checks("acme/search", head)[0]; got.Text != "text" && !strings.Contains(got.Summary, "job's summary") {
			t.Errorf("%+v", got)
		}
	})
}

func TestAnnotationsThatCannotBeShownAreLeftOut(t *testing.T) {
	got := annotations([]body.Annotation{{Line: 1, Message: "m"}, {Path: "p", Message: "m"}, {Path: "p", Line: 1}, {Path: "p", Line: 2, Message: "m", Title: strings.Repeat("x", 300)}})
	if len(got) != 1 || got[0].GetStartLine() != 2 || len([]rune(got[0].GetTitle())) != 255 {
		t.Errorf("%v", got)
	}
}

// TestEveryFaultOfEveryCheckCallEndsInOneCompletedCheck puts each fault that
// passes in the way of each call. Annotations are not shown twice.
func TestEveryFaultOfEveryCheckCallEndsInOneCompletedCheck(t *testing.T) {
	kinds := []hubtest.Kind{hubtest.RateLimited, hubtest.Secondary, hubtest.Abuse, hubtest.TooMany, hubtest.Internal, hubtest.BadGateway,
		hubtest.Unavailable, hubtest.Cut, hubtest.Torn, hubtest.Hang}
	for _, on := range []string{"GET …/commits/{ref}/check-runs", "POST …/check-runs", "PATCH …/check-runs/{check_run_id}"} {
		for _, kind := range kinds {
			for _, applied := range []bool{false, true} {
				for skip := range 3 {
					t.Run(fmt.Sprintf("%s %s %v %d", on, kind, applied, skip), func(t *testing.T) {
						bubble(t, func(t *testing.T) {
							s := world(t, "")
							s.Inject(hubtest.Fault{On: on, Kind: kind, Applied: applied, Skip: skip})
							c := client(t, s, "ghs_job")
							check := start(t, c, checkOf("harness"))
							if err := c.CompleteCheck(t.Context(), check, verdictOf(body.Failure, 120)); err != nil {
								t.Fatal(err)
							}
							same(t, "checks", checks(s), "harness: completed failure, \"1 regression\", [50 50 20]\n")
						})
					})
				}
			}
		}
	}
}

func TestARequestThatCannotWorkIsNotSent(t *testing.T) {
	c := client(t, world(t, ""), "ghs_job")
	for name, change := range map[string]func(*CheckRequest){
		"a short commit":       func(r *CheckRequest) { r.SHA = "abc" },
		"no name":              func(r *CheckRequest) { r.Name = "" },
		"a repository of none": func(r *CheckRequest) { r.Repo.Name = "../x" },
		"a script for a link":  func(r *CheckRequest) { r.DetailsURL = "javascript:alert(1)" },
	} {
		r := checkOf("harness")
		change(&r)
		if _, err := c.StartCheck(t.Context(), r); err == nil {
			t.Errorf("%s: started", name)
		}
		if err := c.CompleteCheck(t.Context(), Check{CheckRequest: r, ID: 5}, verdictOf(body.Success, 0)); err == nil {
			t.Errorf("%s: completed", name)
		}
	}
	if err := c.CompleteCheck(t.Context(), Check{CheckRequest: checkOf("harness")}, verdictOf(body.Success, 0)); err == nil {
		t.Error("completed what was not started")
	}
	if c.Calls() != 0 {
		t.Error("something was sent")
	}
}

func TestCharsCutsBetweenCharacters(t *testing.T) {
	for _, tt := range []struct {
		s    string
		max  int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"日本語字", 3, "日本…"}, {"", 3, ""}} {
		if got := chars(tt.s, tt.max); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.s, got, tt.want)
		}
	}
	if !slices.Equal([]rune(chars(strings.Repeat("x", 70_000), 65_535))[65_534:], []rune("…")) {
		t.Error("a long text is not cut")
	}
}
