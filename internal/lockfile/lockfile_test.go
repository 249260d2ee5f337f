package lockfile

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
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/schemadoc"
)

var update = flag.Bool("update", false, "write the committed schema instead of comparing with it")

var (
	one = strings.Repeat("1", 64)
	two = strings.Repeat("2", 64)
)

func sample() *File {
	return &File{Plugins: map[string]Pin{
		"hash": {Source: "github.com/acme/harness-plugin-hash", Version: "1.2.0", Kind: manifest.Exec,
			SHA256: map[string]string{"linux/amd64": one, "darwin/arm64": two}},
		"sand": {Source: Local, Kind: manifest.WASM, SHA256: map[string]string{"any": two}},
	}}
}

func write(t *testing.T, f *File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	if err := Write(path, f); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestALockfileIsReadBackAsItWasWritten(t *testing.T) {
	path := write(t, sample())
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Schema = Schema
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	first, _ := os.ReadFile(path)
	second, _ := os.ReadFile(write(t, got))
	if !bytes.Equal(first, second) {
		t.Errorf("the bytes differ:\n%s\n%s", first, second)
	}
}

func TestAPluginThatIsNotAsPinnedIsNamedWithARemedy(t *testing.T) {
	f := sample()
	good := Found{Name: "hash", Path: "/p/hash", Kind: manifest.Exec, Digest: one, Platform: "linux/amd64"}
	for _, tt := range []struct {
		what   string
		change func(*Found)
		want   []string
	}{
		{"as pinned", func(*Found) {}, nil},
		{"a module as pinned", func(p *Found) { p.Name, p.Kind, p.Digest = "sand", manifest.WASM, two }, nil},
		{"another digest", func(p *Found) { p.Digest = two }, []string{"plugin hash differs from harness.lock", "/p/hash", "222222222222…", "pinned is 111111111111…", "update --locked"}},
		{"not pinned", func(p *Found) { p.Name = "zip" }, []string{"plugin zip is not pinned in harness.lock", "harness plugin lock zip", "or remove /p/hash"}},
		{"another kind", func(p *Found) { p.Kind = manifest.WASM }, []string{"is of kind wasm", "kind exec"}},
		{"another platform", func(p *Found) { p.Platform = "linux/arm64" }, []string{"has no digest for linux/arm64"}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			p := good
			tt.change(&p)
			err := f.Check("harness.lock", p)
			if tt.want == nil {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if mismatch := (*MismatchError)(nil); !errors.As(err, &mismatch) {
				t.Fatalf("error is %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("says %q, want %q in it", err, w)
				}
			}
		})
	}
}

func TestPinningKeepsOtherPlatformsOfTheSameVersion(t *testing.T) {
	p := Found{Name: "hash", Kind: manifest.Exec, Digest: two, Platform: "linux/amd64"}
	const source = "github.com/acme/harness-plugin-hash"
	for _, tt := range []struct {
		what    string
		version string
		other   map[string]string
		want    map[string]string
		changed bool
	}{
		{"the same version, built again", "1.2.0", nil, map[string]string{"linux/amd64": two, "darwin/arm64": two}, true},
		{"a new version", "1.3.0", nil, map[string]string{"linux/amd64": two}, true},
		{"a new version for several platforms", "1.3.0", map[string]string{"linux/arm64": one}, map[string]string{"linux/amd64": two, "linux/arm64": one}, true},
		{"one program for all platforms", "1.2.0", map[string]string{"any": one}, map[string]string{"any": two}, true},
	} {
		t.Run(tt.what, func(t *testing.T) {
			f := sample()
			if got := f.Pin(p, source, tt.version, tt.other); got != tt.changed {
				t.Errorf("changed is %v", got)
			}
			if got := f.Plugins["hash"].SHA256; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("digests are %v, want %v", got, tt.want)
			}
			if f.Pin(p, source, tt.version, tt.other) {
				t.Error("to pin it again changes something")
			}
		})
	}
	f := &File{}
	f.Pin(Found{Name: "sand", Kind: manifest.WASM, Digest: one, Platform: "linux/amd64"}, Local, "", nil)
	if d, ok := f.Plugins["sand"].Digest("darwin/arm64"); !ok || d != one {
		t.Errorf("a module is pinned as %v, want for any platform", f.Plugins["sand"])
	}
}

