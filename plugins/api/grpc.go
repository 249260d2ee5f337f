package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/benchharness/harness/sdk"
)

// grpcParams are the parameters of benchmark grpc.
type grpcParams struct {
	Method      string                       `json:"method" doc:"The method, as package.Service/Method: unary or streaming." required:"true"`
	Address     string                       `json:"address" doc:"host:port instead of the target's; https:// before it means TLS."`
	Request     json.RawMessage              `json:"request" doc:"A message of the request as JSON; strings may hold ${column}."`
	ProtoFiles  []string                     `json:"proto_files" doc:".proto files that describe the method; default: the server's reflection."`
	ImportPaths []string                     `json:"import_paths" doc:"Folders that proto_files and their imports are looked up in; default: the working directory."`
	Metadata    map[string]string            `json:"metadata" doc:"Metadata of each call."`
	Data        string                       `json:"data" doc:"A CSV (with a header row) or JSONL file, relative to the working directory, with a row for each message."`
	Rows        []map[string]json.RawMessage `json:"rows" doc:"Rows of data given here instead of in a file."`
	DataOrder   string                       `json:"data_order" doc:"How rows are picked." enum:"order,random"`
	Messages    int                          `json:"messages" doc:"Messages that a call sends, where the method takes a stream; 0 sends none and closes." min:"0" max:"1000000"`
	Exchange    string                       `json:"exchange" doc:"Where both sides stream: ping_pong waits for a reply to each message before the next, all sends and receives at the same time." enum:"ping_pong,all"`
	Take        int                          `json:"take" doc:"Where only the server streams: messages after which the client ends the call; 0 leaves that to the server." min:"0"`
	MaxMessages int                          `json:"max_messages" doc:"The most messages that a call may receive." min:"1"`
	Expect      GRPCExpect                   `json:"expect" doc:"What makes a reply a right one."`
	Connections int                          `json:"connections" doc:"Connections that the workers share; 0: one for each worker." min:"0" max:"1000"`
	TLS         bool                         `json:"tls" doc:"Use TLS; implied by https:// in the address."`
	TLSInsecure bool                         `json:"tls_insecure" doc:"Use TLS and do not check the target's certificate."`
	MaxBody     int                          `json:"max_body" doc:"The largest message of a reply, in bytes." min:"1"`
}

// defaultMaxMessages ends a call whose server would stream until the op's time
// is up.
const defaultMaxMessages = 1_000_000

func grpcBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name: "grpc",
		Doc:  "Calls of one gRPC method, unary or streaming, each reply checked.",
		Params: sdk.ParamsOf(grpcParams{
			DataOrder: "order", Messages: 1, Exchange: exchangePingPong, MaxMessages: defaultMaxMessages,
			Connections: 1, MaxBody: defaultMaxBody,
		}),
		Metrics: streamMetrics(),
		Target:  sdk.TargetService,
		Presets: []sdk.Preset{{Name: "grpc_search", Doc: "A gRPC search for a text.", With: map[string]any{
			"method":  "harness.retrieval.v1.Retrieval/Search",
			"request": map[string]any{"text": "${text}", "collection": presetCollection, "k": 10},
			"rows":    presetRows(),
			"expect":  map[string]any{"json": map[string]any{"hits.#": 10}},
		}}},
		Setup: setupGRPC,
	}
}

// splitMethod takes package.Service/Method apart.
func splitMethod(s string) (service, method string, err error) {
	service, method, ok := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	if !ok || service == "" || method == "" || strings.Contains(method, "/") {
		return "", "", sdk.BadParam("method", "is %q, want package.Service/Method", s)
	}
	return service, method, nil
}

// resolveGRPC finds where calls go. It returns the endpoint and host:port.
func resolveGRPC(t sdk.Target, address string) (*endpoint, string, error) {
	switch {
	case address != "":
		t = sdk.Target{Name: "address", URL: address}
	case t.GRPC != "":
		t.URL = t.GRPC
	case t.URL == "":
		return nil, "", sdk.BadParam("address", "is absent and the scenario has no target with a gRPC address; set target, or address")
	}
	e, _, err := resolve(t, "", "")
	if err != nil && address != "" {
		return nil, "", sdk.BadParam("address", "is malformed; want host:port")
	}
	if err != nil {
		return nil, "", err
	}
	host := e.url.Host
	if e.url.Port() == "" {
		port := ":80"
		if e.url.Scheme == "https" {
			port = ":443"
		}
		host += port
	}
	e.label = fmt.Sprintf("%s (%s)", targetName(t), host)
	return e, host, nil
}

// callMetadata is the metadata of each call: the target's headers, and over
// them what the scenario gives.
func callMetadata(e *endpoint, given map[string]string) (metadata.MD, error) {
	md := metadata.MD{}
	for _, m := range []map[string]string{e.headers, given} {
		for k, v := range m {
			k = strings.ToLower(k)
			if !validToken(k) || strings.HasPrefix(k, "grpc-") || strings.HasSuffix(k, "-bin") {
				return nil, sdk.BadParam("metadata", "has a name that cannot be sent as text: %q", k)
			}
			if strings.ContainsAny(v, "\r\n\x00") {
				return nil, sdk.BadParam("metadata."+k, "holds a line break")
			}
			md.Set(k, v)
		}
	}
	return md, nil
}

func setupGRPC(ctx context.Context, req sdk.SetupRequest) (sdk.Session, error) {
	var p grpcParams
	if err := req.Params.Decode(&p); err != nil {
		return nil, err
	}
	if _, _, err := splitMethod(p.Method); err != nil {
		return nil, err
	}
	expect, err := compileGRPCExpect(p.Expect)
	if err != nil {
		return nil, err
	}
	e, host, err := resolveGRPC(req.Target, p.Address)
	if err != nil {
		return nil, err
	}
	md, err := callMetadata(e, p.Metadata)
	if err != nil {
		return nil, err
	}
	s, err := dialGRPC(req, p, e, host)
	if err != nil {
		return nil, err
	}
	s.expect, s.metadata, s.secrets = expect, md, e.secrets
	if err := s.prepare(ctx, req, p, e.label); err != nil {
		_ = s.Close(ctx)
		return nil, err
	}
	return s, nil
}
