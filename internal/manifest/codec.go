package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Decode reads a manifest, which may come from anywhere, and checks all of it.
// Fields that this version does not know are ignored. The errors are one line
// and say what is wanted.
func Decode(r io.Reader) (*Manifest, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > MaxSize:
		return nil, fmt.Errorf("it is larger than %d MiB; a manifest holds no data", MaxSize>>20)
	}
	// The schema comes before the rest: a manifest of another version cannot
	// be expected to fit the types of this one.
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, jsonError(raw, err)
	}
	if family, _, _ := strings.Cut(Schema, "/"); head.Schema != Schema {
		if strings.HasPrefix(head.Schema, family+"/") {
			return nil, fmt.Errorf("it is %s, this harness reads %s: upgrade harness", show(head.Schema), Schema)
		}
		return nil, &ForeignError{head.Schema}
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, jsonError(raw, err)
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return &m, nil
}

// ForeignError says that a document is no manifest of a plugin, but some other
// program's file of the same name.
type ForeignError struct{ Schema string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("schema is %s, want %s", show(e.Schema), Schema)
}

// jsonError says in one line where a text is not the JSON that was expected.
func jsonError(raw []byte, err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case len(strings.TrimSpace(string(raw))) == 0:
		return errors.New("it is empty")
	case errors.As(err, &syntax):
		line := 1 + strings.Count(string(raw[:min(int(syntax.Offset), len(raw))]), "\n")
		return fmt.Errorf("it is not JSON at line %d: %w", line, err)
	case errors.As(err, &typ) && typ.Field != "":
		return fmt.Errorf("%s is a JSON %s, want %s", plain(typ.Field), typ.Value, kindOf(typ.Type))
	case errors.As(err, &typ):
		return fmt.Errorf("it is a JSON %s, want an object", typ.Value)
	}
	return err
}

// kindOf names a type the way people do who write JSON.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// plain is a key without what could drive a terminal, and not endless.
func plain(s string) string { return strings.Trim(show(s), `"`) }

// Read reads the manifest of a file. An absent file gives fs.ErrNotExist.
func Read(path string) (*Manifest, error) {
	// A pipe of that name would keep the reader waiting.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read manifest %s: it is no file", path)
	}
	m, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", path, err)
	}
	return m, nil
}

// Encode writes a manifest as indented JSON, filling in its schema. One that
// [Manifest.Validate] would refuse is not written.
func Encode(w io.Writer, m *Manifest) error {
	m.Schema = Schema
	if err := m.Validate(); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}
