package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/benchharness/harness/sdk"
)

// maxMessages bounds what the requests of all rows may take, in bytes.
const maxMessages = 1 << 30

// grpcSession is a prepared gRPC scenario.
type grpcSession struct {
	conns    []*grpc.ClientConn
	path     string // /package.Service/Method
	method   *methodInfo
	requests [][]byte // marshalled, one for each row; one if there are no rows
	table    *table
	expect   *grpcExpectation
	metadata metadata.MD
	secrets  redactor
	info     sdk.SessionInfo
}

// dialGRPC makes the connections; they are opened by the first call.
func dialGRPC(req sdk.SetupRequest, p grpcParams, e *endpoint, host string) (*grpcSession, error) {
	creds := insecure.NewCredentials()
	secure := p.TLS || p.TLSInsecure || e.url.Scheme == "https"
	if secure {
		creds = credentials.NewTLS(&tls.Config{InsecureSkipVerify: p.TLSInsecure}) // asked for by tls_insecure
	}
	s := &grpcSession{}
	for range min(p.Connections, max(1, req.MaxWorkers)) {
		c, err := grpc.NewClient("passthrough:///"+host,
			grpc.WithTransportCredentials(creds),
			grpc.WithNoProxy(), grpc.WithDisableRetry(), grpc.WithIdleTimeout(0),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(p.MaxBody)),
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
	s.info.Provenance["descriptor"] = s.method.source
	if err := s.marshal(req, p); err != nil {
		return err
	}
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

// marshal makes the request of every row, so that no op spends time on it.
func (s *grpcSession) marshal(req sdk.SetupRequest, p grpcParams) error {
	t := &templates{}
	var body template
	var err error
	if len(p.Request) > 0 && string(p.Request) != "null" {
		if body, err = t.compileJSON(p.Request); err != nil {
			return sdk.BadParam("request", "%v", err)
		}
	}
	data, err := openData(p.Data, p.Rows)
	if err != nil {
		return err
	}
	if s.table, err = t.bind(data, p.DataOrder == "random"); err != nil {
		return err
	}
	total := 0
	for i := range max(1, len(s.table.rows)) {
		m := dynamicpb.NewMessage(s.method.desc.Input())
		if text := body.append(nil, s.table.row(i)); len(text) > 0 {
			opts := protojson.UnmarshalOptions{Resolver: s.method.types}
			if err := opts.Unmarshal(text, m); err != nil {
				return sdk.BadParam("request", "is no %s, with row %d of the data: %v", m.Descriptor().FullName(), i+1, err)
			}
		}
		b, err := proto.Marshal(m)
		if err != nil {
			return sdk.BadParam("request", "cannot be encoded, with row %d of the data: %v", i+1, err)
		}
		if total += len(b); total > maxMessages {
			return sdk.BadParam("data", "makes requests of more than %d MiB; use fewer rows", maxMessages>>20)
		}
		s.requests = append(s.requests, b)
	}
	s.info.WorkloadDigest = workload(req, data)
	return nil
}

func (s *grpcSession) callContext(ctx context.Context) context.Context {
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

// grpcWorker does calls, one at a time.
type grpcWorker struct {
	s      *grpcSession
	conn   *grpc.ClientConn
	reply  rawMessage
	decode bool // during setup: the reply has to be a message even if nothing is expected of it
}

// Do does one call and checks its reply.
func (w *grpcWorker) Do(ctx context.Context, op *sdk.Op) error {
	return w.s.secrets.error(w.do(ctx, op))
}

func (w *grpcWorker) do(ctx context.Context, op *sdk.Op) error {
	s := w.s
	request := rawMessage(s.requests[s.table.pick(op)%len(s.requests)])
	err := w.conn.Invoke(s.callContext(ctx), s.path, &request, &w.reply, rawCall...)
	if err != nil {
		if given := givenUp(ctx); given != nil {
			return given
		}
	}
	st := status.Convert(err)
	if err := s.expect.checkCode(st.Code(), st.Message()); err != nil || st.Code() != 0 {
		return err
	}
	if len(s.expect.json) == 0 && !w.decode {
		return nil
	}
	return w.checkReply()
}

// checkReply decodes the reply and compares it with what is expected.
func (w *grpcWorker) checkReply() error {
	s := w.s
	m := dynamicpb.NewMessage(s.method.desc.Output())
	if err := (proto.UnmarshalOptions{Resolver: s.method.types}).Unmarshal(w.reply, m); err != nil {
		return sdk.Classify("assertion_reply", fmt.Errorf("reply: got %d bytes that are no %s", len(w.reply), m.Descriptor().FullName()))
	}
	if len(s.expect.json) == 0 {
		return nil
	}
	// The names of the .proto and unset fields too, so that a path to a field
	// that is zero finds it.
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true, Resolver: s.method.types}.Marshal(m)
	if err != nil {
		return sdk.Classify("assertion_reply", fmt.Errorf("reply: it has no JSON form: %w", err))
	}
	return checkJSON(text, s.expect.json)
}

// rawCall makes a call send and receive marshalled messages.
var rawCall = []grpc.CallOption{grpc.ForceCodecV2(rawCodec{})}

// rawMessage is a marshalled message.
type rawMessage []byte

// rawCodec sends and receives marshalled messages as they are: the request is
// marshalled once for all ops, and a reply of which nothing is expected is
// never decoded.
type rawCodec struct{}

// Name is that of gRPC's own codec: on the wire there is no difference.
func (rawCodec) Name() string { return "proto" }

// Marshal returns the message's bytes.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*rawMessage)
	if !ok {
		return nil, fmt.Errorf("marshal a %T: want a marshalled message", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*m)}, nil
}

// Unmarshal copies the bytes into the message, whose space is used again.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*rawMessage)
	if !ok {
		return fmt.Errorf("unmarshal a %T: want a marshalled message", v)
	}
	n := data.Len()
	if cap(*m) < n {
		*m = make([]byte, n)
	}
	*m = (*m)[:n]
	data.CopyTo(*m)
	return nil
}
