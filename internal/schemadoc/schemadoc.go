// Package schemadoc makes the JSON Schema of a document out of the Go types
// that hold it: their fields, described by the comments beside them.
//
// Tests use it to write the committed schemas and to see that they have not
// drifted. No command needs it.
package schemadoc

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Document says what to make a schema of.
type Document struct {
	Type    reflect.Type // a struct with the field schema
	Schema  string       // the value of that field, and the title
	Sources []string     // Go files whose comments describe the fields
	// Words are the values that a type of text may have.
	Words map[reflect.Type][]any
}

// Generate returns the schema (draft 2020-12), open for the fields of later
// versions.
func (d Document) Generate() ([]byte, error) {
	types := map[reflect.Type]*jsonschema.Schema{reflect.TypeFor[json.RawMessage](): {}}
	for t, words := range d.Words {
		types[t] = &jsonschema.Schema{Type: "string", Enum: words}
	}
	root, err := jsonschema.ForType(d.Type, &jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", d.Type, err)
	}
	docs := map[string]string{}
	for _, file := range d.Sources {
		found, err := comments(file)
		if err != nil {
			return nil, fmt.Errorf("schema of %v: %w", d.Type, err)
		}
		maps.Copy(docs, found)
	}
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = d.Schema
	describe(root, d.Type, docs)
	if root.Properties["schema"] == nil {
		return nil, fmt.Errorf("schema of %v: it has no field schema", d.Type)
	}
	root.Properties["schema"].Enum = []any{d.Schema}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", d.Type, err)
	}
	return append(b, '\n'), nil
}

func describe(s *jsonschema.Schema, typ reflect.Type, docs map[string]string) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		if typ.Kind() == reflect.Slice && s.Items != nil {
			s = s.Items
		} else if typ.Kind() == reflect.Map && s.AdditionalProperties != nil {
			s = s.AdditionalProperties
		}
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || len(s.Properties) == 0 {
		return
	}
	s.AdditionalProperties = nil
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[name]
		if p == nil {
			continue
		}
		p.Description = docs[typ.Name()+"."+f.Name]
		describe(p, f.Type, docs)
	}
}

// comments returns the comments of the fields of a file's structs, by
// Type.Field.
func comments(name string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if st, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range st.Fields.List {
				text := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
				for _, n := range f.Names {
					out[spec.Name.Name+"."+n.Name] = text
				}
			}
		}
		return false
	})
	return out, nil
}
