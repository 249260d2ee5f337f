package hubtest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// The state as YAML. Only repo is needed; what is left out is what one would
// expect:
//
//	repo: acme/search                  # public unless private: true
//	private: true
//	tokens:
//	  t-write: {permissions: {issues: write, checks: write}}  # GitHub Actions' by default
//	  t-fork: {fork: true}             # a fork's: everything read, nothing written
//	  t-person: {login: ann, permissions: {repo: write}}
//	apps:
//	  - {id: 7, installation: 70, slug: bench-bot, key: public.pem, permissions: {…}}
//	branches: {main: SHA}
//	files: {main: {harness.yaml: "…"}} # or {file: PATH} instead of the text
//	pulls:
//	  - {number: 7, head: "contributor:faster", sha: SHA, base: main, state: closed, locked: true,
//	     comments: [{by: ann, body: "…", times: 120}]}
//	runs:
//	  - {id: 9, workflow: bench.yml, branch: main, sha: SHA, event: push, owner: acme, status: completed,
//	     conclusion: success, artifacts: {results: {run.json: "…"}}}
//	faults:
//	  - {on: "POST …/comments", kind: "502", times: 2, applied: true, after: 5s}
//	rate: {t-write: 3}                 # requests left in this hour
//
// A SHA that has not 40 characters is taken for a text to make one from (see
// SHA). Relative paths are below Options.Dir.
type setup struct {
	Repo     string
	Private  bool
	Tokens   map[string]setupToken
	Apps     []setupApp
	Branches map[string]string
	Files    map[string]map[string]setupFile
	Pulls    []setupPull
	Runs     []setupRun
	Faults   []setupFault
	Rate     map[string]int
}

type (
	setupToken struct {
		Login, App  string
		Permissions map[string]string
		Fork        bool
		Limit       int
	}
	setupApp struct {
		ID, Installation int64
		Slug, Key        string
		Permissions      map[string]string
	}
	setupPull struct {
		Number                               int
		Head, Repo, SHA, Base, State, Author string
		Locked, Draft, Merged                bool
		Comments                             []struct {
			By, Body string
			Times    int
		}
	}
	setupRun struct {
		ID                                                      int64
		Attempt                                                 int
		Workflow, Branch, SHA, Event, Owner, Status, Conclusion string
		Artifacts                                               map[string]map[string]setupFile
		Expired                                                 bool
	}
	setupFault struct {
		On, Bot, Kind string
		Skip, Times   int
		Applied       bool
		After         time.Duration
	}
)

// setupFile is a text, or {file: PATH}.
type setupFile struct{ text, path string }

func (f *setupFile) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		f.text = n.Value
		return nil
	}
	var at struct{ File string }
	err := n.Decode(&at)
	f.path = at.File
	return err
}

func (s *Server) read(f setupFile) ([]byte, error) {
	if f.path == "" {
		return []byte(f.text), nil
	}
	return s.readFile(f.path)
}

func (s *Server) readFile(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.o.Dir, path)
	}
	return os.ReadFile(path)
}

// Setup adds a state, which is one or more YAML documents: see setup.
func (s *Server) Setup(state string) error {
	d := yaml.NewDecoder(bytes.NewReader([]byte(state)))
	d.KnownFields(true)
	for {
		var in setup
		err := d.Decode(&in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.apply(in)
		}
		if err != nil {
			return fmt.Errorf("read the GitHub stand-in's state: %w", err)
		}
	}
}

func (s *Server) apply(in setup) error {
	for text, t := range in.Tokens {
		s.AddToken(text, t.token())
	}
	for _, a := range in.Apps {
		key, err := s.publicKey(a.Key)
		if err != nil {
			return err
		}
		s.AddApp(App{ID: a.ID, Installation: a.Installation, Slug: a.Slug, Key: key, Permissions: a.Permissions})
	}
	for _, f := range in.Faults {
		s.Inject(Fault{On: f.On, Bot: f.Bot, Kind: Kind(f.Kind), Skip: f.Skip, Times: f.Times, Applied: f.Applied, After: f.After})
	}
	if in.Repo != "" {
		if err := s.applyRepo(in); err != nil {
			return err
		}
	}
	for text, left := range in.Rate {
		s.SpendRate(text, left)
	}
	return nil
}

