package service

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// handlerOf returns a service over the fakes.
func handlerOf(t *testing.T, change func(*Options)) http.Handler {
	t.Helper()
	opts := Options{Embedder: &fakeEmbedder{}, Index: &fakeIndex{}, Collection: "docs"}
	if change != nil {
		change(&opts)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

func call(t *testing.T, h http.Handler, method, target, body string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	h.ServeHTTP(rec, r)
	if ct := rec.Header().Get("Content-Type"); ct != "application/json" {
		t.Errorf("%s %s: content type %q, want application/json", method, target, ct)
	}
	return rec.Code, strings.TrimSpace(rec.Body.String())
}

func TestRESTAnswersInTheShapeOfEachAPI(t *testing.T) {
	h := handlerOf(t, nil)
	hits := `{"collection":"docs","hits":[{"id":"7","score":2,"payload":{"text":"seven"}},{"id":"8","score":1}]}`
	for _, c := range []struct{ name, method, target, body, want string }{
		{"one text for TEI", "POST", "/embed", `{"inputs":"ab"}`, `[[2,1,0]]`},
		{"many texts for TEI", "POST", "/embed", `{"inputs":["ab","c"],"truncate":true}`, `[[2,1,0],[1,1,0]]`},
		{"OpenAI", "POST", "/v1/embeddings", `{"model":"sentence-transformers/all-MiniLM-L6-v2","input":"ab cd"}`,
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[5,1,0]}],"model":"all-MiniLM-L6-v2","usage":{"prompt_tokens":2,"total_tokens":2}}`},
		{"OpenAI in base64", "POST", "/v1/embeddings", `{"input":["ab"],"encoding_format":"base64","dimensions":3}`,
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAQAAAgD8AAAAA"}],"model":"all-MiniLM-L6-v2","usage":{"prompt_tokens":1,"total_tokens":1}}`},
		{"search by query string", "GET", "/search?q=ab&collection=docs&k=2&ef=9", "", hits},
		{"search in the default collection", "GET", "/search?q=ab", "", hits},
		{"search by text", "POST", "/search", `{"text":"ab","collection":"docs"}`, hits},
		{"search by vector", "POST", "/search", `{"vector":[2,0,0],"k":1}`,
			`{"collection":"docs","hits":[{"id":"7","score":2,"payload":{"text":"seven"}}]}`},
		{"collections, sorted", "GET", "/collections", "",
			`{"collections":[{"name":"big","dimension":4096,"points":5000000000,"distance":"cosine"},{"name":"docs","dimension":3,"points":2,"distance":"dot"}]}`},
		{"one collection", "GET", "/collections/docs", "", `{"name":"docs","dimension":3,"points":2,"distance":"dot"}`},
		{"health", "GET", "/healthz", "", `{"model":"all-MiniLM-L6-v2","status":"ok"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, got := call(t, h, c.method, c.target, c.body)
			if code != http.StatusOK || got != c.want {
				t.Errorf("status %d, body %s\nwant 200 and %s", code, got, c.want)
			}
		})
	}
}

func TestOllamaAnswersWithTokensAndDuration(t *testing.T) {
	_, got := call(t, handlerOf(t, nil), "POST", "/api/embed", `{"model":"all-minilm-l6-v2:latest","input":["a b","c"]}`)
	var resp struct {
		Model      string      `json:"model"`
		Embeddings [][]float32 `json:"embeddings"`
		Duration   int64       `json:"total_duration"`
		Tokens     int         `json:"prompt_eval_count"`
	}
	if err := json.Unmarshal([]byte(got), &resp); err != nil {
		t.Fatal(err)
	}
	if resp.Model != "all-MiniLM-L6-v2" || len(resp.Embeddings) != 2 || resp.Tokens != 3 || resp.Duration <= 0 {
		t.Errorf("got %s", got)
	}
}

func TestRESTRefusesWithAStatusAndAJSONError(t *testing.T) {
	many := `{"inputs":["` + strings.Repeat(`a","`, MaxTexts) + `a"]}`
	for _, c := range []struct {
		name, method, target, body string
		status                     int
		want                       string
	}{
		{"no texts", "POST", "/embed", `{"inputs":[]}`, 400, "no text to embed"},
		{"texts of numbers", "POST", "/embed", `{"inputs":[1,2]}`, 400, "token numbers are not understood"},
		{"too many texts", "POST", "/embed", many, 413, "at most 512"},
		{"a body over the limit", "POST", "/embed", `{"inputs":"` + strings.Repeat("a", MaxBody) + `"}`, 413, "larger than"},
		{"no JSON", "POST", "/embed", `hello`, 400, "not the JSON"},
		{"another model", "POST", "/api/embed", `{"model":"bge-base","input":"a"}`, 404, `model \"bge-base\" is not served`},
		{"nothing to search for", "GET", "/search", "", 400, "nothing to search for"},
		{"k of a word", "GET", "/search?q=a&k=ten", "", 400, `k is \"ten\"`},
		{"k of zero", "GET", "/search?q=a&k=0", "", 400, `k is \"0\"`},
		{"k over the limit", "POST", "/search", `{"text":"a","k":1001}`, 400, "want 1 to 1000"},
		{"text and vector", "POST", "/search", `{"text":"a","vector":[1]}`, 400, "want one of them"},
		{"a vector of the wrong length", "POST", "/search", `{"vector":[1,2]}`, 400, "has 2 values"},
		{"a text for another dimension", "GET", "/search?q=a&collection=big", "", 400, "has dimension 4096"},
		{"a search in no collection", "GET", "/search?q=a&collection=nope", "", 404, `\"nope\" does not exist`},
		{"no such collection", "GET", "/collections/nope", "", 404, "does not exist"},
		{"no such endpoint", "GET", "/nope", "", 404, "no such endpoint: /nope"},
		{"a wrong method", "DELETE", "/collections", "", 405, "method DELETE is not allowed"},
		{"a GraphQL request without a query", "POST", "/graphql", `{}`, 400, "no query"},
		{"faults that nobody enabled", "POST", "/faults", `{"faults":"fixed=1s"}`, 404, "no such endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, got := call(t, handlerOf(t, nil), c.method, c.target, c.body)
			if code != c.status || !strings.HasPrefix(got, `{"error":"`) || !strings.Contains(got, c.want) {
				t.Errorf("status %d, body %.300s\nwant %d and an error with %q", code, got, c.status, c.want)
			}
		})
	}
}

