package hub

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/benchharness/harness/ci/body"
)

// Mode says when a comment is made where there is none yet. An existing one is
// always kept up to date, so that a pull request that was fixed turns green.
type Mode string

// Modes of a comment.
const (
	Always       Mode = "always"
	OnChange     Mode = "on-change"     // where anything regressed or improved
	OnRegression Mode = "on-regression" // where anything regressed
)

// ParseMode reads a mode as a flag gives it.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Always, OnChange, OnRegression:
		return m, nil
	}
	return "", fmt.Errorf("comment mode %q: want %s, %s or %s", s, Always, OnChange, OnRegression)
}

// CommentRequest is a comment as it should be.
type CommentRequest struct {
	// Marker is the one that Body ends with: whose comment it is (suite and
	// leg), and which run wrote it.
	Marker body.Marker
	Body   string
	Mode   Mode // "" is Always
	// Regressed and Changed are what OnRegression and OnChange ask for.
	Regressed, Changed bool
}

// Action is what became of a comment.
type Action string

// Actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged" // there it was, letter for letter
	Skipped   Action = "skipped"   // there is none, and the mode asks for none
	Stale     Action = "stale"     // there is one of a later run, which stays
)

// CommentResult says what was done.
type CommentResult struct {
	Action Action
	URL    string // of the comment; "" when skipped and in a dry run
	// Removed is the number of duplicates that were deleted.
	Removed int
	// Login is the author that comments were looked for by.
	Login string
	// Unchecked says that it was written, and that whether another run made a
	// second one or wrote over it could not be seen. The next run tidies up.
	Unchecked bool
}

const (
	// maxRounds bounds how often comments are looked at anew because something
	// changed them.
	maxRounds = 8
	// fresh is how old a reading may be that a write rests on.
	fresh = 5 * time.Second
	// maxPages bounds lists. GitHub takes at most 2,500 comments.
	maxPages = 100
)

// Comment brings the one comment of a suite and leg on a pull request up to
// date.
//
// A comment is the bot's if it ends with a marker of the same key and was
// written by the client's own login. Somebody else's is never touched, and
// hides nothing, whatever it says. The login is Options.Login; else the App's;
// else that of the person whose token it is, which costs one call; else
// github-actions[bot]. Where the last is a guess that another bot's comment
// makes doubtful, GraphQL is asked; where a comment that was just made turns out
// to have another author, that one is believed, and the comments it has are put
// in order.
//
// It costs one call for each 100 comments and two more to update one, three in
// all on most pull requests. A write is sent once; where its fate is not known,
// the comments are read again and decide. Two bots that both make a comment
// both find out, and the newer comment goes.
//
// An older run does not overwrite a newer one: it reads before it writes. In
// between, some 300 ms, a newer one may write. So whoever updates looks again
// after Options.Settle and, where an older run wrote over it, writes again. What
// is left is an older run whose write takes longer than that; runs that share a
// concurrency group in their workflow cannot meet at all.
func (c *Client) Comment(ctx context.Context, repo Repo, number int, r CommentRequest) (CommentResult, error) {
	if err := repo.check(); err != nil {
		return CommentResult{}, err
	}
	if r.Mode == "" {
		r.Mode = Always
	}
	if _, err := ParseMode(string(r.Mode)); err != nil {
		return CommentResult{}, err
	}
	if m, ok := body.ParseMarker(r.Body); !ok || m != r.Marker {
		return CommentResult{}, fmt.Errorf("comment on %s#%d: the text does not end with its marker", repo, number)
	}
	w := &commenting{c: c, repo: repo, number: number, r: r}
	for round, failed := 0, 0; round < maxRounds; round++ {
		settled, err := w.round(ctx)
		if err == nil && settled {
			return w.result, nil
		}
		if err == nil {
			continue
		}
		// A read was repeated already as often as it may be; after a write, reading
		// again tells whether it happened.
		failed++
		if w.sent {
			err = c.http.pause(ctx, failed, err)
		}
		if err != nil {
			return CommentResult{}, err
		}
	}
	return CommentResult{}, &ConflictError{&Failure{Op: w.what("settle the comment"),
		Message: "others kept changing it", Remedy: "put the runs of one pull request into one concurrency group"}}
}

