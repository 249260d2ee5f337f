package hubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options of a stand-in. The zero value is an empty GitHub without a contract.
type Options struct {
	// State is the state to begin with, as YAML: see Setup.
	State string
	// Dir is where the files are that State names with file:.
	Dir string
	// Prefix is the API's path on the server: "/api/v3" for an Enterprise
	// server, "" for github.com.
	Prefix string
	// Now is the clock of timestamps, tokens and rate limits; nil is time.Now.
	Now func() time.Time
	// Contract is what requests and answers are held against; nil is whatever
	// LoadContract finds. NoContract switches that off.
	Contract   *Contract
	NoContract bool
	// SampleAnswers above 1 holds only each n-th answer of an operation and
	// status against the contract. Requests are always all checked.
	SampleAnswers int
	// ContentPerMinute is the secondary limit on creating and changing content,
	// for each token; 0 is none. GitHub's is 80.
	ContentPerMinute int
}

// A TB is the part of testing.TB that the package needs.
type TB interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
	Cleanup(func())
}

// Server is the stand-in. All its methods may be called at any time, from
// hooks too.
type Server struct {
	o    Options
	api  string // without a slash at the end
	html string
	blob string

	listeners []*http.Server
	serving   sync.WaitGroup

	mu         sync.Mutex // guards what follows
	nextID     int64
	repos      []*Repo
	tokens     map[string]*Token
	apps       []*App
	blobs      map[string]blobFile
	calls      []*Call
	violations []string
	coverage   map[string]int
	faults     []*Fault
	hooks      []hook
}

// New gives a stand-in without sockets, for Transport. It panics if the state
// cannot be read: it is a part of the test.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Contract == nil && !o.NoContract {
		c, err := LoadContract()
		if err == nil {
			o.Contract = c
		}
	}
	s := &Server{
		o: o, api: "http://api.github.test" + o.Prefix, html: "https://github.test", blob: "http://blob.github.test",
		tokens: map[string]*Token{}, blobs: map[string]blobFile{}, coverage: map[string]int{},
	}
	if err := s.Setup(o.State); err != nil {
		panic(err)
	}
	return s
}

// Start gives a stand-in that listens on 127.0.0.1 until the test ends, and
// then fails the test for every violation of the contract.
func Start(tb TB, o Options) *Server {
	tb.Helper()
	s := New(o)
	if err := s.Listen(); err != nil {
		tb.Fatalf("start the GitHub stand-in: %v", err)
	}
	tb.Cleanup(func() {
		s.Close()
		for _, v := range s.Violations() {
			tb.Errorf("GitHub's API description: %s", v)
		}
	})
	return s
}

// Listen opens the API's and the blob store's listeners. The two have
// different host names, as GitHub's have: a client that follows a download to
// the other one has to leave its token behind.
func (s *Server) Listen() error {
	for _, side := range []struct {
		url     *string
		host    string
		suffix  string
		handler http.Handler
	}{{&s.api, "127.0.0.1", s.o.Prefix, s}, {&s.blob, "localhost", "", http.HandlerFunc(s.serveBlob)}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*side.url = fmt.Sprintf("http://%s:%d%s", side.host, l.Addr().(*net.TCPAddr).Port, side.suffix)
		srv := &http.Server{Handler: side.handler, ReadHeaderTimeout: 10 * time.Second}
		s.listeners = append(s.listeners, srv)
		s.serving.Add(1)
		go func() {
			defer s.serving.Done()
			_ = srv.Serve(l) // Close ends it
		}()
	}
	return nil
}

// Close ends what Listen began, requests that hang included.
func (s *Server) Close() {
	for _, srv := range s.listeners {
		srv.Close()
	}
	s.serving.Wait()
}

// URL is the API's address, without a slash at the end: GITHUB_API_URL.
func (s *Server) URL() string { return s.api }

// Now is the stand-in's clock.
func (s *Server) now() time.Time { return s.o.Now().UTC() }

// Call is one request that the stand-in got.
type Call struct {
	Seq    int    // from 1
	Method string // GET
	Path   string // /repos/acme/search/pulls/7, without the prefix
	Route  string // GET /repos/{owner}/{repo}/pulls/{pull_number}
	Query  url.Values
	Header http.Header
	Body   []byte
	Login  string // who the token stands for; "" without a token
	Bot    string // the header X-Test-Bot, by which tests tell clients apart
	Status int    // 0 where no answer was sent
	Fault  string // the fault that was put in its way; "" for none
}

// Mutates says whether the request asks for a change.
func (c *Call) Mutates() bool { return c.Method != http.MethodGet && c.Method != http.MethodHead }

func (c *Call) String() string {
	s := c.Method + " " + c.Path
	if q := c.Query.Encode(); q != "" {
		s += "?" + q
	}
	if c.Status != 0 {
		s += fmt.Sprintf(" → %d", c.Status)
	}
	if c.Fault != "" {
		s += " (" + c.Fault + ")"
	}
	return s
}

