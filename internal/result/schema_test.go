package result

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

var update = flag.Bool("update", false, "write generated files instead of comparing them")

const schemaFile = "run.schema.json"

func TestTheCommittedSchemaIsTheTypes(t *testing.T) {
	want := generateSchema(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, JSONSchema) {
		t.Errorf("%s differs from the types; run: go test ./internal/result -update", schemaFile)
	}
}

func TestAnEncodedRunFitsTheSchema(t *testing.T) {
	schema := readSchema(t)
	for name, run := range map[string]*Run{"a full run": testRun(), "an empty run": {ID: "x"}} {
		var doc any
		if err := json.Unmarshal(encode(t, run), &doc); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaRefusesOtherDocuments(t *testing.T) {
	schema := readSchema(t)
	for name, change := range map[string]func(map[string]any){
		"another schema":    func(d map[string]any) { d["schema"] = "harness.run/v9" },
		"no benchmarks":     func(d map[string]any) { delete(d, "benchmarks") },
		"an unknown status": func(d map[string]any) { d["benchmarks"].([]any)[0].(map[string]any)["status"] = "fine" },
		"a text as seed":    func(d map[string]any) { d["plan"].(map[string]any)["seed"] = "x" },
	} {
		var doc map[string]any
		if err := json.Unmarshal(encode(t, testRun()), &doc); err != nil {
			t.Fatal(err)
		}
		change(doc)
		if schema.Validate(doc) == nil {
			t.Errorf("a document with %s fits", name)
		}
	}
}

func readSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(JSONSchema, &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// generateSchema infers the schema from the types, opens it for the fields of
// later versions, and describes it with the comments in run.go.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	enum := func(values ...any) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Enum: values} }
	root, err := jsonschema.For[Run](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[json.RawMessage](): {},
		reflect.TypeFor[Status]():          enum("measured", "not_measured", "failed", "partial"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = Schema
	describe(root, reflect.TypeFor[Run](), comments(t))
	root.Properties["schema"].Enum = []any{Schema}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
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

// comments returns the comments of fields in run.go by Type.Field.
func comments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "run.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			spec, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range st.Fields.List {
				text := strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
				for _, n := range f.Names {
					out[spec.Name.Name+"."+n.Name] = text
				}
			}
		}
	}
	return out
}
