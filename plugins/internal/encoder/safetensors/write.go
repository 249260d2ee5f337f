package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// Entry is one tensor to write, as float32.
type Entry struct {
	Name  string
	Shape []int
	Data  []float32
}

// Write writes entries, in their order, as an F32 file with an optional metadata table.
func Write(w io.Writer, entries []Entry, metadata map[string]string) error {
	type place struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := make(map[string]any, len(entries)+1)
	if metadata != nil {
		header["__metadata__"] = metadata
	}
	var at int64
	for _, e := range entries {
		if (Tensor{Shape: e.Shape}).Elements() != len(e.Data) {
			return fmt.Errorf("write safetensors: tensor %q has shape %v and %d elements", e.Name, e.Shape, len(e.Data))
		}
		if _, twice := header[e.Name]; twice || e.Name == "__metadata__" {
			return fmt.Errorf("write safetensors: the name %q is taken", e.Name)
		}
		end := at + 4*int64(len(e.Data))
		header[e.Name] = place{DType: "F32", Shape: append([]int{}, e.Shape...), Offsets: [2]int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	// Readers that map the file want the data aligned to eight bytes.
	text = append(text, bytes.Repeat([]byte{' '}, (prefixSize-len(text)%prefixSize)%prefixSize)...)
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	for _, e := range entries {
		if err := writeFloats(w, e.Data); err != nil {
			return fmt.Errorf("write safetensors: tensor %q: %w", e.Name, err)
		}
	}
	return nil
}

func writeFloats(w io.Writer, data []float32) error {
	buf := make([]byte, 0, chunk)
	for len(data) > 0 {
		part := data[:min(len(data), chunk/4)]
		buf = buf[:0]
		for _, v := range part {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[len(part):]
	}
	return nil
}
