package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/benchharness/harness/internal/schemadoc"
)

var update = flag.Bool("update", false, "write the committed schema instead of comparing with it")

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// sample is a manifest with everything in it.
const sample = `{
  "schema": "harness.plugin/v1",
  "name": "hash",
  "version": "1.2.0",
  "doc": "Digests of random data",
  "license": "Apache-2.0",
  "kind": "wasm",
  "protocol": {"min": 1, "max": 2},
  "benchmarks": [
    {"name": "sha256", "doc": "SHA-256 of a block", "presets": [{"name": "sha256-4k", "doc": "of 4 KiB"}]},
    {"name": "fetch", "target": "http"}
  ],
  "capabilities": ["http", "blob"],
  "platforms": {"any": {"file": "harness-plugin-hash.wasm", "sha256": "` + digest + `"}}
}`

// program is the smallest manifest of an exec plugin.
const program = `{"schema": "harness.plugin/v1", "name": "hash", "version": "1", "kind": "exec",
"protocol": {"min": 1, "max": 1}, "benchmarks": [{"name": "sha256"}],
"platforms": {"linux/amd64": {"file": "harness-plugin-hash"}}}`

func TestAManifestIsReadAndWrittenBack(t *testing.T) {
	m, err := Decode(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	again, err := Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, again) {
		t.Errorf("read %+v, after writing it %+v", m, again)
	}
	a, key, ok := m.Artifact("linux/amd64")
	if !ok || key != AnyPlatform || a.SHA256 != digest {
		t.Errorf("the program is %+v under %q, want that of any", a, key)
	}
	p := m.Plugin()
	if p.Name != "hash" || len(p.Benchmarks) != 2 || p.Benchmarks[0].Presets[0].Name != "sha256-4k" || p.Benchmarks[1].Target != "http" {
		t.Errorf("the declaration is %+v", p)
	}
	if !strings.Contains(Join(m.Capabilities), "http, blob") {
		t.Errorf("capabilities are %q", Join(m.Capabilities))
	}
	for _, c := range Capabilities() {
		if c.Describe() == "" {
			t.Errorf("capability %s does not say what it is", c)
		}
	}
}

func TestAPlatformIsPreferredToAny(t *testing.T) {
	m := Manifest{Platforms: map[string]Artifact{AnyPlatform: {File: "any"}, "linux/amd64": {File: "own"}}}
	if a, _, _ := m.Artifact("linux/amd64"); a.File != "own" {
		t.Errorf("the program is %q, want its own", a.File)
	}
	delete(m.Platforms, AnyPlatform)
	if _, _, ok := m.Artifact("darwin/arm64"); ok {
		t.Error("there is a program for a platform that is not listed")
	}
	if Platform() == "" || strings.Count(Platform(), "/") != 1 {
		t.Errorf("this platform is %q", Platform())
	}
}

