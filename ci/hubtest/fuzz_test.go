package hubtest

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzAnswers sends any request. The stand-in must answer it, and with
// something that GitHub's description allows.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []struct{ method, path, body, token string }{
		{"GET", here + "/pulls/7", "", "t-bot"},
		{"GET", here + "/issues/7/comments?per_page=-1&page=9999999999999999999&since=x", "", ""},
		{"POST", here + "/issues/7/comments", `{"body":"\u0000"}`, "t-bot"},
		{"PATCH", here + "/issues/comments/1001", `{"body":null}`, "t-ann"},
		{"POST", here + "/check-runs", body(obj{"name": "n", "head_sha": SHA("first"), "output": obj{"summary": "s", "annotations": []obj{{"path": "a"}}}}), "t-bot"},
		{"POST", here + "/statuses/" + SHA("first"), `{"state":"success","context":""}`, "t-bot"},
		{"GET", here + "/contents/../x%2F..?ref=%00", "", "t-bot"},
		{"GET", here + "/commits/heads%2Fmain/check-runs?filter=all", "", "t-bot"},
		{"GET", "/repos//search/pulls/7", "", "t-bot"},
		{"GET", "/app", "", "a.b.c"},
		{"GET", "/app", "", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOjR9.AA"},
		{"POST", "/graphql", `{"query":"query{viewer{login}}"}`, "t-bot"},
	} {
		f.Add(seed.method, seed.path, seed.body, seed.token)
	}
	f.Fuzz(func(t *testing.T, method, path, body, token string) {
		s := New(Options{State: state})
		r, err := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
		if err != nil || r.URL.Host != "api.github.test" {
			return
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		res, err := s.Transport("").RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode >= 500 {
			t.Errorf("%s %q: %d", method, path, res.StatusCode)
		}
		for _, v := range s.Violations() {
			if strings.HasPrefix(v, "response") {
				t.Error(v)
			}
		}
		s.Dump()
	})
}
