// Package wasmtest writes WebAssembly modules, for tests of what a guest may
// do to its host. It knows the few instructions that attacks are made of, and
// checks nothing: what it writes may well be malformed.
package wasmtest

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"slices"

	"github.com/benchharness/harness/sdk/abi"
)

// Code is the body of a function: instructions without the last end.
type Code []byte

// Import is a function that the module imports.
type Import struct{ Module, Name, Params, Result string }

// Func is a function of the module. Types are one letter each: i is i32, l is
// i64, d is f64.
type Func struct {
	Export, Params, Result string
	Locals                 int // of type i32, after the parameters
	Body                   Code
}

// Module is what [Module.Bytes] writes. Functions are numbered: imports first.
type Module struct {
	Imports  []Import
	Funcs    []Func
	Pages    uint32 // of memory at the beginning
	MaxPages uint32 // 0: no maximum
	NoMemory bool
	Table    uint32 // elements; 0: no table
	Start    int    // number of the function to start with; 0: none
	Data     map[uint32]string
}

// Plugin is the description of the plugin that [Guest] makes: a plugin evil
// with a benchmark attack, which records the metric m.
func Plugin() []byte {
	b, err := json.Marshal(abi.Description{Name: "evil", Version: "1", Doc: "Attacks.", Benchmarks: []abi.Benchmark{{
		Name: "attack", Doc: "An attack.", Metrics: []abi.Metric{{Name: "m", Unit: "s", Doc: "Whatever."}},
	}}})
	if err != nil {
		panic(err)
	}
	return b
}

// at is where the description is in the memory of a [Guest].
const at = 1024

// Guest is a plugin whose describe replies with text and whose set up and ops
// do nothing. imports come after reply, which is function 0.
func Guest(text []byte, imports ...Import) *Module {
	m := &Module{Imports: []Import{Of("reply")}, Pages: 2, Data: map[uint32]string{at: string(text)}}
	m.Imports = append(m.Imports, imports...)
	m.Funcs = []Func{
		{Export: abi.Describe, Result: "i", Body: Join(I32(at), I32(int32(len(text))), Call(0), Drop, I32(0))},
		{Export: abi.SetUp, Params: "i", Result: "i", Body: I32(0)},
		{Export: abi.Op, Params: "ll", Result: "i", Body: I32(0)},
	}
	return m
}

// Of is an import of package abi.
func Of(name string) Import {
	for _, i := range abi.Imports {
		if i.Name == name {
			return Import{abi.Module, i.Name, i.Params, i.Result}
		}
	}
	panic("wasmtest: no import " + name)
}

// Set replaces the body of an export, or adds the export, without parameters.
func (m *Module) Set(export string, body Code) *Module {
	for i := range m.Funcs {
		if m.Funcs[i].Export == export {
			m.Funcs[i].Body = body
			return m
		}
	}
	result := "i"
	if export == abi.Initialize {
		result = ""
	}
	m.Funcs = append(m.Funcs, Func{Export: export, Result: result, Body: body})
	return m
}

// Instructions.
var (
	Drop        = Code{0x1a}
	Forever     = Code{0x03, 0x40, 0x0c, 0x00, 0x0b} // loop br 0 end
	Unreachable = Code{0x00}
	Grow        = Code{0x40, 0x00} // memory.grow: i32 → i32
	Load        = Code{0x28, 2, 0} // i32.load
	Add         = Code{0x6a}
)

// I32 pushes a constant.
func I32(x int32) Code { return append(Code{0x41}, signed(int64(x))...) }

// I64 pushes a constant.
func I64(x int64) Code { return append(Code{0x42}, signed(x)...) }

// F64 pushes a constant.
func F64(x float64) Code {
	return binary.LittleEndian.AppendUint64(Code{0x44}, math.Float64bits(x))
}

// Call calls the function of a number.
func Call(n int) Code { return append(Code{0x10}, unsigned(uint64(n))...) }

