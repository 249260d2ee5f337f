package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/benchharness/harness/sdk"
)

// How a call sends and receives where both sides stream.
const (
	exchangePingPong = "ping_pong"
	exchangeAll      = "all"
)

// Metrics of streams. Unary calls record none of them.
const (
	metricFirstMessage = "first_message"
	metricTurn         = "turn_time"
	metricSent         = "messages_sent"
	metricReceived     = "messages_received"
	metricBytes        = "bytes_received"
	metricMessages     = "message_rate"
)

func streamMetrics() []sdk.Metric {
	return []sdk.Metric{
		{Name: metricFirstMessage, Unit: "s", Doc: "Mean time from the send to the first message of a stream."},
		{Name: metricTurn, Unit: "s", Doc: "Mean time of a turn of a ping-pong: a message and its reply."},
		{Name: metricMessages, Unit: "1/s", Doc: "Messages of streams sent and received a second, all workers together.", Better: sdk.Higher, Aggregate: sdk.Rate},
		{Name: metricSent, Unit: "1", Doc: "Messages sent by a call of a streaming method.", Better: sdk.Higher},
		{Name: metricReceived, Unit: "1", Doc: "Messages received by a call of a streaming method.", Better: sdk.Higher},
		{Name: metricBytes, Unit: "B", Doc: "Bytes of the messages received by a call of a streaming method.", Better: sdk.Higher},
	}
}

// streamPlan is what a call of a streaming method does. An op is the whole call:
// from the stream's beginning until its status is here, and with take until that
// many messages are.
type streamPlan struct {
	desc     grpc.StreamDesc
	messages int // sent by a call
	exchange string
	take     int
	most     int // received by a call
}

// planStream checks the parameters against the kind of the method. It returns
// nil for a unary one.
func planStream(m protoreflect.MethodDescriptor, p grpcParams, x *grpcExpectation) (*streamPlan, error) {
	client, server := m.IsStreamingClient(), m.IsStreamingServer()
	switch {
	case !client && p.Messages != 1:
		return nil, sdk.BadParam("messages", "is %d, and %s takes one message, not a stream", p.Messages, m.FullName())
	case p.Exchange != exchangePingPong && !(client && server):
		return nil, sdk.BadParam("exchange", "is %s, which is for methods that stream both ways; %s does not", p.Exchange, m.FullName())
	case p.Take > 0 && (client || !server):
		return nil, sdk.BadParam("take", "is %d, which is for methods where only the server streams; %s is another", p.Take, m.FullName())
	case p.Take > p.MaxMessages:
		return nil, sdk.BadParam("take", "is %d, and max_messages %d; want at most that", p.Take, p.MaxMessages)
	case !server && x.ofStreams() != "":
		return nil, sdk.BadParam("expect."+x.ofStreams(), "is for methods whose server streams; %s sends one message", m.FullName())
	case !client && !server:
		return nil, nil
	}
	return &streamPlan{
		desc:     grpc.StreamDesc{ClientStreams: client, ServerStreams: server},
		messages: p.Messages, exchange: p.Exchange, take: p.Take, most: p.MaxMessages,
	}, nil
}

// String is the kind of the call, for the provenance.
func (p *streamPlan) String() string {
	switch {
	case p == nil:
		return "unary"
	case !p.desc.ClientStreams:
		return "server streaming"
	case !p.desc.ServerStreams:
		return "client streaming"
	}
	return "bidirectional, " + map[string]string{exchangePingPong: "ping-pong", exchangeAll: "all at once"}[p.exchange]
}

// streamCall is one call of a streaming method.
type streamCall struct {
	*grpcWorker
	ctx            context.Context // of the op
	client         grpc.ClientStream
	op             *sdk.Op
	plan           *streamPlan
	begun          time.Time
	sent, received int
	bytes          int
	first          time.Duration // since begun, if anything was received
	code           codes.Code
}

// streaming does a call and checks all of its messages. The op is sent when the
// call has its stream.
func (w *grpcWorker) streaming(ctx context.Context, op *sdk.Op) error {
	s := w.s
	// Whatever way the call ends, nothing of it is left: a stream that was not
	// read to its end is reset, and the goroutine that grpc-go has for it ends.
	callCtx, cancel := context.WithCancelCause(s.callContext(ctx))
	defer cancel(nil)
	client, err := w.conn.NewStream(callCtx, &s.stream.desc, s.path)
	if err != nil {
		_, err := w.ended(ctx, err)
		return err
	}
	op.Sent()
	w.out.op = nil
	c := &streamCall{grpcWorker: w, ctx: ctx, client: client, op: op, plan: s.stream, begun: time.Now()}
	switch {
	case !c.plan.desc.ClientStreams:
		err = c.serverStreams()
	case !c.plan.desc.ServerStreams:
		err = c.clientStreams()
	case c.plan.exchange == exchangePingPong:
		err = c.pingPong()
	default:
		err = c.all(callCtx, cancel)
	}
	if err != nil {
		return err
	}
	return c.account()
}

