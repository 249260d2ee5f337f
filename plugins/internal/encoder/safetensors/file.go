// Package safetensors reads and writes files of the safetensors format: eight bytes of header length, a JSON header that
// names every tensor's type, shape and place, then the tensors' bytes.
//
// The reader trusts nothing: lengths, products and places are checked before anything is allocated for them, so a hostile
// file gives an error and no panic and no memory beyond the header's own size. It decodes F32, F16 and BF16 to float32;
// tensors of other types are listed but not decoded. It maps no memory: it reads through io.ReaderAt.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sort"
)

// The format's own limit on the header, and ours on what a header may hold.
const (
	maxHeader  = 100_000_000
	maxTensors = 1 << 16
	maxRank    = 8
	prefixSize = 8
)

// ErrFormat is wrapped by every error that says the file is not a well-formed safetensors file.
var ErrFormat = errors.New("not a well-formed safetensors file")

// widths are the bytes of one element of each type the format defines in whole bytes.
var widths = map[string]uint64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1,
	"I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4,
	"I64": 8, "U64": 8, "F64": 8, "C64": 8,
}

// Tensor says what one tensor is and where its bytes are.
type Tensor struct {
	Name  string
	DType string
	Shape []int
	// Begin and End are byte offsets from the start of the data, after the header.
	Begin, End int64
}

// Elements is the product of the shape, 1 for a scalar.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// File is the parsed header of one file. It is safe for concurrent use when its reader is.
type File struct {
	r        io.ReaderAt
	data     int64 // offset of the data in r
	tensors  map[string]Tensor
	metadata map[string]string
}

// Open parses and checks the header of a file of size bytes. The tensors must lie inside the file, one after the other
// without gaps or overlaps, as the format demands.
func Open(r io.ReaderAt, size int64) (*File, error) {
	if size < prefixSize {
		return nil, fmt.Errorf("open safetensors: %w: %d bytes are too few for the header's length", ErrFormat, size)
	}
	var prefix [prefixSize]byte
	if err := readFull(r, prefix[:], 0); err != nil {
		return nil, fmt.Errorf("open safetensors: read the header's length: %w", err)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length == 0 {
		return nil, fmt.Errorf("open safetensors: %w: the header is empty", ErrFormat)
	}
	if length > maxHeader {
		return nil, fmt.Errorf("open safetensors: %w: the header claims %d bytes; at most %d are allowed", ErrFormat, length, maxHeader)
	}
	if int64(length) > size-prefixSize {
		return nil, fmt.Errorf("open safetensors: %w: the header claims %d bytes, the file has %d (is it cut off?)", ErrFormat, length, size-prefixSize)
	}
	header := make([]byte, length)
	if err := readFull(r, header, prefixSize); err != nil {
		return nil, fmt.Errorf("open safetensors: read the header: %w", err)
	}
	f := &File{r: r, data: prefixSize + int64(length)}
	if err := f.parse(header, size-f.data); err != nil {
		return nil, fmt.Errorf("open safetensors: %w: %w", ErrFormat, err)
	}
	return f, nil
}

// parse fills f from the JSON header; room is the number of data bytes in the file.
func (f *File) parse(header []byte, room int64) error {
	entries, err := members(header)
	if err != nil {
		return err
	}
	f.tensors = make(map[string]Tensor, len(entries))
	for name, raw := range entries {
		if name == "__metadata__" {
			if err := json.Unmarshal(raw, &f.metadata); err != nil {
				return fmt.Errorf("metadata: %w", err)
			}
			continue
		}
		t, err := parseTensor(name, raw, room)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		f.tensors[name] = t
	}
	return checkPlaces(f.Tensors(), room)
}

// members splits a JSON object into its members and refuses a name that stands twice, which encoding/json would let pass.
func members(header []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(header))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("the header is not a JSON object")
	}
	entries := make(map[string]json.RawMessage)
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		name, _ := key.(string)
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("the header names %q twice", name)
		}
		if len(entries) > maxTensors {
			return nil, fmt.Errorf("the header names more than %d tensors", maxTensors)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, fmt.Errorf("header, entry %q: %w", name, err)
		}
		entries[name] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	// The format allows padding with spaces after the object, nothing else.
	if rest := bytes.TrimRight(header[dec.InputOffset():], " \n\r\t\x00"); len(rest) > 0 {
		return nil, errors.New("the header goes on after its JSON object")
	}
	return entries, nil
}

