package hubtest

import (
	"fmt"
	"hash/fnv"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// stamp is a time as GitHub writes it, in UTC and whole seconds.
func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// orNil is a time, or null.
func orNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// text is a string, or null where it is empty.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number32(text string) int64 {
	h := fnv.New32a()
	h.Write([]byte(text))
	return int64(h.Sum32())
}

func node(kind string, id int64) string { return fmt.Sprintf("%s_%d", kind, id) }

func (s *Server) userURL(login string) string { return s.api + "/users/" + escape(login) }

func escape(login string) string {
	return strings.NewReplacer("[", "%5B", "]", "%5D").Replace(login)
}

func (s *Server) viewUser(login string) obj {
	api, kind, id := s.userURL(login), "User", number32(login)
	page := s.html + "/" + escape(login)
	if name, bot := strings.CutSuffix(login, "[bot]"); bot {
		kind, page = "Bot", s.html+"/apps/"+name
	}
	if login == "github-actions[bot]" {
		id = 41898282
	}
	return obj{
		"login": login, "id": id, "node_id": node("U", id), "avatar_url": s.html + "/avatars/" + fmtID(id), "gravatar_id": "",
		"url": api, "html_url": page, "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": kind, "site_admin": false,
	}
}

func (s *Server) viewProfile(login string) obj {
	v := s.viewUser(login)
	maps.Copy(v, obj{
		"user_view_type": "public", "name": login, "company": nil, "blog": "", "location": nil, "email": nil, "hireable": nil, "bio": nil,
		"public_repos": 1, "public_gists": 0, "followers": 0, "following": 0, "created_at": stamp(s.now()), "updated_at": stamp(s.now()),
	})
	return v
}

// viewApp is GitHub Actions or an App, as it stands beside what it made.
func (s *Server) viewApp(slug string) obj {
	id := appID(s, slug)
	permissions := map[string]string{"checks": "write", "metadata": "read"}
	for _, a := range s.apps {
		if a.Slug == slug {
			permissions = a.Permissions
		}
	}
	return obj{
		"id": id, "slug": slug, "client_id": "Iv1." + slug, "node_id": node("A", id), "owner": s.viewUser("github"), "name": slug, "description": "",
		"external_url": s.html + "/features/" + slug, "html_url": s.html + "/apps/" + slug, "created_at": stamp(s.now()), "updated_at": stamp(s.now()),
		"permissions": permissions, "events": []string{},
	}
}

func (s *Server) viewInstallation(a *App) obj {
	owner := "nobody"
	if len(s.repos) > 0 {
		owner = s.repos[0].owner
	}
	url := fmt.Sprintf("%s/app/installations/%d", s.api, a.Installation)
	return obj{
		"id": a.Installation, "account": s.viewUser(owner), "repository_selection": "selected", "access_tokens_url": url + "/access_tokens",
		"repositories_url": s.api + "/installation/repositories", "html_url": s.html + "/settings/installations/" + fmtID(a.Installation),
		"app_id": a.ID, "app_slug": a.Slug, "target_id": number32(owner), "target_type": "User", "permissions": a.Permissions, "events": []string{},
		"created_at": stamp(s.now()), "updated_at": stamp(s.now()), "single_file_name": nil, "suspended_at": nil, "suspended_by": nil,
	}
}

func (s *Server) commentURL(r *Repo, c *comment) string {
	return s.repoURL(r) + "/issues/comments/" + fmtID(c.id)
}

func (s *Server) viewComment(r *Repo, c *comment) obj {
	v := obj{
		"id": c.id, "node_id": node("IC", c.id), "url": s.commentURL(r, c), "body": c.body, "user": s.viewUser(c.login),
		"html_url":   fmt.Sprintf("%s/%s/pull/%d#issuecomment-%d", s.html, r.full(), c.pull, c.id),
		"created_at": stamp(c.created), "updated_at": stamp(c.updated), "author_association": "NONE",
		"issue_url": fmt.Sprintf("%s/issues/%d", s.repoURL(r), c.pull), "performed_via_github_app": nil,
	}
	if c.app != "" {
		v["performed_via_github_app"] = s.viewApp(c.app)
	}
	return v
}

func (s *Server) viewCheck(r *Repo, c *check) obj {
	url := s.repoURL(r) + "/check-runs/" + fmtID(c.id)
	page := fmt.Sprintf("%s/%s/runs/%d", s.html, r.full(), c.id)
	details := c.detailsURL
	if details == "" {
		details = page
	}
	return obj{
		"id": c.id, "name": c.name, "node_id": node("CR", c.id), "head_sha": c.sha, "external_id": c.externalID, "url": url,
		"html_url": page, "details_url": details, "status": c.status, "conclusion": text(c.conclusion),
		"started_at": orNil(c.started), "completed_at": orNil(c.completed), "check_suite": obj{"id": number32(c.sha + c.app)},
		"app": s.viewApp(c.app), "pull_requests": []any{},
		"output": obj{
			"title": text(c.title), "summary": text(c.summary), "text": text(c.text),
			"annotations_count": len(c.annotations), "annotations_url": url + "/annotations",
		},
	}
}

