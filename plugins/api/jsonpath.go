package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// find returns the value at a path: a JSON Pointer (RFC 6901) if it starts
// with a slash, and otherwise a dotted path. The empty path is the document.
func find(doc any, path string) (any, bool) {
	switch {
	case path == "":
		return doc, true
	case path[0] == '/':
		return pointed(doc, path)
	}
	return dotted(doc, path)
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

func pointed(v any, path string) (any, bool) {
	for token := range strings.SplitSeq(path[1:], "/") {
		var ok bool
		if v, ok = child(v, pointerEscapes.Replace(token)); !ok {
			return nil, false
		}
	}
	return v, true
}

// dotted follows keys and, in arrays, indices from 0. A # is the length of
// an array.
func dotted(v any, path string) (any, bool) {
	for key := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok && key == "#" {
			v = json.Number(strconv.Itoa(len(list)))
			continue
		}
		var ok bool
		if v, ok = child(v, key); !ok {
			return nil, false
		}
	}
	return v, true
}

func child(v any, key string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		c, ok := v[key]
		return c, ok
	case []any:
		i, err := strconv.ParseUint(key, 10, 31)
		if err != nil || i >= uint64(len(v)) {
			return nil, false
		}
		return v[i], true
	}
	return nil, false
}

// same says that two decoded JSON values are equal. Numbers are equal by
// value: 1 and 1.0 are the same.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, x := range a {
			if y, ok := b[k]; !ok || !same(x, y) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a, b)
	}
	return a == b
}

func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, errX := a.Int64()
	y, errY := b.Int64()
	if errX == nil && errY == nil {
		return x == y
	}
	f, errF := a.Float64()
	g, errG := b.Float64()
	return errF == nil && errG == nil && f == g
}

// show writes a decoded JSON value into an error message, cut to 80 bytes.
func show(v any) string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return fmt.Sprint(v)
	}
	return clip(strings.TrimSpace(buf.String()), 80)
}

// clip cuts a text to at most n bytes, at the border of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
