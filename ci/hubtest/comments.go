package hubtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxBody is the most characters that GitHub takes in a comment.
const MaxBody = 65536

func (s *Server) listComments(q *request) answer {
	p, a, ok := q.pull("issue_number")
	if !ok {
		return a
	}
	since, _ := time.Parse(time.RFC3339, q.Query.Get("since"))
	var all []any
	for _, c := range q.repo.comments {
		if c.pull == p.number && !c.updated.Before(since) {
			all = append(all, s.viewComment(q.repo, c))
		}
	}
	return s.page(q, all, func(part []any) any { return part })
}

func (s *Server) createComment(q *request) answer {
	p, a, ok := q.pull("issue_number")
	if !ok {
		return a
	}
	body, a, ok := commentBody(q)
	if !ok {
		return a
	}
	if p.locked && !s.collaborates(q) {
		return problemAt(403, "Unable to create comment because issue is locked.", "https://docs.github.com/articles/locking-conversations/")
	}
	c := &comment{id: s.id(), pull: p.number, login: q.token.Login, app: q.token.App, body: body, created: s.now(), updated: s.now()}
	q.repo.comments = append(q.repo.comments, c)
	a = say(201, s.viewComment(q.repo, c))
	a.header.Set("Location", s.commentURL(q.repo, c))
	return a
}

func (s *Server) getComment(q *request) answer {
	c, a, ok := q.comment()
	if !ok {
		return a
	}
	return say(200, s.viewComment(q.repo, c))
}

// editComment lets whoever may write change anybody's comment, as GitHub
// does. Tests look at who did.
func (s *Server) editComment(q *request) answer {
	c, a, ok := q.comment()
	if !ok {
		return a
	}
	body, a, ok := commentBody(q)
	if !ok {
		return a
	}
	if p := q.repo.pull(c.pull); p != nil && p.locked && !s.collaborates(q) {
		return problemAt(403, "Unable to update comment because issue is locked.", "https://docs.github.com/articles/locking-conversations/")
	}
	c.body, c.updated = body, s.now()
	c.edits++
	c.editors = append(c.editors, q.token.Login)
	return say(200, s.viewComment(q.repo, c))
}

func (s *Server) deleteComment(q *request) answer {
	c, a, ok := q.comment()
	if !ok {
		return a
	}
	q.repo.comments = slices.DeleteFunc(q.repo.comments, func(x *comment) bool { return x == c })
	return answer{status: 204}
}

// collaborates says whether a locked conversation is open to the token:
// people with write access may, Apps may not.
func (s *Server) collaborates(q *request) bool {
	return q.token.App == "" && q.token.may([]string{"repo:write"})
}

// commentBody reads the body of a comment and refuses what GitHub refuses.
// The length counts characters, not bytes.
func commentBody(q *request) (string, answer, bool) {
	var in struct{ Body *string }
	if json.Unmarshal(q.Body, &in) != nil {
		return "", problem(400, "Problems parsing JSON"), false
	}
	if in.Body == nil || strings.TrimSpace(*in.Body) == "" {
		return "", invalid("IssueComment", "data", "unprocessable", "Body can't be blank"), false
	}
	if utf8.RuneCountInString(*in.Body) > MaxBody {
		return "", tooLong(), false
	}
	return *in.Body, answer{}, true
}

func tooLong() answer {
	return invalid("IssueComment", "data", "unprocessable", fmt.Sprintf("Body is too long (maximum is %d characters)", MaxBody))
}

// pull finds the pull request of a path parameter.
func (q *request) pull(param string) (*pull, answer, bool) {
	n, err := strconv.Atoi(q.params[param])
	if err == nil {
		if p := q.repo.pull(n); p != nil {
			return p, answer{}, true
		}
	}
	return nil, problem(404, "Not Found"), false
}

func (q *request) comment() (*comment, answer, bool) {
	for _, c := range q.repo.comments {
		if fmtID(c.id) == q.params["comment_id"] {
			return c, answer{}, true
		}
	}
	return nil, problem(404, "Not Found"), false
}
