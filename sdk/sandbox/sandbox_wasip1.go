package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unsafe"

	"github.com/benchharness/harness/sdk/abi"
)

//go:wasmimport harness_v1 now
func hostNow() int64

//go:wasmimport harness_v1 config_get
func hostConfigGet(key unsafe.Pointer, keyLen int32, buf unsafe.Pointer, room int32) int32

//go:wasmimport harness_v1 http_do
func hostHTTP(method unsafe.Pointer, methodLen int32, path unsafe.Pointer, pathLen int32, header unsafe.Pointer, headerLen int32,
	body unsafe.Pointer, bodyLen int32, buf unsafe.Pointer, room int32) int64

//go:wasmimport harness_v1 sql_query
func hostSQL(sql unsafe.Pointer, sqlLen int32, args unsafe.Pointer, argsLen int32, buf unsafe.Pointer, room int32) int32

//go:wasmimport harness_v1 blob_read
func hostBlob(name unsafe.Pointer, nameLen int32, offset int64, buf unsafe.Pointer, room int32) int32

// HTTP sends a request and reads the answer into buf. It needs the capability
// http.
func HTTP(r Request, buf []byte) (Response, error) {
	header := strings.Join(r.Header, "\n")
	n := hostHTTP(text(r.Method), length(r.Method), text(r.Path), length(r.Path), text(header), length(header),
		bytes(r.Body), int32(len(r.Body)), bytes(buf), int32(len(buf)))
	if n < 0 {
		return Response{}, failure("http", n)
	}
	resp := Response{Status: int(n >> 32)}
	size := int(uint32(n))
	if size > len(buf) {
		return resp, fmt.Errorf("http: %d bytes: %w", size, ErrTooLarge)
	}
	resp.Body = buf[:size]
	return resp, nil
}

// Query runs one SQL statement with arguments that can be JSON, and returns
// its rows as a JSON array of arrays, in buf. It needs the capability sql.
func Query(sql string, args []any, buf []byte) ([]byte, error) {
	list, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("sql: arguments: %w", err)
	}
	if len(args) == 0 {
		list = nil
	}
	n := hostSQL(text(sql), length(sql), bytes(list), int32(len(list)), bytes(buf), int32(len(buf)))
	switch {
	case n < 0:
		return nil, failure("sql", int64(n))
	case int(n) > len(buf):
		return nil, fmt.Errorf("sql: %d bytes: %w", n, ErrTooLarge)
	}
	return buf[:n], nil
}

// ReadBlob reads from a file of the granted folder into buf, from offset on.
// It returns how much it read, 0 at the end. It needs the capability blob.
func ReadBlob(name string, offset int64, buf []byte) (int, error) {
	n := hostBlob(text(name), length(name), offset, bytes(buf), int32(len(buf)))
	if n < 0 {
		return 0, failure("blob", int64(n))
	}
	return int(n), nil
}

// Now is the guest's monotonic clock: the machine's with the capability clock,
// else one that moves with every reading.
func Now() time.Duration { return time.Duration(hostNow()) }

func text(s string) unsafe.Pointer  { return unsafe.Pointer(unsafe.StringData(s)) }
func length(s string) int32         { return int32(len(s)) }
func bytes(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// failure makes an error of a code.
func failure(what string, code int64) error {
	switch code {
	case abi.Stopped:
		return fmt.Errorf("%s: %w", what, context.DeadlineExceeded)
	case abi.NotFound:
		return fmt.Errorf("%s: %w", what, fs.ErrNotExist)
	case abi.TooLarge:
		return fmt.Errorf("%s: %w", what, ErrTooLarge)
	}
	buf := make([]byte, 512)
	const key = "last_error"
	if n := hostConfigGet(text(key), length(key), bytes(buf), int32(len(buf))); n > 0 && int(n) <= len(buf) {
		return fmt.Errorf("%s: %w", what, errors.New(string(buf[:n])))
	}
	return fmt.Errorf("%s: code %d", what, code)
}
