package wire

import (
	"encoding/json"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// FuzzResultFromProto looks for a round that is taken although it could not be
// written down, or does not make sense.
func FuzzResultFromProto(f *testing.F) {
	m, err := ResultToProto(result())
	if err != nil {
		f.Fatal(err)
	}
	for _, change := range []func(*pluginv1.RoundResult){
		func(*pluginv1.RoundResult) {},
		func(r *pluginv1.RoundResult) { r.Counts.Scheduled = 1 },
		func(r *pluginv1.RoundResult) { r.Clocks = nil },
		func(r *pluginv1.RoundResult) { r.Values["recall"].Sum = math.Inf(-1) },
	} {
		c := proto.Clone(m).(*pluginv1.RoundResult)
		change(c)
		b, err := proto.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m pluginv1.RoundResult
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		r, err := ResultFromProto(&m)
		if err != nil {
			return
		}
		if _, err := json.Marshal(struct{ A, B, C, D, E any }{r.Started, r.Elapsed, r.Counts, r.Values, r.Validity}); err != nil {
			t.Errorf("cannot be written down: %v", err)
		}
		if n := uint64(r.Clocks.Response.TotalCount()); n < r.Counts.OK {
			t.Errorf("%d times for %d ops", n, r.Counts.OK)
		}
		if _, err := ResultToProto(r); err != nil {
			t.Errorf("cannot be sent on: %v", err)
		}
	})
}

// FuzzDescribeFromProto looks for a description that is taken although the
// harness cannot work with it.
func FuzzDescribeFromProto(f *testing.F) {
	m, err := DescribeToProto(full())
	if err != nil {
		f.Fatal(err)
	}
	for _, params := range []string{
		string(m.Benchmarks[0].Params), `[{"name":"a","type":"list"}]`, `[{"name":"a","type":"map","elem":{"type":"list"}}]`,
		`[{"name":"a","type":"object","fields":[{"name":"a","type":"any"}]}]`, `null`, `[null]`,
	} {
		m.Benchmarks[0].Params = []byte(params)
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, `{"a":[1,{"b":2}],"size":3}`)
	}
	f.Fuzz(func(t *testing.T, b []byte, values string) {
		var m pluginv1.DescribeResponse
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		p, err := DescribeFromProto(&m)
		if err != nil {
			return
		}
		var with map[string]json.RawMessage
		if json.Unmarshal([]byte(values), &with) != nil {
			return
		}
		for _, bm := range p.Benchmarks {
			_, _ = sdk.CheckParams(bm.Params, with) // must not panic
		}
		if _, err := DescribeToProto(p); err != nil {
			t.Errorf("cannot be sent on: %v", err)
		}
	})
}
