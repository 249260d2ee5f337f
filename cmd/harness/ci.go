package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/benchharness/harness/ci"
)

// ciHelp is what the commands of the bot have in common.
const ciHelp = `Arguments are comparison documents (comparison.json of harness ab, or of harness
compare --format json --dir), or folders that hold them; NAME=PATH names a leg
of a matrix. In GitHub Actions the repository, the pull request, the commit and
the run come from the event; anywhere else from flags. Where the event is
workflow_run, or another of a fork's pull request in a job with secrets, or with
--untrusted, the documents are taken for a stranger's: the comparison is not
believed but made again from the run documents, by the thresholds, budgets and
accepted regressions of the base branch.

Exit codes: 0 said what there is to say, whatever it is · 5 it could not be
delivered · 2 usage or configuration · 130 interrupted; with --fail-on also the
verdict's 1, 3 and 4.`

func newCI(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ci",
		Short: "The bot on a pull request: comment, check, summary, report, baseline",
		Long: `What harness says where code is reviewed: one comment on the pull request that is
kept up to date, a check on its commit, the summary of a job, a message to a
webhook. docs/ci.md shows how to set it up.

` + ciHelp,
		RunE: needsSubcommand,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newCIComment(a), newCICheck(a), newCISummary(a), newCIReport(a), newCIBaseline(a))
	return cmd
}

// ciOptions are the flags that the bot's commands share.
type ciOptions struct {
	suite, leg string
	failOn     string
	config     string
	reportURL  string
	reproduce  string
	notes      []string
	untrusted  bool
	always     bool
	artifacts  []string
	baseline   string

	repo, sha, branch string
	pr                int
	base              string
	tokenEnv          string
	apiURL            string
	appID, appInstall int64
	appKeyFile        string
	appKeyEnv         string
	login             string
	dryRun            bool
}

// addSaying adds the flags that decide what is said.
func (o *ciOptions) addSaying(f *pflag.FlagSet) {
	f.StringVar(&o.suite, "suite", "default", "`NAME` of the suite; each has a comment and a check of its own")
	f.StringVar(&o.leg, "leg", "", "`NAME` of the leg of a matrix that this is about; without it, all legs together")
	f.StringVar(&o.failOn, "fail-on", "", "what blocks, and makes this command fail: `KIND` "+failKinds()+" (default policy, and no failure)")
	f.StringVar(&o.config, "config", "", "`FILE` with thresholds, budgets and policy (default harness.yaml); of the base branch where documents are a stranger's")
	f.StringVar(&o.reportURL, "report-url", "", "`URL` of the full report")
	f.StringVar(&o.reproduce, "reproduce", "", "`COMMAND` that measures the same on a desk (default harness ab of the two commits)")
	f.StringArrayVar(&o.notes, "note", nil, "`SENTENCE` about what limits trust, such as that of harness ci baseline; may be repeated")
	f.BoolVar(&o.untrusted, "untrusted", false, "the documents come from strangers (always so for the event workflow_run, and for forks in jobs with secrets)")
	f.StringArrayVar(&o.artifacts, "artifact", nil, "`NAME` of an artifact of the run that the event is about, to be downloaded; * is a wildcard; may be repeated")
	f.StringVar(&o.baseline, "baseline", "", "baseline `FILE` for documents that hold a head run only")
}

// addReaching adds the flags that decide where it is said, and as whom.
func (o *ciOptions) addReaching(f *pflag.FlagSet) {
	f.StringVar(&o.repo, "repo", "", "`OWNER/NAME` of the repository (default GITHUB_REPOSITORY)")
	f.StringVar(&o.sha, "sha", "", "`COMMIT` that was measured: the head of the pull request, in full (default from the event)")
	f.StringVar(&o.branch, "branch", "", "`BRANCH` of that commit, by which the pull request is found where no --pr is given")
	f.StringVar(&o.base, "base-sha", "", "`COMMIT` that is base (default from the documents or the event)")
	f.StringVar(&o.tokenEnv, "token-env", "", "`NAME` of the environment variable with the token (default HARNESS_GITHUB_TOKEN, else GITHUB_TOKEN)")
	f.StringVar(&o.apiURL, "api-url", "", "`URL` of the API (default GITHUB_API_URL, else https://api.github.com)")
	f.Int64Var(&o.appID, "app-id", 0, "`ID` of a GitHub App to write as, instead of a token")
	f.Int64Var(&o.appInstall, "app-installation", 0, "`ID` of the App's installation (default that on the repository)")
	f.StringVar(&o.appKeyFile, "app-key-file", "", "`FILE` with the App's private key")
	f.StringVar(&o.appKeyEnv, "app-key-env", "HARNESS_APP_KEY", "`NAME` of the environment variable with the App's private key")
	f.StringVar(&o.login, "login", "", "`LOGIN` that the token writes as (default found out, which can cost a call)")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be said and the calls that would be made, and change nothing")
}

func (o *ciOptions) addPull(f *pflag.FlagSet) {
	f.IntVar(&o.pr, "pr", 0, "`NUMBER` of the pull request (default from the event)")
}

const alwaysUsage = "without documents, say that nothing could be judged, instead of stopping with exit code 2"

func failKinds() string {
	var words []string
	for _, f := range ci.FailOns() {
		words = append(words, string(f))
	}
	return strings.Join(words, ", ")
}

// judging is what --fail-on says.
func (o *ciOptions) judging() (ci.FailOn, error) {
	if o.failOn == "" {
		return ci.ByPolicy, nil
	}
	f, err := ci.ParseFailOn(o.failOn)
	if err != nil {
		return "", usage("--fail-on is %q: %w", o.failOn, err)
	}
	return f, nil
}

// oneOf checks the value of a flag.
func oneOf(flag, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return usage("--%s is %q%s, want one of %s", flag, value, suggest(value, allowed), strings.Join(allowed, ", "))
}
