package hubtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// ErrNoContract is LoadContract's error where GitHub's description is not
// installed.
var ErrNoContract = errors.New("GitHub's OpenAPI description is not installed: run `make test-tools`, which needs npm")

// ContractFile is where `make test-tools` puts the description, seen from the
// module's root.
const ContractFile = ".build/js-github/node_modules/@octokit/openapi/generated/api.github.com.json"

// Contract is GitHub's own OpenAPI description, cut down to the operations
// that the stand-in has. It is safe for concurrent use.
//
// It is stricter than the description in one thing: where that lists an
// object's properties and says nothing about others, others are refused, so
// that a misspelt field is found. It is laxer in two: the description's
// discriminators are left out (two of them name a property that the schemas do
// not have, and the alternatives tell themselves apart without), and a status
// that an operation does not declare is held against the description's schemas
// for errors.
type Contract struct {
	doc *openapi3.T
	// Version is the description's, as in its info object.
	Version string
}

// LoadContract reads the description once in a process. Its error is
// ErrNoContract where there is none.
var LoadContract = sync.OnceValues(func() (*Contract, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(ContractFile)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoContract
	}
	if err != nil {
		return nil, fmt.Errorf("read GitHub's OpenAPI description: %w", err)
	}
	return newContract(raw, templates())
})

func newContract(raw []byte, paths []string) (*Contract, error) {
	small, err := prune(raw, paths)
	if err != nil {
		return nil, fmt.Errorf("cut GitHub's OpenAPI description down: %w", err)
	}
	openapi3.DefineStringFormatValidator("uri", openapi3.NewCallbackValidator(absoluteURL))
	doc, err := openapi3.NewLoader().LoadFromData(small)
	if err != nil {
		return nil, fmt.Errorf("load GitHub's OpenAPI description: %w", err)
	}
	return &Contract{doc: doc, Version: doc.Info.Version}, nil
}

func absoluteURL(s string) error {
	u, err := url.Parse(s)
	if err == nil && (u.Scheme == "" || u.Host == "") {
		err = errors.New("not an absolute URL")
	}
	return err
}

// moduleRoot is the folder of go.mod above the current one.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find GitHub's OpenAPI description: no go.mod above the current folder; run the tests inside the module")
		}
	}
	return "", err
}

// errorSchemas are what an answer with an undeclared status has to look like,
// one of them.
var errorSchemas = []string{"basic-error", "validation-error", "validation-error-simple"}

var reference = regexp.MustCompile(`"\$ref":\s*"#/components/([^/"]+)/([^"]+)"`)

