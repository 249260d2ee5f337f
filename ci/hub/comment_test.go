package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/ci/hubtest"
)

// bubble runs a test under a clock that jumps over waits.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func put(t *testing.T, c *Client, r CommentRequest) CommentResult {
	t.Helper()
	result, err := c.Comment(t.Context(), acme, 7, r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestACommentIsMadeOnceAndThenKeptCurrent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "ghs_job")
		for _, step := range []struct {
			text string
			run  int64
			want Action
		}{{"red", 1, Created}, {"red", 1, Unchanged}, {"green", 2, Updated}, {"red", 1, Stale}} {
			r := put(t, c, said(step.text, step.run))
			if r.Action != step.want || r.URL == "" || r.Login != "github-actions[bot]" {
				t.Errorf("run %d: %+v, want %s", step.run, r, step.want)
			}
		}
		same(t, "comments", comments(s), "github-actions[bot]: green (run 2)\n")
	})
}

func TestAnUpdateCostsThreeCallsAndOneMoreForEachHundredComments(t *testing.T) {
	for _, others := range []int{0, 99, 100, 250} {
		bubble(t, func(t *testing.T) {
			s := world(t, "")
			put(t, client(t, s, "ghs_job"), said("red", 1))
			for i := range others {
				s.Say("acme/search", 7, "ann", fmt.Sprint("talk ", i))
			}
			c := client(t, s, "ghs_job") // a new process
			if r := put(t, c, said("green", 2)); r.Action != Updated {
				t.Fatalf("%+v", r)
			}
			if got, most := c.Calls(), 3+others/100; got != most {
				t.Errorf("%d other comments: %d calls, want %d:\n%s", others, got, most, calls(s))
			}
		})
	}
}

func TestWhatEachKindOfTokenCostsToKnowItself(t *testing.T) {
	for _, tt := range []struct {
		token, login string
		more         int
	}{
		{"ghs_job", "github-actions[bot]", 0},
		{"ghp_ann", "ann", 1},
		{"0123456789abcdef", "ann", 1}, // of an old server
	} {
		bubble(t, func(t *testing.T) {
			s := world(t, "")
			put(t, client(t, s, tt.token), said("red", 1))
			c := client(t, s, tt.token)
			put(t, c, said("green", 2))
			if got := c.Calls() - 3; got != tt.more {
				t.Errorf("%s: %d calls more, want %d", tt.token, got, tt.more)
			}
			named := client(t, s, tt.token, func(o *Options) { o.Login = strings.ToUpper(tt.login[:1]) + tt.login[1:] })
			if r := put(t, named, said("blue", 3)); r.Action != Updated || named.Calls() != 3 {
				t.Errorf("named %s: %+v in %d calls", named.o.Login, r, named.Calls())
			}
			same(t, "comments", comments(s), tt.login+": blue (run 3)\n")
		})
	}
}

func TestSomebodyElsesCommentWithOurMarkerIsLeftAlone(t *testing.T) {
	for _, impostor := range []string{"mallory", "github-actions", "other[bot]"} {
		for _, first := range []bool{true, false} {
			bubble(t, func(t *testing.T) {
				s := world(t, "")
				c := client(t, s, "ghs_job")
				fake := said("fake", 99).Body
				if first {
					s.Say("acme/search", 7, impostor, fake)
				}
				put(t, c, said("red", 1))
				if !first {
					s.Say("acme/search", 7, impostor, fake)
				}
				if r := put(t, client(t, s, "ghs_job"), said("green", 2)); r.Action != Updated || r.Removed != 0 {
					t.Errorf("%s: %+v", impostor, r)
				}
				want := impostor + ": fake (run 99)\n"
				ours := "github-actions[bot]: green (run 2)\n"
				if first {
					want += ours
				} else {
					want = ours + want
				}
				same(t, "comments", comments(s), want)
			})
		}
	}
}

func TestTheTokenOfAnAppFindsItsOwnCommentsWithoutBeingNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		// A workflow's own comment of the same key, from before the App.
		put(t, client(t, s, "ghs_job"), said("workflow", 1))
		s.Say("acme/search", 7, "bench-bot[bot]", said("red", 2).Body)
		if r := put(t, client(t, s, "ghs_other"), said("green", 3)); r.Action != Updated || r.Login != "bench-bot[bot]" {
			t.Errorf("%+v", r)
		}
		same(t, "comments", comments(s), "github-actions[bot]: workflow (run 1)\nbench-bot[bot]: green (run 3)\n")
	})
}

