package actions

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/benchharness/harness/ci/hub"
)

// Context is what is being worked on. Fields are empty where the environment
// does not say, so that flags can fill them in.
type Context struct {
	Event  string // such as pull_request; "" outside Actions
	Action string // of the event, such as synchronize
	Repo   hub.Repo
	PR     int // 0 is none, or not known yet
	// Head is what was measured: for a pull request its head, never the merge
	// commit that GITHUB_SHA names there. HeadOwner and HeadRepo are who has it.
	HeadSHA, HeadOwner, HeadRepo, HeadBranch string
	BaseSHA, BaseRef                         string // BaseRef is a branch's name
	// Fork says that the head is in another repository, or in one that was
	// deleted: nothing of it is to be trusted.
	Fork    bool
	RunID   int64
	Attempt int // from 1
	// RunURL is this run's page.
	RunURL, APIURL, ServerURL string
	// StepSummary and Output are files to append to; "" is none.
	StepSummary, Output string
	// WorkflowRun is the run that a workflow_run event is about; nil for other
	// events. Head is that run's head, then.
	WorkflowRun *WorkflowRun
}

// WorkflowRun is the run whose documents a second workflow works on.
type WorkflowRun struct {
	ID                                       int64
	Attempt                                  int
	Name                                     string // of the workflow; any text
	Event                                    string // what started it
	Conclusion                               string // "" while it runs
	HeadSHA, HeadBranch, HeadOwner, HeadRepo string
}

// Measured is the run and the attempt that measured: the one that a
// workflow_run event is about, else this one. It goes into the marker of a
// comment, so that the order of comments is that of the measurements.
func (c Context) Measured() (run int64, attempt int) {
	if c.WorkflowRun != nil {
		return c.WorkflowRun.ID, c.WorkflowRun.Attempt
	}
	return c.RunID, c.Attempt
}

// MaxEvent is the largest payload of an event that is read, in bytes. GitHub
// sends at most 25 MB.
const MaxEvent = 25 << 20

// ReadEvent reads a payload's file, up to MaxEvent. It is what FromEnv's read
// usually is.
func ReadEvent(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxEvent+1))
}

// FromEnv reads the context from the environment of Actions. Outside Actions
// what is set is taken and the rest is empty. read gives the content of a file
// and is called with GITHUB_EVENT_PATH.
//
// Names in a payload that could not be names of branches, repositories or
// commits are an error: whoever opens a pull request chooses some of them.
func FromEnv(getenv func(string) string, read func(string) ([]byte, error)) (Context, error) {
	c := Context{
		Event:     getenv("GITHUB_EVENT_NAME"),
		APIURL:    orElse(getenv("GITHUB_API_URL"), hub.DefaultAPI),
		ServerURL: orElse(getenv("GITHUB_SERVER_URL"), "https://github.com"),

		StepSummary: getenv("GITHUB_STEP_SUMMARY"),
		Output:      getenv("GITHUB_OUTPUT"),
	}
	if err := c.run(getenv); err != nil {
		return Context{}, err
	}
	if file := getenv("GITHUB_EVENT_PATH"); file != "" {
		raw, err := read(file)
		if err == nil && len(raw) > MaxEvent {
			err = fmt.Errorf("it is larger than %d MiB", MaxEvent>>20)
		}
		if err != nil {
			return Context{}, fmt.Errorf("read the event's payload: %w", err)
		}
		if err := c.payload(raw); err != nil {
			return Context{}, fmt.Errorf("payload of event %s: %w", strconv.Quote(c.Event), err)
		}
	}
	if c.HeadSHA == "" && !c.pullRequest() {
		c.plain(getenv)
	}
	if err := c.check(); err != nil {
		return Context{}, fmt.Errorf("event %s: %w", strconv.Quote(c.Event), err)
	}
	return c, nil
}

// run reads which run of which repository this is.
func (c *Context) run(getenv func(string) string) error {
	var errs []error
	number := func(name string) int64 {
		text := getenv(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			errs = append(errs, fmt.Errorf("%s is %q: want a number", name, text))
		}
		return n
	}
	c.RunID, c.Attempt = number("GITHUB_RUN_ID"), int(number("GITHUB_RUN_ATTEMPT"))
	if c.RunID != 0 && c.Attempt == 0 {
		c.Attempt = 1
	}
	if text := getenv("GITHUB_REPOSITORY"); text != "" {
		repo, err := hub.ParseRepo(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("GITHUB_REPOSITORY: %w", err))
		}
		c.Repo = repo
	}
	if c.RunID != 0 && c.Repo.Name != "" {
		c.RunURL = fmt.Sprintf("%s/%s/actions/runs/%d", c.ServerURL, c.Repo, c.RunID)
	}
	return errors.Join(errs...)
}

// pullRequest says whether the event is about a pull request, or may be: then
// GITHUB_SHA is not its head.
func (c *Context) pullRequest() bool {
	switch c.Event {
	case "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment", "issue_comment", "workflow_run":
		return true
	}
	return c.PR != 0 || c.WorkflowRun != nil
}

// plain takes the commit from the environment, for events whose payload does
// not name it: schedule, workflow_dispatch and others.
func (c *Context) plain(getenv func(string) string) {
	c.HeadSHA = getenv("GITHUB_SHA")
	c.HeadOwner, c.HeadRepo = c.Repo.Owner, c.Repo.Name
	if getenv("GITHUB_REF_TYPE") == "branch" {
		c.HeadBranch = getenv("GITHUB_REF_NAME")
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
