package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
)

// GRPCExpect is what the reply of a call has to look like.
type GRPCExpect struct {
	Code     json.RawMessage            `json:"code" doc:"A status code such as OK or NOT_FOUND, or a list of them; default: OK."`
	JSON     map[string]json.RawMessage `json:"json" doc:"Values by path into the reply as JSON, with the names that the .proto has: dotted (hits.0.id; hits.# is a length) or a JSON Pointer. Of every message of a stream, which then has at least one."`
	First    map[string]json.RawMessage `json:"first" doc:"The same, of the first message of a stream."`
	Last     map[string]json.RawMessage `json:"last" doc:"The same, of the last message of a stream."`
	Messages json.RawMessage            `json:"messages" doc:"How many messages a stream brings: a number, or {min: 1, max: 100}; default: any number."`
}

// grpcExpectation is a compiled GRPCExpect.
type grpcExpectation struct {
	codes             []codes.Code
	json, first, last []jsonWant
	count             *countRange
}

// countRange is how many messages are wanted, both ends included. A max of 0
// that was not given is no limit.
type countRange struct {
	Min *int `json:"min"`
	Max *int `json:"max"`
}

func compileGRPCExpect(e GRPCExpect) (*grpcExpectation, error) {
	x := &grpcExpectation{codes: []codes.Code{codes.OK}}
	var err error
	for _, of := range []struct {
		out   *[]jsonWant
		wants map[string]json.RawMessage
	}{{&x.json, e.JSON}, {&x.first, e.First}, {&x.last, e.Last}} {
		if *of.out, err = compileJSONWants(of.wants); err != nil {
			return nil, err
		}
	}
	if x.count, err = compileCount(e.Messages); err != nil {
		return nil, err
	}
	if absent(e.Code) {
		return x, nil
	}
	var names []string
	var one string
	if json.Unmarshal(e.Code, &one) == nil {
		names = []string{one}
	} else if json.Unmarshal(e.Code, &names) != nil || len(names) == 0 {
		return nil, sdk.BadParam("expect.code", "is %s, want a code such as OK, or a list of them", e.Code)
	}
	x.codes = nil
	for _, name := range names {
		var c codes.Code
		if err := c.UnmarshalJSON([]byte(`"` + strings.ToUpper(name) + `"`)); err != nil {
			return nil, sdk.BadParam("expect.code", "is %q, want a code such as OK, NOT_FOUND or UNAVAILABLE", name)
		}
		x.codes = append(x.codes, c)
	}
	return x, nil
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// compileCount reads expect.messages; nil is any number.
func compileCount(raw json.RawMessage) (*countRange, error) {
	if absent(raw) {
		return nil, nil
	}
	var n int
	if json.Unmarshal(raw, &n) == nil && n >= 0 {
		return &countRange{&n, &n}, nil
	}
	r := &countRange{}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	err := d.Decode(r)
	low, high := 0, 0
	if r.Min != nil {
		low = *r.Min
	}
	if r.Max != nil {
		high = *r.Max
	}
	if err != nil || r.Min == nil && r.Max == nil || low < 0 || high < 0 || r.Max != nil && high < low {
		return nil, sdk.BadParam("expect.messages", "is %s, want a number from 0, or {min: 1, max: 100}", clip(string(raw), 80))
	}
	return r, nil
}

// String is the range in words.
func (r *countRange) String() string {
	switch {
	case r.Min == nil:
		return fmt.Sprintf("at most %d", *r.Max)
	case r.Max == nil:
		return fmt.Sprintf("at least %d", *r.Min)
	case *r.Min == *r.Max:
		return fmt.Sprint(*r.Min)
	}
	return fmt.Sprintf("%d to %d", *r.Min, *r.Max)
}

// ofStreams names what is expected of streams only, or nothing.
func (x *grpcExpectation) ofStreams() string {
	switch {
	case x.count != nil:
		return "messages"
	case len(x.first) > 0:
		return "first"
	case len(x.last) > 0:
		return "last"
	}
	return ""
}

// needs says whether the content of message number n of a reply has to be
// kept, counted from 0.
func (x *grpcExpectation) needs(n int) bool {
	return len(x.json) > 0 || len(x.last) > 0 || n == 0 && len(x.first) > 0
}

// checkCode returns a classified error if the call ended in another way than
// expected.
func (x *grpcExpectation) checkCode(st *status.Status) error {
	got := st.Code()
	if slices.Contains(x.codes, got) {
		return nil
	}
	names := make([]string, len(x.codes))
	for i, c := range x.codes {
		names[i] = codeName(c)
	}
	class, message := "assertion_code", ""
	if got != codes.OK {
		class = "grpc_" + strings.ToLower(codeName(got))
		message = ": " + clip(st.Message(), 200)
	}
	return sdk.Classify(class, fmt.Errorf("code: got %s, want %s%s", codeName(got), strings.Join(names, " or "), message))
}

// checkCount returns a classified error if a stream brought another number of
// messages than expected.
func (x *grpcExpectation) checkCount(received int) error {
	switch r := x.count; {
	case r == nil && received == 0 && len(x.json)+len(x.first)+len(x.last) > 0:
		return sdk.Classify(classMessages, fmt.Errorf("messages: got none, and something is expected of them"))
	case r == nil || (r.Min == nil || received >= *r.Min) && (r.Max == nil || received <= *r.Max):
		return nil
	default:
		return sdk.Classify(classMessages, fmt.Errorf("messages: got %d, want %s", received, r))
	}
}

// classMessages is of streams that bring too few messages or too many.
const classMessages = "assertion_messages"

// codeName is a code as the gRPC specification writes it: NOT_FOUND.
func codeName(c codes.Code) string {
	if c == codes.Canceled {
		return "CANCELLED" // with two l, unlike in Go
	}
	var b strings.Builder
	name := c.String()
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' && name[i-1] >= 'a' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}
