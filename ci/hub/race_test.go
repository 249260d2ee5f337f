package hub

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hubtest"
)

// roads make every request take a while on its way there and back, drawn from
// a seed: under the clock of a bubble that is every order of events in which a
// write follows its read within 800 ms.
type roads struct {
	next http.RoundTripper
	mu   *sync.Mutex
	rand *rand.Rand
}

func (r roads) RoundTrip(req *http.Request) (*http.Response, error) {
	r.wait()
	resp, err := r.next.RoundTrip(req)
	r.wait()
	return resp, err
}

func (r roads) wait() {
	r.mu.Lock()
	d := time.Duration(r.rand.Int64N(int64(400 * time.Millisecond)))
	r.mu.Unlock()
	time.Sleep(d)
}

// TestBotsThatMeetLeaveOneCommentOfTheNewestRun lets one to four runs write at
// about the same time, on a pull request with or without a comment, with faults
// in their way. Where one of them fails, a last run follows, as the next push
// has one, and is to put things in order.
func TestBotsThatMeetLeaveOneCommentOfTheNewestRun(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 50
	}
	stats := map[string]int{}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { meet(t, seed, stats) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%v", stats)
	for _, what := range []string{"created", "updated", "stale", "failed", "removed", "faults"} {
		if stats[what] == 0 {
			t.Errorf("no run was ever %s: the test does not test that", what)
		}
	}
}

func meet(t *testing.T, seed uint64, stats map[string]int) {
	r := rand.New(rand.NewPCG(seed, 4))
	s := hubtest.New(hubtest.Options{State: setup, SampleAnswers: 50})
	road := roads{mu: new(sync.Mutex), rand: r}
	bot := func(name string) *Client {
		c, err := New(Options{API: s.URL(), Token: "ghs_job", HTTP: roads{s.Transport(name), road.mu, r}, MaxWait: time.Hour, Rand: func() float64 { return 0.5 }})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	run := int64(10)
	if r.IntN(2) == 0 {
		put(t, bot("before"), said("before", run))
	}
	for range r.IntN(4) {
		s.Inject(someFault(r))
	}
	var group sync.WaitGroup
	newest, failed := run, false
	var mu sync.Mutex
	starts := make([]time.Duration, 1+r.IntN(4))
	for i := range starts {
		starts[i] = time.Duration(r.Int64N(int64(2 * time.Second)))
	}
	for i, start := range starts {
		run := run + 1 + int64(i)
		group.Go(func() {
			time.Sleep(start)
			result, err := bot(fmt.Sprint("run ", run)).Comment(t.Context(), acme, 7, said(fmt.Sprint("of ", run), run))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = true
				stats["failed"]++
				return
			}
			newest = max(newest, run)
			stats[string(result.Action)]++
			stats["removed"] += result.Removed
		})
	}
	group.Wait()
	for _, c := range s.Calls() {
		if c.Fault != "" {
			stats["faults"]++
		}
	}
	if failed {
		s.Heal()
		newest = 100
		put(t, bot("last"), said("last", newest))
	}
	left := s.Comments("acme/search", 7)
	if len(left) != 1 {
		t.Errorf("%d comments are left:\n%s\n%s", len(left), comments(s), s.DumpCalls())
		return
	}
	if m, ok := body.ParseMarker(left[0].Body); !ok || m.Run != newest {
		t.Errorf("the comment is of run %d, not %d:\n%s", m.Run, newest, s.DumpCalls())
	}
	for _, v := range s.Violations() {
		t.Error(v)
	}
}

// someFault draws a fault for one of the bot's calls. Requests that take
// effect long after they were sent are left out: no client can do anything
// about those.
func someFault(r *rand.Rand) hubtest.Fault {
	kinds := []hubtest.Kind{hubtest.Unauthorized, hubtest.Forbidden, hubtest.RateLimited, hubtest.Secondary, hubtest.Abuse, hubtest.NotFound,
		hubtest.Conflict, hubtest.TooLong, hubtest.TooMany, hubtest.Internal, hubtest.BadGateway, hubtest.Unavailable, hubtest.Hang, hubtest.Cut, hubtest.Torn}
	on := []string{"POST …/comments", "PATCH …/comments/{comment_id}", "GET …/issues/{issue_number}/comments", "GET …/comments/{comment_id}",
		"DELETE …/comments/{comment_id}", ""}
	return hubtest.Fault{On: on[r.IntN(len(on))], Kind: kinds[r.IntN(len(kinds))], Skip: r.IntN(3), Times: 1 + r.IntN(3),
		Applied: r.IntN(2) == 0, After: time.Duration(1+r.IntN(90)) * time.Second}
}

// TestARunThatOnlyTidiedUpLooksAgainToo has three runs meet. Run 101 makes a
// comment, as 103 does, and puts what 103 says into its own, the older one. 102
// read before that, and writes over it when 103 has read its own words there.
func TestARunThatOnlyTidiedUpLooksAgainToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := world(t, "")
		change := func(id int64, r CommentRequest) {
			text := strings.ReplaceAll(r.Body, "\n", "\\n")
			req, err := http.NewRequest("PATCH", fmt.Sprintf("%s/repos/acme/search/issues/comments/%d", s.URL(), id), strings.NewReader(`{"body":"`+text+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer ghs_job")
			req.Header.Set("Content-Type", "application/json")
			res, err := s.Transport("another run").RoundTrip(req)
			if err != nil || res.StatusCode != 200 {
				t.Fatal(res, err)
			}
			res.Body.Close()
		}
		var first int64
		s.Before("POST …/comments", hubtest.Once(func(*hubtest.Call) {
			first = s.Say("acme/search", 7, "github-actions[bot]", said("of 101", 101).Body)
		}))
		const list = "GET …/issues/{issue_number}/comments"
		var before, after int
		s.Before(list, func(*hubtest.Call) {
			if before++; before == 2 {
				change(first, said("of 103", 103))
			}
		})
		s.After(list, func(*hubtest.Call) {
			if after++; after == 2 {
				change(first, said("of 102", 102))
			}
		})
		put(t, client(t, s, "ghs_job"), said("of 103", 103))
		same(t, "comments", comments(s), "github-actions[bot]: of 103 (run 103)\n")
	})
}