// commenting is one call of Comment.
type commenting struct {
	c      *Client
	repo   Repo
	number int
	r      CommentRequest
	result CommentResult
	// made is what this call made, also where a list does not show it yet.
	made  found
	sent  bool // a write whose fate the next reading tells
	wrote bool // at least one write was acknowledged
	// lost is a comment that a list shows and a write did not find.
	lost int64
}

func (w *commenting) what(verb string) string {
	return fmt.Sprintf("%s on %s#%d", verb, w.repo, w.number)
}

// round reads, decides and writes once. It reports whether all is as it should
// be.
func (w *commenting) round(ctx context.Context) (settled bool, err error) {
	w.sent = false
	mine, read, err := w.mine(ctx)
	if err != nil && w.wrote {
		// It is written, which is what was asked for; the next run tidies up.
		w.c.o.Log("%v", err)
		w.result.Unchecked = true
		return true, nil
	}
	if err != nil {
		return false, err
	}
	p := decide(mine, w.r)
	w.note(p)
	if p.done() {
		return true, nil
	}
	if p.write != "" && p.keep.id != 0 && w.c.o.Now().Sub(read) > fresh {
		if same, err := w.unchanged(ctx, p.keep); err != nil || !same {
			return false, err
		}
	}
	w.sent = true
	if err := w.carryOut(ctx, p); err != nil {
		if absent(err) && p.keep.id != 0 && p.keep.id != w.lost {
			w.lost = p.keep.id // somebody deleted it: look again
			return false, nil
		}
		return false, err
	}
	w.sent, w.wrote = false, true
	switch {
	case w.c.o.DryRun != nil:
		return true, nil
	case p.keep.id == 0:
		return false, nil // whether there is a second is seen by looking again
	}
	// Also where the comment said it already: a run that tidied up may have put
	// that there, and one that read before may be about to write over it.
	return w.stayed(ctx, p)
}

// note keeps what the result says: the first thing that was done counts.
func (w *commenting) note(p plan) {
	done := w.result.Action == Created || w.result.Action == Updated
	if !done || p.action == Stale {
		w.result.Action = p.action
	}
	if p.keep.url != "" {
		w.result.URL = p.keep.url
	}
}

// carryOut makes the changes of a plan.
func (w *commenting) carryOut(ctx context.Context, p plan) error {
	issues := w.c.gh.Issues
	if p.write != "" && p.keep.id == 0 {
		return w.create(ctx, p)
	}
	if p.write != "" {
		o := op{what: w.what("update the comment"), need: "pull-requests: write", once: true}
		_, _, err := issues.EditComment(o.in(ctx), w.repo.Owner, w.repo.Name, p.keep.id, &github.IssueComment{Body: &p.write})
		if err != nil {
			return explain(o, err)
		}
	}
	for _, id := range p.remove {
		o := op{what: w.what("delete a duplicate comment"), need: "pull-requests: write", once: true}
		_, err := issues.DeleteComment(o.in(ctx), w.repo.Owner, w.repo.Name, id)
		if err = explain(o, err); err != nil && !absent(err) {
			return err
		}
		if err == nil {
			w.result.Removed++
		}
		if id == w.made.id {
			w.made = found{}
		}
	}
	return nil
}

func (w *commenting) create(ctx context.Context, p plan) error {
	o := op{what: w.what("create the comment"), need: "pull-requests: write", once: true}
	made, _, err := w.c.gh.Issues.CreateComment(o.in(ctx), w.repo.Owner, w.repo.Name, w.number, &github.IssueComment{Body: &p.write})
	if err != nil {
		return explain(o, err)
	}
	w.result.URL = made.GetHTMLURL()
	w.made = found{id: made.GetID(), marker: p.marker, body: p.write, url: made.GetHTMLURL()}
	if login := made.GetUser().GetLogin(); login != "" {
		if !sameName(login, w.result.Login) {
			w.c.o.Log("the token writes as %s, not as %s: name it with --login to save calls", line(login), line(w.result.Login))
		}
		w.c.become(author{login, true})
	}
	return nil
}

