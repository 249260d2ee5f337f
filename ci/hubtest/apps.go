package hubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// actionsApp is the App behind GitHub Actions' tokens.
const (
	actionsApp   = "github-actions"
	actionsAppID = 15368
)

func appID(s *Server, slug string) int64 {
	for _, a := range s.apps {
		if a.Slug == slug {
			return a.ID
		}
	}
	return actionsAppID
}

func (s *Server) getApp(q *request) answer { return say(200, s.viewApp(q.app.Slug)) }

func (s *Server) getInstallation(q *request) answer {
	if fmtID(q.app.Installation) != q.params["installation_id"] {
		return problem(404, "Not Found")
	}
	return say(200, s.viewInstallation(q.app))
}

func (s *Server) repoInstallation(q *request) answer { return say(200, s.viewInstallation(q.app)) }

// createToken gives an installation's token, for an hour, with the App's
// permissions or the fewer that the request asks for.
func (s *Server) createToken(q *request) answer {
	if fmtID(q.app.Installation) != q.params["installation_id"] {
		return problem(404, "Not Found")
	}
	var in struct{ Permissions map[string]string }
	if len(q.Body) > 0 && json.Unmarshal(q.Body, &in) != nil {
		return problem(400, "Problems parsing JSON")
	}
	granted := maps.Clone(q.app.Permissions)
	if len(in.Permissions) > 0 {
		granted = in.Permissions
		for name, want := range granted {
			if level(want) > level(q.app.Permissions[name]) {
				return invalid("Installation", "permissions", "custom", "The permissions requested are not granted to this installation.")
			}
		}
	}
	q.app.minted++
	text := fmt.Sprintf("ghs_%s_%d", q.app.Slug, q.app.minted)
	t := &Token{Login: q.app.Slug + "[bot]", App: q.app.Slug, Permissions: granted, Expires: s.now().Add(time.Hour).Truncate(time.Second)}
	s.tokens[text] = t
	return say(201, obj{
		"token": text, "expires_at": stamp(t.Expires), "permissions": granted, "repository_selection": "selected",
	})
}

// getSelf is for people. An App's token is nobody's.
func (s *Server) getSelf(q *request) answer {
	switch {
	case q.token == nil:
		return problem(401, "Requires authentication")
	case q.token.App != "":
		return problem(403, "Resource not accessible by integration")
	}
	return say(200, s.viewProfile(q.token.Login))
}

// graphql answers one query: whose token it is, which REST does not tell
// installations. Anything else is what GraphQL says to a query that it cannot
// read, with 200.
func (s *Server) graphql(q *request) answer {
	var in struct{ Query string }
	switch {
	case json.Unmarshal(q.Body, &in) != nil:
		return problem(400, "Problems parsing JSON")
	case q.token == nil:
		return problem(401, "This endpoint requires you to be authenticated.")
	case strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSpace(in.Query), "query")), "") != "{viewer{login}}":
		return say(200, obj{"errors": []obj{{"message": "the stand-in knows only query{viewer{login}}"}}})
	}
	return say(200, obj{"data": obj{"viewer": obj{"login": q.token.Login}}})
}

func (s *Server) getUser(q *request) answer {
	known := slices.ContainsFunc(s.repos, func(r *Repo) bool {
		return r.owner == q.params["username"] || slices.ContainsFunc(r.comments, func(c *comment) bool { return c.login == q.params["username"] })
	})
	for _, t := range s.tokens {
		known = known || t.Login == q.params["username"]
	}
	if !known {
		return problem(404, "Not Found")
	}
	return say(200, s.viewProfile(q.params["username"]))
}
