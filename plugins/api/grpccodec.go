package api

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"

	"github.com/benchharness/harness/sdk"
)

// outgoing is a marshalled message on its way out.
type outgoing struct {
	data mem.BufferSlice
	// op, if not nil, is stamped as sent when grpc-go asks for the bytes. It
	// does that once the call has a connection and a stream on it, so the wait
	// for either is not the target's time.
	op *sdk.Op
}

// incoming is where a received message goes.
type incoming struct {
	keep  bool   // the content is wanted, not only its size
	bytes []byte // if so; its space is used again
	size  int
}

// rawCodec sends and receives marshalled messages as they are: what is sent was
// marshalled once for all ops, and a reply of which nothing is expected is
// counted and never copied or decoded. Messages of other types, which are those
// of the reflection, go through gRPC's own codec.
type rawCodec struct{ own encoding.CodecV2 }

func newRawCodec() rawCodec { return rawCodec{encoding.GetCodecV2(proto.Name)} }

// Name is empty, so that calls have the content type of any other client,
// application/grpc, without a codec's name behind it.
func (rawCodec) Name() string { return "" }

// Marshal returns the message's bytes.
func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*outgoing)
	if !ok {
		return c.own.Marshal(v)
	}
	if m.op != nil {
		m.op.Sent()
	}
	return m.data, nil
}

// Unmarshal takes note of the message, and copies it if it is wanted.
func (c rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*incoming)
	if !ok {
		return c.own.Unmarshal(data, v)
	}
	m.size = data.Len()
	if !m.keep {
		return nil
	}
	if cap(m.bytes) < m.size {
		m.bytes = make([]byte, m.size)
	}
	m.bytes = m.bytes[:m.size]
	data.CopyTo(m.bytes)
	return nil
}
