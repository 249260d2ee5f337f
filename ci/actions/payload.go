package actions

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/benchharness/harness/ci/hub"
)

// event is what the payloads of all events say, as far as it is needed here.
// Source: docs.github.com, "Webhook events and payloads".
type event struct {
	Action     string `json:"action"`
	Repository *repo  `json:"repository"`

	PullRequest *struct {
		Number int  `json:"number"`
		Head   side `json:"head"`
		Base   side `json:"base"`
	} `json:"pull_request"`

	// A comment on a pull request is one on an issue.
	Issue *struct {
		Number      int       `json:"number"`
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`

	WorkflowRun *struct {
		ID         int64  `json:"id"`
		Attempt    int    `json:"run_attempt"`
		Name       string `json:"name"`
		Event      string `json:"event"`
		Conclusion string `json:"conclusion"` // null while it runs
		HeadSHA    string `json:"head_sha"`
		HeadBranch string `json:"head_branch"` // null for some
		HeadRepo   *repo  `json:"head_repository"`
	} `json:"workflow_run"`

	MergeGroup *struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`

	// Of a push.
	Ref    string `json:"ref"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// side is the head or the base of a pull request. Repo is null where a fork was
// deleted.
type side struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *repo  `json:"repo"`
	User *owner `json:"user"`
}

type repo struct {
	Name  string `json:"name"`
	Owner owner  `json:"owner"`
}

type owner struct {
	Login string `json:"login"`
	Name  string `json:"name"` // what some pushes have instead
}

func (r *repo) names() (string, string) {
	if r == nil {
		return "", ""
	}
	return orElse(r.Owner.Login, r.Owner.Name), r.Name
}

// payload reads the event's payload.
func (c *Context) payload(raw []byte) error {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("not the JSON of an event: %w", err)
	}
	c.Action = e.Action
	if c.Repo == (hub.Repo{}) {
		c.Repo.Owner, c.Repo.Name = e.Repository.names()
	}
	switch {
	case e.WorkflowRun != nil:
		c.fromRun(&e)
	case e.PullRequest != nil:
		head, base := e.PullRequest.Head, e.PullRequest.Base
		c.PR = e.PullRequest.Number
		c.HeadSHA, c.HeadBranch = head.SHA, head.Ref
		c.HeadOwner, c.HeadRepo = head.Repo.names()
		if head.Repo == nil && head.User != nil {
			c.HeadOwner = head.User.Login
		}
		c.BaseSHA, c.BaseRef = base.SHA, base.Ref
		c.Fork = c.foreign()
	case e.Issue != nil && e.Issue.PullRequest != nil:
		c.PR = e.Issue.Number
		c.Fork = true // whose it is, nobody says
	case e.MergeGroup != nil:
		c.HeadSHA, c.HeadBranch = e.MergeGroup.HeadSHA, branch(e.MergeGroup.HeadRef)
		c.BaseSHA, c.BaseRef = e.MergeGroup.BaseSHA, branch(e.MergeGroup.BaseRef)
		c.HeadOwner, c.HeadRepo = c.Repo.Owner, c.Repo.Name
	case c.Event == "push":
		c.HeadSHA, c.HeadBranch = known(e.After), branch(e.Ref)
		c.BaseSHA, c.BaseRef = known(e.Before), branch(e.Ref)
		c.HeadOwner, c.HeadRepo = c.Repo.Owner, c.Repo.Name
	}
	return nil
}

// fromRun takes the head from the run that another workflow had. The list of
// pull requests in it is empty for forks, and never used.
func (c *Context) fromRun(e *event) {
	r := e.WorkflowRun
	owner, name := r.HeadRepo.names()
	c.WorkflowRun = &WorkflowRun{
		ID: r.ID, Attempt: max(r.Attempt, 1), Name: r.Name, Event: r.Event, Conclusion: r.Conclusion,
		HeadSHA: r.HeadSHA, HeadBranch: r.HeadBranch, HeadOwner: owner, HeadRepo: name,
	}
	c.HeadSHA, c.HeadBranch, c.HeadOwner, c.HeadRepo = r.HeadSHA, r.HeadBranch, owner, name
	c.Fork = c.foreign()
}

// foreign says that the head is not in the repository itself.
func (c *Context) foreign() bool {
	return !strings.EqualFold(c.HeadOwner, c.Repo.Owner) || !strings.EqualFold(c.HeadRepo, c.Repo.Name)
}

// branch is the name of a branch's ref, or "" for a tag's. Payloads give some
// refs in short.
func branch(ref string) string {
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return name
	}
	if strings.HasPrefix(ref, "refs/") {
		return ""
	}
	return ref
}

// known leaves out the commit that stands for none: before a branch was made,
// and after it was deleted.
func known(sha string) string {
	if strings.Trim(sha, "0") == "" {
		return ""
	}
	return sha
}

// check refuses names that are none.
func (c *Context) check() error {
	if c.PR < 0 || c.WorkflowRun != nil && (c.WorkflowRun.ID < 1) {
		return fmt.Errorf("a number below 1")
	}
	for _, r := range []hub.Repo{c.Repo, {Owner: c.HeadOwner, Name: c.HeadRepo}} {
		if r.Owner == "" && r.Name == "" {
			continue
		}
		if r.Name == "" {
			r.Name = "deleted" // a fork that is gone has an owner still
		}
		if _, err := hub.ParseRepo(r.String()); err != nil {
			return err
		}
	}
	for _, sha := range []string{c.HeadSHA, c.BaseSHA} {
		if sha != "" && (len(sha) != 40 && len(sha) != 64 || strings.Trim(sha, "0123456789abcdef") != "") {
			return fmt.Errorf("commit %.80q: want the 40 digits of its SHA", sha)
		}
	}
	for _, name := range []string{c.HeadBranch, c.BaseRef} {
		if name != "" && !validBranch(name) {
			return fmt.Errorf("branch %.80q: no branch can have that name", name)
		}
	}
	return nil
}

// validBranch follows git check-ref-format as far as a name could do harm.
// GitHub lets quotes, dollars and backticks pass, so that this is no reason to
// put one into a command line.
func validBranch(name string) bool {
	if len(name) > 1000 || strings.Contains(name, "..") || strings.ContainsAny(name, " ~^:?*[\\") || strings.HasPrefix(name, "-") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar
	})
}
