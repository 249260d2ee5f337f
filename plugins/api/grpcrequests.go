package api

import (
	"encoding/json"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/benchharness/harness/sdk"
)

// maxReady bounds what the marshalled messages of all rows may take together,
// in bytes.
const maxReady = 256 << 20

// requests are the messages that the calls of a scenario send. Setup marshals
// the message of every row, and so finds a row of which there is none. Its bytes
// are kept for all ops, unless those of all rows together are more than the
// limit: then each message is marshalled again as it is wanted.
type requests struct {
	method *methodInfo
	body   template
	table  *table
	ready  []mem.BufferSlice // one for each row, or one; nil beyond the limit
}

// newRequests compiles and marshals. limit is in bytes.
func newRequests(m *methodInfo, request json.RawMessage, data *dataFile, random bool, limit int) (*requests, error) {
	t := &templates{}
	r := &requests{method: m}
	var err error
	if !absent(request) {
		if r.body, err = t.compileJSON(request); err != nil {
			return nil, sdk.BadParam("request", "%v", err)
		}
	}
	if r.table, err = t.bind(data, random); err != nil {
		return nil, err
	}
	const slot = 64 // bytes that keeping a message takes besides its own
	total := 0
	for i := range max(1, len(r.table.rows)) {
		b, err := r.marshal(i)
		if err != nil {
			return nil, sdk.BadParam("request", "is no %s, with row %d of the data: %v", m.desc.Input().FullName(), i+1, err)
		}
		if total += len(b) + slot; total <= limit {
			r.ready = append(r.ready, buffers(b))
		}
	}
	if total > limit {
		r.ready = nil
	}
	return r, nil
}

func buffers(b []byte) mem.BufferSlice { return mem.BufferSlice{mem.SliceBuffer(b)} }

// marshal makes the message of a row.
func (r *requests) marshal(row int) ([]byte, error) {
	m := dynamicpb.NewMessage(r.method.desc.Input())
	if text := r.body.append(nil, r.table.row(row)); len(text) > 0 {
		opts := protojson.UnmarshalOptions{Resolver: r.method.types}
		if err := opts.Unmarshal(text, m); err != nil {
			return nil, err
		}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m) // the same bytes in every run
}

// message returns message number j, from 0, of an op that sends n. Rows go on
// from message to message and from op to op.
func (r *requests) message(op *sdk.Op, j, n int) (mem.BufferSlice, error) {
	const weyl = 0x9e3779b97f4a7c15 // 2^64 ÷ the golden ratio: steps that spread well
	at := sdk.Op{Index: op.Index*uint64(n) + uint64(j), Rand: op.Rand + uint64(j)*weyl}
	row := r.table.pick(&at)
	if r.ready != nil {
		return r.ready[row], nil
	}
	b, err := r.marshal(row)
	if err != nil {
		return nil, fmt.Errorf("marshal row %d of the data: %w", row+1, err) // setup has shown that it can be
	}
	return buffers(b), nil
}

// provenance says how often messages are marshalled.
func (r *requests) provenance() string {
	if r.ready == nil {
		return fmt.Sprintf("marshalled for each op: those of all rows take more than %d MiB", maxReady>>20)
	}
	return "marshalled once"
}
