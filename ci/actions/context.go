package actions

import (
	"errors"

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
	// commit that GITHUB_SHA names there.
	HeadSHA, HeadOwner, HeadRepo, HeadBranch string
	BaseSHA, BaseRef                         string // BaseRef is a branch's name
	// Fork says that the head is in another repository, or that this one was
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
	Name                                     string
	Event                                    string // what started it
	Conclusion                               string
	HeadSHA, HeadBranch, HeadOwner, HeadRepo string
}

// MaxEvent is the largest payload of an event that is read, in bytes.
const MaxEvent = 25 << 20

// FromEnv reads the context from the environment of Actions. Outside Actions
// what is set is taken and the rest is empty. read gives the content of a file
// and is called with GITHUB_EVENT_PATH.
func FromEnv(getenv func(string) string, read func(string) ([]byte, error)) (Context, error) {
	return Context{}, errors.New("not built yet")
}