// answer is what a handler says.
type answer struct {
	status int
	header http.Header
	body   []byte
	free   bool // not JSON of the description's, so not held against it
}

// request is what a handler is given.
type request struct {
	*Call
	params map[string]string
	token  *Token // nil without one
	app    *App   // for requests with an App's JWT
	repo   *Repo  // nil where the route has none
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away
	}
	call := &Call{
		Method: r.Method, Path: s.below(r.URL.Path), Query: r.URL.Query(), Header: r.Header.Clone(),
		Body: body, Bot: r.Header.Get("X-Test-Bot"),
	}
	ro, params := match(r.Method, s.below(r.URL.EscapedPath()))
	if ro != nil {
		call.Route = ro.method + " " + ro.template
	}
	s.mu.Lock()
	call.Seq = len(s.calls) + 1
	s.calls = append(s.calls, call)
	call.Login = s.loginOf(r)
	s.mu.Unlock()

	s.runHooks(call, false)
	fault := s.takeFault(call)
	var a answer
	if fault == nil || fault.Applied {
		s.mu.Lock()
		a = s.handle(ro, &request{Call: call, params: params}, r)
		s.mu.Unlock()
	}
	if fault != nil {
		a = s.faulty(fault, call, r, a)
	}
	s.runHooks(call, true)
	s.mu.Lock()
	s.check(ro, params, r, body, a)
	call.Status = a.status
	s.mu.Unlock()
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that went away needs none
}

// below is a path of the API without the prefix. GraphQL lies beside the
// prefix: /api/graphql beside /api/v3.
func (s *Server) below(path string) string {
	if s.o.Prefix != "" && path == strings.TrimSuffix(s.o.Prefix, "v3")+"graphql" {
		return "/graphql"
	}
	return strings.TrimPrefix(path, s.o.Prefix)
}

// handle answers a request without a fault. The lock is held.
func (s *Server) handle(ro *route, q *request, r *http.Request) answer {
	if ro == nil {
		s.violations = append(s.violations, fmt.Sprintf("%s %s: the stand-in has no such operation", q.Method, q.Path))
		return problem(404, "Not Found")
	}
	if a, ok := s.admit(ro, q, r); !ok {
		return a
	}
	a := ro.serve(s, q)
	s.limitHeaders(q, &a)
	return a
}

// check holds request and answer against the contract. The lock is held.
func (s *Server) check(ro *route, params map[string]string, r *http.Request, body []byte, a answer) {
	c := s.o.Contract
	if c == nil || ro == nil || ro.outside {
		return
	}
	x := exchange{template: ro.template, params: params, request: r, body: body, answer: a}
	if err := c.checkRequest(x); err != nil {
		s.violations = append(s.violations, err.Error())
	}
	s.coverage["request"]++
	key := fmt.Sprintf("%s %s %d", r.Method, ro.template, a.status)
	s.coverage[key]++
	if a.free {
		s.coverage["free"]++
		return
	}
	if n := s.o.SampleAnswers; n > 1 && s.coverage[key]%n != 1 {
		return
	}
	declared, err := c.checkResponse(x)
	if err != nil {
		s.violations = append(s.violations, err.Error())
	}
	if declared {
		s.coverage["declared"]++
	} else {
		s.coverage["undeclared"]++
	}
}

// Violations are the requests and answers that do not fit GitHub's API
// description, and requests that the stand-in has no operation for.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.violations...)
}

// Coverage counts what was held against the contract: "request", "declared"
// and "undeclared" (answers with a status that the operation does not declare,
// held against the schemas for errors), "free" (not checked: raw files, HTML
// from a proxy), and every operation with its status.
func (s *Server) Coverage() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, n := range s.coverage {
		out[k] = n
	}
	return out
}

// Calls are the requests so far, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Call, len(s.calls))
	for i, c := range s.calls {
		out[i] = *c
	}
	return out
}

// obj is a JSON object.
type obj = map[string]any

// say is an answer with a JSON body.
func say(status int, v any) answer {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only maps of the package's own
	}
	return answer{status: status, body: b, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}
}

const docs = "https://docs.github.com/rest"

// problem is GitHub's way to say no.
func problem(status int, message string) answer { return problemAt(status, message, docs) }

func problemAt(status int, message, documentation string) answer {
	return say(status, obj{"message": message, "documentation_url": documentation, "status": fmt.Sprint(status)})
}

// invalid is a 422 with what is wrong in one field.
func invalid(resource, field, code, message string) answer {
	return say(422, obj{
		"message": "Validation Failed", "documentation_url": docs, "status": "422",
		"errors": []obj{{"resource": resource, "field": field, "code": code, "message": message}},
	})
}
