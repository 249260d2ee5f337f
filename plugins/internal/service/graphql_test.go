package service

import (
	"strings"
	"testing"
)

func TestGraphQLAnswersEveryQuery(t *testing.T) {
	h := handlerOf(t, nil)
	for _, c := range []struct{ name, body, want string }{
		{"collections", `{"query":"{collections{name dimension points distance}}"}`,
			`{"data":{"collections":[{"name":"big","dimension":4096,"points":2147483647,"distance":"cosine"},{"name":"docs","dimension":3,"points":2,"distance":"dot"}]}}`},
		{"one collection", `{"query":"{collection(name:\"docs\"){name}}"}`, `{"data":{"collection":{"name":"docs"}}}`},
		{"an absent collection", `{"query":"{collection(name:\"nope\"){name}}"}`, `{"data":{"collection":null}}`},
		{"a search by text in variables", `{"query":"query Q($t:String!){search(text:$t,k:1){collection hits{id score payload}}}","operationName":"Q","variables":{"t":"ab"}}`,
			`{"data":{"search":{"collection":"docs","hits":[{"id":"7","score":2,"payload":{"text":"seven"}}]}}}`},
		{"a search by vector", `{"query":"{search(vector:[4,0,0],collection:\"docs\",ef:9){hits{id payload}}}"}`,
			`{"data":{"search":{"hits":[{"id":"7","payload":{"text":"seven"}},{"id":"8","payload":null}]}}}`},
		{"embeddings", `{"query":"{embed(texts:[\"ab\",\"c\"]){model tokens vectors}}"}`,
			`{"data":{"embed":{"model":"all-MiniLM-L6-v2","tokens":2,"vectors":[[2,1,0],[1,1,0]]}}}`},
		{"introspection", `{"query":"{__type(name:\"Hit\"){fields{name}}}"}`,
			`{"data":{"__type":{"fields":[{"name":"id"},{"name":"score"},{"name":"payload"}]}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, got := call(t, h, "POST", "/graphql", c.body)
			if code != 200 || got != c.want {
				t.Errorf("status %d, body %s\nwant %s", code, got, c.want)
			}
		})
	}
}

func TestGraphQLTellsErrorsWithStatus200(t *testing.T) {
	h := handlerOf(t, nil)
	for _, c := range []struct{ name, query, want string }{
		{"an unknown field", `{nope}`, `Cannot query field`},
		{"a collection that is not there", `{search(text:\"a\",collection:\"nope\"){collection}}`, `"code":"NOT_FOUND"`},
		{"nothing to search for", `{search{collection}}`, `"code":"BAD_REQUEST"`},
		{"k of zero", `{search(text:\"a\",k:0){collection}}`, `k is 0`},
		{"no texts", `{embed(texts:[]){model}}`, `no text to embed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, got := call(t, h, "POST", "/graphql", `{"query":"`+c.query+`"}`)
			if code != 200 || !strings.Contains(got, `"errors":[`) || !strings.Contains(got, c.want) {
				t.Errorf("status %d, body %s\nwant 200 and an error with %s", code, got, c.want)
			}
		})
	}
}
