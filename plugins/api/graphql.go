package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/benchharness/harness/sdk"
)

// graphqlParams are the parameters of benchmark graphql.
type graphqlParams struct {
	Path        string                       `json:"path" doc:"Path of the endpoint behind the target's URL."`
	URL         string                       `json:"url" doc:"An absolute URL instead of the target's."`
	Query       string                       `json:"query" doc:"The GraphQL document." required:"true"`
	Operation   string                       `json:"operation" doc:"The name of the operation, if the document holds several."`
	Variables   json.RawMessage              `json:"variables" doc:"The operation's variables; strings may hold ${column}."`
	Headers     map[string]string            `json:"headers" doc:"Request headers; values may hold ${column}."`
	Data        string                       `json:"data" doc:"A CSV (with a header row) or JSONL file, relative to the working directory, with a row for each request."`
	Rows        []map[string]json.RawMessage `json:"rows" doc:"Rows of data given here instead of in a file."`
	DataOrder   string                       `json:"data_order" doc:"How rows are picked." enum:"order,random"`
	HTTPVersion json.RawMessage              `json:"http_version" doc:"auto, 1.1, 2 or 3; 2 over http:// is HTTP/2 with prior knowledge, 3 is over QUIC. Default: auto, which does not find 3."`
	Expect      Expect                       `json:"expect" doc:"What makes an answer a right one, beside that it has no errors. Paths start at the whole response: data.search.hits.0.id."`
	TLSInsecure bool                         `json:"tls_insecure" doc:"Do not check the target's certificate."`
	MaxBody     int                          `json:"max_body" doc:"The largest body of an answer, in bytes." min:"1"`
}

func graphqlBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:   "graphql",
		Doc:    "One GraphQL operation; an errors member is a failure whatever the status.",
		Params: sdk.ParamsOf(graphqlParams{Path: "/graphql", DataOrder: "order", MaxBody: defaultMaxBody}),
		Target: sdk.TargetService,
		Presets: []sdk.Preset{{Name: "graphql", Doc: "A GraphQL search for a text.", With: map[string]any{
			"query":     "query Search($text: String!) { search(text: $text, collection: \"" + presetCollection + "\", k: 10) { collection hits { id score } } }",
			"variables": map[string]any{"text": "${text}"},
			"rows":      presetRows(),
			"expect":    map[string]any{"json": map[string]any{"data.search.hits.#": 10}},
		}}},
		Setup: setupGraphQL,
	}
}

func setupGraphQL(ctx context.Context, req sdk.SetupRequest) (sdk.Session, error) {
	var p graphqlParams
	if err := req.Params.Decode(&p); err != nil {
		return nil, err
	}
	body, err := graphqlBody(p)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{"Accept": "application/graphql-response+json, application/json;q=0.9"}
	for k, v := range p.Headers {
		if _, ok := lookupFold(headers, k); ok {
			delete(headers, "Accept")
		}
		headers[k] = v
	}
	return setupHTTP(ctx, req, httpParams{
		Method: "POST", Path: p.Path, URL: p.URL, Headers: headers, JSON: body,
		Data: p.Data, Rows: p.Rows, DataOrder: p.DataOrder, HTTPVersion: p.HTTPVersion,
		Expect: p.Expect, TLSInsecure: p.TLSInsecure, MaxBody: p.MaxBody, Engine: engineAuto,
	}, true)
}

// graphqlBody is the request's JSON body, as a template. A ${ in the query
// itself is text, not a placeholder.
func graphqlBody(p graphqlParams) (json.RawMessage, error) {
	body := map[string]any{"query": escapePlaceholders(p.Query)}
	if p.Operation != "" {
		body["operationName"] = escapePlaceholders(p.Operation)
	}
	if len(p.Variables) > 0 && string(p.Variables) != "null" {
		v, err := decodeJSON(p.Variables)
		if err != nil {
			return nil, sdk.BadParam("variables", "is not JSON: %v", err)
		}
		if _, ok := v.(map[string]any); !ok {
			return nil, sdk.BadParam("variables", "is %s, want a mapping", show(v))
		}
		body["variables"] = v
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode the GraphQL request: %w", err)
	}
	return b, nil
}

// graphqlErrors returns a classified error if the response tells of errors,
// or is no GraphQL response.
func graphqlErrors(body []byte) error {
	var resp struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &resp); err != nil {
		return sdk.Classify("graphql_response", fmt.Errorf("graphql: got a body of %d bytes that is no GraphQL response: %w", len(body), err))
	}
	if n := len(resp.Errors); n > 0 {
		return sdk.Classify("graphql_error", fmt.Errorf("graphql: got %d errors, want none; the first: %s", n, clip(resp.Errors[0].Message, 200)))
	}
	if resp.Data == nil {
		return sdk.Classify("graphql_response", errors.New("graphql: got a response without data, want data"))
	}
	return nil
}
