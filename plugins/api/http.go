package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// httpParams are the parameters of benchmark http.
type httpParams struct {
	Method          string                       `json:"method" doc:"The request's method."`
	Path            string                       `json:"path" doc:"Path and query behind the target's URL; may hold ${column}."`
	URL             string                       `json:"url" doc:"An absolute URL instead of the target's; may hold ${column} behind the host."`
	Headers         map[string]string            `json:"headers" doc:"Request headers; values may hold ${column}."`
	Body            string                       `json:"body" doc:"The request's body as text; may hold ${column}."`
	JSON            json.RawMessage              `json:"json" doc:"The request's body as JSON; a string that is just ${column} becomes the column's value with its type."`
	Data            string                       `json:"data" doc:"A CSV (with a header row) or JSONL file, relative to the working directory, with a row for each request."`
	Rows            []map[string]json.RawMessage `json:"rows" doc:"Rows of data given here instead of in a file."`
	DataOrder       string                       `json:"data_order" doc:"How rows are picked." enum:"order,random"`
	HTTPVersion     json.RawMessage              `json:"http_version" doc:"auto, 1.1, 2 or 3; 2 over http:// is HTTP/2 with prior knowledge, 3 is over QUIC. Default: auto, which does not find 3."`
	Expect          Expect                       `json:"expect" doc:"What makes an answer a right one."`
	TLSInsecure     bool                         `json:"tls_insecure" doc:"Do not check the target's certificate."`
	FollowRedirects bool                         `json:"follow_redirects" doc:"Follow redirects; all hops are one op."`
	MaxBody         int                          `json:"max_body" doc:"The largest body of an answer, in bytes." min:"1"`
	Engine          string                       `json:"engine" doc:"What does the requests: http1 (harness's own, HTTP/1.1, the cheapest), net/http, or auto: http1 wherever it can." enum:"auto,http1,net/http"`
	PerConnection   int                          `json:"requests_per_connection" doc:"Requests after which a connection is closed; 0 is never, 1 opens one for each request." min:"0"`
	FirstByte       bool                         `json:"first_byte" doc:"Time the first byte of each answer, too."`
}

const defaultMaxBody = 64 << 20

func httpBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:    "http",
		Doc:     "Requests to one HTTP endpoint, each answer checked.",
		Params:  sdk.ParamsOf(httpParams{Method: "GET", DataOrder: "order", MaxBody: defaultMaxBody, Engine: engineAuto}),
		Metrics: httpMetrics(),
		Target:  sdk.TargetService,
		Presets: httpPresets(),
		Setup: func(ctx context.Context, req sdk.SetupRequest) (sdk.Session, error) {
			var p httpParams
			if err := req.Params.Decode(&p); err != nil {
				return nil, err
			}
			return setupHTTP(ctx, req, p, false)
		},
	}
}

// httpMetrics are what the engine http1 knows besides.
func httpMetrics() []sdk.Metric {
	return []sdk.Metric{
		{Name: metricConnect, Unit: "s", Doc: "Mean time to open a connection, with TLS, of the ops that did."},
		{Name: metricFirstByte, Unit: "s", Doc: "Mean time from the send to the first byte of the answer; with first_byte."},
	}
}

const (
	metricConnect   = "connect_time"
	metricFirstByte = "first_byte_time"
)

func httpPresets() []sdk.Preset {
	rows := presetRows()
	return []sdk.Preset{
		{Name: "embed", Doc: "POST /embed: one short text.", With: map[string]any{
			"method": "POST", "path": "/embed", "json": map[string]any{"inputs": "${text}"}, "rows": rows,
			"expect": map[string]any{"status": 200, "json": map[string]any{"#": 1, "0.#": 384}},
		}},
		{Name: "search", Doc: "GET /search: a text, embedded and searched for.", With: map[string]any{
			"path": "/search?q=${text}&collection=" + presetCollection + "&k=10", "rows": rows,
			"expect": map[string]any{"status": 200, "json": map[string]any{"hits.#": 10}},
		}},
		{Name: "collections", Doc: "GET /collections: the list of collections.", With: map[string]any{
			"path":   "/collections",
			"expect": map[string]any{"status": 200, "body_contains": presetCollection},
		}},
	}
}

// requestSpec is a compiled request: what is the same for every op, and the
// templates of what is not.
type requestSpec struct {
	method  string
	url     template
	headers []headerSpec
	body    template
	hasBody bool
	fixed   *http.Request // the whole request, if it is the same for every op
	bytes   []byte        // its body
}

type headerSpec struct {
	name  string
	value template
}