func TestATokenLearnsItsAuthorFromTheCommentItMade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		s.Inject(hubtest.Fault{On: "POST /graphql", Kind: hubtest.NotFound, Times: -1})
		s.Say("acme/search", 7, "bench-bot[bot]", said("red", 2).Body)
		c := client(t, s, "ghs_other")
		if r := put(t, c, said("green", 3)); r.Login != "bench-bot[bot]" || r.Removed != 1 {
			t.Errorf("%+v", r)
		}
		same(t, "comments", comments(s), "bench-bot[bot]: green (run 3)\n")
	})
}

func TestLegsHaveCommentsOfTheirOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "ghs_job")
		for _, leg := range []string{"arm64", "amd64"} {
			r := said("leg "+leg, 1)
			r.Marker.Leg = leg
			r.Body = "leg " + leg + "\n" + r.Marker.String()
			put(t, c, r)
			put(t, c, r)
		}
		same(t, "comments", comments(s), "github-actions[bot]: leg arm64 (run 1)\ngithub-actions[bot]: leg amd64 (run 1)\n")
	})
}

func TestModesDecideOnlyAboutTheFirstComment(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "ghs_job")
		green, red := said("green", 1), said("red", 2)
		green.Mode, red.Mode, red.Regressed = OnRegression, OnRegression, true
		if r := put(t, c, green); r.Action != Skipped || r.URL != "" {
			t.Errorf("%+v", r)
		}
		put(t, c, red)
		fixed := said("fixed", 3)
		fixed.Mode = OnRegression
		if r := put(t, c, fixed); r.Action != Updated {
			t.Errorf("%+v", r)
		}
		same(t, "comments", comments(s), "github-actions[bot]: fixed (run 3)\n")
		if _, err := ParseMode("sometimes"); err == nil || !strings.Contains(err.Error(), "want always, on-change or on-regression") {
			t.Error(err)
		}
	})
}

func TestATextWithoutItsMarkerIsRefused(t *testing.T) {
	c := client(t, world(t, ""), "ghs_job")
	r := said("x", 1)
	r.Marker.Run = 2
	for _, r := range []CommentRequest{r, {Body: "no marker"}, {Mode: "never", Body: said("x", 1).Body, Marker: said("x", 1).Marker}} {
		if _, err := c.Comment(t.Context(), acme, 7, r); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	if c.Calls() != 0 {
		t.Error("something was sent")
	}
}

// TestEveryFaultOfEveryStepEndsWellOrSaysWhy puts each fault in the way of each
// call of a first comment, an update and the removal of a duplicate.
func TestEveryFaultOfEveryStepEndsWellOrSaysWhy(t *testing.T) {
	passing := []hubtest.Kind{hubtest.RateLimited, hubtest.Secondary, hubtest.Abuse, hubtest.TooMany, hubtest.Conflict,
		hubtest.Internal, hubtest.BadGateway, hubtest.Unavailable, hubtest.Cut, hubtest.Torn, hubtest.Hang, hubtest.Slow}
	lasting := []hubtest.Kind{hubtest.Unauthorized, hubtest.Forbidden, hubtest.TooLong}
	steps := []string{"GET …/issues/{issue_number}/comments", "POST …/comments", "PATCH …/comments/{comment_id}",
		"GET …/issues/comments/{comment_id}", "DELETE …/comments/{comment_id}"}
	for _, on := range steps {
		for _, kind := range append(passing, lasting...) {
			for _, applied := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s %v", on, kind, applied), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						oneFault(t, hubtest.Fault{On: on, Kind: kind, Applied: applied, After: 70 * time.Second})
					})
				})
			}
		}
	}
}

func oneFault(t *testing.T, f hubtest.Fault) {
	s := world(t, "")
	switch {
	case strings.HasPrefix(f.On, "PATCH"), strings.Contains(f.On, "comment_id}") && strings.HasPrefix(f.On, "GET"):
		put(t, client(t, s, "ghs_job"), said("old", 1))
	case strings.HasPrefix(f.On, "DELETE"):
		put(t, client(t, s, "ghs_job"), said("old", 1))
		s.Say("acme/search", 7, "github-actions[bot]", said("twin", 1).Body)
	}
	before := comments(s)
	s.Inject(f)
	c := client(t, s, "ghs_job")
	result, err := c.Comment(t.Context(), acme, 7, said("new", 2))
	if !slices.ContainsFunc(s.Calls(), func(c hubtest.Call) bool { return c.Fault != "" }) {
		t.Fatalf("the fault hit nothing:\n%s", calls(s))
	}
	last := f.Kind == hubtest.Unauthorized || f.Kind == hubtest.Forbidden || f.Kind == hubtest.TooLong
	switch {
	case last && strings.Contains(f.On, "GET …/issues/comments"):
		// Only the look back failed.
	case last:
		var typed *Failure
		if !errors.As(err, &typed) {
			t.Fatalf("error %v", err)
		}
		if !f.Applied && !strings.HasPrefix(f.On, "DELETE") {
			same(t, "comments after "+err.Error(), comments(s), before)
		}
		s.Heal() // the next run puts it right
		put(t, client(t, s, "ghs_job"), said("new", 2))
	case err != nil:
		t.Fatalf("%v\n%s", err, calls(s))
	case before == "" && result.Action != Created, before != "" && result.Action != Updated:
		t.Errorf("%+v", result)
	}
	same(t, "comments", comments(s), "github-actions[bot]: new (run 2)\n")
}

