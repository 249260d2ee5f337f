package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
)

// chunk is how many bytes are read at a time: enough to make reads cheap, little beside a tensor.
const chunk = 1 << 18

// Float32 decodes a tensor of type F32, F16 or BF16 into dst, whose length must be the tensor's number of elements.
func (f *File) Float32(name string, dst []float32) error {
	t, ok := f.tensors[name]
	if !ok {
		return fmt.Errorf("read tensor %q: the file has none of that name", name)
	}
	if t.Elements() != len(dst) {
		return fmt.Errorf("read tensor %q: shape %v has %d elements, %d are wanted", name, t.Shape, t.Elements(), len(dst))
	}
	decode, ok := decoders[t.DType]
	if !ok {
		return fmt.Errorf("read tensor %q: elements of type %s are not supported; convert the file to F32, F16 or BF16", name, t.DType)
	}
	width := int(widths[t.DType])
	buf := make([]byte, min(chunk, len(dst)*width))
	for at := f.data + t.Begin; len(dst) > 0; {
		part := buf[:min(len(buf), len(dst)*width)]
		if err := readFull(f.r, part, at); err != nil {
			return fmt.Errorf("read tensor %q: %w", name, err)
		}
		n := len(part) / width
		decode(dst[:n], part)
		dst, at = dst[n:], at+int64(len(part))
	}
	return nil
}

// decoders turn little-endian elements into float32; each fills dst from len(dst) elements of src.
var decoders = map[string]func(dst []float32, src []byte){
	"F32": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	},
	"BF16": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	},
	"F16": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32FromHalf(binary.LittleEndian.Uint16(src[2*i:]))
		}
	},
}

// float32FromHalf widens an IEEE 754 binary16: 1 bit sign, 5 bits exponent (bias 15), 10 bits fraction. Every half has an
// exact float32.
func float32FromHalf(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent := uint32(h>>10) & 0x1f
	fraction := uint32(h) & 0x3ff
	switch exponent {
	case 0: // zero or subnormal: fraction × 2⁻²⁴
		value := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(value) | sign)
	case 0x1f: // infinity or not a number
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
