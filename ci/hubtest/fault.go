package hubtest

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// Kind is how a request goes wrong.
type Kind string

// What GitHub, and what stands between, do to requests.
const (
	Unauthorized Kind = "401"       // the token is not valid, or no longer
	Forbidden    Kind = "403"       // the token lacks the permission
	RateLimited  Kind = "ratelimit" // 403, the hour's requests are used up; After is when they come back
	Secondary    Kind = "secondary" // 403 with Retry-After
	Abuse        Kind = "abuse"     // 403, the older words, without Retry-After
	NotFound     Kind = "404"
	Conflict     Kind = "409"
	TooLong      Kind = "422" // the body of a comment has too many characters
	TooMany      Kind = "429" // with Retry-After
	Internal     Kind = "500"
	BadGateway   Kind = "502"  // with a page of HTML, from a proxy
	Unavailable  Kind = "503"  // with Retry-After
	Hang         Kind = "hang" // no answer until the client gives up
	Cut          Kind = "cut"  // the connection ends after the request arrived
	Torn         Kind = "torn" // the connection ends within the answer
	Slow         Kind = "slow" // the answer comes after the time After
)

// A Fault is put in the way of requests.
type Fault struct {
	// On says which: METHOD PATH, where METHOD may be *, and PATH is the
	// operation's template or the end of one after "…", or a request's own path
	// with path.Match's wildcards. "" is every request.
	On string
	// Bot limits it to one client, by the header X-Test-Bot; "" is all.
	Bot  string
	Kind Kind
	// Skip is how many such requests pass first. Times is how many are hit then;
	// 0 is 1, less than 0 is all.
	Skip, Times int
	// Applied lets the request have its effect before it goes wrong.
	Applied bool
	// After is the time of Slow, Retry-After and the limit's end, in whole
	// seconds for the latter two; 0 is a minute.
	After time.Duration
}

// Inject puts a fault in the way of coming requests. Where several fit, the
// first that was injected hits.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	if f.After == 0 {
		f.After = time.Minute
	}
	s.faults = append(s.faults, &f)
}

// Heal takes back all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// hits says whether a pattern of Fault.On means the call.
func hits(pattern string, c *Call) bool {
	if pattern == "" {
		return true
	}
	method, where, _ := strings.Cut(pattern, " ")
	if method != "*" && method != c.Method {
		return false
	}
	_, template, _ := strings.Cut(c.Route, " ")
	if end, ok := strings.CutPrefix(where, "…"); ok {
		return template != "" && strings.HasSuffix(template, end)
	}
	ok, _ := path.Match(where, c.Path)
	return ok || where == template || where == ""
}

func (s *Server) takeFault(c *Call) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times == 0 || (f.Bot != "" && f.Bot != c.Bot) || !hits(f.On, c) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Times--
		c.Fault = string(f.Kind)
		if f.Applied {
			c.Fault += ", applied"
		}
		hit := *f
		return &hit
	}
	return nil
}

// faulty makes the answer of a fault, given the answer that the request got
// otherwise. It may wait, and it may end the connection.
func (s *Server) faulty(f *Fault, c *Call, r *http.Request, a answer) answer {
	if f.Kind == Slow {
		return s.slow(f, c, r, a)
	}
	seconds := int((f.After + time.Second - 1) / time.Second)
	switch f.Kind {
	case Unauthorized:
		a = problem(401, "Bad credentials")
	case Forbidden:
		a = problem(403, "Resource not accessible by integration")
	case RateLimited:
		a = problemAt(403, "API rate limit exceeded for installation.", docs+"/overview/rate-limits-for-the-rest-api")
		for k, v := range map[string]string{"Limit": "1000", "Remaining": "0", "Used": "1000", "Reset": fmtID(s.now().Add(f.After).Unix() + 1), "Resource": "core"} {
			a.header.Set("X-Ratelimit-"+k, v)
		}
	case Secondary:
		a = secondary(403, seconds)
	case Abuse:
		a = problemAt(403, "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again.",
			docs+"/overview/resources-in-the-rest-api#abuse-rate-limits")
	case NotFound:
		a = problem(404, "Not Found")
	case Conflict:
		a = problem(409, "Conflict")
	case TooLong:
		a = tooLong()
	case TooMany:
		a = secondary(429, seconds)
	case Internal:
		a = problem(500, "Server Error")
	case BadGateway:
		a = page502()
	case Unavailable:
		a = problem(503, "Service unavailable. Please try again.")
		a.header.Set("Retry-After", strconv.Itoa(seconds))
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Cut:
		panic(http.ErrAbortHandler)
	case Torn:
		a = torn(a)
	default:
		panic("hubtest: no fault of kind " + string(f.Kind))
	}
	return a
}

// slow waits, or leaves when the client does.
func (s *Server) slow(f *Fault, c *Call, r *http.Request, a answer) answer {
	t := time.NewTimer(f.After)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
	if f.Applied {
		return a
	}
	ro, params := match(r.Method, s.below(r.URL.EscapedPath()))
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handle(ro, &request{Call: c, params: params}, r)
}

// page502 is what a proxy says, in HTML and at length.
func page502() answer {
	return answer{
		status: 502, free: true, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		body: []byte("<!DOCTYPE html>\n<html>\n  <head><title>Unicorn! &middot; GitHub</title></head>\n  <body>\n    <p><strong>We couldn't respond to your request in time.</strong></p>\n  " +
			strings.Repeat("<p>Sorry about that. Please try refreshing and contact us if the problem persists.</p>\n  ", 60) + "</body>\n</html>\n"),
	}
}

// torn promises the whole answer and gives half.
func torn(a answer) answer {
	if len(a.body) == 0 {
		a = problem(500, "Server Error")
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	a.body, a.free = a.body[:len(a.body)/2], true
	return a
}
