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

// MaxSize is the size in bytes of the largest document that [Decode] reads.
const MaxSize = 256 << 20

// Encode writes the document as indented JSON whose bytes depend on nothing
// but its content. It fills in run.Schema and run.Checksum, and makes nil
// lists and maps of run empty ones, so that readers never meet null where
// they expect a list. Text that comes from plugins is made printable first: a
// plugin cannot make a run that is impossible to write. Any other document
// that [Validate] would refuse is refused here too, except that histograms are
// taken as encoded by [NewHistogram].
//
// The checksum is the SHA-256 of the document's JSON text without
// insignificant whitespace and with the checksum's value empty.
func Encode(w io.Writer, run *Run) error {
	run.Schema, run.Checksum = Schema, ""
	tidy(run)
	fillEmpty(reflect.ValueOf(run).Elem())
	if err := validate(run, false); err != nil {
		return fmt.Errorf("encode run: %w", err)
	}
	compact, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("encode run: %w", err)
	}
	sum, err := checksum(compact)
	if err != nil {
		return fmt.Errorf("encode run: %w", err)
	}
	run.Checksum = sum
	// Every other byte stays as it was summed.
	compact, err = withChecksum(compact, sum)
	if err != nil {
		return fmt.Errorf("encode run: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return fmt.Errorf("encode run: %w", err)
	}
	out.WriteByte('\n')
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return nil
}

// Decode reads a document, which may come from anywhere, and checks all of
// it: size, schema, checksum and everything that [Validate] checks. Fields
// that this version does not know are ignored. The errors say what a person
// can do.
func Decode(r io.Reader) (*Run, error) { return decodeLimited(r, MaxSize) }

func decodeLimited(r io.Reader, size int64) (*Run, error) {
	raw, err := io.ReadAll(io.LimitReader(r, size+1))
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	if int64(len(raw)) > size {
		return nil, fmt.Errorf("read run: document is larger than %d MiB, which no run of harness writes", size>>20)
	}
	run, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	return run, nil
}

func decode(raw []byte) (*Run, error) {
	if err := checkSchema(raw); err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, err
	}
	want, err := checksum(compact.Bytes())
	if err != nil {
		return nil, err
	}
	var run Run
	if err := json.Unmarshal(raw, &run); err != nil {
		var typ *json.UnmarshalTypeError
		if errors.As(err, &typ) && typ.Field != "" {
			return nil, fmt.Errorf("%s: a JSON %s cannot be a value of this field", typ.Field, typ.Value)
		}
		return nil, err
	}
	if run.Checksum != want {
		return nil, fmt.Errorf("document was changed after it was written: its checksum says %s, its content has %s; use the original",
			Printable(run.Checksum, 80), want)
	}
	fillEmpty(reflect.ValueOf(&run).Elem())
	if err := Validate(&run); err != nil {
		return nil, err
	}
	return &run, nil
}

// checkSchema looks at the schema before anything else, because a document of
// another version cannot be expected to fit the types of this one.
func checkSchema(raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return errors.New("document is empty")
	}
	var head struct {
		Schema string `json:"schema"`
	}
	err := json.Unmarshal(raw, &head)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && strings.Contains(syntax.Error(), "unexpected end"):
		return fmt.Errorf("document ends in the middle, after %d bytes: it was cut off; harness never writes half a document, so copy it again", len(raw))
	case errors.As(err, &syntax):
		return fmt.Errorf("not a run document: at byte %d: %w", syntax.Offset, err)
	case err != nil || head.Schema == "":
		return fmt.Errorf("not a run document: it is JSON, but its schema is not %s", Schema)
	case head.Schema == Schema:
		return nil
	case strings.HasPrefix(head.Schema, "harness.run/"):
		return fmt.Errorf("document is %s, this harness reads %s: upgrade harness", Printable(head.Schema, 40), Schema)
	}
	return fmt.Errorf("not a run document: its schema is %q, want %s", Printable(head.Schema, 40), Schema)
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
		return 0, 0, errors.New("not a run document: not a JSON object")
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

// fillEmpty makes nil slices and maps empty ones, at any depth. Raw JSON is
// left alone.
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
