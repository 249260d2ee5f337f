package hub_test

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hub"
	"github.com/benchharness/harness/ci/hubtest"
)

var oneSeed = flag.Int64("seed", -1, "the one sequence of faults to run, with its calls")

// TestAfterAnySequenceOfFaultsTheNewestRunIsWhatIsSaid draws a history of a
// pull request from each seed: pushes, jobs for each leg that start a check,
// comment and complete it, killed jobs, people who talk, quote the bot, delete
// its comment and lock the conversation, and faults of every kind in the way of
// every call. All of it meets at times that are drawn too. In the end there is
// one comment for each leg, of the newest run, with a check (or a status) that
// is complete, and nobody else's comment was touched.
//
// A seed gives the same requests in the same order each time: go test ./ci/hub
// -run Sequence -seed 17 -v shows one.
func TestAfterAnySequenceOfFaultsTheNewestRunIsWhatIsSaid(t *testing.T) {
	if *oneSeed >= 0 {
		synctest.Test(t, func(t *testing.T) { t.Log(play(t, uint64(*oneSeed), map[string]int{})) })
		return
	}
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 50
	}
	stats := map[string]int{}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { play(t, seed, stats) })
		if t.Failed() {
			t.Fatalf("that was seed %d: go test ./ci/hub -run Sequence -seed %d -v", seed, seed)
		}
	}
	t.Logf("%d sequences: %v", seeds, stats)
	for _, what := range []string{"check", "status", "reused", "killed", "failed", "again", "erased", "locked", "stale", "created", "updated", "removed", "fault cut, applied", "fault hang, applied"} {
		if stats[what] == 0 && !testing.Short() {
			t.Errorf("nothing was ever %s: the test does not test that", what)
		}
	}
}

func TestASequenceIsTheSameEachTime(t *testing.T) {
	for seed := range uint64(20) {
		var calls [2]string
		for i := range calls {
			synctest.Test(t, func(t *testing.T) { calls[i] = play(t, seed, map[string]int{}) })
		}
		if calls[0] != calls[1] {
			t.Fatalf("seed %d gave different calls:\n%s\n----\n%s", seed, calls[0], calls[1])
		}
	}
}

const pulls = "acme/search"

// history is a pull request's life, as one seed has it.
type history struct {
	t       *testing.T
	s       *hubtest.Server
	seed    uint64
	token   string
	login   string // who the token is
	legs    []string
	newest  int64 // run
	foreign []hubtest.Comment

	mu     sync.Mutex
	stats  map[string]int
	erased bool
	ended  map[string]attempt   // by leg: the newest run's last attempt that was delivered
	at     map[string]time.Time // by leg: when that was
	untidy map[string]time.Time // by leg: when the last job ended that could not look at what it left
}

// attempt is what one job delivered.
type attempt struct {
	marker body.Marker
	check  hub.Check
	out    body.CheckOutput
}

// draw gives a source for one part of the history. Parts that run at the same
// time have one each, so that none depends on another's order.
func (h *history) draw(part string) *rand.Rand {
	f := fnv.New64a()
	f.Write([]byte(part))
	return rand.New(rand.NewPCG(h.seed, f.Sum64()))
}

func (h *history) count(what string, n int) {
	h.mu.Lock()
	h.stats[what] += n
	h.mu.Unlock()
}

