package wasmhost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
	"github.com/benchharness/harness/sdk/abi"
)

// code is a negative result of an import.
func code(n int64) uint64 { return uint64(uint32(int32(n))) }

// memory returns the bytes that a guest points to, and notes it if they are
// not all in its memory.
func (in *instance) memory(name string, ptr, length uint64) ([]byte, bool) {
	b, ok := in.mem.Read(uint32(ptr), uint32(length))
	if !ok {
		in.note(abi.ClassABI, "%s was given %d bytes at %d, which are not all in the guest's memory of %d bytes",
			name, uint32(length), uint32(ptr), in.mem.Size())
	}
	return b, ok
}

// small is memory for what has the limit of results.
func (in *instance) small(name string, ptr, length uint64) ([]byte, int64) {
	if int64(uint32(length)) > in.m.limits.Result {
		in.note(abi.ClassLimit, "%s was given %d bytes, more than the limit of %d for results", name, uint32(length), in.m.limits.Result)
		return nil, abi.TooLarge
	}
	b, ok := in.memory(name, ptr, length)
	if !ok {
		return nil, abi.Fault
	}
	return b, 0
}

// give writes an answer into a guest's buffer if it fits, and returns its
// length.
func give(buf, answer []byte) uint64 {
	if len(answer) <= len(buf) {
		copy(buf, answer)
	}
	return uint64(uint32(len(answer)))
}

func (in *instance) hostNow(stack []uint64) { stack[0] = uint64(in.clock.monotonic()) }

func (in *instance) hostShouldStop(stack []uint64) {
	stack[0] = 0
	if in.ctx.Err() != nil {
		stack[0] = 1
	}
}

func (in *instance) hostReply(stack []uint64) {
	b, bad := in.small("reply", stack[0], stack[1])
	if bad < 0 {
		stack[0] = code(bad)
		return
	}
	in.reply = append(in.reply[:0], b...)
	stack[0] = uint64(len(b))
}

// maxValues is how many values an op may record: they are kept until it ends.
const maxValues = 4096

func (in *instance) hostRecord(stack []uint64) {
	if in.phase != pulse.Op {
		in.note(abi.ClassABI, "record was called outside an op")
		stack[0] = code(abi.NotNow)
		return
	}
	if in.values++; in.values > maxValues {
		in.note(abi.ClassLimit, "the op has recorded more than %d values", maxValues)
		stack[0] = code(abi.TooLarge)
		return
	}
	n := int32(uint32(stack[0]))
	name := "that the guest did not declare"
	if n >= 0 && int(n) < len(in.metrics) {
		name = in.metrics[n].Name
	}
	in.current.Record(name, math.Float64frombits(stack[1]))
	stack[0] = 0
}

func (in *instance) hostLog(stack []uint64) {
	level := slog.Level(int32(uint32(stack[0])))
	b, ok := in.memory("log", stack[1], stack[2])
	if !ok {
		stack[0] = code(abi.Fault)
		return
	}
	stack[0] = uint64(len(b))
	if level >= slog.LevelError {
		in.words = oneLine(string(b[:min(len(b), maxWords)]))
	}
	if !in.say(level, b) {
		stack[0] = code(abi.TooLarge)
	}
}

// maxLine is how much of one entry of the log is kept, in bytes.
const maxLine = 4 << 10

// maxWords is how much of a runtime's last words an error repeats, in bytes.
const maxWords = 200

// say puts an entry into the plugin's log, as long as there is room in it.
func (in *instance) say(level slog.Level, text []byte) bool {
	if in.m.logLeft.Add(-int64(len(text))-1) < 0 {
		in.note(abi.ClassLimit, "the guest's log has reached its limit of %d bytes", in.m.limits.Log)
		return false
	}
	in.log.Log(context.Background(), level, string(bytes.TrimRight(text[:min(len(text), maxLine)], "\n")))
	return true
}

// print collects what a guest prints into entries of one line.
func (in *instance) print(text []byte) {
	for len(text) > 0 {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		room := max(maxLine-len(in.line), 0)
		if len(line) > room { // the rest of a long line is an entry of its own
			line, rest, ended = line[:room], text[room:], true
		}
		in.line = append(in.line, line...)
		text = rest
		if ended && !in.flush() {
			return
		}
	}
}

// flush makes an entry of what was printed.
func (in *instance) flush() bool {
	if len(in.line) == 0 {
		return true
	}
	line := in.line
	in.line = in.line[:0]
	if bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: ")) {
		in.words = oneLine(string(line[:min(len(line), maxWords)]))
	}
	return in.say(slog.LevelInfo, line)
}

func (in *instance) hostConfigGet(stack []uint64) {
	key, bad := in.small("config_get", stack[0], stack[1])
	buf, ok := in.memory("config_get", stack[2], stack[3])
	switch {
	case bad < 0:
		stack[0] = code(bad)
		return
	case !ok:
		stack[0] = code(abi.Fault)
		return
	}
	text, known := in.config(string(key))
	if !known {
		stack[0] = code(abi.NotFound)
		return
	}
	stack[0] = give(buf, []byte(text))
}

// config is a text of the configuration.
func (in *instance) config(key string) (text string, known bool) {
	if key == "last_error" {
		return in.last, in.last != ""
	}
	s := in.setup
	if s == nil {
		return "", false
	}
	if name, ok := strings.CutPrefix(key, "param."); ok {
		return param(s.Params, name)
	}
	switch key {
	case "setup":
		b, err := json.Marshal(s)
		return string(b), err == nil
	case "id":
		return s.ID, true
	case "run_id":
		return s.RunID, true
	case "seed":
		return strconv.FormatUint(s.Seed, 10), true
	case "worker":
		return strconv.Itoa(s.Worker), true
	case "target.name":
		return s.Target.Name, s.Target.Name != ""
	case "target.kind":
		return s.Target.Kind, s.Target.Kind != ""
	}
	return "", false
}

// param is a parameter as a text: a string as it is, anything else as JSON.
func param(params map[string]json.RawMessage, name string) (string, bool) {
	raw, ok := params[name]
	for !ok {
		var first string
		first, name, ok = strings.Cut(name, ".")
		if !ok {
			return "", false
		}
		var inner map[string]json.RawMessage
		if json.Unmarshal(params[first], &inner) != nil {
			return "", false
		}
		params = inner
		raw, ok = params[name]
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	return string(raw), true
}

// maxLast is how much of an error a guest is told, in bytes.
const maxLast = 500

// refuse remembers why an import failed and returns its code.
func (in *instance) refuse(n int64, format string, args ...any) uint64 {
	in.last = oneLine(fmt.Sprintf(format, args...))
	in.last = in.last[:min(len(in.last), maxLast)]
	return code(n)
}
