package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"github.com/benchharness/harness/ci/body"
)

const (
	// maxBatch is the most annotations that GitHub takes at a time.
	maxBatch = 50
	// completeGrace is how long the end of a check may take once its context is
	// over.
	completeGrace = 20 * time.Second
	inProgress    = "in_progress"
	completed     = "completed"
)

// CheckRequest names a check on a commit.
type CheckRequest struct {
	Repo Repo
	SHA  string // of the pull request's head, never of the merge commit
	Name string
	// ExternalID tells the bot's check from others of the same name. It is to be
	// the same for every attempt, such as harness/SUITE/LEG.
	ExternalID string
	DetailsURL string // "" is none
	// Title is shown while the check is in progress; "" is "Measuring".
	Title string
}

// Check is a check in progress.
type Check struct {
	CheckRequest
	// Status says that it is a commit status, as check runs may not be created.
	Status bool
	// ID is the check run's; 0 for a commit status and in a dry run.
	ID  int64
	URL string
	// Reused says that it was left in progress by an earlier attempt.
	Reused bool
}

// StartCheck shows that a check is in progress. One that an earlier attempt
// left in progress, of the same name, commit and ExternalID, is taken over: a
// job that was killed could not complete it. Without the right to create check
// runs (403, 404), as with the token of a person, it is a pending commit status.
func (c *Client) StartCheck(ctx context.Context, r CheckRequest) (Check, error) {
	if err := r.check(); err != nil {
		return Check{}, err
	}
	if r.Title == "" {
		r.Title = "Measuring"
	}
	lost := false // one may have been created
	for failed := 1; ; failed++ {
		check, err := c.takeOver(ctx, r, lost)
		if err == nil && check.ID == 0 {
			check, err = c.createCheck(ctx, r)
			lost = err != nil && !forbidden(err)
		}
		switch {
		case err == nil:
			return check, nil
		case forbidden(err) && !lost:
			check = Check{CheckRequest: r, Status: true}
			return check, c.status(ctx, check, "pending", r.Title)
		}
		// Whether it was created is what the next look at the list tells.
		if err := c.http.pause(ctx, failed, err); err != nil {
			return Check{}, err
		}
	}
}

func (r CheckRequest) check() error {
	if err := r.Repo.check(); err != nil {
		return err
	}
	switch u, err := url.Parse(r.DetailsURL); {
	case !validSHA(r.SHA):
		return fmt.Errorf("check on %s: commit %q: want the 40 digits of its SHA", r.Repo, line(r.SHA))
	case r.Name == "":
		return fmt.Errorf("check on %s: it needs a name", r.Repo)
	case r.DetailsURL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("check on %s: details: want a web address", r.Repo)
	}
	return nil
}

func (r CheckRequest) what(verb string) string {
	return fmt.Sprintf("%s check %q of %.12s on %s", verb, line(r.Name), r.SHA, r.Repo)
}

// takeOver finds a check in progress and makes it this attempt's. ID is 0
// where there is none. lost says that one may have been created just now: then
// not being allowed to look is an error, as creating another would leave that
// one in progress for good.
func (c *Client) takeOver(ctx context.Context, r CheckRequest, lost bool) (Check, error) {
	o := op{what: r.what("look for"), need: "checks: write"}
	list, _, err := c.gh.Checks.ListCheckRunsForRef(o.in(ctx), r.Repo.Owner, r.Repo.Name, r.SHA, &github.ListCheckRunsOptions{
		CheckName: &r.Name, Status: github.String(inProgress), Filter: github.String("all"),
		ListOptions: github.ListOptions{PerPage: 100},
	})
	if err = explain(o, err); forbidden(err) && !lost {
		return Check{}, nil // creating one may be allowed all the same
	} else if err != nil {
		return Check{}, err
	}
	var left *github.CheckRun
	for _, run := range list.CheckRuns {
		ours := run.GetName() == r.Name && run.GetExternalID() == r.ExternalID && run.GetStatus() == inProgress
		if ours && run.GetID() > left.GetID() {
			left = run
		}
	}
	if left == nil {
		return Check{}, nil
	}
	o.what = r.what("take over")
	run, _, err := c.gh.Checks.UpdateCheckRun(o.in(ctx), r.Repo.Owner, r.Repo.Name, left.GetID(), github.UpdateCheckRunOptions{
		Name: r.Name, Status: github.String(inProgress), DetailsURL: optional(r.DetailsURL), Output: startOutput(r),
	})
	if err = explain(o, err); forbidden(err) {
		return Check{}, nil // it is another App's
	} else if err != nil {
		return Check{}, err
	}
	return Check{CheckRequest: r, ID: left.GetID(), URL: run.GetHTMLURL(), Reused: true}, nil
}

func (c *Client) createCheck(ctx context.Context, r CheckRequest) (Check, error) {
	o := op{what: r.what("create"), need: "checks: write", once: true}
	run, _, err := c.gh.Checks.CreateCheckRun(o.in(ctx), r.Repo.Owner, r.Repo.Name, github.CreateCheckRunOptions{
		Name: r.Name, HeadSHA: r.SHA, Status: github.String(inProgress), ExternalID: optional(r.ExternalID),
		DetailsURL: optional(r.DetailsURL), StartedAt: &github.Timestamp{Time: c.o.Now().UTC().Truncate(time.Second)}, Output: startOutput(r),
	})
	if err != nil {
		return Check{}, explain(o, err)
	}
	if run.GetID() == 0 && c.o.DryRun == nil {
		return Check{}, &ServerError{&Failure{Op: o.what, Message: "the answer names no check"}}
	}
	return Check{CheckRequest: r, ID: run.GetID(), URL: run.GetHTMLURL()}, nil
}

