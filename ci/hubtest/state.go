package hubtest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Repo is a repository. Its fields are read and changed under the server's
// lock: from tests, through Server's methods only.
type Repo struct {
	id          int64
	owner, name string
	private     bool
	parent      string // owner/name of the repository that it was forked from
	branches    map[string]string
	commits     []string                     // every sha that exists here
	files       map[string]map[string][]byte // by branch, tag or sha, then by path
	pulls       []*pull
	comments    []*comment
	checks      []*check
	statuses    []*status
	runs        []*run
}

type pull struct {
	id                              int64
	number                          int
	title, author                   string
	closed, merged, locked, draft   bool
	headOwner, headRepo, headBranch string
	headSHA, baseBranch, baseSHA    string
	headGone                        bool // the fork was deleted
	created, updated                time.Time
}

type comment struct {
	id               int64
	pull             int
	login, body      string
	app              string // slug of the App that wrote it; "" for a person
	created, updated time.Time
	edits            int
	editors          []string
}

type annotation struct {
	Path            string `json:"path"`
	StartLine       int    `json:"start_line"`
	EndLine         int    `json:"end_line"`
	StartColumn     *int   `json:"start_column"`
	EndColumn       *int   `json:"end_column"`
	AnnotationLevel string `json:"annotation_level"`
	Title           string `json:"title"`
	Message         string `json:"message"`
	RawDetails      string `json:"raw_details"`
}

type check struct {
	id                     int64
	name, sha, login, app  string
	status, conclusion     string
	detailsURL, externalID string
	title, summary, text   string
	annotations            []annotation
	started, completed     time.Time
	batches                []int // how many annotations came in each request
}

type status struct {
	id                                     int64
	sha, login                             string
	state, context, description, targetURL string
	created                                time.Time
}

type run struct {
	id                                          int64
	attempt                                     int
	name, path, branch, sha, event              string
	status, conclusion, headOwner, headRepoName string
	created                                     time.Time
	artifacts                                   []*artifact
}

type artifact struct {
	id      int64
	run     int64
	name    string
	zip     []byte
	expired bool
	created time.Time
}

// blobFile is what a signed address of the blob store gives.
type blobFile struct {
	data    []byte
	expires time.Time
}

// id gives a number that nothing else here has. The lock is held.
func (s *Server) id() int64 {
	s.nextID++
	return 1000 + s.nextID
}

// SHA is a commit's name made of any text, for tests that need one.
func SHA(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func (s *Server) repoNamed(full string) *Repo {
	for _, r := range s.repos {
		if strings.EqualFold(r.owner+"/"+r.name, full) {
			return r
		}
	}
	return nil
}

func (r *Repo) full() string { return r.owner + "/" + r.name }

func (r *Repo) pull(number int) *pull {
	for _, p := range r.pulls {
		if p.number == number {
			return p
		}
	}
	return nil
}

func (r *Repo) addCommit(sha string) {
	if sha != "" && !r.has(sha) {
		r.commits = append(r.commits, sha)
	}
}

func (r *Repo) has(sha string) bool {
	for _, c := range r.commits {
		if c == sha {
			return true
		}
	}
	return false
}

// resolve gives the commit of a branch, a full or a short sha; "" for none.
func (r *Repo) resolve(ref string) string {
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "heads/")
	if sha, ok := r.branches[ref]; ok {
		return sha
	}
	for _, c := range r.commits {
		if c == ref || (len(ref) >= 7 && strings.HasPrefix(c, ref)) {
			return c
		}
	}
	return ""
}

// mustRepo is for what a test calls: a mistake there is the test's.
func (s *Server) mustRepo(full string) *Repo {
	r := s.repoNamed(full)
	if r == nil {
		panic(fmt.Sprintf("hubtest: no repository %s", full))
	}
	return r
}

func (s *Server) mustPull(full string, number int) *pull {
	p := s.mustRepo(full).pull(number)
	if p == nil {
		panic(fmt.Sprintf("hubtest: no pull request %s#%d", full, number))
	}
	return p
}
