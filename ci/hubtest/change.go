package hubtest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// What happens beside the bot, for tests. A repository is owner/name. Naming
// something that is not there panics.

// Push moves a pull request's head.
func (s *Server) Push(repo string, number int, sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.mustPull(repo, number)
	p.headSHA, p.updated = sha, s.now()
	s.mustRepo(repo).addCommit(sha)
}

// ClosePull closes a pull request, merged or not.
func (s *Server) ClosePull(repo string, number int, merged bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.mustPull(repo, number)
	p.closed, p.merged, p.updated = true, merged, s.now()
}

// Lock locks the conversation of a pull request, or opens it again.
func (s *Server) Lock(repo string, number int, locked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustPull(repo, number).locked = locked
}

// DeleteFork takes away the repository that a pull request came from.
func (s *Server) DeleteFork(repo string, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustPull(repo, number).headGone = true
}

// Say adds a comment of a person's, and gives its number.
func (s *Server) Say(repo string, number int, login, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustPull(repo, number)
	return s.say(s.mustRepo(repo), number, login, body).id
}

func (s *Server) say(r *Repo, number int, login, body string) *comment {
	c := &comment{id: s.id(), pull: number, login: login, body: body, created: s.now(), updated: s.now()}
	for _, t := range s.tokens {
		if t.Login == login {
			c.app = t.App
		}
	}
	r.comments = append(r.comments, c)
	return c
}

// Erase deletes a comment, as its author or a maintainer may.
func (s *Server) Erase(repo string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.mustRepo(repo)
	r.comments = slices.DeleteFunc(r.comments, func(c *comment) bool { return c.id == id })
}

// Put writes a file on a branch.
func (s *Server) Put(repo, branch, path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustRepo(repo).put(branch, path, data)
}

func (r *Repo) put(branch, path string, data []byte) {
	if r.files[branch] == nil {
		r.files[branch] = map[string][]byte{}
	}
	r.files[branch][path] = data
}

// Upload adds an artifact to a workflow run, as it is, which need not be a zip
// file. It gives the artifact's number.
func (s *Server) Upload(repo string, runID int64, name string, zip []byte) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.mustRepo(repo).runs {
		if r.id == runID {
			a := &artifact{id: s.id(), run: runID, name: name, zip: zip, created: s.now()}
			r.artifacts = append(r.artifacts, a)
			return a.id
		}
	}
	panic(fmt.Sprintf("hubtest: no run %d", runID))
}

// Zip makes a zip file of names and contents, sorted by name. Names are taken
// as they are, "../x" too.
func Zip(files map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Comment is a comment, for tests to look at.
type Comment struct {
	ID          int64
	Login, Body string
	Edits       int
	Editors     []string // one for each edit
}

// Comments are those of a pull request, oldest first.
func (s *Server) Comments(repo string, number int) []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Comment
	for _, c := range s.mustRepo(repo).comments {
		if c.pull == number {
			out = append(out, Comment{ID: c.id, Login: c.login, Body: c.body, Edits: c.edits, Editors: slices.Clone(c.editors)})
		}
	}
	return out
}

// Check is a check run, for tests to look at.
type Check struct {
	ID                                    int64
	Name, SHA, App, Status, Conclusion    string
	Title, Summary, Text, URL, ExternalID string
	Annotations                           int
	Batches                               []int // annotations of each request
}

// Checks are the check runs of a commit, oldest first.
func (s *Server) Checks(repo, sha string) []Check {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Check
	for _, c := range s.mustRepo(repo).checks {
		if c.sha == sha {
			out = append(out, Check{
				ID: c.id, Name: c.name, SHA: c.sha, App: c.app, Status: c.status, Conclusion: c.conclusion, Title: c.title, Summary: c.summary,
				Text: c.text, URL: c.detailsURL, ExternalID: c.externalID, Annotations: len(c.annotations), Batches: slices.Clone(c.batches),
			})
		}
	}
	return out
}

// Status is a commit status, for tests to look at.
type Status struct{ Context, State, Description, URL, Login string }

// Statuses are the newest of each context of a commit, newest first.
func (s *Server) Statuses(repo, sha string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Status
	for _, st := range s.mustRepo(repo).newestStatuses(sha) {
		out = append(out, Status{st.context, st.state, st.description, st.targetURL, st.login})
	}
	return out
}
