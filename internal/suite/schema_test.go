package suite

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

func schema(t testing.TB) *jsonschema.Resolved {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheCommittedSchemaIsTheGeneratedOne(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(SchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say; run go generate ./internal/suite", SchemaFile)
	}
}

func TestEveryKeyHasADescription(t *testing.T) {
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, s *jsonschema.Schema)
	walk = func(path string, s *jsonschema.Schema) {
		if s == nil {
			return
		}
		for name, p := range s.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s has no description", path, name)
			}
			walk(path+"."+name, p)
		}
		walk(path, s.Items)
		walk(path, s.AdditionalProperties)
	}
	walk("", &s)
}

// instance is the value that a schema validator sees.
func instance(data []byte) (any, error) {
	root, err := readYAML("f", data)
	if err != nil {
		return nil, err
	}
	raw, err := toJSON(root, "", nil)
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(raw, &v)
}

// TestSchemaAndParserAgree runs the cases of testdata through both. What the
// parser refuses by a key's name, type or text, the schema has to refuse; what
// it refuses for what it means, the schema cannot know.
func TestSchemaAndParserAgree(t *testing.T) {
	s := schema(t)
	anything := func(string) (string, bool) { return "h:1", true }
	var accepted, refused int
	for _, m := range mistakes(t) {
		config, ok := m.files["harness.yaml"]
		if !ok || strings.Contains(m.want, "is here twice") || strings.Contains(m.want, "malformed ${") {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			v, err := instance([]byte(config))
			if err != nil {
				t.Fatal(err)
			}
			_, parseErr := parseFile("f", []byte(config), anything)
			schemaErr := s.Validate(v)
			// A value's sign and range are beyond a pattern when it is text.
			if strings.Contains(config, "9000h") || strings.Contains(config, "9000GiB") {
				return
			}
			if (parseErr == nil) != (schemaErr == nil) {
				t.Errorf("the parser says %v, the schema %v", parseErr, schemaErr)
			}
			if parseErr == nil {
				accepted++
			} else {
				refused++
			}
		})
	}
	if accepted < 20 || refused < 20 {
		t.Errorf("only %d accepted and %d refused", accepted, refused)
	}
}
