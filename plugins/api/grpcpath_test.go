package api

import (
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

const everyKind = `
syntax = "proto3";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
enum Colour { NONE = 0; RED = 1; }
message M {
  int32 i32 = 1; sint64 s64 = 2; fixed64 f64 = 3; uint32 u32 = 4; float f = 5; double d = 6;
  bool b = 7; string s = 8; bytes raw = 9; Colour colour = 10; optional int32 maybe = 11;
  M inner = 12; repeated M list = 13; repeated float floats = 14; map<string, int32> map = 15;
  google.protobuf.Struct any = 16; google.protobuf.Timestamp at = 17; repeated string strings = 18;
  oneof one { string left = 19; Colour right = 20; }
  google.protobuf.NullValue null = 21; string twoWords = 22;
}`

// kinds is the descriptor of a message with a field of every kind.
func kinds(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"m.proto": everyKind})})}
	files, err := c.Compile(t.Context(), "m.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0].Messages().ByName("M")
}

// fullJSON is what decides where fieldAt does not.
func fullJSON(m proto.Message) (any, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	return decodeJSON(text)
}

const everyValue = `{"i32": -3, "s64": "-9007199254740993", "f64": "18446744073709551615", "u32": 7, "f": 0.1, "d": 1e300,
	"b": true, "s": "ü", "raw": "AQI=", "colour": "RED", "inner": {"list": [{}, {"s": "deep"}]}, "list": [{"i32": 1}], "floats": [1, 16777216, 1e-7],
	"map": {"a": 1}, "any": {"x": [1]}, "at": "2026-01-02T03:04:05Z", "strings": ["a", "b"], "right": "RED"}`

func TestAFieldIsReadAsItsJSONFormHasIt(t *testing.T) {
	m := dynamicpb.NewMessage(kinds(t))
	if err := protojson.Unmarshal([]byte(everyValue), m); err != nil {
		t.Fatal(err)
	}
	doc, err := fullJSON(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"i32", "s64", "f64", "u32", "f", "d", "b", "s", "colour", "right", "inner.list.1.s", "/inner/list/1/s", "inner.i32", "inner.colour", "inner.b",
		"list.#", "list.0.i32", "list.0.list.#", "floats.0", "floats.1", "floats.2", "strings.1", "strings.#", "inner.s", "inner.d", "twoWords", "inner.s64",
	} {
		got, ok := fieldAt(m, path)
		want, there := find(doc, path)
		if !ok || !there || !same(got, want) {
			t.Errorf("%s: got %v (%v), and JSON has %v (%v)", path, got, ok, want, there)
		}
	}
	for _, path := range []string{
		"", "/", "i32.0", "nothing", "raw", "map.a", "map", "any.x.0", "at", "list", "list.1.s", "list.0", "list.-1.s", "list.x", "list.#.0", "/list/#", "maybe", "left",
		"inner.inner.s", "inner", "null", "strings.0.a", "inner.", "i32.", "s.", ".s",
	} {
		if got, ok := fieldAt(m, path); ok {
			t.Errorf("%q: got %v, want it left to the JSON form", path, got)
		}
	}
}

// badMapEntry is an entry of the map with a key, and with another one that is a
// number.
const badMapEntry = "\x7a\x05\x0a\x01a\x08\x00"

func TestAMalformedMessageIsAnErrorAndNoPanic(t *testing.T) {
	for _, raw := range []string{badMapEntry, "\xff", "\x7a\x05\x0a"} {
		if err := decode([]byte(raw), dynamicpb.NewMessage(kinds(t)), nil); err == nil {
			t.Errorf("%q was decoded", raw)
		}
	}
}

// FuzzFieldAt checks that what is read from a message is what its JSON form has.
func FuzzFieldAt(f *testing.F) {
	d := kinds(f)
	m := dynamicpb.NewMessage(d)
	if err := protojson.Unmarshal([]byte(everyValue), m); err != nil {
		f.Fatal(err)
	}
	raw, _ := proto.Marshal(m)
	for _, p := range []string{"f", "/inner/list/1/s", "floats.2", "list.#", "right", "map.a", "any.x.#", "s64", "~1"} {
		f.Add(raw, p)
	}
	f.Add([]byte(badMapEntry), "i32")
	f.Fuzz(func(t *testing.T, raw []byte, path string) {
		m := dynamicpb.NewMessage(d)
		if decode(raw, m, nil) != nil {
			return
		}
		got, ok := fieldAt(m, path)
		if !ok {
			return
		}
		doc, err := fullJSON(m)
		if err != nil {
			return
		}
		if want, there := find(doc, path); !there || !same(got, want) {
			t.Errorf("%q: got %v, and JSON has %v (%v)", path, got, want, there)
		}
	})
}