func (t setupToken) token() Token {
	if t.Login == "" {
		t.Login, t.App = "github-actions[bot]", actionsApp
	}
	if t.Fork {
		t.Permissions = map[string]string{}
		for _, p := range []string{"actions", "checks", "contents", "issues", "pull_requests", "statuses", "metadata"} {
			t.Permissions[p] = "read"
		}
	}
	return Token{Login: t.Login, App: t.App, Permissions: t.Permissions, Limit: t.Limit}
}

func (s *Server) applyRepo(in setup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repoNamed(in.Repo)
	if r == nil {
		owner, name, ok := strings.Cut(in.Repo, "/")
		if !ok || owner == "" || name == "" {
			return fmt.Errorf("repository %q: want owner/name", in.Repo)
		}
		r = &Repo{id: s.id(), owner: owner, name: name, private: in.Private, branches: map[string]string{}, files: map[string]map[string][]byte{}}
		s.repos = append(s.repos, r)
		r.branch("main", SHA("main"))
	}
	for branch, sha := range in.Branches {
		r.branch(branch, asSHA(sha))
	}
	for branch, files := range in.Files {
		for path, f := range files {
			data, err := s.read(f)
			if err != nil {
				return err
			}
			r.put(branch, path, data)
		}
	}
	for _, p := range in.Pulls {
		s.applyPull(r, p)
	}
	for _, x := range in.Runs {
		if err := s.applyRun(r, x); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repo) branch(name, sha string) {
	r.branches[name] = sha
	r.addCommit(sha)
}

func (s *Server) applyPull(r *Repo, in setupPull) {
	owner, branch, ok := strings.Cut(in.Head, ":")
	if !ok {
		owner, branch = r.owner, in.Head
	}
	if in.Repo == "" {
		in.Repo = r.name
	}
	if in.Base == "" {
		in.Base = "main"
	}
	if in.Author == "" {
		in.Author = owner
	}
	p := &pull{
		id: s.id(), number: in.Number, title: "Change " + branch, author: in.Author, closed: in.State == "closed" || in.Merged, merged: in.Merged,
		locked: in.Locked, draft: in.Draft, headOwner: owner, headRepo: in.Repo, headBranch: branch, headSHA: asSHA(in.SHA),
		baseBranch: in.Base, baseSHA: r.branches[in.Base], created: s.now(), updated: s.now(),
	}
	r.pulls = append(r.pulls, p)
	r.addCommit(p.headSHA)
	for _, c := range in.Comments {
		for range max(1, c.Times) {
			s.say(r, p.number, c.By, c.Body)
		}
	}
}

func (s *Server) applyRun(r *Repo, in setupRun) error {
	x := &run{
		id: in.ID, attempt: max(1, in.Attempt), name: in.Workflow, path: ".github/workflows/" + in.Workflow, branch: in.Branch, sha: asSHA(in.SHA),
		event: in.Event, status: in.Status, conclusion: in.Conclusion, headOwner: in.Owner, headRepoName: r.name, created: s.now(),
	}
	if x.headOwner == "" {
		x.headOwner = r.owner
	}
	if x.status == "" {
		x.status, x.conclusion = "completed", "success"
	}
	for _, name := range slices.Sorted(maps.Keys(in.Artifacts)) {
		files := map[string]string{}
		for path, f := range in.Artifacts[name] {
			data, err := s.read(f)
			if err != nil {
				return err
			}
			files[path] = string(data)
		}
		x.artifacts = append(x.artifacts, &artifact{id: s.id(), run: x.id, name: name, zip: Zip(files), expired: in.Expired, created: s.now()})
	}
	r.runs = append(r.runs, x)
	r.addCommit(x.sha)
	return nil
}

// publicKey reads a PEM file with an App's key, public or private.
func (s *Server) publicKey(path string) (*rsa.PublicKey, error) {
	raw, err := s.readFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", path)
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return &key.PublicKey, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if public, ok := key.(*rsa.PublicKey); ok {
		return public, err
	}
	return nil, fmt.Errorf("%s: no RSA key: %w", path, err)
}

func asSHA(s string) string {
	if len(s) == 40 {
		return s
	}
	return SHA(s)
}
