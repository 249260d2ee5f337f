package hubtest

import (
	"slices"
	"strings"
)

func (s *Server) getRepo(q *request) answer { return say(200, s.viewFullRepo(q.repo)) }

func (s *Server) getPull(q *request) answer {
	p, a, ok := q.pull("pull_number")
	if !ok {
		return a
	}
	a = say(200, s.viewPull(q.repo, p, true))
	a.free = p.headGone // GitHub answers head.repo null, which its description forbids
	return a
}

// listPulls filters by state, head (owner:branch) and base, newest first. As
// on GitHub, a head without an owner is no filter.
func (s *Server) listPulls(q *request) answer {
	state := q.Query.Get("state")
	if state == "" {
		state = "open"
	}
	var all []any
	for _, p := range slices.Backward(q.repo.pulls) {
		head := q.Query.Get("head")
		if state != "all" && state != p.state() || !asked(q, "base", p.baseBranch) ||
			(strings.Contains(head, ":") && !strings.EqualFold(head, p.headOwner+":"+p.headBranch)) {
			continue
		}
		all = append(all, s.viewPull(q.repo, p, false))
	}
	if q.Query.Get("direction") == "asc" {
		slices.Reverse(all)
	}
	a := s.page(q, all, func(part []any) any { return part })
	a.free = slices.ContainsFunc(q.repo.pulls, func(p *pull) bool { return p.headGone }) // as in getPull
	return a
}

// pullsOfCommit gives the pull requests whose head is the commit. Commits of
// forks are found only by pull requests that stand on them, as on GitHub.
func (s *Server) pullsOfCommit(q *request) answer {
	if !q.repo.has(q.params["commit_sha"]) {
		return problem(422, "No commit found for SHA: "+q.params["commit_sha"])
	}
	var all []any
	for _, p := range q.repo.pulls {
		if p.headSHA == q.params["commit_sha"] {
			all = append(all, s.viewPull(q.repo, p, false))
		}
	}
	return s.page(q, all, func(part []any) any { return part })
}

func (s *Server) getCommit(q *request) answer {
	sha := q.repo.resolve(q.params["ref"])
	if sha == "" {
		return problem(422, "No commit found for SHA: "+q.params["ref"])
	}
	return say(200, s.viewCommit(q.repo, sha))
}

func (p *pull) state() string {
	if p.closed {
		return "closed"
	}
	return "open"
}
