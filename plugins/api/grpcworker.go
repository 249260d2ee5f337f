package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/benchharness/harness/sdk"
)

// grpcWorker does calls, one at a time.
type grpcWorker struct {
	s      *grpcSession
	conn   *grpc.ClientConn
	out    outgoing
	in     incoming
	decode bool // during setup: a reply has to be a message even if nothing is expected of it
}

// Do does one call and checks its reply.
func (w *grpcWorker) Do(ctx context.Context, op *sdk.Op) error {
	if w.s.stream != nil {
		return w.s.secrets.error(w.streaming(ctx, op))
	}
	return w.s.secrets.error(w.unary(ctx, op))
}

// unary does a call of one message for one message. The op is sent when the
// call has its stream.
func (w *grpcWorker) unary(ctx context.Context, op *sdk.Op) error {
	s := w.s
	var err error
	if w.out.data, err = s.requests.message(op, 0, 1); err != nil {
		return err
	}
	w.out.op = op
	w.in.keep = w.decode || s.expect.needs(0)
	err = w.conn.Invoke(s.callContext(ctx), s.path, &w.out, &w.in)
	if code, err := w.ended(ctx, err); err != nil || code != codes.OK {
		return err
	}
	return w.check(s.expect.json)
}

// ended says how a call ended, of which err is what grpc-go returned. The error
// is classified, and nil if the code is one that is expected.
func (w *grpcWorker) ended(ctx context.Context, err error) (codes.Code, error) {
	if errors.Is(err, io.EOF) {
		err = nil // how grpc-go says that a stream ended with OK
	}
	if err != nil {
		if given := givenUp(ctx); given != nil {
			return codes.Unknown, given
		}
	}
	st := status.Convert(err)
	if st.Code() == codes.ResourceExhausted && strings.HasPrefix(st.Message(), "grpc: received message") {
		return st.Code(), sdk.Classify("body_too_large", fmt.Errorf("%w of %d bytes: %s", errBodyTooLarge, w.s.maxBody, st.Message()))
	}
	return st.Code(), w.s.expect.checkCode(st)
}

// check decodes the message that came last and compares it with what is
// expected of it, if that is anything.
func (w *grpcWorker) check(wants []jsonWant) error {
	if len(wants) == 0 && !w.decode {
		return nil
	}
	method := w.s.method
	m := dynamicpb.NewMessage(method.desc.Output())
	if err := decode(w.in.bytes, m, method.types); err != nil {
		return sdk.Classify("assertion_reply", fmt.Errorf("reply: got %d bytes that are no %s", w.in.size, m.Descriptor().FullName()))
	}
	if holds(m, wants) {
		return nil
	}
	// The names of the .proto and unset fields too, so that a path to a field
	// that is zero finds it.
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true, Resolver: method.types}.Marshal(m)
	if err != nil {
		return sdk.Classify("assertion_reply", fmt.Errorf("reply: it has no JSON form: %w", err))
	}
	return checkJSON(text, wants)
}

// decode reads a message of a type that is known at run time only. protobuf's
// decoder for these panics at some malformed map entries, for example with two
// keys of which the second has another wire type: that is the server's mistake,
// and no reason to end the plugin.
func decode(b []byte, m *dynamicpb.Message, types *dynamicpb.Types) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed: %v", p)
		}
	}()
	return proto.UnmarshalOptions{Resolver: types}.Unmarshal(b, m)
}