func TestTheBoundOnWaitingIsKeptAndNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		s.Inject(hubtest.Fault{On: "POST …/comments", Kind: hubtest.RateLimited, After: 40 * time.Minute, Times: -1})
		c := client(t, s, "ghs_job", func(o *Options) { o.MaxWait = 2 * time.Minute })
		began := time.Now()
		_, err := c.Comment(t.Context(), acme, 7, said("new", 2))
		var limit *LimitError
		if !errors.As(err, &limit) || limit.Secondary || !strings.Contains(err.Error(), "run this again at") {
			t.Errorf("error %v", err)
		}
		if d := time.Since(began); d > 2*time.Minute {
			t.Errorf("waited %s", d)
		}
	})
}

func TestACommentThatWasDeletedInBetweenIsMadeAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		put(t, client(t, s, "ghs_job"), said("old", 1))
		id := s.Comments("acme/search", 7)[0].ID
		s.Before("PATCH …/comments/{comment_id}", hubtest.Once(func(*hubtest.Call) { s.Erase("acme/search", id) }))
		put(t, client(t, s, "ghs_job"), said("new", 2))
		same(t, "comments", comments(s), "github-actions[bot]: new (run 2)\n")
	})
}

func TestACommentThatMayNotBeChangedIsNotLookedForAgainAndAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		put(t, client(t, s, "ghs_job"), said("old", 1))
		s.Inject(hubtest.Fault{On: "PATCH …/comments/{comment_id}", Kind: hubtest.NotFound, Times: -1})
		c := client(t, s, "ghs_job")
		_, err := c.Comment(t.Context(), acme, 7, said("new", 2))
		var missing *NotFoundError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "update the comment") || c.Calls() != 4 {
			t.Errorf("%v after %d calls", err, c.Calls())
		}
	})
}

func TestAnAnswerThatAListDoesNotShowYetIsBelieved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		c := client(t, s, "ghs_job")
		// The list lags: what was just made is hidden from it by its author.
		w := &commenting{c: c, repo: acme, number: 7, r: said("new", 1)}
		w.made = found{id: 4242, marker: w.r.Marker, body: w.r.Body}
		settled, err := w.round(t.Context())
		if err != nil || !settled || strings.Contains(calls(s), "POST") {
			t.Errorf("settled %v, error %v:\n%s", settled, err, calls(s))
		}
	})
}

func TestALockedPullRequestAndAMissingOneAreNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		s.Inject(hubtest.Fault{On: "POST /repos/acme/search/issues/7/comments", Kind: hubtest.Forbidden, Times: -1})
		_, err := client(t, s, "ghs_job").Comment(t.Context(), acme, 7, said("x", 1))
		var denied *PermissionError
		if !errors.As(err, &denied) || !strings.Contains(err.Error(), "create the comment on acme/search#7") || !strings.Contains(err.Error(), "pull-requests: write") {
			t.Errorf("forbidden: %v", err)
		}
		_, err = client(t, s, "ghs_fork").Comment(t.Context(), acme, 7, said("x", 1))
		if !errors.As(err, &denied) || !strings.Contains(err.Error(), "fork") {
			t.Errorf("a fork's token: %v", err)
		}
		var missing *NotFoundError
		if _, err = client(t, s, "ghs_job").Comment(t.Context(), acme, 404, said("x", 1)); !errors.As(err, &missing) {
			t.Errorf("missing: %v", err)
		}
		if r, err := client(t, s, "ghs_job").Comment(t.Context(), acme, 8, said("x", 1)); err != nil || r.Action != Created {
			t.Errorf("closed: %+v, %v", r, err)
		}
		var locked *LockedError
		if _, err = client(t, s, "ghs_job").Comment(t.Context(), acme, 9, said("x", 1)); !errors.As(err, &locked) || !strings.Contains(err.Error(), "is locked; unlock the conversation") {
			t.Errorf("locked: %v", err)
		}
	})
}

func TestACommentEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, "")
		s.Inject(hubtest.Fault{On: "POST …/comments", Kind: hubtest.Hang, Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := client(t, s, "ghs_job").Comment(ctx, acme, 7, said("x", 1))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
