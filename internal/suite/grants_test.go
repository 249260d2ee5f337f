package suite

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/manifest"
)

func TestWhatTheFileGrantsIsPlanned(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "harness.yaml"), `version: 1
plugins:
  db:
    grant: [blob, http]
    blobs: ./data
    limits: {memory: 32MiB, op_time: 500ms, round_time: 60, set_up_time: 2s, log: 4096, result: 2MiB}
  vector: {blobs: ./data}
  api: {}
`)
	file := Grant{
		Capabilities: []manifest.Capability{manifest.HTTP, manifest.Blob}, Blobs: filepath.Join(dir, "data"), Source: "harness.yaml:4",
		Limits: Limits{Memory: 32 << 20, OpTime: 500 * time.Millisecond, RoundTime: time.Minute, SetUpTime: 2 * time.Second, Log: 4096, Result: 2 << 20},
	}
	byFlag := func(g Grant, blobs string, c ...manifest.Capability) Grant {
		g.Capabilities, g.Blobs, g.Source = c, blobs, "flag --grant"
		return g
	}
	nothing := Grant{Source: "harness.yaml:7"}
	for _, tt := range []struct {
		name  string
		flags []string
		want  map[string]Grant
	}{
		{"the file's", nil, map[string]Grant{"db": file, "vector": nothing}},
		{"a flag replaces the capabilities and leaves the limits", []string{"db=clock"},
			map[string]Grant{"db": byFlag(file, "", manifest.Clock), "vector": nothing}},
		{"a flag takes all away", []string{"db="}, map[string]Grant{"db": byFlag(file, ""), "vector": nothing}},
		{"a flag grants the blobs of the file's folder", []string{"vector=sql, blob"},
			map[string]Grant{"db": file, "vector": byFlag(Grant{}, file.Blobs, manifest.SQL, manifest.Blob)}},
		{"a flag names a folder of its own", []string{"api=blob:."},
			map[string]Grant{"db": file, "vector": nothing, "api": byFlag(Grant{}, dir, manifest.Blob)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := Inputs{Dir: dir, Catalog: newCatalog(), Flags: Flags{Grants: tt.flags}}
			got, err := Grants(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("grants are\n%+v, want\n%+v", got, tt.want)
			}
			p, err := Resolve(t.Context(), in)
			if err != nil || !reflect.DeepEqual(p.Grants, got) {
				t.Errorf("the plan has %+v, %v", p.Grants, err)
			}
		})
	}
	p, err := Resolve(t.Context(), Inputs{Dir: dir, Catalog: newCatalog()})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Setting{
		{"grant", "db=http,blob:" + filepath.Join(dir, "data"), "harness.yaml:4"},
		{"limits", "db: memory 32MiB, op_time 500ms, round_time 1m0s, set_up_time 2s, log 4KiB, result 2MiB", "harness.yaml:6"},
	} {
		if got := setting(t, p, want.Name); got != want {
			t.Errorf("it is shown as %+v, want %+v", got, want)
		}
	}
	// A grant is shown as the flag that would make it.
	in := Inputs{Dir: dir, Catalog: newCatalog(), Flags: Flags{Grants: []string{setting(t, p, "grant").Value}}}
	if g, err := Grants(t.Context(), in); err != nil || !reflect.DeepEqual(g["db"].Capabilities, file.Capabilities) || g["db"].Blobs != file.Blobs {
		t.Errorf("by flag it is %+v, %v", g["db"], err)
	}
}

func TestAPluginByNameMayHaveAPath(t *testing.T) {
	c := newCatalog()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "db"), "")
	write(t, filepath.Join(dir, "harness.yaml"), "version: 1\nplugins:\n  db: {path: ./db, grant: [sql]}\n")
	p, err := Resolve(t.Context(), Inputs{Dir: dir, Catalog: c})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.paths) != 1 || c.paths[0] != filepath.Join(dir, "db") || p.Grants["db"].Capabilities[0] != manifest.SQL {
		t.Errorf("paths are %q, grants %+v", c.paths, p.Grants)
	}
}

func TestWithoutACatalogAnyNameIsGranted(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "harness.yaml"), "version: 1\nplugins:\n  nobody: {path: ./nowhere, grant: [sql]}\n")
	got, err := Grants(t.Context(), Inputs{Dir: dir, Flags: Flags{Grants: []string{"other=http"}}})
	if err != nil || len(got["nobody"].Capabilities) != 1 || len(got["other"].Capabilities) != 1 {
		t.Errorf("grants are %+v, %v", got, err)
	}
}

func TestSizesAreShownInTheirLargestUnit(t *testing.T) {
	for n, want := range map[int64]string{64 << 20: "64MiB", 1 << 30: "1GiB", 1536: "1536B", 3 << 10: "3KiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
}
