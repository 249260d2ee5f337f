package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder/safetensors"
)

// file builds a file by hand, so that the reader is not tested against the writer alone.
func file(header string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), data...)
}

func open(content []byte) (*safetensors.File, error) {
	return safetensors.Open(bytes.NewReader(content), int64(len(content)))
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	large := make([]float32, 200_000) // more than one chunk
	for i := range large {
		large[i] = float32(i) * 0.25
	}
	entries := []safetensors.Entry{
		{Name: "b.weight", Shape: []int{2, 3}, Data: []float32{1, -2, 3.5, 0, float32(math.Inf(1)), 6}},
		{Name: "a.scalar", Shape: nil, Data: []float32{42}},
		{Name: "none", Shape: []int{0, 7}, Data: nil},
		{Name: "large", Shape: []int{200, 1000}, Data: large},
	}
	var out bytes.Buffer
	if err := safetensors.Write(&out, entries, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	f, err := open(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if f.Metadata()["format"] != "pt" || len(f.Tensors()) != len(entries) {
		t.Errorf("metadata %v and %d tensors came back", f.Metadata(), len(f.Tensors()))
	}
	for _, e := range entries {
		got := make([]float32, len(e.Data))
		if err := f.Float32(e.Name, got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i] != e.Data[i] {
				t.Fatalf("%s[%d] = %v, want %v", e.Name, i, got[i], e.Data[i])
			}
		}
	}
}

func TestHalfPrecisionWidensExactly(t *testing.T) {
	tests := []struct {
		name, dtype string
		bits        uint16
		want        float32
	}{
		{"F16 one", "F16", 0x3c00, 1},
		{"F16 minus two", "F16", 0xc000, -2},
		{"F16 largest", "F16", 0x7bff, 65504},
		{"F16 smallest subnormal", "F16", 0x0001, float32(math.Ldexp(1, -24))},
		{"F16 smallest normal", "F16", 0x0400, float32(math.Ldexp(1, -14))},
		{"F16 third", "F16", 0x3555, 0.333251953125},
		{"F16 infinity", "F16", 0xfc00, float32(math.Inf(-1))},
		{"F16 negative zero", "F16", 0x8000, float32(math.Copysign(0, -1))},
		{"BF16 one", "BF16", 0x3f80, 1},
		{"BF16 pi", "BF16", 0x4049, 3.140625},
		{"BF16 minus huge", "BF16", 0xff7f, -3.3895313892515355e38},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := `{"w":{"dtype":"` + test.dtype + `","shape":[1],"data_offsets":[0,2]}}`
			f, err := open(file(header, binary.LittleEndian.AppendUint16(nil, test.bits)))
			if err != nil {
				t.Fatal(err)
			}
			var got [1]float32
			if err := f.Float32("w", got[:]); err != nil {
				t.Fatal(err)
			}
			if math.Float32bits(got[0]) != math.Float32bits(test.want) {
				t.Errorf("%#04x gave %v, want %v", test.bits, got[0], test.want)
			}
		})
	}
}

func TestAHalfNotANumberStaysOne(t *testing.T) {
	f, err := open(file(`{"w":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`, []byte{0x01, 0x7e}))
	if err != nil {
		t.Fatal(err)
	}
	var got [1]float32
	if err := f.Float32("w", got[:]); err != nil || got[0] == got[0] {
		t.Errorf("got %v, %v", got[0], err)
	}
}

