package result

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Format is what the documents of harness have in common: indented JSON that
// names its schema and carries its own checksum.
type Format struct {
	Name    string // in errors: "run"
	Schema  string // "harness.run/v1"
	MaxSize int64  // bytes, of what Decode reads
}

// Encode writes doc, a pointer to a struct, whose field sum has the JSON name
// checksum, and sets sum. The same document gives the same bytes.
func (f Format) Encode(w io.Writer, doc any, sum *string) error {
	*sum = ""
	compact, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encode %s: %w", f.Name, err)
	}
	if *sum, err = checksum(compact); err != nil {
		return fmt.Errorf("encode %s: %w", f.Name, err)
	}
	// Every other byte stays as it was summed.
	if compact, err = withChecksum(compact, *sum); err != nil {
		return fmt.Errorf("encode %s: %w", f.Name, err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return fmt.Errorf("encode %s: %w", f.Name, err)
	}
	out.WriteByte('\n')
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", f.Name, err)
	}
	return nil
}

// Decode reads a document into doc and checks its size, schema and checksum.
// Fields that doc does not have are ignored.
func (f Format) Decode(r io.Reader, doc any, sum *string) error {
	raw, err := f.read(r)
	if err != nil {
		return err
	}
	rest, err := f.decode(raw, doc, sum)
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = f.checkSchema(raw) // it knows the place
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	return nil
}

// read reads all of a document's text.
func (f Format) read(r io.Reader) ([]byte, error) {
	var text bytes.Buffer
	if sized, ok := r.(interface{ Len() int }); ok {
		text.Grow(min(sized.Len(), int(f.MaxSize)) + bytes.MinRead)
	}
	if _, err := text.ReadFrom(io.LimitReader(r, f.MaxSize+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	if int64(text.Len()) > f.MaxSize {
		return nil, tooLarge(f)
	}
	return text.Bytes(), nil
}

func tooLarge(f Format) error {
	return fmt.Errorf("read %s: document is larger than %d MiB, which no %[1]s of harness writes", f.Name, f.MaxSize>>20)
}

// decode reads the document that the text begins with, once for its checksum
// and once for its content, and returns the text behind it. What belongs to a
// [Run] takes a shorter way, see scan.
func (f Format) decode(raw []byte, doc any, sum *string) (rest []byte, err error) {
	_, lift := doc.(*Run)
	return f.decodeLifting(raw, doc, sum, lift)
}

func (f Format) decodeLifting(raw []byte, doc any, sum *string, lift bool) (rest []byte, err error) {
	all := raw
	found, bad := scan(raw, lift)
	if found.end > 0 {
		raw, rest = raw[:found.end], raw[found.end:]
	}
	if bad != nil || found.schema != f.Schema {
		if err := f.checkSchema(raw); err != nil {
			return nil, err
		}
	}
	if bad != nil {
		return nil, bad
	}
	if err := json.Unmarshal(found.slim, doc); err != nil {
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) && typ.Field != "" {
			return nil, fmt.Errorf("%s: a JSON %s cannot be a value of this field", typ.Field, typ.Value)
		}
		if err := f.checkSchema(raw); err != nil { // it knows the place
			return nil, err
		}
		return nil, err
	}
	if *sum != found.sum {
		return nil, fmt.Errorf("document was changed after it was written: its checksum says %s, its content has %s; use the original",
			Printable(*sum, 80), found.sum)
	}
	if run, ok := doc.(*Run); ok && lift && !found.lower(run) {
		*run = Run{}
		return f.decodeLifting(all, doc, sum, false)
	}
	return rest, nil
}

// checkSchema looks at the schema before anything else, because a document of
// another version cannot be expected to fit the types of this one.
func (f Format) checkSchema(raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return errors.New("document is empty")
	}
	var head struct {
		Schema string `json:"schema"`
	}
	err := json.Unmarshal(raw, &head)
	var syntax *json.SyntaxError
	family, _, _ := strings.Cut(f.Schema, "/")
	switch {
	case errors.As(err, &syntax) && strings.Contains(syntax.Error(), "unexpected end"):
		return fmt.Errorf("document ends in the middle, after %d bytes: it was cut off; harness never writes half a document, so copy it again", len(raw))
	case errors.As(err, &syntax):
		return fmt.Errorf("not a %s document: at byte %d: %w", f.Name, syntax.Offset, err)
	case err != nil || head.Schema == "":
		return fmt.Errorf("not a %s document: it is JSON, but its schema is not %s", f.Name, f.Schema)
	case head.Schema == f.Schema:
		return nil
	case strings.HasPrefix(head.Schema, family+"/"):
		return fmt.Errorf("document is %s, this harness reads %s: upgrade harness", Printable(head.Schema, 40), f.Schema)
	}
	return fmt.Errorf("not a %s document: its schema is %q, want %s", f.Name, Printable(head.Schema, 40), f.Schema)
}

// checksum returns the checksum of a document given as compact JSON.
func checksum(compact []byte) (string, error) {
	empty, err := withChecksum(compact, "")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(empty)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// withChecksum returns a copy of a compact document in which the value of the
// top-level field checksum is sum, and nothing else is changed.
func withChecksum(compact []byte, sum string) ([]byte, error) {
	from, to, err := findChecksum(compact)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(compact)+len(sum))
	out = append(out, compact[:from]...)
	out = append(out, '"')
	out = append(out, sum...)
	out = append(out, '"')
	return append(out, compact[to:]...), nil
}

// findChecksum returns where the value of the top-level field checksum lies.
func findChecksum(compact []byte) (from, to int64, err error) {
	d := json.NewDecoder(bytes.NewReader(compact))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0, 0, errors.New("document is not a JSON object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0, 0, err
		}
		start := d.InputOffset() + 1 // the colon
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			return 0, 0, err
		}
		if key != "checksum" {
			continue
		}
		if to != 0 {
			return 0, 0, errors.New("document has two checksums")
		}
		from, to = start, d.InputOffset()
	}
	if to == 0 {
		return 0, 0, errors.New("document has no checksum: it was changed after it was written; use the original")
	}
	return from, to, nil
}

// FillEmpty makes nil slices and maps of the struct that doc points to empty
// ones, at any depth, so that readers never meet null where they expect a
// list. Raw JSON and what is behind pointers is left alone.
func FillEmpty(doc any) { fillEmpty(reflect.ValueOf(doc).Elem()) }

func fillEmpty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillEmpty(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			return
		}
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				fillEmpty(v.Index(i))
			}
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	}
}
