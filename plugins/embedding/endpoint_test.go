package embedding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

const (
	secretKey    = "sk-hunter2-key"
	secretHeader = "hunter2-header"
	dimension    = 8
)

// server is a test's embedding server. It checks every request as a strict
// server would, and answers in its protocol.
type server struct {
	t    *testing.T
	kind string
	*httptest.Server
	requests atomic.Int64
	conns    sync.Map // by remote address

	mu    sync.Mutex
	texts int                                                        // of the last request
	spoil func(w http.ResponseWriter, answer any, n int) (done bool) // writes another answer
}

func newServer(t *testing.T, kind string) *server {
	s := &server{t: t, kind: kind}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) set(spoil func(http.ResponseWriter, any, int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoil = spoil
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	s.conns.Store(r.RemoteAddr, true)
	texts, err := s.check(r)
	if err != nil {
		s.t.Errorf("%s: the request is wrong: %v", s.kind, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var vectors [][]float64
	for _, text := range texts {
		vectors = append(vectors, vectorOf(text, dimension))
	}
	w.Header().Set("Server", "strict/1.0")
	answer := s.answer(w, vectors)
	s.mu.Lock()
	s.texts = len(texts)
	spoil := s.spoil
	s.mu.Unlock()
	if spoil == nil || !spoil(w, answer, len(texts)) {
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// check reads a request of the server's protocol, and nothing else.
func (s *server) check(r *http.Request) ([]string, error) {
	paths := map[string]string{"openai": "/v1/embeddings", "tei": "/embed", "ollama": "/api/embed"}
	if r.Method != http.MethodPost || r.URL.Path != paths[s.kind] {
		return nil, fmt.Errorf("%s %s", r.Method, r.URL.Path)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + secretKey, "X-Tenant": secretHeader, "Content-Type": "application/json",
	} {
		if got := r.Header.Get(name); got != want {
			return nil, fmt.Errorf("header %s is %q", name, got)
		}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	switch s.kind {
	case "openai":
		var body struct {
			Model    string   `json:"model"`
			Input    []string `json:"input"`
			Encoding string   `json:"encoding_format"`
		}
		err := d.Decode(&body)
		if err == nil && (body.Model != "m" || body.Encoding != "float") {
			err = fmt.Errorf("body is %+v", body)
		}
		return body.Input, err
	case "tei":
		var body struct {
			Inputs    []string `json:"inputs"`
			Normalize bool     `json:"normalize"`
		}
		err := d.Decode(&body)
		if err == nil && !body.Normalize {
			err = errors.New("normalize is false")
		}
		return body.Inputs, err
	}
	var body struct {
		Model string   `json:"model"`
		Input []string `json:"input"`
	}
	err := d.Decode(&body)
	if err == nil && body.Model != "m" {
		err = fmt.Errorf("model is %q", body.Model)
	}
	return body.Input, err
}

func (s *server) answer(w http.ResponseWriter, vectors [][]float64) any {
	tokens := 5 * len(vectors)
	switch s.kind {
	case "openai":
		var data []map[string]any
		for i := len(vectors) - 1; i >= 0; i-- { // any order is allowed
			data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vectors[i]})
		}
		return map[string]any{"object": "list", "data": data, "model": "m-2024", "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}}
	case "tei":
		w.Header().Set("X-Compute-Tokens", fmt.Sprint(tokens))
		w.Header().Set("X-Compute-Type", "gpu+optimized")
		return vectors
	}
	return map[string]any{"model": "m-2024", "embeddings": vectors, "prompt_eval_count": tokens}
}

func (s *server) target() sdk.Target {
	t := targetOf(s.Server)
	t.APIKey, t.Headers = secretKey, map[string]string{"X-Tenant": secretHeader}
	return t
}

var endpoint = endpointBenchmark()

func endpointRequest(t testing.TB, target sdk.Target, with map[string]any) sdk.SetupRequest {
	t.Helper()
	req := request(t, endpoint, with)
	req.Target = target
	return req
}

var kindNames = []string{"openai", "tei", "ollama"}

func TestEveryProtocolIsSpokenAndCounted(t *testing.T) {
	for _, kind := range kindNames {
		t.Run(kind, func(t *testing.T) {
			srv := newServer(t, kind)
			s := prepare(t, endpoint, endpointRequest(t, srv.target(), map[string]any{"kind": kind, "model": "m", "batch": 3, "dimensions": dimension}))
			values := s.mustDo()
			if values[textsPerSecond] != 3 || values[tokensPerSecond] != 15 || srv.texts != 3 {
				t.Errorf("an op of %d texts recorded %v", srv.texts, values)
			}
			p := s.info().Provenance
			want := map[string]string{"engine": "strict/1.0", "dimension": "8", "address": srv.URL, "model": "m-2024", "model_asked": "m"}
			if kind == "tei" {
				want["model"], want["device"] = "", "gpu+optimized"
			}
			for k, v := range want {
				if p[k] != v {
					t.Errorf("provenance %s is %q, want %q", k, p[k], v)
				}
			}
			if all := fmt.Sprint(s.info()); strings.Contains(all, "hunter2") {
				t.Errorf("a secret is in %s", all)
			}
		})
	}
}

func TestConnectionsAreKeptForEveryWorker(t *testing.T) {
	srv := newServer(t, "tei")
	req := endpointRequest(t, srv.target(), map[string]any{"kind": "tei"})
	req.MaxWorkers = 8
	s := prepare(t, endpoint, req)
	res := s.round(8, 400)
	if res.Values[textsPerSecond].Sum != 400 || res.Values[tokensPerSecond].Sum != 2000 {
		t.Errorf("recorded %+v", res.Values)
	}
	conns := 0
	srv.conns.Range(func(any, any) bool { conns++; return true })
	if got := srv.requests.Load(); got != 401 || conns > 8 {
		t.Errorf("%d requests over %d connections, want 401 over at most 8", got, conns)
	}
}

func TestAServerThatCountsNoTokensHasNoTokensRecorded(t *testing.T) {
	srv := newServer(t, "openai")
	srv.set(func(w http.ResponseWriter, answer any, _ int) bool {
		delete(answer.(map[string]any), "usage")
		return false
	})
	s := prepare(t, endpoint, endpointRequest(t, srv.target(), map[string]any{"model": "m"}))
	if values := s.mustDo(); len(values) != 1 || values[textsPerSecond] != 1 {
		t.Errorf("an op recorded %v", values)
	}
}

// write answers text.
func write(text string) func(http.ResponseWriter, any, int) bool {
	return func(w http.ResponseWriter, _ any, _ int) bool { _, _ = io.WriteString(w, text); return true }
}

// refuse answers a status.
func refuse(status int, text string) func(http.ResponseWriter, any, int) bool {
	return func(w http.ResponseWriter, _ any, _ int) bool { http.Error(w, text, status); return true }
}

func TestAWrongAnswerFailsItsOpUnderAClass(t *testing.T) {
	unit := "[1,0,0,0,0,0,0,0]"
	for name, test := range map[string]struct {
		spoil func(http.ResponseWriter, any, int) bool
		class string
		says  string
	}{
		"a short vector":    {write("[[0.6,0.8]]"), classDimension, "has 2 values, want 8"},
		"null for a number": {write("[[null,0,0,0,0,0,0,1]]"), classFinite, "value 0"},
		"NaN":               {write("[[0,NaN,0,0,0,0,0,1]]"), classFinite, "value 1"},
		"a huge number":     {write("[[0,0,1e400,0,0,0,0,1]]"), classFinite, "value 2"},
		"not normalised":    {write("[[1,1,0,0,0,0,0,0]]"), classNorm, "length 1.414"},
		"two vectors":       {write("[" + unit + "," + unit + "]"), classCount, "1 texts gave 2"},
		"no vector":         {write("[]"), classCount, "1 texts gave 0"},
		"an object":         {write(`{"error":"busy"}`), classReply, "'{' where '[' is wanted"},
		"half an answer":    {write("[[1,0"), classReply, "cut off"},
		"status 429":        {refuse(429, "slow down, "+secretKey), "http_429", "slow down, [secret]"},
		"status 500":        {refuse(500, ""), "http_500", "Internal Server Error"},
		"status 204":        {func(w http.ResponseWriter, _ any, _ int) bool { w.WriteHeader(204); return true }, "http_204", ""},
		"a redirect elsewhere": {func(w http.ResponseWriter, _ any, _ int) bool {
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(307)
			return true
		}, "http_307", ""},
		"a closed connection": {func(http.ResponseWriter, any, int) bool { panic(http.ErrAbortHandler) }, classReset, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, "tei")
			s := prepare(t, endpoint, endpointRequest(t, srv.target(), map[string]any{"kind": "tei"}))
			srv.set(test.spoil)
			values, err := s.do(t.Context())
			if err == nil || sdk.Class(err) != test.class || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error is %v of class %s, want %s and %q", err, sdk.Class(err), test.class, test.says)
			}
			if len(values) > 0 {
				t.Errorf("the failed op recorded %v", values)
			}
			srv.set(nil)
			s.mustDo() // the session goes on
		})
	}
}

func TestATargetThatCannotBeMeasuredIsNamedWithTheRemedy(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for name, test := range map[string]struct {
		spoil func(http.ResponseWriter, any, int) bool
		url   string
		with  map[string]any
		says  []string
	}{
		"down":               {nil, "http://" + gone.Addr().String(), nil, []string{"no answer", "connection refused", "start it"}},
		"401":                {refuse(401, "no such key: "+secretKey), "", nil, []string{"authentication refused: status 401", "[secret]", "check api_key"}},
		"403":                {refuse(403, "tenant "+secretHeader), "", nil, []string{"authentication refused: status 403", "headers of the target"}},
		"404":                {refuse(404, `{"error":"model not found"}`), "", nil, []string{`path /v1/embeddings or model "m" is unknown`, "model not found"}},
		"another dimension":  {nil, "", map[string]any{"dimensions": 768}, []string{"has 8 values, want 768", "parameters model and dimensions"}},
		"an empty vector":    {write(`{"data":[{"embedding":[]}]}`), "", nil, []string{"empty"}},
		"not normalised":     {write(`{"data":[{"embedding":[3,4]}]}`), "", nil, []string{"length 5", "normalised: false"}},
		"NaN":                {write(`{"data":[{"embedding":[NaN]}]}`), "", nil, []string{"not a finite number"}},
		"another protocol":   {write("[[1]]"), "", nil, []string{"does not speak this protocol", "kind"}},
		"a moved server":     {refuse(308, ""), "", nil, []string{"redirects"}},
		"a failing server":   {refuse(503, "loading"), "", nil, []string{"the first request failed", "503", "loading"}},
		"TLS that is absent": {nil, "https", nil, []string{"no secure connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, "openai")
			srv.set(test.spoil)
			target := srv.target()
			switch test.url {
			case "":
			case "https":
				target.URL = strings.Replace(target.URL, "http:", "https:", 1)
			default:
				target.URL = test.url
			}
			with := map[string]any{"model": "m"}
			for k, v := range test.with {
				with[k] = v
			}
			_, err := endpoint.Setup(t.Context(), endpointRequest(t, target, with))
			var down *sdk.TargetError
			if !errors.As(err, &down) || !strings.HasPrefix(down.Target, "box (http") {
				t.Fatalf("error is %v", err)
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %v, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is in %v", err)
			}
		})
	}
}

func TestVectorsOfAnyLengthAreTakenWhereThatIsExpected(t *testing.T) {
	srv := newServer(t, "openai")
	srv.set(write(`{"data":[{"embedding":[3,4]}]}`))
	s := prepare(t, endpoint, endpointRequest(t, srv.target(), map[string]any{"model": "m", "normalised": false}))
	s.mustDo()
	srv.set(write(`{"data":[{"embedding":[3,4,5]}]}`))
	if _, err := s.do(t.Context()); sdk.Class(err) != classDimension {
		t.Errorf("another dimension than the first one's: error is %v", err)
	}
}

func TestAnOpOnASlowServerEndsWithItsContext(t *testing.T) {
	srv := newServer(t, "openai")
	s := prepare(t, endpoint, endpointRequest(t, srv.target(), map[string]any{"model": "m"}))
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	defer close(release)
	srv.set(func(http.ResponseWriter, any, int) bool { arrived <- struct{}{}; <-release; return true })
	for class, end := range map[string]func() (context.Context, context.CancelFunc){
		classCanceled: func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
		classTimeout: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), time.Millisecond)
		},
	} {
		ctx, cancel := end()
		done := make(chan error, 1)
		go func() { _, err := s.do(ctx); done <- err }()
		if class == classCanceled {
			<-arrived
			cancel()
		}
		if err := <-done; sdk.Class(err) != class || ctx.Err() == nil {
			t.Errorf("error is %v of class %s, want %s", err, sdk.Class(err), class)
		}
		cancel()
	}
}