func parseTensor(name string, raw json.RawMessage, room int64) (Tensor, error) {
	var entry struct {
		DType   string   `json:"dtype"`
		Shape   []uint64 `json:"shape"`
		Offsets []uint64 `json:"data_offsets"`
	}
	t := Tensor{Name: name}
	if err := json.Unmarshal(raw, &entry); err != nil {
		return t, err
	}
	width, known := widths[entry.DType]
	if !known {
		return t, fmt.Errorf("unknown element type %q", entry.DType)
	}
	if len(entry.Shape) > maxRank {
		return t, fmt.Errorf("%d dimensions; at most %d are allowed", len(entry.Shape), maxRank)
	}
	if len(entry.Offsets) != 2 {
		return t, fmt.Errorf("data_offsets has %d members instead of 2", len(entry.Offsets))
	}
	begin, end := entry.Offsets[0], entry.Offsets[1]
	if begin > end || end > uint64(room) {
		return t, fmt.Errorf("its bytes %d to %d do not lie in the file's %d bytes of data (is the file cut off?)", begin, end, room)
	}
	want, shape, err := sizeOf(entry.Shape, width)
	if err != nil {
		return t, err
	}
	if want != end-begin {
		return t, fmt.Errorf("shape %v of %s takes %d bytes, data_offsets give %d", entry.Shape, entry.DType, want, end-begin)
	}
	t.DType, t.Shape, t.Begin, t.End = entry.DType, shape, int64(begin), int64(end)
	return t, nil
}

// sizeOf multiplies a shape out, with every overflow an error.
func sizeOf(dims []uint64, width uint64) (size uint64, shape []int, err error) {
	size, shape = width, make([]int, len(dims))
	for i, d := range dims {
		if d > 1<<31-1 {
			return 0, nil, fmt.Errorf("dimension %d is too large", d)
		}
		high, low := bits.Mul64(size, d)
		if high != 0 || low > 1<<62 {
			return 0, nil, fmt.Errorf("shape %v overflows", dims)
		}
		size, shape[i] = low, int(d)
	}
	return size, shape, nil
}

// checkPlaces refuses overlaps and gaps: with either, two readers could see different tensors in one file.
func checkPlaces(tensors []Tensor, room int64) error {
	sort.SliceStable(tensors, func(i, j int) bool {
		a, b := tensors[i], tensors[j]
		if a.Begin != b.Begin {
			return a.Begin < b.Begin
		}
		return a.End < b.End
	})
	var at int64
	for _, t := range tensors {
		switch {
		case t.Begin < at:
			return fmt.Errorf("tensor %q at byte %d overlaps the one before it, which ends at %d", t.Name, t.Begin, at)
		case t.Begin > at:
			return fmt.Errorf("bytes %d to %d before tensor %q belong to none", at, t.Begin, t.Name)
		}
		at = t.End
	}
	if at != room {
		return fmt.Errorf("the last %d bytes of the file belong to no tensor", room-at)
	}
	return nil
}

// Tensors lists all tensors by name.
func (f *File) Tensors() []Tensor {
	list := make([]Tensor, 0, len(f.tensors))
	for _, t := range f.tensors {
		list = append(list, t)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Tensor finds one tensor.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Metadata is the file's free-form table, nil when it has none.
func (f *File) Metadata() map[string]string { return f.metadata }

// readFull fills buf; a reader may report the end of the file along with the last byte.
func readFull(r io.ReaderAt, buf []byte, at int64) error {
	n, err := r.ReadAt(buf, at)
	if n == len(buf) {
		return nil
	}
	return err
}