// play lives one history through, checks its end, and gives its calls.
func play(t *testing.T, seed uint64, stats map[string]int) string {
	h := &history{t: t, seed: seed, stats: stats, ended: map[string]attempt{}, at: map[string]time.Time{}, untidy: map[string]time.Time{}}
	h.begin()
	h.live()
	h.finish()
	h.judge()
	for _, c := range h.s.Calls() {
		if c.Fault != "" {
			stats["fault "+c.Fault]++
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s", h.s.DumpCalls(), h.s.Dump())
	}
	return h.s.DumpCalls()
}

func (h *history) begin() {
	r := h.draw("begin")
	h.s = hubtest.New(hubtest.Options{SampleAnswers: 50, State: `
repo: acme/search
tokens:
  ghs_job: {permissions: {pull_requests: write, checks: write, statuses: write, contents: read}}
  ghs_nocheck: {permissions: {issues: write, statuses: write, contents: read}}
  ghp_ann: {login: ann, permissions: {repo: write}}
  ghs_other: {login: "other-bot[bot]", app: other-bot, permissions: {issues: write}}
pulls: [{number: 7, head: "contributor:faster", sha: run 101}]
`})
	h.token = []string{"ghs_job", "ghs_job", "ghs_job", "ghs_nocheck", "ghp_ann"}[r.IntN(5)]
	h.login = map[bool]string{true: "ann", false: "github-actions[bot]"}[h.token == "ghp_ann"]
	h.legs = [][]string{{""}, {""}, {"linux", "macos"}, {"", "linux", "macos"}}[r.IntN(4)]
	h.newest = 101 + int64(r.IntN(3))
	chatter := r.IntN(4)
	if r.IntN(30) == 0 {
		chatter = 130 // more than a page
	}
	for range chatter {
		h.say("eve", "chatter")
	}
	for _, leg := range h.legs {
		quoted := body.Marker{Suite: "default", Leg: leg, Head: hubtest.SHA("x"), Run: 9999, Attempt: 1}.String()
		switch r.IntN(4) {
		case 0:
			h.say("eve", "I quote the bot:\n\n"+quoted)
		case 1:
			h.say("other-bot[bot]", "I am another bot.\n\n"+quoted)
		case 2:
			h.say("eve", quoted+"\n\nis what it hides")
		}
	}
	for i := range r.IntN(7) {
		h.s.Inject(aFault(h.draw(fmt.Sprint("fault ", i)), h))
	}
}

// say adds somebody else's comment, to be found as it was.
func (h *history) say(login, text string) {
	id := h.s.Say(pulls, 7, login, text)
	h.mu.Lock()
	h.foreign = append(h.foreign, hubtest.Comment{ID: id, Login: login, Body: text})
	h.mu.Unlock()
}

// aFault draws a fault for one job's calls. What refuses a request does not
// carry it out first; what loses the answer may have. Answers that come later
// than the client waits are the kind hang.
func aFault(r *rand.Rand, h *history) hubtest.Fault {
	refusals := []hubtest.Kind{hubtest.Unauthorized, hubtest.Forbidden, hubtest.RateLimited, hubtest.Secondary, hubtest.Abuse, hubtest.NotFound,
		hubtest.Conflict, hubtest.TooLong, hubtest.TooMany}
	losses := []hubtest.Kind{hubtest.Internal, hubtest.BadGateway, hubtest.Unavailable, hubtest.Hang, hubtest.Cut, hubtest.Torn}
	on := []string{"", "", "POST …/comments", "PATCH …/comments/{comment_id}", "GET …/issues/{issue_number}/comments", "GET …/comments/{comment_id}",
		"DELETE …/comments/{comment_id}", "POST …/check-runs", "PATCH …/check-runs/{check_run_id}", "GET …/check-runs", "POST …/statuses/{sha}"}
	f := hubtest.Fault{On: on[r.IntN(len(on))], Skip: r.IntN(3), Times: 1 + r.IntN(4), After: time.Duration(1+r.IntN(90)) * time.Second}
	f.Bot = jobName(101+r.Int64N(h.newest-100), 1+r.IntN(2), h.legs[r.IntN(len(h.legs))])
	if f.Kind = refusals[r.IntN(len(refusals))]; r.IntN(2) == 0 {
		f.Kind, f.Applied = losses[r.IntN(len(losses))], r.IntN(2) == 0
	}
	if f.Kind == hubtest.TooLong { // it is about comments
		f.On = []string{"POST …/comments", "PATCH …/comments/{comment_id}"}[r.IntN(2)]
	}
	return f
}

func jobName(run int64, number int, leg string) string {
	return fmt.Sprintf("run %d attempt %d leg %s", run, number, leg)
}

// live lets all runs and what people do happen at their times.
func (h *history) live() {
	var group sync.WaitGroup
	for run := int64(101); run <= h.newest; run++ {
		for _, leg := range h.legs {
			r := h.draw(fmt.Sprint("start", run, leg))
			start := time.Duration(r.Int64N(int64(3*time.Second))) + time.Duration(run-101)*time.Second
			group.Go(func() {
				time.Sleep(start)
				h.s.Push(pulls, 7, head(run))
				h.job(run, 1, leg, r.IntN(6) == 0)
			})
		}
	}
	group.Go(func() { h.people(h.draw("people")) })
	group.Wait()
}

func (h *history) people(r *rand.Rand) {
	for range r.IntN(4) {
		time.Sleep(time.Duration(r.Int64N(int64(4 * time.Second))))
		switch r.IntN(3) {
		case 0:
			h.say("eve", "in between")
		case 1:
			h.count("locked", 1)
			h.s.Lock(pulls, 7, true)
			time.Sleep(time.Duration(r.Int64N(int64(2 * time.Second))))
			h.s.Lock(pulls, 7, false)
		case 2:
			for _, c := range h.s.Comments(pulls, 7) {
				if c.Login == h.login {
					h.s.Erase(pulls, c.ID)
					h.count("erased", 1)
					h.erased = true // read when all have ended
					break
				}
			}
		}
	}
}

func head(run int64) string { return hubtest.SHA(fmt.Sprint("run ", run)) }

// road makes a request take up to 400 ms there and as long back, so that what
// jobs do at the same time happens in any order.
type road struct {
	next http.RoundTripper
	rand *rand.Rand
}

func (w road) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Duration(w.rand.Int64N(int64(400 * time.Millisecond))))
	resp, err := w.next.RoundTrip(r)
	time.Sleep(time.Duration(w.rand.Int64N(int64(400 * time.Millisecond))))
	return resp, err
}