func TestASetupThatIsGivenUpSaysNothingAboutTheTarget(t *testing.T) {
	srv := newServer(t, "openai")
	release := make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	srv.set(func(http.ResponseWriter, any, int) bool { cancel(); <-release; return true })
	_, err := endpoint.Setup(ctx, endpointRequest(t, srv.target(), map[string]any{"model": "m"}))
	if err != context.Canceled { // it has to be bare
		t.Errorf("error is %v", err)
	}
}

func TestEndpointParametersThatCannotBeUsedAreRefused(t *testing.T) {
	_, err := endpoint.Setup(t.Context(), endpointRequest(t, sdk.Target{Name: "box", URL: "http://127.0.0.1:1"}, map[string]any{"kind": "ollama"}))
	var param *sdk.ParamError
	if !errors.As(err, &param) || param.Param != "model" {
		t.Errorf("Ollama without a model: error is %v", err)
	}
	for name, with := range map[string]string{"kind": `"cohere"`, "batch": "0", "dimensions": "-1", "normalised": `"yes"`, "length": "1.5", "grid": "{}"} {
		_, err := sdk.CheckParams(endpoint.Params, map[string]json.RawMessage{name: json.RawMessage(with)})
		if !errors.As(err, &param) || param.Param != name {
			t.Errorf("%s: %s: error is %v", name, with, err)
		}
	}
}

func TestAPathOfOnesOwnReplacesTheProtocols(t *testing.T) {
	var path atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.Path)
		_, _ = io.WriteString(w, "[[1]]")
	}))
	defer srv.Close()
	s := prepare(t, endpoint, endpointRequest(t, targetOf(srv), map[string]any{"kind": "tei", "path": "/models/a/embed"}))
	if path.Load() != "/models/a/embed" || !strings.HasSuffix(s.info().Provenance["protocol"], " /models/a/embed") {
		t.Errorf("path %v, provenance %v", path.Load(), s.info().Provenance)
	}
}

func TestTheEndpointsDigestIsTheWorksAndNotTheAddresss(t *testing.T) {
	digest := func(with map[string]any) string {
		with["kind"] = "tei"
		return prepare(t, endpoint, endpointRequest(t, newServer(t, "tei").target(), with)).info().WorkloadDigest
	}
	want := digest(map[string]any{})
	if digest(map[string]any{}) != want {
		t.Error("another address has another digest")
	}
	for _, other := range []map[string]any{{"batch": 2}, {"length": 9}} {
		if digest(other) == want {
			t.Errorf("%v has the same digest", other)
		}
	}
}
