package hubtest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	hourly    = 5000
	anonymous = 60
)

const secondaryDocs = docs + "/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"

// withinLimits counts the request against the token's hour, and content
// against its minute. GET /rate_limit is free. The lock is held.
func (s *Server) withinLimits(ro *route, q *request) (answer, bool) {
	t := s.limited(q)
	if ro.template == "/rate_limit" {
		return answer{}, true
	}
	if t.used >= t.Limit {
		a := problemAt(403, fmt.Sprintf("API rate limit exceeded for %s.", t.Login), docs+"/overview/rate-limits-for-the-rest-api")
		s.limitHeaders(q, &a)
		return a, false
	}
	t.used++
	if n := s.o.ContentPerMinute; n > 0 && q.Mutates() && !ro.jwt {
		now := s.now()
		for len(t.made) > 0 && now.Sub(t.made[0]) >= time.Minute {
			t.made = t.made[1:]
		}
		if len(t.made) >= n {
			a := secondary(403, int(t.made[0].Add(time.Minute).Sub(now)/time.Second)+1)
			s.limitHeaders(q, &a)
			return a, false
		}
		t.made = append(t.made, now)
	}
	return answer{}, true
}

// limited gives the token whose budget the request uses, with a budget that
// is not over. Requests without a token, and those of Apps themselves, share
// one each.
func (s *Server) limited(q *request) *Token {
	t := q.token
	if t == nil {
		name, limit := "anonymous", anonymous
		if q.app != nil {
			name, limit = "app "+q.app.Slug, hourly
		}
		if s.tokens["\x00"+name] == nil {
			s.tokens["\x00"+name] = &Token{Login: name, Limit: limit}
		}
		t = s.tokens["\x00"+name]
	}
	if t.Limit == 0 {
		t.Limit = hourly
	}
	if now := s.now(); t.reset.IsZero() || !now.Before(t.reset) {
		t.used, t.reset = 0, now.Add(time.Hour).Truncate(time.Second)
	}
	return t
}

// limitHeaders says what is left, as every answer of GitHub's does.
func (s *Server) limitHeaders(q *request, a *answer) {
	t := s.limited(q)
	if a.header == nil {
		a.header = http.Header{}
	}
	for k, v := range map[string]string{
		"Limit": strconv.Itoa(t.Limit), "Remaining": strconv.Itoa(t.Limit - t.used), "Used": strconv.Itoa(t.used),
		"Reset": fmtID(t.reset.Unix()), "Resource": "core",
	} {
		a.header.Set("X-Ratelimit-"+k, v)
	}
	a.header.Set("Date", s.now().Format(http.TimeFormat))
}

// secondary is the answer to too much in too short a time. After below 1
// leaves Retry-After out, as GitHub sometimes does.
func secondary(status, after int) answer {
	a := problemAt(status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", secondaryDocs)
	if after > 0 {
		a.header.Set("Retry-After", strconv.Itoa(after))
	}
	return a
}

// SpendRate uses up the token's requests for this hour but for left.
func (s *Server) SpendRate(token string, left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.limited(&request{token: s.tokens[token]})
	t.used = t.Limit - left
}

func (s *Server) getRateLimit(q *request) answer {
	t := s.limited(q)
	core := obj{"limit": t.Limit, "remaining": t.Limit - t.used, "used": t.used, "reset": t.reset.Unix()}
	search := obj{"limit": 30, "remaining": 30, "used": 0, "reset": t.reset.Unix()}
	return say(200, obj{"rate": core, "resources": obj{"core": core, "search": search}})
}

func fmtID(n int64) string { return strconv.FormatInt(n, 10) }
