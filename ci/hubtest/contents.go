package hubtest

import (
	"encoding/base64"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
)

// inlined is the most bytes of a file that GitHub puts into JSON.
const inlined = 1 << 20

// getContents gives a file as JSON, or raw where Accept asks for that, or a
// folder's list.
func (s *Server) getContents(q *request) answer {
	ref := q.Query.Get("ref")
	if ref == "" {
		ref = q.repo.defaultBranch()
	}
	files, ok := q.repo.at(ref)
	if !ok {
		return problem(404, "No commit found for the ref "+ref)
	}
	name := strings.TrimPrefix(path.Join("/", q.params["path"]), "/")
	if data, ok := files[name]; ok {
		if strings.Contains(q.Header.Get("Accept"), "raw") {
			return answer{status: 200, body: data, free: true, header: http.Header{"Content-Type": {"application/vnd.github.raw+json; charset=utf-8"}}}
		}
		v := s.viewEntry(q.repo, ref, name, "file", data)
		v["encoding"], v["content"] = "base64", base64.StdEncoding.EncodeToString(data)
		if len(data) > inlined {
			v["encoding"], v["content"] = "none", ""
		}
		return say(200, v)
	}
	var list []any
	seen := map[string]bool{}
	for _, f := range slices.Sorted(maps.Keys(files)) {
		rest, inside := strings.CutPrefix(f, name+"/")
		if name == "" {
			rest, inside = f, true
		}
		first, _, deeper := strings.Cut(rest, "/")
		if !inside || seen[first] {
			continue
		}
		seen[first] = true
		kind := "file"
		if deeper {
			kind = "dir"
		}
		list = append(list, s.viewEntry(q.repo, ref, path.Join(name, first), kind, files[f]))
	}
	if len(list) == 0 {
		return problem(404, "Not Found")
	}
	return say(200, list)
}

// getRaw stands for raw.githubusercontent.com.
func (s *Server) getRaw(q *request) answer {
	files, _ := q.repo.at(q.params["ref"])
	data, ok := files[q.params["path"]]
	if !ok {
		return problem(404, "Not Found")
	}
	return answer{status: 200, body: data, free: true, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
}

// at gives the files of a branch or commit. Files that were put on a branch
// are those of its commit.
func (r *Repo) at(ref string) (map[string][]byte, bool) {
	ref = strings.TrimPrefix(ref, "refs/heads/")
	if f, ok := r.files[ref]; ok {
		return f, true
	}
	for branch, sha := range r.branches {
		if sha == ref {
			return r.files[branch], true
		}
	}
	return nil, r.resolve(ref) != ""
}

func (r *Repo) defaultBranch() string { return "main" }
