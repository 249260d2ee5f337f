package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/benchharness/harness/ci"
	"github.com/benchharness/harness/ci/actions"
	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hub"
)

// ciJob is one command of the bot at work.
type ciJob struct {
	app     *app
	options *ciOptions
	failOn  ci.FailOn
	where   actions.Context
	client  *hub.Client
	dry     *hub.DryRun // nil when calls are made
	pull    *hub.Pull   // nil until it is found, and where there is none
}

// newCIJob reads the flags and the environment. Whoever talks to GitHub also
// calls connect.
func newCIJob(a *app, o *ciOptions) (*ciJob, error) {
	j := &ciJob{app: a, options: o}
	var err error
	if j.failOn, err = o.judging(); err != nil {
		return nil, err
	}
	if j.where, err = actions.FromEnv(os.Getenv, actions.ReadEvent); err != nil {
		return nil, &exit{exitUsage, err}
	}
	w := &j.where
	if o.repo != "" {
		if w.Repo, err = hub.ParseRepo(o.repo); err != nil {
			return nil, usage("--repo: %w", err)
		}
	}
	if o.pr < 0 {
		return nil, usage("--pr is %d, want the number of a pull request", o.pr)
	}
	if o.pr > 0 && o.pr != w.PR {
		w.PR = o.pr
		if w.WorkflowRun == nil {
			w.HeadSHA = "" // the event's is of something else
		}
	}
	if o.sha != "" {
		if !isSHA(o.sha) {
			return nil, usage("--sha is %q, want a full commit id of 40 hexadecimal digits", o.sha)
		}
		w.HeadSHA = o.sha
	}
	if o.branch != "" {
		w.HeadBranch = o.branch
	}
	return j, nil
}