// compileRequest builds the request of a scenario, and the table of the data
// that it uses.
func compileRequest(p httpParams, e *endpoint, path string) (*requestSpec, *table, *dataFile, error) {
	t := &templates{}
	spec := &requestSpec{method: p.Method}
	if !validToken(p.Method) {
		return nil, nil, nil, sdk.BadParam("method", "is %q, want a method such as GET", p.Method)
	}
	var err error
	if spec.url, err = e.urlTemplate(t, path); err != nil {
		return nil, nil, nil, sdk.BadParam("path", "%v", err)
	}
	if err := spec.compileBody(t, p); err != nil {
		return nil, nil, nil, err
	}
	if err := spec.compileHeaders(t, p, e); err != nil {
		return nil, nil, nil, err
	}
	data, err := openData(p.Data, p.Rows)
	if err != nil {
		return nil, nil, nil, err
	}
	tab, err := t.bind(data, p.DataOrder == "random")
	if err != nil {
		return nil, nil, nil, err
	}
	return spec, tab, data, spec.prove(tab)
}

func (s *requestSpec) compileBody(t *templates, p httpParams) (err error) {
	hasJSON := len(p.JSON) > 0 && string(p.JSON) != "null"
	switch {
	case hasJSON && p.Body != "":
		return sdk.BadParam("json", "is given beside body; want one of them")
	case hasJSON:
		s.hasBody = true
		if s.body, err = t.compileJSON(p.JSON); err != nil {
			return sdk.BadParam("json", "%v", err)
		}
	case p.Body != "":
		s.hasBody = true
		if s.body, err = t.compile(p.Body, asText); err != nil {
			return sdk.BadParam("body", "%v", err)
		}
	}
	return nil
}

func (s *requestSpec) compileHeaders(t *templates, p httpParams, e *endpoint) error {
	all := map[string]string{"User-Agent": "harness-api/" + Version}
	if len(p.JSON) > 0 && p.Body == "" {
		all["Content-Type"] = "application/json"
	}
	for _, given := range []map[string]string{e.headers, p.Headers} {
		for k, v := range given {
			if !validToken(k) {
				return sdk.BadParam("headers", "has a malformed name: %q", k)
			}
			maps.DeleteFunc(all, func(old, _ string) bool { return strings.EqualFold(old, k) })
			all[k] = v
		}
	}
	for k, v := range all {
		value, err := t.compile(v, asText)
		if _, ofTarget := lookupFold(e.headers, k); ofTarget {
			value, err = template{{literal: v, column: -1}}, nil // a secret may look like a placeholder
		}
		if err != nil {
			return sdk.BadParam("headers."+k, "%v", err)
		}
		s.headers = append(s.headers, headerSpec{http.CanonicalHeaderKey(k), value})
	}
	return nil
}

// validToken says that s may be a method or the name of a header (RFC 9110,
// section 5.6.2).
func validToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// prove builds the request of every row once, so that no op fails for a
// mistake in the data, and keeps the request if it is the same for all.
func (s *requestSpec) prove(tab *table) error {
	for i := range max(1, len(tab.rows)) {
		row := tab.row(i)
		for _, h := range s.headers {
			if v := h.value.append(nil, row); strings.ContainsAny(string(v), "\r\n\x00") {
				return sdk.BadParam("headers."+h.name, "holds a line break, with row %d of the data", i+1)
			}
		}
		if _, err := http.NewRequest(s.method, string(s.url.append(nil, row)), nil); err != nil {
			return sdk.BadParam("path", "makes a malformed URL, with row %d of the data", i+1)
		}
	}
	if s.static() {
		s.fixed, s.bytes = s.render(nil)
	}
	return nil
}

func (s *requestSpec) static() bool {
	if !s.url.static() || !s.body.static() {
		return false
	}
	for _, h := range s.headers {
		if !h.value.static() {
			return false
		}
	}
	return true
}

// render builds a request, without its body, and the body. prove has shown
// that it cannot fail.
func (s *requestSpec) render(row []cell) (*http.Request, []byte) {
	r, _ := http.NewRequest(s.method, string(s.url.append(nil, row)), nil)
	for _, h := range s.headers {
		value := string(h.value.append(nil, row))
		if h.name == "Host" {
			r.Host = value // net/http takes it from here only
			continue
		}
		r.Header.Set(h.name, value)
	}
	if !s.hasBody {
		return r, nil
	}
	return r, s.body.append([]byte{}, row)
}

// workload identifies the work of a scenario whose rows come from a file:
// the file's content counts, its name does not.
func workload(req sdk.SetupRequest, data *dataFile) string {
	digest := data.digest()
	if digest == "" {
		return ""
	}
	params := maps.Clone(req.Params)
	delete(params, "data")
	b, _ := json.Marshal(params) // they were JSON before
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(b, "\n%s\n%s\n%d", digest, req.ID, req.Seed)))
}
