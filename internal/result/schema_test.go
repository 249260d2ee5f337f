package result

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/benchharness/harness/internal/schemadoc"
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

func generateSchema(t *testing.T) []byte {
	t.Helper()
	b, err := schemadoc.Document{
		Type: reflect.TypeFor[Run](), Schema: Schema, Sources: []string{"run.go", "capacity.go"},
		Words: map[reflect.Type][]any{reflect.TypeFor[Status](): {Measured, NotMeasured, Failed, Partial}},
	}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
