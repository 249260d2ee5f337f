package embedding

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"time"

	"github.com/benchharness/harness/sdk"
)

// TargetKind is the kind of target that benchmark endpoint needs. The
// reference stack has none of it, so a config names one.
const TargetKind = "embedding"

// endpointParams are the parameters of benchmark endpoint.
type endpointParams struct {
	Kind       string `json:"kind" doc:"The server's protocol: OpenAI's /v1/embeddings, text-embeddings-inference's /embed or Ollama's /api/embed." enum:"openai,tei,ollama"`
	Model      string `json:"model" doc:"The model's name, as the server knows it; tei serves one and needs none."`
	Batch      int    `json:"batch" doc:"Texts of one request." min:"1" max:"2048"`
	Length     int    `json:"length" doc:"About the tokens of each text, special ones included, counted as words and punctuation; 0: the texts as they are." min:"0" max:"32768"`
	Path       string `json:"path" doc:"The path behind the target's URL. Default: the protocol's own."`
	Dimensions int    `json:"dimensions" doc:"The dimension that every vector has to have; it is checked, not asked for. 0: that of the first one." min:"0"`
	Normalised bool   `json:"normalised" doc:"Every vector has to have length 1; tei is asked for it."`
	Texts      string `json:"texts" doc:"A file with a text on each line, relative to the working directory. Default: generated English-like sentences."`
}

// maxReply bounds the body of one answer, in bytes.
const maxReply = 256 << 20

// firstTimeout is the least time that the first request gets: a server may
// load its model for it.
const firstTimeout = 60 * time.Second

func endpointBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:    "endpoint",
		Doc:     "Texts embedded by a server: OpenAI-compatible, text-embeddings-inference or Ollama.",
		Params:  sdk.ParamsOf(endpointParams{Kind: "openai", Batch: 1, Normalised: true}),
		Metrics: metrics(),
		Target:  TargetKind,
		Load:    sdk.LoadHint{Solo: true, CountedBy: "iterations"},
		Setup: func(ctx context.Context, req sdk.SetupRequest) (sdk.Session, error) {
			var p endpointParams
			if err := req.Params.Decode(&p); err != nil {
				return nil, err
			}
			return setupEndpoint(ctx, req, p)
		},
	}
}

// endpointSession is a server that answered, and the requests to send to it.
// Its workers share the connections, one for each of them.
type endpointSession struct {
	proto     protocol
	addr      *address
	path      string
	work      *workload
	bodies    [][]byte
	request   *http.Request // of every op, but for its body
	transport *http.Transport
	expect    expectation // without a dimension until the first answer, unless the parameters have one
	info      sdk.SessionInfo
}

func setupEndpoint(ctx context.Context, req sdk.SetupRequest, p endpointParams) (sdk.Session, error) {
	proto, ok := protocols[p.Kind]
	if !ok {
		return nil, sdk.BadParam("kind", "is %q, want one of: openai, tei, ollama", p.Kind)
	}
	if proto.needsModel && p.Model == "" {
		return nil, sdk.BadParam("model", "is absent, and %s cannot choose one; want a model's name as the server knows it", proto.title)
	}
	addr, err := resolve(req.Target)
	if err != nil {
		return nil, err
	}
	s := &endpointSession{proto: proto, addr: addr, path: proto.path, expect: expectation{p.Dimensions, p.Normalised}}
	if p.Path != "" {
		s.path = p.Path
	}
	if s.request, err = http.NewRequest(http.MethodPost, addr.endpoint(s.path), nil); err != nil {
		return nil, sdk.BadParam("path", "is malformed; want a path such as %s", proto.path)
	}
	s.request.Header = addr.headers
	s.request.Header.Set("Content-Type", "application/json")
	s.request.Header.Set("Accept", "application/json")
	s.request.Header.Set("User-Agent", "harness-embedding/"+Version)
	if s.work, err = newWorkload(p.Texts, p.Batch, p.Length, req.Seed); err != nil {
		return nil, err
	}
	if s.bodies, err = encodeBodies(proto, p, s.work); err != nil {
		return nil, fmt.Errorf("encode the requests: %w", err)
	}
	s.transport = newTransport(max(req.MaxWorkers, 1))
	if err := s.firstRequest(ctx, req, p); err != nil {
		s.transport.CloseIdleConnections()
		return nil, err
	}
	return s, nil
}

// newTransport keeps one HTTP/1.1 connection for each worker, so that no op of
// a warm round opens one and none waits for another's.
func newTransport(workers int) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: firstTimeout}).DialContext,
		TLSHandshakeTimeout: firstTimeout,
		DisableCompression:  true,
		MaxIdleConns:        workers,
		MaxIdleConnsPerHost: workers,
		MaxConnsPerHost:     workers,
	}
}