// account checks what can only be known at the end, and records the metrics.
func (c *streamCall) account() error {
	x := c.s.expect
	if c.code == codes.OK || x.count != nil {
		if err := x.checkCount(c.received); err != nil {
			return err
		}
	}
	if c.received > 0 && len(x.last) > 0 {
		if err := c.check(x.last); err != nil {
			return fmt.Errorf("last message, number %d: %w", c.received, err)
		}
	}
	c.op.Record(metricSent, float64(c.sent))
	c.op.Record(metricReceived, float64(c.received))
	c.op.Record(metricBytes, float64(c.bytes))
	c.op.Record(metricMessages, float64(c.sent+c.received))
	if c.received > 0 {
		c.op.Record(metricFirstMessage, c.first.Seconds())
	}
	return nil
}

// send sends the next message. more is false, without an error, once the server
// has ended the call: receive then says how.
func (c *streamCall) send() (more bool, err error) {
	n := c.plan.messages
	if c.out.data, err = c.s.requests.message(c.op, c.sent, n); err != nil {
		return false, err
	}
	switch err := c.client.SendMsg(&c.out); {
	case errors.Is(err, io.EOF):
		return false, nil
	case err != nil:
		_, err = c.ended(c.ctx, err)
		return false, err
	}
	c.sent++
	return true, nil
}

// sendAll sends what there is to send and closes the sending side.
func (c *streamCall) sendAll() error {
	for c.sent < c.plan.messages {
		if more, err := c.send(); err != nil {
			return err
		} else if !more {
			return nil
		}
	}
	return c.client.CloseSend()
}

// receive takes a message and checks it. more is false at the end of the call,
// with an error if it is another end than expected.
func (c *streamCall) receive() (more bool, err error) {
	x := c.s.expect
	c.in.keep = c.decode || x.needs(c.received)
	if err := c.client.RecvMsg(&c.in); err != nil {
		c.code, err = c.ended(c.ctx, err)
		return false, err
	}
	if c.received++; c.received == 1 {
		c.first = time.Since(c.begun)
	}
	c.bytes += c.in.size
	if c.received > c.plan.most {
		return false, sdk.Classify("too_many_messages", fmt.Errorf("stream: got more than %d messages: raise max_messages, or set take", c.plan.most))
	}
	if err := c.check(x.json); err != nil {
		return false, fmt.Errorf("message %d: %w", c.received, err)
	}
	if c.received == 1 && len(x.first) > 0 {
		if err := c.check(x.first); err != nil {
			return false, fmt.Errorf("first message: %w", err)
		}
	}
	return true, nil
}

// receiveAll takes messages until the call ends.
func (c *streamCall) receiveAll() error {
	for {
		if more, err := c.receive(); err != nil || !more {
			return err
		}
	}
}

// serverStreams sends one message and receives many.
func (c *streamCall) serverStreams() error {
	if err := c.sendAll(); err != nil {
		return err
	}
	if c.plan.take == 0 {
		return c.receiveAll()
	}
	for c.received < c.plan.take {
		if more, err := c.receive(); err != nil {
			return err
		} else if !more {
			return c.short("take is %d", c.plan.take)
		}
	}
	return c.endedWell()
}

// endedWell is the end of a call that came without a word from grpc-go: with a
// stream's one reply, or by take. It is OK, which may be another end than the
// one that is expected.
func (c *streamCall) endedWell() error {
	_, err := c.ended(c.ctx, nil)
	return err
}

// clientStreams sends many messages and receives one. A server may answer
// before it has read them all.
func (c *streamCall) clientStreams() error {
	if err := c.sendAll(); err != nil {
		return err
	}
	more, err := c.receive() // the message comes with the status
	if more {
		return c.endedWell()
	}
	return err
}

// pingPong sends a message and waits for one, and so on. What the server sends
// after the last turn belongs to the call, too.
func (c *streamCall) pingPong() error {
	for c.sent < c.plan.messages {
		more, err := c.send()
		if err != nil {
			return err
		}
		if !more {
			if err := c.receiveAll(); err != nil { // what came before the end, and how it ended
				return err
			}
			return c.short("a reply to each of %d messages is expected; exchange: all does not", c.plan.messages)
		}
		if more, err = c.receive(); err != nil {
			return err
		} else if !more {
			return c.short("a reply to each of %d messages is expected; exchange: all does not", c.plan.messages)
		}
	}
	if c.sent > 0 {
		c.op.Record(metricTurn, time.Since(c.begun).Seconds()/float64(c.sent))
	}
	if err := c.client.CloseSend(); err != nil {
		return err
	}
	return c.receiveAll()
}

// short says that a call ended before its messages were complete. It is right
// that it did if another end than OK is what is expected.
func (c *streamCall) short(format string, args ...any) error {
	if c.code != codes.OK {
		return nil
	}
	return sdk.Classify(classMessages, fmt.Errorf("messages: the stream ended with OK after %d, and %s", c.received, fmt.Sprintf(format, args...)))
}

// all sends and receives at the same time. A server that answers as it reads
// would otherwise wait for the client to read, and the client for the server.
func (c *streamCall) all(callCtx context.Context, cancel context.CancelCauseFunc) error {
	sent := make(chan error, 1)
	go func() {
		err := c.sendAll()
		if err != nil {
			cancel(err) // or the receiving would wait for replies to what is not sent
		}
		sent <- err
	}()
	err := c.receiveAll()
	cancel(nil) // ends the sending, if the server ended the call before
	if failed := <-sent; failed != nil && errors.Is(context.Cause(callCtx), failed) {
		return failed // the receiving only saw that the call was over
	}
	return err
}
