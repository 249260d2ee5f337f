package hubtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Token is what a request authenticates with.
type Token struct {
	Login string // the account that acts: github-actions[bot], an App's bot, a person
	// App is the slug of the App behind the token; "" for a person's token.
	App string
	// Permissions as in a workflow: issues: write. A token without an entry has
	// none. A classic personal token has repo: write, which is everything but
	// creating checks.
	Permissions map[string]string
	Expires     time.Time // zero for never
	Limit       int       // requests in an hour; 0 is 5,000

	used  int
	reset time.Time
	made  []time.Time // of content, within the last minute
}

// App is a GitHub App with one installation.
type App struct {
	ID, Installation int64
	Slug             string
	Key              *rsa.PublicKey
	Permissions      map[string]string

	minted int
}

// AddToken lets requests with the text authenticate as the token.
func (s *Server) AddToken(text string, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[text] = &t
}

// AddApp registers an App.
func (s *Server) AddApp(a App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Permissions == nil {
		a.Permissions = map[string]string{}
	}
	s.apps = append(s.apps, &a)
}

// level orders what a permission allows.
func level(p string) int { return slices.Index([]string{"none", "read", "write", "admin"}, p) }

// may says whether the token has one of the permissions.
func (t *Token) may(need []string) bool {
	for _, n := range need {
		name, want, _ := strings.Cut(n, ":")
		if level(t.Permissions[name]) >= level(want) || level(t.Permissions["repo"]) >= level(want) {
			return true
		}
	}
	return len(need) == 0
}

// credential is the token or JWT of a request.
func credential(r *http.Request) string {
	kind, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") || strings.EqualFold(kind, "token") {
		return strings.TrimSpace(text)
	}
	return ""
}

// loginOf says who a request acts for. The lock is held.
func (s *Server) loginOf(r *http.Request) string {
	if t := s.tokens[credential(r)]; t != nil {
		return t.Login
	}
	return ""
}

// admit does what GitHub does before an operation: identity, limits,
// existence, permission. It gives the refusal, and true where there is none.
// The lock is held.
func (s *Server) admit(ro *route, q *request, r *http.Request) (answer, bool) {
	if r.Header.Get("User-Agent") == "" {
		return answer{
			status: 403, free: true, header: http.Header{"Content-Type": {"text/html"}},
			body: []byte("Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n"),
		}, false
	}
	cred := credential(r)
	if ro.jwt {
		app, why := s.appOf(cred)
		if app == nil {
			return problem(401, why), false
		}
		q.app = app
	} else if r.Header.Get("Authorization") != "" {
		t := s.tokens[cred]
		if t == nil || (!t.Expires.IsZero() && !s.now().Before(t.Expires)) {
			return problem(401, "Bad credentials"), false
		}
		q.token = t
	}
	if a, ok := s.withinLimits(ro, q); !ok {
		return a, false
	}
	if !strings.HasPrefix(ro.template, repoPath) {
		return answer{}, true
	}
	q.repo = s.repoNamed(q.params["owner"] + "/" + q.params["repo"])
	if q.repo == nil || (q.repo.private && q.token == nil && q.app == nil) {
		return problem(404, "Not Found"), false
	}
	return s.permitted(ro, q)
}

// permitted checks the token against what the operation needs.
func (s *Server) permitted(ro *route, q *request) (answer, bool) {
	writes := q.Mutates()
	switch {
	case ro.jwt:
		return answer{}, true
	case q.token == nil && (writes || ro.strict):
		return problem(401, "Requires authentication"), false
	case !writes && !q.repo.private && !ro.strict:
		return answer{}, true
	case ro.appOnly && q.token.App == "":
		return problem(403, "You must authenticate via a GitHub App."), false
	case q.token.may(ro.need):
		return answer{}, true
	}
	words := "Resource not accessible by personal access token"
	if q.token.App != "" {
		words = "Resource not accessible by integration"
	}
	a := problem(403, words)
	a.header.Set("X-Accepted-Github-Permissions", strings.ReplaceAll(strings.Join(ro.need, "; "), ":", "="))
	return a, false
}

// appOf checks an App's JWT as GitHub does: RS256, issued by the App, not in
// the future, at most ten minutes long. It gives nil and GitHub's words for
// what is wrong.
func (s *Server) appOf(jwt string) (*App, string) {
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return nil, undecodable
	}
	var head struct{ Alg string }
	var claims struct {
		Iss      json.RawMessage
		Iat, Exp json.Number
	}
	if decodePart(parts[0], &head) != nil || decodePart(parts[1], &claims) != nil || head.Alg != "RS256" {
		return nil, undecodable
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, undecodable
	}
	iss := strings.Trim(string(claims.Iss), `"`)
	i := slices.IndexFunc(s.apps, func(a *App) bool { return fmtID(a.ID) == iss })
	if i < 0 {
		return nil, "Integration not found"
	}
	app, digest := s.apps[i], sha256.Sum256([]byte(parts[0]+"."+parts[1]))
	if rsa.VerifyPKCS1v15(app.Key, crypto.SHA256, digest[:], sig) != nil {
		return nil, undecodable
	}
	iat, err1 := claims.Iat.Int64()
	exp, err2 := claims.Exp.Int64()
	now := s.now().Unix()
	switch {
	case err1 != nil || iat > now:
		return nil, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case err2 != nil || exp <= now:
		return nil, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case exp > now+600:
		return nil, "'Expiration time' claim ('exp') is too far in the future"
	}
	return app, ""
}

func decodePart(part string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}