// stayed looks, a while after an update, whether it is still there.
func (w *commenting) stayed(ctx context.Context, p plan) (bool, error) {
	if w.c.o.Settle > 0 && w.c.o.Sleep(ctx, w.c.o.Settle) != nil {
		w.result.Unchecked = true
		return true, nil // it is written; there is no time left to look again
	}
	now, err := w.reread(ctx, p.keep.id)
	if err != nil && !absent(err) {
		w.c.o.Log("%v; looking at the list instead", err)
	}
	return err == nil && !p.marker.Newer(now.marker), nil
}

// unchanged says whether a comment is as it was read.
func (w *commenting) unchanged(ctx context.Context, f found) (bool, error) {
	now, err := w.reread(ctx, f.id)
	if absent(err) {
		return false, nil
	}
	return err == nil && now.body == f.body, err
}

func (w *commenting) reread(ctx context.Context, id int64) (found, error) {
	o := op{what: w.what("read the comment"), need: "pull-requests: read"}
	comment, _, err := w.c.gh.Issues.GetComment(o.in(ctx), w.repo.Owner, w.repo.Name, id)
	if err != nil {
		return found{}, explain(o, err)
	}
	f, _, _ := parse(comment)
	return f, nil
}

// mine lists the bot's comments of the key, and tells when it began to read.
func (w *commenting) mine(ctx context.Context) ([]found, time.Time, error) {
	me, err := w.c.author(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	began := w.c.o.Now()
	all, err := w.list(ctx)
	if err != nil {
		return nil, began, err
	}
	if !me.sure && w.doubtful(all, me.login) {
		if login, err := w.c.viewer(ctx); err != nil {
			w.c.o.Log("%v; taking it for %s", err, me.login)
		} else {
			me = author{login, true}
			w.c.become(me)
		}
	}
	w.result.Login = me.login
	var mine []found
	seen := w.made.id == 0
	for login, fs := range all {
		if sameName(login, me.login) {
			mine = append(mine, fs...)
		}
	}
	for _, f := range mine {
		seen = seen || f.id == w.made.id
	}
	if !seen {
		mine = append(mine, w.made)
	}
	return mine, began, nil
}

// doubtful says that another bot wrote such a comment: it may be this one.
func (w *commenting) doubtful(all map[string][]found, login string) bool {
	for other := range all {
		if strings.HasSuffix(other, "[bot]") && !sameName(other, login) {
			return true
		}
	}
	return false
}

// list gives all comments with a marker of the key, by their authors.
func (w *commenting) list(ctx context.Context) (map[string][]found, error) {
	o := op{what: w.what("list the comments"), need: "pull-requests: read"}
	all := map[string][]found{}
	opts := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for range maxPages {
		page, resp, err := w.c.gh.Issues.ListComments(o.in(ctx), w.repo.Owner, w.repo.Name, w.number, opts)
		if err != nil {
			return nil, explain(o, err)
		}
		for _, comment := range page {
			f, login, ok := parse(comment)
			if ok && f.marker.Key() == w.r.Marker.Key() {
				all[login] = append(all[login], f)
			}
		}
		if resp.NextPage <= opts.Page {
			return all, nil
		}
		opts.Page = resp.NextPage
	}
	return nil, &TooLargeError{&Failure{Op: o.what, Message: fmt.Sprintf("there are more than %d", 100*maxPages)}}
}

// parse reads a comment. It is not ok without an author and a marker.
func parse(comment *github.IssueComment) (f found, login string, ok bool) {
	f = found{id: comment.GetID(), body: comment.GetBody(), url: comment.GetHTMLURL()}
	f.marker, ok = body.ParseMarker(f.body)
	login = comment.GetUser().GetLogin()
	return f, login, ok && login != ""
}