func isSHA(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// untrusted says that the documents may come from a stranger. A fork's pull
// request can be in a job with secrets by other events than workflow_run, too;
// that of pull_request has none, and can write nothing.
func (j *ciJob) untrusted() bool {
	return j.options.untrusted || j.where.WorkflowRun != nil || j.where.Fork && j.where.Event != "pull_request"
}

// connect makes the client.
func (j *ciJob) connect() error {
	o := j.options
	if j.where.Repo == (hub.Repo{}) {
		return usage("no repository is named: use --repo OWNER/NAME, or run in GitHub Actions")
	}
	h := hub.Options{
		API: cmp.Or(o.apiURL, j.where.APIURL), UserAgent: "harness/" + identity().Version,
		Login: o.login,
		Log:   func(format string, args ...any) { j.app.say("harness: warning: "+format, args...) },
	}
	if o.dryRun {
		j.dry = &hub.DryRun{}
		h.DryRun = j.dry
	}
	if err := o.authenticate(&h, j.where.Repo); err != nil {
		return err
	}
	var err error
	if j.client, err = hub.New(h); err != nil {
		return &exit{exitUsage, err}
	}
	return nil
}

// authenticate finds the App's key or the token.
func (o *ciOptions) authenticate(h *hub.Options, repo hub.Repo) error {
	if o.appID != 0 {
		key := []byte(os.Getenv(o.appKeyEnv))
		if o.appKeyFile != "" {
			var err error
			if key, err = os.ReadFile(o.appKeyFile); err != nil {
				return usage("read the App's key: %w", err)
			}
		}
		if len(key) == 0 {
			return usage("the App's private key is missing: set %s, or use --app-key-file", o.appKeyEnv)
		}
		h.App = &hub.App{ID: o.appID, Installation: o.appInstall, Key: key, Repo: repo}
		return nil
	}
	if o.tokenEnv != "" {
		h.Token = os.Getenv(o.tokenEnv)
	} else {
		h.Token = cmp.Or(os.Getenv("HARNESS_GITHUB_TOKEN"), os.Getenv("GITHUB_TOKEN"))
	}
	if h.Token == "" && !o.dryRun {
		return usage("there is no token: set %s (in GitHub Actions: env: GITHUB_TOKEN: ${{ github.token }}), or name a variable with --token-env",
			cmp.Or(o.tokenEnv, "GITHUB_TOKEN"))
	}
	return nil
}

// findPull finds the pull request. ok is false when there is nothing to do,
// which has been said then. What an event of the pull request itself says is
// taken as it is: a later run will say more, and a call is saved.
func (j *ciJob) findPull(ctx context.Context) (ok bool, err error) {
	w := j.where
	if !j.untrusted() && j.options.pr == 0 && w.PR > 0 && w.HeadSHA != "" && w.HeadSHA != j.options.sha {
		j.pull = &hub.Pull{
			Repo: w.Repo, Number: w.PR, State: "open", HeadOwner: w.HeadOwner, HeadRepo: w.HeadRepo,
			HeadRef: w.HeadBranch, HeadSHA: w.HeadSHA, BaseRef: w.BaseRef, BaseSHA: w.BaseSHA,
		}
		return true, nil
	}
	p, err := ci.FindPull(ctx, j.client, j.where)
	var stop *ci.Stop
	switch {
	case errors.As(err, &stop):
		j.app.say("harness: %s", stop.Reason)
		return false, nil
	case errors.Is(err, ci.ErrNoPull):
		return false, &exit{exitUsage, err}
	case err != nil:
		return false, err
	}
	j.pull = &p
	return true, nil
}

// sayings are what is said beside the legs.
func (j *ciJob) sayings(legs []body.Leg) body.Options {
	o, w := j.options, j.where
	out := body.Options{
		Suite: o.suite, ReportURL: o.reportURL, RunURL: w.RunURL, Notes: o.notes, Reproduce: o.reproduce,
		Base:   body.Ref{Name: w.BaseRef, SHA: w.BaseSHA},
		Head:   body.Ref{Name: w.HeadBranch, SHA: w.HeadSHA},
		Marker: body.Marker{Suite: o.suite, Leg: o.leg, Head: w.HeadSHA},
	}
	out.Marker.Run, out.Marker.Attempt = w.Measured()
	if w.ServerURL != "" && w.Repo != (hub.Repo{}) {
		out.RepoURL = w.ServerURL + "/" + w.Repo.String()
	}
	if run := w.WorkflowRun; run != nil && out.RepoURL != "" {
		out.RunURL = fmt.Sprintf("%s/actions/runs/%d", out.RepoURL, run.ID)
	}
	if p := j.pull; p != nil {
		out.Base, out.Head = body.Ref{Name: p.BaseRef, SHA: p.BaseSHA}, body.Ref{Name: p.HeadRef, SHA: p.HeadSHA}
		out.Marker.Head = p.HeadSHA
	}
	if j.untrusted() && slices.ContainsFunc(legs, func(l body.Leg) bool { return l.Comparison != nil }) {
		out.Notes = append(out.Notes, "the numbers come from the pull request's own job; the verdict was made again here")
	}
	if other := elsewhere(legs, out.Head.SHA); other != "" && out.Head.SHA != "" {
		out.Notes = append(out.Notes, fmt.Sprintf("what was measured is %.12s, and not the head %.12s", other, out.Head.SHA))
	}
	if !j.untrusted() {
		out.Head.SHA = cmp.Or(out.Head.SHA, elsewhere(legs, "")) // on a desk, nobody else says
		out.Base.SHA = cmp.Or(o.base, measuredCommit(legs, out.Head.SHA), out.Base.SHA)
	}
	if out.Reproduce == "" && out.Base.SHA != "" && out.Head.SHA != "" && interleaved(legs) {
		out.Reproduce = fmt.Sprintf("harness ab --base-ref %.12s --head-ref %.12s", out.Base.SHA, out.Head.SHA)
		if o.suite != "default" {
			out.Reproduce += " --suite " + o.suite
		}
		if o.config != "" {
			out.Reproduce += " --config " + o.config
		}
		if p := j.pull; p != nil && p.Fork() { // no branch of a clone has its commits
			out.Reproduce = fmt.Sprintf("git fetch origin && git fetch origin pull/%d/head\n", p.Number) + out.Reproduce
		}
	}
	if !j.untrusted() {
		out.ConfigPath = j.configPath()
	} else {
		out.ConfigPath = cmp.Or(o.config, "harness.yaml")
	}
	return out
}

// deliver runs a call of GitHub's and says of a failure that the verdict stays
// what it is: on stderr, and where the job is read.
func (j *ciJob) deliver(what string, legs []body.Leg, call func() error) error {
	code := exitPass
	if j.options.failOn != "" {
		code = ci.Exit(legs)
	}
	err := call()
	if err == nil {
		return exitWith(code)
	}
	if errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled) {
		return &exit{exitInterrupted, fmt.Errorf("%s: interrupted", what)}
	}
	return &exit{first(code, exitDelivery), j.failed(fmt.Errorf("%s: %w", what, err))}
}

// failed leaves a failed delivery where the job is read, too, and returns it.
func (j *ciJob) failed(err error) error {
	if j.where.StepSummary != "" {
		if add := actions.AppendSummary(j.where.StepSummary, "> ⚠️ "+body.Prose("harness could not deliver: "+err.Error())+"\n\n"); add != nil {
			j.app.say("harness: warning: %v", add)
		}
	}
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		actions.Error(j.app.stdout, "harness could not deliver", err.Error())
	}
	return err
}

// printDry prints what would be said and the calls that were not made.
func (j *ciJob) printDry(text string) error {
	var b strings.Builder
	b.WriteString(text)
	if !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	if j.dry != nil {
		b.WriteString("\nCalls that would be made:\n")
		for _, c := range j.dry.Calls() {
			fmt.Fprintf(&b, "  %s %s %s\n", c.Method, c.Path, c.Body)
		}
	}
	return j.show(b.String())
}

// show prints text that may hold a stranger's words. In a job no line of it is
// taken for a command; on a desk nobody takes commands from it.
func (j *ciJob) show(text string) error {
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		return actions.Text(j.app.stdout, text)
	}
	_, err := fmt.Fprintln(j.app.stdout, strings.TrimSuffix(text, "\n"))
	return err
}