// process gives a client, as each command of a job has one.
func (h *history) process(name string, r *rand.Rand) *hub.Client {
	c, err := hub.New(hub.Options{API: h.s.URL(), Token: h.token, HTTP: road{h.s.Transport(name), r}, Rand: r.Float64,
		MaxWait: []time.Duration{0, time.Hour}[r.IntN(2)]})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// job is one leg of a run: three commands in turn. A killed one ends in the
// midst of any of them, and its last command may have been given its grace. It
// reports whether all was delivered.
func (h *history) job(run int64, number int, leg string, killed bool) bool {
	name := jobName(run, number, leg)
	r := h.draw(name)
	ctx := h.t.Context()
	if killed {
		h.count("killed", 1)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.Int64N(int64(4*time.Second))))
		defer cancel()
	}
	check, err := h.process(name, r).StartCheck(ctx, hub.CheckRequest{
		Repo: hub.Repo{Owner: "acme", Name: "search"}, SHA: head(run), Name: strings.TrimSpace("harness " + leg), ExternalID: "harness/default/" + leg,
	})
	if ctx.Err() != nil && r.IntN(2) == 0 {
		return false // nothing more runs: it was killed at once
	}
	if check.Reused {
		h.count("reused", 1)
	}
	time.Sleep(time.Duration(r.Int64N(int64(2 * time.Second))))
	a := attempt{check: check, out: output(r, name), marker: body.Marker{Suite: "default", Leg: leg, Head: head(run), Run: run, Attempt: number}}
	result, err2 := h.process(name, r).Comment(ctx, hub.Repo{Owner: "acme", Name: "search"}, 7, hub.CommentRequest{Marker: a.marker, Body: a.text()})
	var err3 error
	if err == nil {
		err3 = h.process(name, r).CompleteCheck(ctx, check, a.out)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err2 != nil || result.Unchecked {
		h.untidy[leg] = time.Now()
	}
	if err != nil || err2 != nil || err3 != nil || result.Unchecked {
		h.stats["failed"]++
		return false
	}
	h.stats[string(result.Action)]++
	h.stats["removed"] += result.Removed
	if run == h.newest {
		h.ended[leg], h.at[leg] = a, time.Now()
	}
	return true
}

func (a attempt) text() string { return "# " + a.out.Title + "\n\n" + a.marker.String() }

func output(r *rand.Rand, title string) body.CheckOutput {
	mark := body.Annotation{Path: "harness.yaml", Line: 1, Level: "failure", Message: "slower"}
	return body.CheckOutput{
		Conclusion: []string{body.Success, body.Neutral, body.Failure}[r.IntN(3)], Title: title, Summary: "s",
		Annotations: slices.Repeat([]body.Annotation{mark}, []int{0, 1, 120}[r.IntN(3)]),
	}
}

// finish runs the newest run again, as people do, until all its legs are
// delivered, and after all that could not look at what they left: faults end
// some time.
func (h *history) finish() {
	for _, leg := range h.legs {
		_, done := h.ended[leg]
		done = done && !h.erased && !h.untidy[leg].After(h.at[leg])
		for number := 2; !done; number++ {
			if number > 40 {
				h.t.Fatalf("leg %q is not delivered after %d attempts", leg, number)
			}
			h.count("again", 1)
			time.Sleep(10 * time.Minute)
			done = h.job(h.newest, number, leg, false)
		}
	}
}
