package serve

import (
	"fmt"
	"log/slog"
	"unsafe"

	"github.com/benchharness/harness/sdk/abi"
)

//go:wasmimport harness_v1 log
func hostLog(level int32, text unsafe.Pointer, length int32) int32

//go:wasmimport harness_v1 config_get
func hostConfigGet(key unsafe.Pointer, keyLen int32, buf unsafe.Pointer, room int32) int32

//go:wasmimport harness_v1 reply
func hostReply(text unsafe.Pointer, length int32) int32

//go:wasmimport harness_v1 record
func hostRecord(metric int32, value float64) int32

//go:wasmimport harness_v1 should_stop
func hostShouldStop() int32

func reply(text []byte) error {
	if code := hostReply(unsafe.Pointer(unsafe.SliceData(text)), int32(len(text))); code < 0 {
		return fmt.Errorf("reply with %d bytes: code %d", len(text), code)
	}
	return nil
}

// config returns a text of the configuration.
func config(key string) ([]byte, error) {
	buf := make([]byte, 4<<10)
	for {
		n := hostConfigGet(unsafe.Pointer(unsafe.StringData(key)), int32(len(key)), unsafe.Pointer(unsafe.SliceData(buf)), int32(len(buf)))
		switch {
		case n == abi.NotFound:
			return nil, fmt.Errorf("the host knows no %q", key)
		case n < 0:
			return nil, fmt.Errorf("ask the host for %q: code %d", key, n)
		case int(n) <= len(buf):
			return buf[:n], nil
		}
		buf = make([]byte, n)
	}
}

// logWriter hands each entry to the host's log.
type logWriter struct{}

func (logWriter) Write(b []byte) (int, error) {
	hostLog(int32(slog.LevelInfo), unsafe.Pointer(unsafe.SliceData(b)), int32(len(b)))
	return len(b), nil
}

// logOptions leave out the time: the guest's clock is not the log's.
var logOptions = &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}}