func (s *Server) viewAnnotation(r *Repo, c *check, a annotation) obj {
	v := obj{
		"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": nil, "end_column": nil, "annotation_level": a.AnnotationLevel,
		"title": text(a.Title), "message": a.Message, "raw_details": text(a.RawDetails), "blob_href": fmt.Sprintf("%s/%s/blob/%s/%s", s.html, r.full(), c.sha, a.Path),
	}
	if a.StartColumn != nil {
		v["start_column"] = *a.StartColumn
	}
	if a.EndColumn != nil {
		v["end_column"] = *a.EndColumn
	}
	return v
}

func (s *Server) statusURL(r *Repo, st *status) string { return s.repoURL(r) + "/statuses/" + st.sha }

func (s *Server) viewStatus(r *Repo, st *status) obj {
	return obj{
		"url": s.statusURL(r, st), "avatar_url": s.html + "/avatars/1", "id": st.id, "node_id": node("SC", st.id), "state": st.state,
		"description": text(st.description), "target_url": text(st.targetURL), "context": st.context,
		"created_at": stamp(st.created), "updated_at": stamp(st.created), "creator": s.viewUser(st.login),
	}
}

func (s *Server) viewEntry(r *Repo, ref, name, kind string, data []byte) obj {
	url := fmt.Sprintf("%s/contents/%s?ref=%s", s.repoURL(r), name, ref)
	page := fmt.Sprintf("%s/%s/blob/%s/%s", s.html, r.full(), ref, name)
	git := s.repoURL(r) + "/git/blobs/" + SHA(string(data))
	v := obj{
		"type": kind, "size": len(data), "name": path.Base(name), "path": name, "sha": SHA(string(data)), "url": url, "git_url": git, "html_url": page,
		"download_url": fmt.Sprintf("%s/raw/%s/%s", s.repoURL(r), ref, name), "_links": obj{"self": url, "git": git, "html": page},
	}
	if kind == "dir" {
		v["size"], v["download_url"] = 0, nil
	}
	return v
}

func workflowID(path string) int64 { return number32(path) }

func (s *Server) viewRun(r *Repo, x *run) obj {
	url := fmt.Sprintf("%s/actions/runs/%d", s.repoURL(r), x.id)
	head := s.viewRepo(r, false)
	if x.headOwner != r.owner || x.headRepoName != r.name {
		head = s.viewRepo(&Repo{id: number32(x.headOwner), owner: x.headOwner, name: x.headRepoName, parent: r.full()}, false)
	}
	pulls := []any{}
	for _, p := range r.pulls { // empty for forks, as on GitHub
		if x.headOwner == r.owner && p.headOwner == r.owner && p.headSHA == x.sha && !p.closed {
			pulls = append(pulls, s.viewPullLink(r, p))
		}
	}
	return obj{
		"id": x.id, "name": x.name, "node_id": node("WFR", x.id), "head_branch": text(x.branch), "head_sha": x.sha, "path": x.path,
		"run_number": slices.Index(r.runs, x) + 1, "run_attempt": x.attempt, "event": x.event, "status": text(x.status), "conclusion": text(x.conclusion),
		"workflow_id": workflowID(x.path), "check_suite_id": number32(x.sha), "check_suite_node_id": node("CS", x.id), "url": url,
		"html_url": fmt.Sprintf("%s/%s/actions/runs/%d", s.html, r.full(), x.id), "pull_requests": pulls, "created_at": stamp(x.created),
		"updated_at": stamp(x.created), "run_started_at": stamp(x.created), "jobs_url": url + "/jobs", "logs_url": url + "/logs",
		"check_suite_url": s.repoURL(r) + "/check-suites/1", "artifacts_url": url + "/artifacts", "cancel_url": url + "/cancel", "rerun_url": url + "/rerun",
		"previous_attempt_url": nil, "workflow_url": fmt.Sprintf("%s/actions/workflows/%d", s.repoURL(r), workflowID(x.path)),
		"head_commit": nil, "repository": s.viewRepo(r, false), "head_repository": head, "display_title": x.name,
		"actor": s.viewUser(x.headOwner), "triggering_actor": s.viewUser(x.headOwner), "referenced_workflows": []any{},
	}
}

func (s *Server) viewArtifact(r *Repo, x *run, a *artifact) obj {
	url := fmt.Sprintf("%s/actions/artifacts/%d", s.repoURL(r), a.id)
	return obj{
		"id": a.id, "node_id": node("AR", a.id), "name": a.name, "size_in_bytes": len(a.zip), "url": url, "archive_download_url": url + "/zip",
		"expired": a.expired, "created_at": stamp(a.created), "updated_at": stamp(a.created), "expires_at": stamp(a.created.AddDate(0, 0, 90)),
		"workflow_run": obj{
			"id": x.id, "repository_id": r.id, "head_repository_id": number32(x.headOwner), "head_branch": x.branch, "head_sha": x.sha,
		},
	}
}
