package api

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func TestAGraphQLOperationIsSentWithItsVariables(t *testing.T) {
	srv, got := recording(t, `{"data":{}}`)
	s := mustSetup(t, "graphql", targetOf(srv), map[string]any{
		"query": `query Q($t: String!) { a(t: $t, lit: "${x}") }`, "operation": "Q",
		"variables": map[string]any{"t": "${text}", "user": "${user.id}"}, "data": "testdata/rows.jsonl",
	})
	if err := do(t, worker(t, s, 0), 1); err != nil {
		t.Fatal(err)
	}
	<-got
	want := `{"operationName":"Q","query":"query Q($t: String!) { a(t: $t, lit: \"${x}\") }","variables":{"t":"two \"quoted\"","user":8}}`
	r := <-got
	if r.body != want || r.uri != "/graphql" || r.method != "POST" || r.header.Get("Content-Type") != "application/json" ||
		!strings.HasPrefix(r.header.Get("Accept"), "application/graphql-response+json") {
		t.Errorf("got %+v\nwant the body %s", r, want)
	}
}

func TestGraphQLErrorsAreFailuresWhateverTheStatus(t *testing.T) {
	type answer struct {
		status int
		body   string
	}
	var next atomic.Pointer[answer]
	next.Store(&answer{http.StatusOK, `{"data":{"a":1}}`})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		a := next.Load()
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	})
	s := mustSetup(t, "graphql", targetOf(srv), map[string]any{"query": "{a}", "expect": map[string]any{"json": map[string]any{"data.a": 1}}})
	w := worker(t, s, 0)
	for _, c := range []struct {
		name   string
		status int
		answer string
		class  string
	}{
		{"data", 200, `{"data":{"a":1}}`, ""},
		{"data beside errors that are null", 200, `{"data":{"a":1},"errors":null}`, ""},
		{"errors with status 200", 200, `{"errors":[{"message":"boom"}],"data":null}`, "graphql_error"},
		{"errors beside data", 200, `{"data":{"a":1},"errors":[{"message":"boom"}]}`, "graphql_error"},
		{"neither data nor errors", 200, `{}`, "graphql_response"},
		{"no JSON", 200, `<html>`, "graphql_response"},
		{"a wrong value", 200, `{"data":{"a":2}}`, "assertion_json"},
		{"a status of 502", 502, `{"data":{"a":1}}`, "http_502"},
	} {
		next.Store(&answer{c.status, c.answer})
		err := do(t, w, 0)
		if (err == nil) != (c.class == "") || (err != nil && sdk.Class(err) != c.class) {
			t.Errorf("%s: got %v, want class %q", c.name, err, c.class)
		}
	}
}

func TestGraphQLAgainstTheReferenceService(t *testing.T) {
	target := reference(t)
	mustSetup(t, "graphql", target, map[string]any{
		"query":  `{ collections { name dimension } __schema { queryType { name } } }`,
		"expect": map[string]any{"json": map[string]any{"data.collections.0.dimension": 384}},
	})
	_, err := setup(t, "graphql", target, map[string]any{"query": `{ nope }`})
	wantClass(t, err, "graphql_error", "nope")
}