func TestADigestFindsItsName(t *testing.T) {
	f := sample()
	if name, ok := f.NameOf(one, "linux/amd64"); !ok || name != "hash" {
		t.Errorf("the name is %q", name)
	}
	if name, ok := f.NameOf(one, "darwin/arm64"); ok {
		t.Errorf("a digest for another platform finds %q", name)
	}
}

func TestAMistakeInALockfileIsNamedInOneLine(t *testing.T) {
	b, err := os.ReadFile(write(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for _, tt := range []struct{ what, from, to, want string }{
		{"no JSON", "{", "", "it is not the JSON of a lockfile"},
		{"a merge conflict", "{\n", "{\n<<<<<<< HEAD\n", "merge conflict"},
		{"a plugin twice", `"plugins": {`, `"plugins": {"hash": {}, `, `"hash" is in an object twice`},
		{"a digest twice", `"any": `, `"any": "x", "any": `, `"any" is in an object twice`},
		{"a later version", "lock/v1", "lock/v2", "upgrade harness"},
		{"another document", "harness.lock/v1", "harness.run/v1", `schema is "harness.run/v1"`},
		{"an unknown key", `"kind"`, `"kinds"`, `unknown field "kinds"`},
		{"a bad name", `"hash"`, `"../hash"`, "want lower-case letters"},
		{"no source", `"local"`, `""`, "plugins.sand.source"},
		{"an escape sequence", `"1.2.0"`, `"\u001b[2J"`, "plugins.hash.version"},
		{"another kind", `"exec"`, `"docker"`, `plugins.hash.kind is "docker"`},
		{"no digest", `"any": "` + two + `"`, "", "plugins.sand.sha256 has 0 digests"},
		{"a bad platform", "linux/amd64", "linux", `has the key "linux"`},
		{"a bad digest", one, one[:60], "want 64 hexadecimal digits"},
		{"a large file", good, good + strings.Repeat(" ", MaxSize), "larger than 1 MiB"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			text := strings.Replace(good, tt.from, tt.to, 1)
			if text == good {
				t.Fatal("the mistake was not made")
			}
			path := filepath.Join(t.TempDir(), FileName)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("says %v, want the path and %q in one line", err, tt.want)
			}
		})
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file gives %v", err)
	}
	if err := Write(filepath.Join(t.TempDir(), "x"), &File{Plugins: map[string]Pin{"x": {}}}); err == nil {
		t.Error("a bad lockfile is written")
	}
}

func TestTheCommittedSchemaIsTheTypes(t *testing.T) {
	want, err := schemadoc.Document{
		Type: reflect.TypeFor[File](), Schema: Schema, Sources: []string{"lockfile.go"},
		Words: map[reflect.Type][]any{reflect.TypeFor[manifest.Kind](): {manifest.Exec, manifest.WASM}},
	}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("lock.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, JSONSchema) {
		t.Error("lock.schema.json differs from the types; run: go test ./internal/lockfile -update")
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(JSONSchema, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(write(t, sample()))
	var doc any
	if err := errors.Join(err, json.Unmarshal(b, &doc)); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(doc); err != nil {
		t.Errorf("a lockfile does not fit the schema: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema": "harness.lock/v1", "plugins": {"hash": {"source": "local", "kind": "exec", "sha256": {"any": "` + one + `"}}}}`))
	f.Add([]byte(`{"schema": "harness.lock/v1", "plugins": null}`))
	f.Add([]byte(`{"schema": "harness.lock/v1", "plugins": {"\u001b": 1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		lock, err := Decode(bytes.NewReader(b))
		if err != nil {
			if strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the error drives a terminal: %q", err)
			}
			return
		}
		for name := range lock.Plugins {
			_ = lock.Check("harness.lock", Found{Name: name, Kind: manifest.Exec, Digest: one, Platform: "linux/amd64"})
		}
	})
}
