package hubtest

import (
	"fmt"
	"maps"
	"strings"
)

func (s *Server) repoURL(r *Repo) string { return s.api + "/repos/" + r.full() }

// repoLinks are the addresses that every repository has, below its own.
var repoLinks = strings.Fields(`archive:{archive_format}{/ref} assignees{/user} blobs:git/blobs{/sha} branches{/branch} collaborators{/collaborator}
	comments{/number} commits{/sha} compare:compare/{base}...{head} contents:contents/{+path} contributors deployments downloads events forks
	git_commits:git/commits{/sha} git_refs:git/refs{/sha} git_tags:git/tags{/sha} issue_comment:issues/comments{/number} issue_events:issues/events{/number}
	issues{/number} keys{/key_id} labels{/name} languages merges milestones{/number} notifications{?since,all,participating} pulls{/number} releases{/id}
	stargazers statuses:statuses/{sha} subscribers subscription tags teams trees:git/trees{/sha} hooks`)

// viewRepo is a repository in short, or as it stands in a pull request.
func (s *Server) viewRepo(r *Repo, long bool) obj {
	url, page := s.repoURL(r), s.html+"/"+r.full()
	v := obj{
		"id": r.id, "node_id": node("R", r.id), "name": r.name, "full_name": r.full(), "owner": s.viewUser(r.owner), "private": r.private,
		"html_url": page, "description": nil, "fork": r.parent != "", "url": url,
	}
	for _, l := range repoLinks {
		name, below, named := strings.Cut(l, ":")
		if !named {
			name, below = strings.FieldsFunc(l, func(c rune) bool { return c == '{' })[0], l
		}
		sep := "/"
		if strings.HasPrefix(below, "{archive") {
			below = "{archive_format}{/ref}"
		}
		v[name+"_url"] = url + sep + below
	}
	if long {
		now := stamp(s.now())
		maps.Copy(v, obj{
			"license": nil, "forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "open_issues": 0, "open_issues_count": 0,
			"size": 1, "default_branch": r.defaultBranch(), "has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false,
			"has_downloads": true, "has_discussions": false, "archived": false, "disabled": false, "pushed_at": now, "created_at": now, "updated_at": now,
			"git_url": strings.Replace(page, "https", "git", 1) + ".git", "ssh_url": "git@github.test:" + r.full() + ".git", "clone_url": page + ".git",
			"svn_url": page, "mirror_url": nil, "homepage": nil, "language": nil, "visibility": map[bool]string{true: "private", false: "public"}[r.private],
		})
	}
	return v
}

func (s *Server) viewFullRepo(r *Repo) obj {
	v := s.viewRepo(r, true)
	v["network_count"], v["subscribers_count"] = 0, 0
	return v
}

func (s *Server) viewCommit(r *Repo, sha string) obj {
	url := s.repoURL(r)
	person := obj{"name": r.owner, "email": r.owner + "@example.com", "date": stamp(s.now())}
	page := fmt.Sprintf("%s/%s/commit/%s", s.html, r.full(), sha)
	return obj{
		"url": url + "/commits/" + sha, "sha": sha, "node_id": node("C", number32(sha)), "html_url": page, "comments_url": url + "/commits/" + sha + "/comments",
		"commit": obj{
			"url": url + "/git/commits/" + sha, "author": person, "committer": person, "message": "a commit", "comment_count": 0,
			"tree": obj{"sha": SHA("tree" + sha), "url": url + "/git/trees/" + SHA("tree"+sha)},
		},
		"author": s.viewUser(r.owner), "committer": s.viewUser(r.owner), "parents": []any{},
	}
}

// head gives the repository that a pull request comes from, nil where it was
// deleted.
func (s *Server) head(r *Repo, p *pull) *Repo {
	switch {
	case p.headGone:
		return nil
	case p.headOwner == r.owner && p.headRepo == r.name:
		return r
	}
	if f := s.repoNamed(p.headOwner + "/" + p.headRepo); f != nil {
		return f
	}
	return &Repo{id: number32(p.headOwner + p.headRepo), owner: p.headOwner, name: p.headRepo, parent: r.full()}
}

func (s *Server) viewSide(r *Repo, owner, branch, sha string) obj {
	v := obj{"label": owner + ":" + branch, "ref": branch, "sha": sha, "user": s.viewUser(owner), "repo": nil}
	if r != nil {
		v["repo"] = s.viewRepo(r, true)
	}
	return v
}

// viewPull is a pull request as lists have it, or alone, with more.
func (s *Server) viewPull(r *Repo, p *pull, alone bool) obj {
	url, page := fmt.Sprintf("%s/pulls/%d", s.repoURL(r), p.number), fmt.Sprintf("%s/%s/pull/%d", s.html, r.full(), p.number)
	issue := fmt.Sprintf("%s/issues/%d", s.repoURL(r), p.number)
	links := map[string]string{
		"self": url, "html": page, "issue": issue, "comments": issue + "/comments", "review_comments": url + "/comments",
		"review_comment": s.repoURL(r) + "/pulls/comments{/number}", "commits": url + "/commits", "statuses": s.repoURL(r) + "/statuses/" + p.headSHA,
	}
	v := obj{
		"url": url, "id": p.id, "node_id": node("PR", p.id), "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch",
		"issue_url": issue, "commits_url": links["commits"], "review_comments_url": links["review_comments"], "review_comment_url": links["review_comment"],
		"comments_url": links["comments"], "statuses_url": links["statuses"], "number": p.number, "state": p.state(), "locked": p.locked,
		"active_lock_reason": nil, "title": p.title, "user": s.viewUser(p.author), "body": nil, "labels": []any{}, "milestone": nil,
		"created_at": stamp(p.created), "updated_at": stamp(p.updated), "closed_at": nil, "merged_at": nil, "merge_commit_sha": nil,
		"assignee": nil, "assignees": []any{}, "requested_reviewers": []any{}, "requested_teams": []any{}, "draft": p.draft,
		"head": s.viewSide(s.head(r, p), p.headOwner, p.headBranch, p.headSHA), "base": s.viewSide(r, r.owner, p.baseBranch, p.baseSHA),
		"author_association": "CONTRIBUTOR", "auto_merge": nil,
	}
	hrefs := obj{}
	for k, href := range links {
		hrefs[k] = obj{"href": href}
	}
	v["_links"] = hrefs
	if p.closed {
		v["closed_at"] = stamp(p.updated)
	}
	if p.merged {
		v["merged_at"], v["merge_commit_sha"] = stamp(p.updated), SHA("merge"+p.headSHA)
	}
	if alone {
		comments := 0
		for _, c := range r.comments {
			if c.pull == p.number {
				comments++
			}
		}
		maps.Copy(v, obj{
			"merged": p.merged, "mergeable": true, "rebaseable": true, "mergeable_state": "clean", "merged_by": nil, "comments": comments, "review_comments": 0,
			"maintainer_can_modify": false, "commits": 1, "additions": 1, "deletions": 1, "changed_files": 1,
		})
	}
	return v
}

// viewPullLink is a pull request as it stands in a workflow run.
func (s *Server) viewPullLink(r *Repo, p *pull) obj {
	side := func(ref, sha string) obj {
		return obj{"ref": ref, "sha": sha, "repo": obj{"id": r.id, "url": s.repoURL(r), "name": r.name}}
	}
	return obj{
		"id": p.id, "number": p.number, "url": fmt.Sprintf("%s/pulls/%d", s.repoURL(r), p.number),
		"head": side(p.headBranch, p.headSHA), "base": side(p.baseBranch, p.baseSHA),
	}
}
