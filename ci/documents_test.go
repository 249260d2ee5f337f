package ci

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/benchharness/harness/ci/hub"
	"github.com/benchharness/harness/ci/hubtest"
	"github.com/benchharness/harness/internal/result"
)

func TestDocumentsAreReadForWhatTheyAre(t *testing.T) {
	files := func(names ...string) fstest.MapFS {
		fsys := fstest.MapFS{}
		for _, n := range names {
			name, id, _ := strings.Cut(n, "=")
			data := []byte("{}")
			switch {
			case id == "broken":
			case name == ComparisonFile:
				base, head, _ := strings.Cut(id, "+")
				data = encodedComparison(t, comparisonOf(base, head))
			default:
				data = encodedRun(t, runOf(id, nil))
			}
			fsys[name] = &fstest.MapFile{Data: data}
		}
		return fsys
	}
	for _, c := range []struct {
		name, comparison string
		files            fstest.MapFS
		want             string // c comparison, s set, r repeat, h head; or the error
	}{
		{"all of harness ab", ComparisonFile, files("comparison.json=b+h", "base.json=b", "head.json=h", "base-repeat.json=b2", "head-repeat.json=h2"), "csr"},
		{"without the comparison", "", files("comparison.json=b+h", "base.json=b", "head.json=h"), "s"},
		{"runs of another comparison beside it", ComparisonFile, files("comparison.json=b+h", "base.json=x", "head.json=y"), "c"},
		{"the base of another comparison beside it", ComparisonFile, files("comparison.json=b+h", "base.json=x", "head.json=h"), "ch"},
		{"a damaged run beside it", ComparisonFile, files("comparison.json=b+h", "base.json=broken", "head.json=h"), "ch"},
		{"a run alone", "", files("run.json=h"), "h"},
		{"a head alone", "", files("head.json=h", "comparison.json=b+h"), "h"},
		{"half a repeat", "", files("base.json=b", "head.json=h", "head-repeat.json=h2"), "sr"},
		{"nothing", "", files("notes.json=x"), "no run documents"},
		{"a damaged run", "", files("base.json=b", "head.json=broken"), "head.json: read run"},
		{"a damaged comparison", ComparisonFile, files("comparison.json=broken"), "comparison.json: read comparison"},
		{"no comparison", "other.json", files("base.json=b"), "other.json: file does not exist"},
		{"a folder of that name", ComparisonFile, fstest.MapFS{"comparison.json/x": {}}, "is not a file"},
		{"a huge document", "", fstest.MapFS{"head.json": {Data: make([]byte, MaxDocument+1)}}, "larger than 64 MiB"},
	} {
		d, err := Read(c.files, c.comparison)
		got := ""
		for _, p := range []struct {
			letter string
			there  bool
		}{{"c", d.Comparison != nil}, {"s", d.Set != nil}, {"r", d.Repeat != nil}, {"h", d.Head != nil}} {
			if p.there {
				got += p.letter
			}
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) || strings.Contains(got, "\n") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestADocumentOfTooManyBenchmarksIsNotRead(t *testing.T) {
	many := runOf("h", func(r *result.Run) {
		one := r.Benchmarks[0]
		for i := range maxBenchmarks {
			one.Params = map[string]string{"n": strconv.Itoa(i)}
			r.Benchmarks = append(r.Benchmarks, one)
		}
	})
	_, err := Read(Memory{"head.json": encodedRun(t, many)}, "")
	if err == nil || !strings.Contains(err.Error(), "20001 benchmarks") {
		t.Errorf("the error is %v", err)
	}
}

// What is small as text can be large in memory: neither is taken from a stranger.
func TestADocumentOfTooManyValuesIsNotRead(t *testing.T) {
	list := []byte("{\"schema\": \"harness.run/v1\", \"benchmarks\": [" + strings.Repeat("0,", maxValues+1) + "0]}")
	for _, name := range []string{runFile, ComparisonFile} {
		comparison := ""
		if name == ComparisonFile {
			comparison = name
		}
		_, err := Read(fstest.MapFS{name: &fstest.MapFile{Data: list}}, comparison)
		if err == nil || !strings.Contains(err.Error(), "more than 4000000 values") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnArtifactIsReadFromItsOnlyFolderWithDocuments(t *testing.T) {
	file := func(names ...string) (out []hub.File) {
		for _, n := range names {
			out = append(out, hub.File{Name: n, Data: []byte(n)})
		}
		return out
	}
	for _, c := range []struct {
		name  string
		files []hub.File
		want  string
	}{
		{"at the top", file("head.json", "x/head.json"), "head.json"},
		{"below", file("report/index.html", "out/head.json"), "out/head.json"},
		{"in two folders", file("a/head.json", "b/head.json"), ""},
		{"nowhere", file("a/other.json"), ""},
		{"empty", nil, ""},
	} {
		m := FromArtifact(c.files)
		if got := string(m["head.json"]); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	f, err := Memory{"a.json": []byte("hello")}.Open("a.json")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(f); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
}

// A pattern takes as many artifacts as a stranger made, and no more than that
// of what is in them.
func TestArtifactsAreReadUpToALimitInAll(t *testing.T) {
	server := hubtest.New(hubtest.Options{State: `
repo: acme/search
tokens: {ghs_x: {permissions: {actions: read}}}
branches: {main: base}
runs: [{id: 5, workflow: bench.yml, branch: main, sha: base, artifacts: {leg-a: {run.json: "12345678"}, leg-b: {run.json: "12345678"}, leg-c: {run.json: "1"}}}]
`})
	client, err := hub.New(hub.Options{API: server.URL(), Token: "ghs_x", HTTP: server.Transport("")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := download(t.Context(), client, hub.Repo{Owner: "acme", Name: "search"}, 5, []string{"leg-*"}, 9)
	if err != nil || len(got) != 3 || got[0].Problem != nil || got[1].Problem == nil || got[2].Problem != nil {
		t.Fatalf("of 9 bytes: %+v, %v", got, err)
	}
	got, err = download(t.Context(), client, hub.Repo{Owner: "acme", Name: "search"}, 5, []string{"leg-*"}, 8)
	if err != nil || len(got) != 3 || got[0].Problem != nil || got[1].Problem == nil || !strings.Contains(got[2].Problem.Error(), "all of them together") {
		t.Fatalf("of 8 bytes: %+v, %v", got, err)
	}
}