func TestAMistakeIsNamedInOneLine(t *testing.T) {
	for _, tt := range []struct{ what, from, to, want string }{
		{"nothing at all", sample, "  ", "it is empty"},
		{"no JSON", `"name"`, `name`, "it is not JSON at line 3"},
		{"cut off", sample, sample[:len(sample)-20], "it is not JSON at line"},
		{"more behind it", sample, sample + "{}", "it is not JSON"},
		{"a list", sample, "[]", "it is a JSON array, want an object"},
		{"a later schema", "harness.plugin/v1", "harness.plugin/v2", `it is "harness.plugin/v2", this harness reads harness.plugin/v1: upgrade harness`},
		{"another document", "harness.plugin/v1", "harness.run/v1", `schema is "harness.run/v1", want harness.plugin/v1`},
		{"a number as name", `"hash"`, `7`, "name is a JSON number, want text"},
		{"a text as version of the protocol", `"min": 1`, `"min": "1"`, "protocol.min is a JSON string, want a whole number"},
		{"a text as list", `["http", "blob"]`, `"http"`, "capabilities is a JSON string, want a list"},
		{"a list as platforms", `{"any": {"file": "harness-plugin-hash.wasm", "sha256": "` + digest + `"}}`, `[]`, "platforms is a JSON array, want an object"},
		{"a name in capitals", `"hash"`, `"Hash"`, `plugin "Hash": malformed name`},
		{"no version", `"1.2.0"`, `""`, "version is missing"},
		{"an escape sequence", `"1.2.0"`, `"1\u001b[2J"`, `version is "1\x1b[2J", want printable text`},
		{"a long version", `"1.2.0"`, `"` + strings.Repeat("1", 61) + `"`, "version has 61 bytes, want up to 60"},
		{"a text with two lines", `"of 4 KiB"`, `"a\nb"`, "benchmarks[0].presets[0].doc"},
		{"another kind", `"wasm"`, `"docker"`, `kind is "docker", want exec or wasm`},
		{"no protocol", `{"min": 1, "max": 2}`, `{}`, "protocol is 0 to 0"},
		{"a range turned round", `{"min": 1, "max": 2}`, `{"min": 2, "max": 1}`, "protocol is 2 to 1"},
		{"no benchmark", `"benchmarks"`, `"benches"`, "declares no benchmark"},
		{"a benchmark twice", `"fetch"`, `"sha256"`, `declares benchmark "sha256" twice`},
		{"an unknown capability", `"blob"]`, `"fs"]`, `capabilities[1] is "fs", want one of: clock, http, sql, blob`},
		{"a capability twice", `"blob"]`, `"http"]`, `capabilities[1] is "http" for the second time`},
		{"capabilities of a program", `"kind": "exec",`, `"kind": "exec", "capabilities": ["http"],`, "capabilities belong to wasm plugins"},
		{"no platform", `{"linux/amd64": {"file": "harness-plugin-hash"}}`, `{}`, "platforms has 0 items"},
		{"a platform without architecture", "linux/amd64", "linux", `platforms has the key "linux"`},
		{"a module for one platform", `"any": {`, `"linux/amd64": {`, "a wasm module runs everywhere: want any"},
		{"a path out of the folder", `harness-plugin-hash.wasm`, `../harness-plugin-hash.wasm`, `file is "../harness-plugin-hash.wasm", want the name of a file in this folder`},
		{"an absolute path", `harness-plugin-hash.wasm`, `/bin/x.wasm`, "want the name of a file in this folder"},
		{"a module that is none", `harness-plugin-hash.wasm`, `harness-plugin-hash`, "want a name that ends in .wasm"},
		{"a program that is a module", `"harness-plugin-hash"`, `"harness-plugin-hash.wasm"`, "but kind is exec"},
		{"a digest in capitals", digest, strings.ToUpper(digest), "want 64 hexadecimal digits in lower case"},
		{"a short digest", digest, digest[:63], "want 64 hexadecimal digits"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			from := sample
			if !strings.Contains(sample, tt.from) {
				from = program
			}
			text := strings.ReplaceAll(from, tt.from, tt.to)
			if text == from {
				t.Fatal("the mistake was not made")
			}
			_, err := Decode(strings.NewReader(text))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("says %v, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	text := strings.Replace(program, `"kind"`, `"homepage": "https://example.com", "kind"`, 1)
	if _, err := Decode(strings.NewReader(text)); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
}

func TestAnotherProgramsFileIsToldApart(t *testing.T) {
	for text, foreign := range map[string]bool{
		`{"id": "my-panel", "type": "panel"}`:           true,
		`{"schema": "https://example.com/plugin.json"}`: true,
		`{"schema": "harness.plugin/v2"}`:               false,
		`{"schema": "harness.plugin/v1"}`:               false,
		`{`:                                             false,
	} {
		_, err := Decode(strings.NewReader(text))
		var other *ForeignError
		if errors.As(err, &other) != foreign {
			t.Errorf("%s gives %v, want foreign %v", text, err, foreign)
		}
	}
}

func TestAHugeManifestIsRefused(t *testing.T) {
	text := program + strings.Repeat(" ", MaxSize)
	if _, err := Decode(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("says %v", err)
	}
}

func TestAFileIsNamedInItsErrors(t *testing.T) {
	dir := t.TempDir()
	bad, pipe := filepath.Join(dir, "bad.json"), filepath.Join(dir, "pipe.json")
	if err := os.WriteFile(bad, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(filepath.Join(dir, "none.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file gives %v", err)
	}
	for path, want := range map[string]string{bad: "it is not JSON", pipe: "it is no file", dir: "it is no file"} {
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want its path and %q", filepath.Base(path), err, want)
		}
	}
}

func TestABadManifestIsNotWritten(t *testing.T) {
	var b bytes.Buffer
	if err := Encode(&b, &Manifest{Name: "x"}); err == nil || b.Len() > 0 {
		t.Errorf("wrote %q, error %v", b.String(), err)
	}
}

func TestTheCommittedSchemaIsTheTypes(t *testing.T) {
	want, err := schemadoc.Document{
		Type: reflect.TypeFor[Manifest](), Schema: Schema, Sources: []string{"manifest.go"},
		Words: map[reflect.Type][]any{
			reflect.TypeFor[Kind]():       {Exec, WASM},
			reflect.TypeFor[Capability](): {Clock, HTTP, SQL, Blob},
		},
	}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("plugin.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, JSONSchema) {
		t.Error("plugin.schema.json differs from the types; run: go test ./internal/manifest -update")
	}
}

func TestManifestsFitTheSchemaAndOthersDoNot(t *testing.T) {
	schema := readSchema(t)
	for text, fits := range map[string]bool{
		sample: true, program: true,
		strings.Replace(sample, `"wasm"`, `"docker"`, 1):     false,
		strings.Replace(sample, `"blob"]`, `"fs"]`, 1):       false,
		strings.Replace(sample, "plugin/v1", "plugin/v9", 1): false,
		strings.Replace(program, `"name"`, `"title"`, 1):     false,
	} {
		var doc any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); (err == nil) != fits {
			t.Errorf("fits is %v, want %v: %v\n%s", err == nil, fits, err, text)
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

func FuzzDecode(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(program))
	f.Add([]byte(`{"schema": "harness.plugin/v1", "platforms": {"any": null}}`))
	f.Add([]byte(`[[[[{"schema":`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(bytes.NewReader(b))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error is not one printable line: %q", err)
			}
			return
		}
		var out bytes.Buffer
		if err := Encode(&out, m); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := Decode(&out)
		if err != nil || again.Name != m.Name || len(again.Platforms) != len(m.Platforms) {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
