package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/benchharness/harness/sdk"
)

// grpcSession is a prepared gRPC scenario.
type grpcSession struct {
	conns    []*grpc.ClientConn
	path     string // /package.Service/Method
	method   *methodInfo
	requests *requests
	expect   *grpcExpectation
	stream   *streamPlan // nil for a unary method
	maxBody  int
	metadata metadata.MD
	secrets  redactor
	info     sdk.SessionInfo
}

// reconnect looks for a target that went away more often than grpc-go would,
// whose pauses grow to two minutes: a target that is back has to be seen.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 20 * time.Second,
}

// dialGRPC makes the connections; they are opened by the first call.
func dialGRPC(req sdk.SetupRequest, p grpcParams, e *endpoint, host string) (*grpcSession, error) {
	creds := insecure.NewCredentials()
	secure := p.TLS || p.TLSInsecure || e.url.Scheme == "https"
	if secure {
		creds = credentials.NewTLS(&tls.Config{InsecureSkipVerify: p.TLSInsecure}) // asked for by tls_insecure
	}
	s := &grpcSession{maxBody: p.MaxBody}
	workers := max(1, req.MaxWorkers)
	n := min(p.Connections, workers)
	if p.Connections == 0 {
		n = workers
	}
	for range n {
		c, err := grpc.NewClient("passthrough:///"+host,
			grpc.WithTransportCredentials(creds), grpc.WithConnectParams(reconnect),
			grpc.WithNoProxy(), grpc.WithDisableRetry(), grpc.WithIdleTimeout(0),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(p.MaxBody), grpc.ForceCodecV2(newRawCodec())),
			grpc.WithUserAgent("harness-api/"+Version))
		if err != nil {
			_ = s.Close(context.Background())
			return nil, sdk.TargetDown(e.label, err, "check the address")
		}
		s.conns = append(s.conns, c)
	}
	s.info.Provenance = map[string]string{
		"engine": "grpc-go " + grpc.Version, "http_version": "HTTP/2.0", "address": host,
		"connections": fmt.Sprint(len(s.conns)), "tls": map[bool]string{true: "yes", false: "no"}[secure],
	}
	return s, nil
}

// prepare describes the method, marshals the requests and does the first
// call on every connection.
func (s *grpcSession) prepare(parent context.Context, req sdk.SetupRequest, p grpcParams, label string) error {
	timeout := req.Timeout
	if timeout <= 0 {
		timeout = setupTimeout
	}
	ctx, cancel := context.WithTimeout(s.callContext(parent), timeout)
	defer cancel()
	var err error
	if s.method, err = describeMethod(ctx, p, s.conns[0]); err != nil {
		return s.secrets.error(unfitMethod(parent, label, err))
	}
	service, method, _ := splitMethod(p.Method)
	s.path = "/" + service + "/" + method
	if s.stream, err = planStream(s.method.desc, p, s.expect); err != nil {
		return err
	}
	data, err := openData(p.Data, p.Rows)
	if err != nil {
		return err
	}
	if s.requests, err = newRequests(s.method, p.Request, data, p.DataOrder == "random", maxReady); err != nil {
		return err
	}
	s.info.WorkloadDigest = workload(req, data)
	s.info.Provenance["descriptor"] = s.method.source
	s.info.Provenance["requests"] = s.requests.provenance()
	s.info.Provenance["call"] = s.stream.String()
	for i := range s.conns {
		w := &grpcWorker{s: s, conn: s.conns[i], decode: true}
		if err := w.Do(ctx, &sdk.Op{}); err != nil {
			return unfit(parent, label, err)
		}
	}
	return nil
}

// unfitMethod says why no description of the method was found.
func unfitMethod(ctx context.Context, label string, err error) error {
	var param *sdk.ParamError
	switch {
	case errors.As(err, &param):
		return err
	case errors.Is(err, errNoReflection):
		return sdk.TargetDown(label, err, "set proto_files and import_paths")
	}
	return unfit(ctx, label, err)
}

// callContext adds the metadata of a call.
func (s *grpcSession) callContext(ctx context.Context) context.Context {
	if len(s.metadata) == 0 {
		return ctx
	}
	return metadata.NewOutgoingContext(ctx, s.metadata)
}

// Describe says what is measured.
func (s *grpcSession) Describe() sdk.SessionInfo { return s.info }

// Worker returns a worker on one of the session's connections.
func (s *grpcSession) Worker(_ context.Context, n int) (sdk.Worker, error) {
	return &grpcWorker{s: s, conn: s.conns[n%len(s.conns)]}, nil
}

// Close closes the connections.
func (s *grpcSession) Close(context.Context) error {
	var errs []error
	for _, c := range s.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