// firstRequest does one op before anything is timed: it finds a server that is
// down or is not what the parameters say, and learns what it is.
func (s *endpointSession) firstRequest(parent context.Context, req sdk.SetupRequest, p endpointParams) error {
	ctx, cancel := context.WithTimeout(parent, max(req.Timeout, firstTimeout))
	defer cancel()
	w := newEndpointWorker(s)
	w.reply.want = true
	start := time.Now()
	header, err := w.exchange(ctx, &sdk.Op{})
	if err == nil {
		err = s.learn(w.reply.vectors, p.Batch)
	}
	switch {
	case parent.Err() != nil:
		return parent.Err() // given up, which says nothing about the target
	case err != nil:
		return s.unfit(p, err)
	}
	s.describe(p, header, w.reply.model)
	s.info.Figures = []sdk.Figure{{Name: "first_request_seconds", Unit: "s", Value: time.Since(start).Seconds()}}
	return nil
}

// learn checks the first vectors, and takes their dimension for that of all
// others unless the parameters have one.
func (s *endpointSession) learn(vectors [][]float32, texts int) error {
	if s.expect.dimension == 0 && len(vectors) > 0 {
		if s.expect.dimension = len(vectors[0]); s.expect.dimension == 0 {
			return sdk.Classify(classDimension, errors.New("the first vector is empty"))
		}
	}
	return s.expect.check(vectors, texts)
}

// describe fills in what the reports say was measured. Everything that comes
// from the server is freed of secrets and cut.
func (s *endpointSession) describe(p endpointParams, h http.Header, model string) {
	engine := "not told by the server"
	if v := h.Get("Server"); v != "" {
		engine = s.addr.redact(v)
	}
	s.info.Provenance = map[string]string{
		"engine":     engine,
		"protocol":   s.proto.title + " " + s.addr.redact(s.path),
		"address":    s.addr.base.Scheme + "://" + s.addr.base.Host,
		"dimension":  strconv.Itoa(s.expect.dimension),
		"normalised": strconv.FormatBool(s.expect.normalised),
		"generator":  "net/http, HTTP/1.1",
		"texts":      s.work.source,
	}
	set := func(key, value string) {
		if value != "" {
			s.info.Provenance[key] = s.addr.redact(value)
		}
	}
	set("model", model)
	if model != p.Model {
		set("model_asked", p.Model)
	}
	set("device", h.Get("X-Compute-Type")) // text-embeddings-inference's, such as "gpu+optimized"
	s.info.WorkloadDigest = digestOf("embedding/endpoint", p.Kind, p.Model, s.path, s.expect.dimension, p.Normalised, s.work.digest, p.Batch, p.Length)
}

// Describe says what is measured.
func (s *endpointSession) Describe() sdk.SessionInfo { return s.info }

// Worker returns a worker over the session's connections.
func (s *endpointSession) Worker(context.Context, int) (sdk.Worker, error) {
	return newEndpointWorker(s), nil
}

// Close closes the connections.
func (s *endpointSession) Close(context.Context) error {
	s.transport.CloseIdleConnections()
	return nil
}

// endpointWorker does requests, one at a time.
type endpointWorker struct {
	s     *endpointSession
	op    *sdk.Op
	trace *httptrace.ClientTrace
	body  bytes.Buffer
	reply reply
}

func newEndpointWorker(s *endpointSession) *endpointWorker {
	w := &endpointWorker{s: s}
	// GotConn is called by the goroutine of Do: what came before was waiting
	// for a connection.
	w.trace = &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { w.op.Sent() }}
	return w
}

// Do embeds one batch.
func (w *endpointWorker) Do(ctx context.Context, op *sdk.Op) error {
	if _, err := w.exchange(ctx, op); err != nil {
		return err
	}
	texts := len(w.s.work.batches[w.s.work.batch(op)])
	if err := w.s.expect.check(w.reply.vectors, texts); err != nil {
		return err
	}
	op.Record(textsPerSecond, float64(texts))
	if w.reply.tokens >= 0 {
		op.Record(tokensPerSecond, float64(w.reply.tokens))
	}
	return nil
}

// exchange sends an op's batch and reads the answer into w.reply. Redirects are
// not followed: the key would go to a host that nobody named.
func (w *endpointWorker) exchange(ctx context.Context, op *sdk.Op) (http.Header, error) {
	w.op = op
	body := w.s.bodies[w.s.work.batch(op)]
	r := w.s.request.WithContext(httptrace.WithClientTrace(ctx, w.trace))
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	resp, err := w.s.transport.RoundTrip(r)
	if err != nil {
		return nil, classify(err)
	}
	defer resp.Body.Close()
	w.body.Reset()
	n, err := w.body.ReadFrom(io.LimitReader(resp.Body, maxReply+1))
	if err == nil && n > maxReply {
		err = errTooLarge
	}
	if err != nil {
		return nil, classify(err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, w.s.refused(resp.StatusCode, w.body.Bytes())
	}
	if err := w.reply.read(w.s.proto, resp.Header, w.body.Bytes()); err != nil {
		return nil, sdk.Classify(classReply, fmt.Errorf("read the answer: %s", w.s.addr.redact(err.Error())))
	}
	return resp.Header, nil
}