func startOutput(r CheckRequest) *github.CheckRunOutput {
	return &github.CheckRunOutput{Title: github.String(chars(r.Title, 255)), Summary: github.String("In progress.")}
}

// CompleteCheck ends a check with its conclusion, then adds the annotations
// that are more than the first 50. It works with a context that is over, too,
// and then has 20 s: a job that is cancelled leaves no check in progress.
//
// What GitHub refuses (422) is left out, annotations first and the text then,
// so that the check is completed all the same. A commit status has no neutral:
// it is shown as success, as GitHub lets both pass.
func (c *Client) CompleteCheck(ctx context.Context, check Check, out body.CheckOutput) error {
	if err := check.check(); err != nil {
		return err
	}
	ctx, cancel := outlive(ctx, completeGrace)
	defer cancel()
	if check.Status {
		return c.status(ctx, check, state(out.Conclusion), out.Title)
	}
	if check.ID == 0 && c.o.DryRun == nil {
		return errors.New(check.what("complete") + ": it was not started")
	}
	marks := annotations(out.Annotations)
	first := marks[:min(len(marks), maxBatch)]
	err := c.update(ctx, check, out, first, len(first))
	var refused *InvalidError
	if errors.As(err, &refused) && len(marks) > 0 {
		c.o.Log("%v; completing it without annotations", err)
		marks = nil
		err = c.update(ctx, check, out, nil, 0)
	}
	if errors.As(err, &refused) {
		c.o.Log("%v; completing it without the text", err)
		out.Text, out.Summary = "", "GitHub refused the text: see the job's summary."
		err = c.update(ctx, check, out, nil, 0)
	}
	for at := maxBatch; err == nil && at < len(marks); at += maxBatch {
		end := min(at+maxBatch, len(marks))
		err = c.update(ctx, check, out, marks[at:end], end)
	}
	return err
}

// update completes a check with a batch of annotations. Annotations that are
// sent twice are shown twice, so after an attempt whose fate is not known the
// check is read: total is how many it has if the batch arrived.
func (c *Client) update(ctx context.Context, check Check, out body.CheckOutput, batch []*github.CheckRunAnnotation, total int) error {
	r := check.CheckRequest
	o := op{what: r.what("complete"), need: "checks: write", once: true}
	output := &github.CheckRunOutput{
		Title: github.String(chars(out.Title, 255)), Summary: github.String(chars(out.Summary, 65_535)),
		Text: optional(chars(out.Text, 65_535)), Annotations: batch,
	}
	for failed := 1; ; failed++ {
		_, _, err := c.gh.Checks.UpdateCheckRun(o.in(ctx), r.Repo.Owner, r.Repo.Name, check.ID, github.UpdateCheckRunOptions{
			Name: r.Name, Status: github.String(completed), Conclusion: &out.Conclusion, DetailsURL: optional(r.DetailsURL),
			CompletedAt: &github.Timestamp{Time: c.o.Now().UTC().Truncate(time.Second)}, Output: output,
		})
		if err == nil {
			return nil
		}
		if err := c.http.pause(ctx, failed, explain(o, err)); err != nil {
			return err
		}
		look := op{what: r.what("read"), need: "checks: write"}
		now, _, err := c.gh.Checks.GetCheckRun(look.in(ctx), r.Repo.Owner, r.Repo.Name, check.ID)
		if err != nil {
			return explain(look, err)
		}
		arrived := now.GetStatus() == completed && now.GetConclusion() == out.Conclusion && now.GetOutput().GetAnnotationsCount() >= total
		if arrived && now.GetOutput().GetTitle() == output.GetTitle() {
			return nil
		}
	}
}

// status sets a commit status, the same as often as it is sent.
func (c *Client) status(ctx context.Context, check Check, state, title string) error {
	o := op{what: check.what("set the status for"), need: "checks: write", repeat: true}
	_, _, err := c.gh.Repositories.CreateStatus(o.in(ctx), check.Repo.Owner, check.Repo.Name, check.SHA, &github.RepoStatus{
		State: &state, Context: &check.Name, Description: github.String(chars(line(title), 140)), TargetURL: optional(check.DetailsURL),
	})
	return explain(o, err)
}

// state is a conclusion as a commit status.
func state(conclusion string) string {
	switch conclusion {
	case body.Success, body.Neutral, "skipped":
		return "success"
	case body.Cancelled:
		return "error"
	}
	return "failure"
}

// annotations are GitHub's form of ours. One without a path or line cannot be
// shown and is left out.
func annotations(in []body.Annotation) []*github.CheckRunAnnotation {
	var out []*github.CheckRunAnnotation
	for _, a := range in {
		if a.Path == "" || a.Line < 1 || a.Message == "" {
			continue
		}
		out = append(out, &github.CheckRunAnnotation{
			Path: &a.Path, StartLine: &a.Line, EndLine: &a.Line, AnnotationLevel: &a.Level,
			Title: optional(chars(a.Title, 255)), Message: github.String(chars(a.Message, 16_000)),
		})
	}
	return out
}

// outlive is a context that lasts some time longer than ctx.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-long.Done():
		}
	})
	return long, func() { stop(); cancel() }
}

// chars cuts a text to at most max characters.
func chars(s string, max int) string {
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	return string([]rune(s)[:max-1]) + "…"
}

// optional leaves an empty text out of a request.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
