package hubtest

import (
	"net/http"
	"net/url"
	"strings"
)

// A route is one operation of the API.
type route struct {
	method, template string
	// need are permissions of which a token has to have one: "checks:write".
	// Whoever may write may read, and what is public may be read without.
	need []string
	// appOnly operations are for tokens of Apps; GitHub Actions' is one.
	appOnly bool
	// jwt operations want an App's own JWT.
	jwt bool
	// strict reading needs the permission in public repositories too.
	strict bool
	// outside operations are not in the description.
	outside bool
	serve   func(*Server, *request) answer
}

const (
	repoPath   = "/repos/{owner}/{repo}"
	issuesPath = repoPath + "/issues"
)

var (
	commentRead   = []string{"issues:read", "pull_requests:read"}
	commentWrite  = []string{"issues:write", "pull_requests:write"}
	checksRead    = []string{"checks:read"}
	checksWrite   = []string{"checks:write"}
	statusesRead  = []string{"statuses:read"}
	statusesWrite = []string{"statuses:write"}
	pullsRead     = []string{"pull_requests:read"}
	contentsRead  = []string{"contents:read"}
	actionsRead   = []string{"actions:read"}
)

// routes is filled by init, because handlers read it for their links.
var routes []route

func init() {
	routes = []route{
		{method: "GET", template: repoPath, serve: (*Server).getRepo},
		{method: "GET", template: issuesPath + "/{issue_number}/comments", need: commentRead, serve: (*Server).listComments},
		{method: "POST", template: issuesPath + "/{issue_number}/comments", need: commentWrite, serve: (*Server).createComment},
		{method: "GET", template: issuesPath + "/comments/{comment_id}", need: commentRead, serve: (*Server).getComment},
		{method: "PATCH", template: issuesPath + "/comments/{comment_id}", need: commentWrite, serve: (*Server).editComment},
		{method: "DELETE", template: issuesPath + "/comments/{comment_id}", need: commentWrite, serve: (*Server).deleteComment},
		{method: "POST", template: repoPath + "/check-runs", need: checksWrite, appOnly: true, serve: (*Server).createCheck},
		{method: "PATCH", template: repoPath + "/check-runs/{check_run_id}", need: checksWrite, appOnly: true, serve: (*Server).updateCheck},
		{method: "GET", template: repoPath + "/check-runs/{check_run_id}", need: checksRead, serve: (*Server).getCheck},
		{method: "GET", template: repoPath + "/check-runs/{check_run_id}/annotations", need: checksRead, serve: (*Server).listAnnotations},
		{method: "GET", template: repoPath + "/commits/{ref}/check-runs", need: checksRead, serve: (*Server).listChecks},
		{method: "POST", template: repoPath + "/statuses/{sha}", need: statusesWrite, serve: (*Server).createStatus},
		{method: "GET", template: repoPath + "/commits/{ref}/status", need: statusesRead, serve: (*Server).combinedStatus},
		{method: "GET", template: repoPath + "/commits/{ref}/statuses", need: statusesRead, serve: (*Server).listStatuses},
		{method: "GET", template: repoPath + "/commits/{ref}", need: contentsRead, serve: (*Server).getCommit},
		{method: "GET", template: repoPath + "/pulls", need: pullsRead, serve: (*Server).listPulls},
		{method: "GET", template: repoPath + "/pulls/{pull_number}", need: pullsRead, serve: (*Server).getPull},
		{method: "GET", template: repoPath + "/commits/{commit_sha}/pulls", need: pullsRead, serve: (*Server).pullsOfCommit},
		{method: "GET", template: repoPath + "/contents/{path}", need: contentsRead, serve: (*Server).getContents},
		{method: "GET", template: repoPath + "/actions/runs", need: actionsRead, serve: (*Server).listRuns},
		{method: "GET", template: repoPath + "/actions/workflows/{workflow_id}/runs", need: actionsRead, serve: (*Server).listRuns},
		{method: "GET", template: repoPath + "/actions/runs/{run_id}", need: actionsRead, serve: (*Server).getRun},
		{method: "GET", template: repoPath + "/actions/runs/{run_id}/artifacts", need: actionsRead, serve: (*Server).listArtifacts},
		{method: "GET", template: repoPath + "/actions/artifacts", need: actionsRead, serve: (*Server).listArtifacts},
		{method: "GET", template: repoPath + "/actions/artifacts/{artifact_id}", need: actionsRead, serve: (*Server).getArtifact},
		{method: "GET", template: repoPath + "/actions/artifacts/{artifact_id}/{archive_format}", need: actionsRead, strict: true, serve: (*Server).downloadArtifact},
		{method: "GET", template: repoPath + "/installation", jwt: true, serve: (*Server).repoInstallation},
		{method: "GET", template: "/app", jwt: true, serve: (*Server).getApp},
		{method: "GET", template: "/app/installations/{installation_id}", jwt: true, serve: (*Server).getInstallation},
		{method: "POST", template: "/app/installations/{installation_id}/access_tokens", jwt: true, serve: (*Server).createToken},
		{method: "GET", template: "/user", serve: (*Server).getSelf},
		{method: "GET", template: "/users/{username}", serve: (*Server).getUser},
		{method: "POST", template: "/graphql", outside: true, serve: (*Server).graphql},
		{method: "GET", template: "/rate_limit", serve: (*Server).getRateLimit},
		{method: "GET", template: repoPath + "/raw/{ref}/{path}", need: contentsRead, outside: true, serve: (*Server).getRaw},
	}
}

// templates are the paths of the description that the stand-in has.
func templates() []string {
	var out []string
	for _, r := range routes {
		if !r.outside {
			out = append(out, r.template)
		}
	}
	return out
}

// match finds the operation of an escaped path. Words in a template win over
// parameters, and {path} takes all that is left.
func match(method, escaped string) (*route, map[string]string) {
	var best *route
	var params map[string]string
	for i := range routes {
		r := &routes[i]
		if r.method != method && (method != http.MethodHead || r.method != http.MethodGet) {
			continue
		}
		if p, ok := fits(r.template, escaped); ok && (best == nil || len(p) < len(params)) {
			best, params = r, p
		}
	}
	return best, params
}

func fits(template, escaped string) (map[string]string, bool) {
	want, have := strings.Split(template, "/"), strings.Split(escaped, "/")
	params := map[string]string{}
	for i, w := range want {
		if i >= len(have) {
			return nil, false
		}
		h, err := url.PathUnescape(have[i])
		switch {
		case err != nil:
			return nil, false
		case w == "{path}":
			rest, err := url.PathUnescape(strings.Join(have[i:], "/"))
			params["path"] = rest
			return params, err == nil
		case strings.HasPrefix(w, "{"):
			if h == "" {
				return nil, false
			}
			params[strings.Trim(w, "{}")] = h
		case w != h:
			return nil, false
		}
	}
	return params, len(want) == len(have)
}