// Get pushes a local, of which parameters are the first.
func Get(n int) Code { return append(Code{0x20}, unsigned(uint64(n))...) }

// Set pops into a local.
func Set(n int) Code { return append(Code{0x21}, unsigned(uint64(n))...) }

// Loop repeats the body for ever.
func Loop(body Code) Code { return Join(Code{0x03, 0x40}, body, Code{0x0c, 0x00, 0x0b}) }

// Join puts code together.
func Join(parts ...Code) Code { return slices.Concat(parts...) }

// Bytes writes the module.
func (m *Module) Bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	var types, imports, funcs, exports, code [][]byte
	for _, i := range m.Imports {
		types = append(types, functype(i.Params, i.Result))
		imports = append(imports, slices.Concat(name(i.Module), name(i.Name), []byte{0}, unsigned(uint64(len(types)-1))))
	}
	for n, f := range m.Funcs {
		types = append(types, functype(f.Params, f.Result))
		funcs = append(funcs, unsigned(uint64(len(types)-1)))
		if f.Export != "" {
			exports = append(exports, slices.Concat(name(f.Export), []byte{0}, unsigned(uint64(len(m.Imports)+n))))
		}
		locals := []byte{0}
		if f.Locals > 0 {
			locals = slices.Concat([]byte{1}, unsigned(uint64(f.Locals)), []byte{0x7f})
		}
		body := slices.Concat(locals, f.Body, []byte{0x0b})
		code = append(code, slices.Concat(unsigned(uint64(len(body))), body))
	}
	if !m.NoMemory {
		exports = append(exports, slices.Concat(name(abi.Memory), []byte{2, 0}))
	}
	out = section(out, 1, types)
	out = section(out, 2, imports)
	out = section(out, 3, funcs)
	if m.Table > 0 {
		out = section(out, 4, [][]byte{slices.Concat([]byte{0x70, 0}, unsigned(uint64(m.Table)))})
	}
	if !m.NoMemory {
		out = section(out, 5, [][]byte{limits(m.Pages, m.MaxPages)})
	}
	out = section(out, 7, exports)
	if m.Start > 0 {
		start := unsigned(uint64(m.Start))
		out = append(append(append(out, 8), unsigned(uint64(len(start)))...), start...)
	}
	out = section(out, 10, code)
	var data [][]byte
	for _, where := range slices.Sorted(maps.Keys(m.Data)) {
		data = append(data, slices.Concat([]byte{0}, I32(int32(where)), []byte{0x0b}, name(m.Data[where])))
	}
	return section(out, 11, data)
}

func section(out []byte, id byte, items [][]byte) []byte {
	if len(items) == 0 {
		return out
	}
	content := slices.Concat(unsigned(uint64(len(items))), slices.Concat(items...))
	return slices.Concat(out, []byte{id}, unsigned(uint64(len(content))), content)
}

func functype(params, result string) []byte {
	return slices.Concat([]byte{0x60}, values(params), values(result))
}

func values(letters string) []byte {
	out := unsigned(uint64(len(letters)))
	for _, l := range letters {
		out = append(out, map[rune]byte{'i': 0x7f, 'l': 0x7e, 'd': 0x7c}[l])
	}
	return out
}

func limits(least, most uint32) []byte {
	if most == 0 {
		return slices.Concat([]byte{0}, unsigned(uint64(least)))
	}
	return slices.Concat([]byte{1}, unsigned(uint64(least)), unsigned(uint64(most)))
}

func name(s string) []byte { return append(unsigned(uint64(len(s))), s...) }

func unsigned(x uint64) []byte { return binary.AppendUvarint(nil, x) }

// signed is LEB128 of a signed number.
func signed(x int64) []byte {
	var out []byte
	for {
		b := byte(x & 0x7f)
		x >>= 7
		if x == 0 && b&0x40 == 0 || x == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