func TestOpenAIErrorsAreObjects(t *testing.T) {
	for _, c := range []struct {
		name, body string
		err        error
		status     int
		kind       string
	}{
		{"a wrong encoding", `{"input":"a","encoding_format":"hex"}`, nil, 400, "invalid_request_error"},
		{"wrong dimensions", `{"input":"a","dimensions":7}`, nil, 400, "invalid_request_error"},
		{"a broken encoder", `{"input":"a"}`, errors.New("out of memory"), 500, "server_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := handlerOf(t, func(o *Options) { o.Embedder = &fakeEmbedder{err: c.err} })
			code, got := call(t, h, "POST", "/v1/embeddings", c.body)
			if code != c.status || !strings.Contains(got, `"type":"`+c.kind+`"`) {
				t.Errorf("status %d, body %s; want %d and type %s", code, got, c.status, c.kind)
			}
		})
	}
}

func TestABackendThatFailsIsA500(t *testing.T) {
	h := handlerOf(t, func(o *Options) { o.Index = &fakeIndex{err: errors.New("disk gone")} })
	for _, target := range []string{"/search?q=a", "/collections", "/collections/docs"} {
		if code, got := call(t, h, "GET", target, ""); code != 500 || !strings.Contains(got, "disk gone") {
			t.Errorf("%s: status %d, body %s", target, code, got)
		}
	}
}

func TestAnUnknownContentTypeIsRefused(t *testing.T) {
	r := httptest.NewRequest("POST", "/embed", strings.NewReader(`{"inputs":"a"}`))
	r.Header.Set("Content-Type", "text/xml")
	rec := httptest.NewRecorder()
	handlerOf(t, nil).ServeHTTP(rec, r)
	if rec.Code != 400 || !strings.Contains(rec.Body.String(), "want application/json") {
		t.Errorf("status %d, body %s", rec.Code, rec.Body)
	}
}

func TestFaultsAreSwitchedWhenTheEndpointIsEnabled(t *testing.T) {
	h := handlerOf(t, func(o *Options) { o.FaultsEndpoint = true })
	if code, got := call(t, h, "POST", "/faults", `{"faults":"/nowhere:fixed=1h"}`); code != 200 || !strings.Contains(got, "fixed=1h") {
		t.Errorf("set: status %d, body %s", code, got)
	}
	if _, got := call(t, h, "GET", "/faults", ""); got != `{"faults":"/nowhere:fixed=1h"}` {
		t.Errorf("get: %s", got)
	}
	if code, got := call(t, h, "POST", "/faults", `{"faults":"slow"}`); code != 400 || !strings.Contains(got, "unknown kind") {
		t.Errorf("set nonsense: status %d, body %s", code, got)
	}
	if code, _ := call(t, h, "POST", "/faults", `{}`); code != 400 {
		t.Errorf("set nothing: status %d", code)
	}
	if code, _ := call(t, h, "POST", "/faults", `{"faults":""}`); code != 200 {
		t.Errorf("clear: status %d", code)
	}
}

func FuzzSearchBody(f *testing.F) {
	for _, s := range []string{`{"text":"a"}`, `{"vector":[1,2,3],"k":1}`, `{"vector":[1e39,0,0]}`, `{"k":-1}`, `[]`, ``} {
		f.Add(s)
	}
	s, err := New(Options{Embedder: &fakeEmbedder{}, Index: &fakeIndex{}, Collection: "docs"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, httptest.NewRequest("POST", "/search", strings.NewReader(body)))
		out, _ := io.ReadAll(rec.Body)
		if rec.Code >= 500 || !json.Valid(out) {
			t.Errorf("%q: status %d, body %s", body, rec.Code, out)
		}
	})
}
