package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// Expect is what an HTTP response has to look like, under the parameter
// expect.
type Expect struct {
	Status       json.RawMessage            `json:"status" doc:"A status, or a list of them; default: any from 200 to 299."`
	Headers      map[string]string          `json:"headers" doc:"Values by header; a trailing * matches any rest."`
	JSON         map[string]json.RawMessage `json:"json" doc:"Values by path into the JSON body: dotted (hits.0.id; hits.# is a length) or a JSON Pointer (/hits/0/id)."`
	BodyContains string                     `json:"body_contains" doc:"Text that the body contains."`
}

// jsonWant is a value that is expected at a path.
type jsonWant struct {
	path string
	want any
}

// expectation is a compiled Expect.
type expectation struct {
	statuses []int // empty: 200 to 299
	headers  [][2]string
	json     []jsonWant
	contains []byte
	graphql  bool // an errors member is a failure
}

func compileExpect(e Expect) (*expectation, error) {
	x := &expectation{contains: []byte(e.BodyContains)}
	var err error
	if x.statuses, err = compileStatus(e.Status); err != nil {
		return nil, err
	}
	for name, want := range e.Headers {
		x.headers = append(x.headers, [2]string{http.CanonicalHeaderKey(name), want})
	}
	slices.SortFunc(x.headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	x.json, err = compileJSONWants(e.JSON)
	return x, err
}

func compileStatus(raw json.RawMessage) ([]int, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var list []int
	var one int
	if json.Unmarshal(raw, &one) == nil {
		list = []int{one}
	} else if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return nil, sdk.BadParam("expect.status", "is %s, want a status such as 200, or a list of them", raw)
	}
	for _, s := range list {
		if s < 100 || s > 599 {
			return nil, sdk.BadParam("expect.status", "is %d, want 100 to 599", s)
		}
	}
	return list, nil
}

func compileJSONWants(m map[string]json.RawMessage) ([]jsonWant, error) {
	paths := make([]string, 0, len(m))
	for p := range m {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	var out []jsonWant
	for _, p := range paths {
		v, err := decodeJSON(m[p])
		if err != nil {
			return nil, sdk.BadParam("expect.json."+p, "is not JSON: %v", err)
		}
		out = append(out, jsonWant{p, v})
	}
	return out, nil
}

// needsBody says whether the body has to be kept for the checks.
func (x *expectation) needsBody() bool {
	return x.graphql || len(x.json) > 0 || len(x.contains) > 0
}

// check returns a classified error for the first thing that is not as
// expected.
func (x *expectation) check(status int, header func(name string) string, body []byte) error {
	if err := x.checkStatus(status); err != nil {
		return err
	}
	for _, h := range x.headers {
		got, want := header(h[0]), h[1]
		prefix, wild := strings.CutSuffix(want, "*")
		if got != want && !(wild && strings.HasPrefix(got, prefix)) {
			return sdk.Classify("assertion_header", fmt.Errorf("header %s: got %q, want %q", h[0], clip(got, 80), want))
		}
	}
	if len(x.contains) > 0 && !bytes.Contains(body, x.contains) {
		return sdk.Classify("assertion_body", fmt.Errorf("body: got %d bytes without %q", len(body), clip(string(x.contains), 80)))
	}
	if x.graphql {
		if err := graphqlErrors(body); err != nil {
			return err
		}
	}
	return checkJSON(body, x.json)
}

func (x *expectation) checkStatus(status int) error {
	want := "200 to 299"
	ok := status >= 200 && status < 300
	if len(x.statuses) > 0 {
		ok = slices.Contains(x.statuses, status)
		want = strings.Trim(strings.ReplaceAll(fmt.Sprint(x.statuses), " ", " or "), "[]")
	}
	if ok {
		return nil
	}
	class := "assertion_status"
	if status >= 400 {
		class = fmt.Sprintf("http_%d", status)
	}
	return sdk.Classify(class, fmt.Errorf("status: got %d %s, want %s", status, http.StatusText(status), want))
}

// checkJSON compares values of a JSON text with those that are expected.
func checkJSON(text []byte, wants []jsonWant) error {
	if len(wants) == 0 {
		return nil
	}
	doc, err := decodeJSON(text)
	if err != nil {
		return sdk.Classify("assertion_json", fmt.Errorf("json: got a body of %d bytes that is not JSON: %w", len(text), err))
	}
	for _, w := range wants {
		got, ok := find(doc, w.path)
		switch {
		case !ok:
			return sdk.Classify("assertion_json", fmt.Errorf("json %s: got nothing there, want %s", w.path, show(w.want)))
		case !same(got, w.want):
			return sdk.Classify("assertion_json", fmt.Errorf("json %s: got %s, want %s", w.path, show(got), show(w.want)))
		}
	}
	return nil
}