func TestHostileFilesAreRefusedWithTheReason(t *testing.T) {
	const four = `"dtype":"F32","shape":[1],"data_offsets":[0,4]`
	tests := []struct {
		name    string
		content []byte
		want    string
	}{
		{"an empty file", nil, "too few"},
		{"an empty header", make([]byte, 8), "empty"},
		{"a header length over the limit", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "at most"},
		{"a header longer than the file", binary.LittleEndian.AppendUint64(nil, 1000), "cut off"},
		{"a header that is no object", file(`[]`, nil), "not a JSON object"},
		{"a header cut in its middle", file(`{"w":{`, nil), "header"},
		{"text after the header", file(`{"w":{`+four+`}}{}`, make([]byte, 4)), "goes on"},
		{"a name that stands twice", file(`{"w":{`+four+`},"w":{`+four+`}}`, make([]byte, 4)), "twice"},
		{"an unknown type", file(`{"w":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}`, make([]byte, 4)), "unknown element type"},
		{"a shape that overflows", file(`{"w":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}`, make([]byte, 4)), "overflows"},
		{"a dimension over the limit", file(`{"w":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}}`, make([]byte, 4)), "too large"},
		{"a negative dimension", file(`{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, make([]byte, 4)), "tensor"},
		{"too many dimensions", file(`{"w":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, make([]byte, 4)), "dimensions"},
		{"a shape that its bytes do not fit", file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, make([]byte, 4)), "takes 8 bytes"},
		{"bytes after the end of the file", file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 4)), "do not lie in"},
		{"offsets the wrong way round", file(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, make([]byte, 4)), "do not lie in"},
		{"one offset", file(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`, make([]byte, 4)), "instead of 2"},
		{"tensors that overlap", file(`{"v":{`+four+`},"w":{`+four+`}}`, make([]byte, 4)), "overlaps"},
		{"a gap between tensors", file(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)), "belong to none"},
		{"bytes that belong to no tensor", file(`{"w":{`+four+`}}`, make([]byte, 6)), "belong to no tensor"},
		{"metadata that is no table", file(`{"__metadata__":[1]}`, nil), "metadata"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := open(test.content)
			if !errors.Is(err, safetensors.ErrFormat) {
				t.Fatalf("got %v, want an ErrFormat", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
		})
	}
}

func TestReadingNamesWhatIsWrong(t *testing.T) {
	f, err := open(file(`{"w":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		tensor string
		length int
		want   string
	}{
		"a tensor that is not there": {"x", 1, "none of that name"},
		"the wrong number":           {"w", 2, "2 are wanted"},
		"a type that is not decoded": {"w", 1, "convert the file"},
	} {
		if err := f.Float32(test.tensor, make([]float32, test.length)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestWritingRefusesWhatCannotBeReadBack(t *testing.T) {
	for name, entries := range map[string][]safetensors.Entry{
		"a shape that does not fit": {{Name: "w", Shape: []int{2}, Data: []float32{1}}},
		"a name twice":              {{Name: "w", Data: []float32{1}}, {Name: "w", Data: []float32{1}}},
		"the metadata's name":       {{Name: "__metadata__", Data: []float32{1}}},
	} {
		if err := safetensors.Write(&bytes.Buffer{}, entries, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(file(`{}`, nil))
	f.Add(make([]byte, 8))
	f.Add(file(`{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"__metadata__":{"a":"b"}}`, make([]byte, 4)))
	f.Add(file(`{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, nil))
	f.Add(file(`{"v":{"dtype":"BF16","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}} `, make([]byte, 4)))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := open(content)
		if err != nil {
			if !errors.Is(err, safetensors.ErrFormat) {
				t.Fatalf("error without ErrFormat: %v", err)
			}
			return
		}
		var total int64
		for _, tensor := range got.Tensors() {
			total += tensor.End - tensor.Begin
			if tensor.End > int64(len(content)) || tensor.Elements() > len(content) {
				t.Fatalf("tensor %+v does not fit a file of %d bytes", tensor, len(content))
			}
			if err := got.Float32(tensor.Name, make([]float32, tensor.Elements())); err != nil && !strings.Contains(err.Error(), "not supported") {
				t.Fatalf("accepted, but not readable: %v", err)
			}
		}
		if total > int64(len(content)) {
			t.Fatalf("tensors of %d bytes in a file of %d", total, len(content))
		}
	})
}
