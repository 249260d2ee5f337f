package hubtest

import (
	"net/http"
	"path"
	"slices"
	"time"
)

// listRuns gives workflow runs, newest first, of one workflow where the path
// names one by file or by id.
func (s *Server) listRuns(q *request) answer {
	var all []any
	wanted := q.params["workflow_id"]
	if wanted != "" && !slices.ContainsFunc(q.repo.runs, func(r *run) bool { return r.isOf(wanted) }) {
		return problem(404, "Not Found")
	}
	for _, r := range slices.Backward(q.repo.runs) {
		state := q.Query.Get("status")
		if wanted != "" && !r.isOf(wanted) || state != "" && state != r.status && state != r.conclusion ||
			!asked(q, "branch", r.branch) || !asked(q, "event", r.event) || !asked(q, "head_sha", r.sha) {
			continue
		}
		all = append(all, s.viewRun(q.repo, r))
	}
	return s.page(q, all, func(part []any) any { return obj{"total_count": len(all), "workflow_runs": part} })
}

func (r *run) isOf(workflow string) bool {
	return path.Base(r.path) == workflow || fmtID(workflowID(r.path)) == workflow
}

func (s *Server) getRun(q *request) answer {
	for _, r := range q.repo.runs {
		if fmtID(r.id) == q.params["run_id"] {
			return say(200, s.viewRun(q.repo, r))
		}
	}
	return problem(404, "Not Found")
}

// listArtifacts gives a run's artifacts, or everybody's, newest first.
func (s *Server) listArtifacts(q *request) answer {
	var all []any
	id, found := q.params["run_id"], q.params["run_id"] == ""
	for _, r := range slices.Backward(q.repo.runs) {
		if id != "" && fmtID(r.id) != id {
			continue
		}
		found = true
		for _, f := range slices.Backward(r.artifacts) {
			if asked(q, "name", f.name) {
				all = append(all, s.viewArtifact(q.repo, r, f))
			}
		}
	}
	if !found {
		return problem(404, "Not Found")
	}
	return s.page(q, all, func(part []any) any { return obj{"total_count": len(all), "artifacts": part} })
}

func (q *request) artifact() (*run, *artifact) {
	for _, r := range q.repo.runs {
		for _, f := range r.artifacts {
			if fmtID(f.id) == q.params["artifact_id"] {
				return r, f
			}
		}
	}
	return nil, nil
}

func (s *Server) getArtifact(q *request) answer {
	r, f := q.artifact()
	if f == nil {
		return problem(404, "Not Found")
	}
	return say(200, s.viewArtifact(q.repo, r, f))
}

// downloadArtifact sends the client to the blob store, with an address that
// needs no token and is good for a minute.
func (s *Server) downloadArtifact(q *request) answer {
	_, f := q.artifact()
	if f == nil || q.params["archive_format"] != "zip" {
		return problem(404, "Not Found")
	}
	if f.expired {
		return problem(410, "Artifact has expired")
	}
	path := "/artifacts/" + SHA(f.name+fmtID(s.id()))
	s.blobs[path] = blobFile{data: f.zip, expires: s.now().Add(time.Minute)}
	return answer{status: 302, header: http.Header{"Location": {s.blob + path + "?sig=once"}}}
}

// serveBlob is the other host. Like Azure's it refuses a request that brings
// a token along, and the stand-in counts that as a violation: a token must not
// leave the API's host.
func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f, ok := s.blobs[r.URL.Path]
	leaked := r.Header.Get("Authorization") != ""
	if leaked {
		s.violations = append(s.violations, "the token was sent to the blob store's host")
	}
	late := s.now().After(f.expires)
	s.mu.Unlock()
	switch {
	case leaked:
		http.Error(w, "InvalidAuthenticationInfo", http.StatusBadRequest)
	case !ok || late:
		http.Error(w, "AuthenticationFailed", http.StatusForbidden)
	default:
		w.Header().Set("Content-Type", "application/zip")
		_, _ = w.Write(f.data) // a client that went away needs none
	}
}