// prune keeps the paths and what they refer to. The description has 13 MB;
// its examples, which are a third, are never decoded.
func prune(raw []byte, paths []string) ([]byte, error) {
	var doc struct {
		OpenAPI    string                                `json:"openapi"`
		Info       json.RawMessage                       `json:"info"`
		Paths      map[string]json.RawMessage            `json:"paths"`
		Components map[string]map[string]json.RawMessage `json:"components"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	keptPaths, kept := map[string]any{}, map[string]map[string]any{}
	var follow func(kind, name string) error
	keep := func(raw json.RawMessage) (any, error) {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
		v = tighten(v)
		lean, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		for _, m := range reference.FindAllStringSubmatch(string(lean), -1) {
			if err := follow(m[1], m[2]); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	follow = func(kind, name string) error {
		if _, seen := kept[kind][name]; seen {
			return nil
		}
		if kept[kind] == nil {
			kept[kind] = map[string]any{}
		}
		kept[kind][name] = nil // a schema may refer to itself
		part, ok := doc.Components[kind][name]
		if !ok {
			return fmt.Errorf("no component %s/%s", kind, name)
		}
		v, err := keep(part)
		kept[kind][name] = v
		return err
	}
	for _, p := range paths {
		part, ok := doc.Paths[p]
		if !ok {
			return nil, fmt.Errorf("the description has no path %s", p)
		}
		v, err := keep(part)
		if err != nil {
			return nil, err
		}
		keptPaths[p] = v
	}
	for _, name := range errorSchemas {
		if err := follow("schemas", name); err != nil {
			return nil, err
		}
		open(kept["schemas"][name])
	}
	return json.Marshal(map[string]any{"openapi": doc.OpenAPI, "info": doc.Info, "paths": keptPaths, "components": kept})
}

// tighten drops what is only for readers, drops discriminators, and closes
// objects that list their properties and say nothing about others.
func tighten(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = tighten(v[i])
		}
	case map[string]any:
		if _, isProperty := v["examples"].(map[string]any); isProperty {
			delete(v, "examples")
		}
		delete(v, "discriminator")
		for k, x := range v {
			v[k] = tighten(x)
		}
		if parts, ok := v["allOf"].([]any); ok { // each lists a part of the properties
			for _, p := range parts {
				open(p)
			}
		}
		_, listed := v["properties"].(map[string]any)
		if listed && v["type"] == "object" && !slices.ContainsFunc([]string{"additionalProperties", "allOf", "anyOf", "oneOf"}, func(k string) bool { return v[k] != nil }) {
			v["additionalProperties"] = false
		}
	}
	return v
}

// open undoes the closing of an object. GitHub's errors need that, which carry
// fields that the description does not list, the status as text for one.
func open(v any) {
	if m, ok := v.(map[string]any); ok && m["additionalProperties"] == false {
		delete(m, "additionalProperties")
	}
}

// exchange is one request with its answer, as the contract sees it.
type exchange struct {
	template string // /repos/{owner}/{repo}/…
	params   map[string]string
	request  *http.Request
	body     []byte
	answer   answer
}

// Request says what is wrong with the request.
func (c *Contract) checkRequest(x exchange) error {
	in, err := c.input(x)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, p := range slices.Concat(in.Route.PathItem.Parameters, in.Route.Operation.Parameters) {
		known[p.Value.In+" "+p.Value.Name] = true
	}
	for name := range in.QueryParams {
		if !known["query "+name] {
			return fmt.Errorf("%s %s: the description has no query parameter %q", x.request.Method, x.template, name)
		}
	}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
		return fmt.Errorf("request %s %s: %s", x.request.Method, x.template, oneLine(err))
	}
	return nil
}

// checkResponse says what is wrong with the answer, and whether the operation
// declares its status.
func (c *Contract) checkResponse(x exchange) (declared bool, err error) {
	in, err := c.input(x)
	if err != nil {
		return false, err
	}
	header := x.answer.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if in.Route.Operation.Responses.Status(x.answer.status) == nil {
		return false, c.checkError(x)
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.answer.status, Header: header,
		Body: io.NopCloser(bytes.NewReader(x.answer.body)), Options: in.Options,
	})
	if err != nil {
		return true, fmt.Errorf("response %s %s %d: %s", x.request.Method, x.template, x.answer.status, oneLine(err))
	}
	return true, nil
}

// checkError holds the answer against the description's schemas for errors.
func (c *Contract) checkError(x exchange) error {
	var v any
	err := json.Unmarshal(x.answer.body, &v)
	for _, name := range errorSchemas {
		if err != nil {
			break
		}
		if c.doc.Components.Schemas[name].Value.VisitJSON(v, openapi3.VisitAsResponse()) == nil {
			return nil
		}
	}
	return fmt.Errorf("response %s %s %d: the operation does not declare the status, and the body is none of %s: %.200s",
		x.request.Method, x.template, x.answer.status, strings.Join(errorSchemas, ", "), x.answer.body)
}

func (c *Contract) input(x exchange) (*openapi3filter.RequestValidationInput, error) {
	item := c.doc.Paths.Value(x.template)
	if item == nil || item.GetOperation(x.request.Method) == nil {
		return nil, fmt.Errorf("%s %s: the description has no such operation", x.request.Method, x.template)
	}
	r := x.request.Clone(context.Background())
	r.Body = io.NopCloser(bytes.NewReader(x.body))
	r.ContentLength = int64(len(x.body))
	if p, ok := x.params["path"]; ok && p == "" { // the root of contents/{path}, which kin-openapi takes for a lack
		x.params = map[string]string{"path": ".", "owner": x.params["owner"], "repo": x.params["repo"]}
	}
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: x.params, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: c.doc, Path: x.template, PathItem: item, Method: r.Method, Operation: item.GetOperation(r.Method)},
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}, nil
}

// oneLine keeps the reason and drops the schema and the value that kin-openapi
// prints below it.
func oneLine(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\nSchema:")
	return strings.Join(strings.Fields(first), " ")
}
