package catalog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

var (
	_ suite.Catalog   = (*Catalog)(nil)
	_ suite.PathAdder = (*Catalog)(nil)
)

func declared(name string) sdk.Plugin {
	return sdk.Plugin{Name: name, Version: "1.2.3", Benchmarks: []sdk.Benchmark{{Name: "b"}}}
}

// asker answers for plugins by what is in their files, and counts.
type asker struct {
	n    int
	fail error
}

func (a *asker) ask(_ context.Context, e Entry) (*pluginv1.DescribeResponse, error) {
	a.n++
	if a.fail != nil {
		return nil, a.fail
	}
	b, err := os.ReadFile(e.Path)
	if err != nil {
		return nil, err
	}
	return wire.DescribeToProto(declared(strings.TrimSpace(string(b))))
}

// world is a set of folders with plugins in them.
type world struct {
	root string
	asker
}

func newWorld(t *testing.T) *world { return &world{root: t.TempDir()} }

// put makes a plugin's file in a folder; its content is what the plugin calls
// itself.
func (w *world) put(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	path = filepath.Join(w.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func (w *world) open(t *testing.T, explicit ...string) *Catalog {
	t.Helper()
	c, err := Open(Options{
		Builtin:  []sdk.Plugin{declared("vector"), declared("api")},
		Explicit: explicit,
		Path:     filepath.Join(w.root, "p1") + string(filepath.ListSeparator) + filepath.Join(w.root, "p2"),
		Local:    filepath.Join(w.root, "local"), Data: filepath.Join(w.root, "data"), Cache: filepath.Join(w.root, "cache"),
		Ask: w.ask,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEarlierSourcesWinAndSayWhomTheyShadow(t *testing.T) {
	w := newWorld(t)
	flag := w.put(t, "elsewhere/harness-plugin-hash", "hash", 0o755)
	p1 := w.put(t, "p1/harness-plugin-hash", "hash", 0o755)
	p2 := w.put(t, "p2/harness-plugin-hash", "hash", 0o755)
	local := w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	data := w.put(t, "data/harness-plugin-hash", "hash", 0o755)
	only := w.put(t, "data/harness-plugin-zip", "zip", 0o755)
	vector := w.put(t, "local/harness-plugin-vector", "vector", 0o755)

	for _, tt := range []struct {
		name     string
		explicit []string
		want     []Entry
	}{
		{"without flags", nil, []Entry{
			{Name: "vector", Path: "", Source: "built-in", Shadows: []string{vector}},
			{Name: "api", Path: "", Source: "built-in", Shadows: nil},
			{Name: "hash", Path: p1, Source: "HARNESS_PLUGIN_PATH", Shadows: []string{p2, local, data}},
			{Name: "zip", Path: only, Source: filepath.Join(w.root, "data"), Shadows: nil},
		}},
		{"a flag wins over everything", []string{flag, "vector=" + vector}, []Entry{
			{Name: "vector", Path: vector, Source: "--plugin", Shadows: []string{"built-in"}},
			{Name: "api", Path: "", Source: "built-in", Shadows: nil},
			{Name: "hash", Path: flag, Source: "--plugin", Shadows: []string{p1, p2, local, data}},
			{Name: "zip", Path: only, Source: filepath.Join(w.root, "data"), Shadows: nil},
		}},
		{"a file found twice shadows nobody", []string{p1}, []Entry{
			{Name: "vector", Path: "", Source: "built-in", Shadows: []string{vector}},
			{Name: "api", Path: "", Source: "built-in", Shadows: nil},
			{Name: "hash", Path: p1, Source: "--plugin", Shadows: []string{p2, local, data}},
			{Name: "zip", Path: only, Source: filepath.Join(w.root, "data"), Shadows: nil},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := w.open(t, tt.explicit...)
			equal := func(a, b Entry) bool {
				return a.Name == b.Name && a.Path == b.Path && a.Source == b.Source && slices.Equal(a.Shadows, b.Shadows)
			}
			if got := c.Entries(); !slices.EqualFunc(got, tt.want, equal) {
				t.Errorf("found\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
	if w.n != 0 {
		t.Errorf("%d plugins were started to be found", w.n)
	}
}

func TestOnlyExecutableFilesOfTheRightNameAreFound(t *testing.T) {
	w := newWorld(t)
	w.put(t, "local/harness-plugin-text", "text", 0o644)
	w.put(t, "local/other-plugin-x", "x", 0o755)
	w.put(t, "local/harness-plugin-folder/file", "x", 0o755)
	real := w.put(t, "elsewhere/program", "linked", 0o755)
	for name, to := range map[string]string{"harness-plugin-linked": real, "harness-plugin-dangling": "/nowhere/at/all"} {
		if err := os.Symlink(to, filepath.Join(w.root, "local", name)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := w.open(t).Plugins(), []string{"vector", "api", "linked"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestAFileWhoseNameCannotBeAPluginsIsUnusableAndSaysHowToMendIt(t *testing.T) {
	w := newWorld(t)
	path := w.put(t, "local/harness-plugin-Bad Name", "x", 0o755)
	e, ok := w.open(t).Entry("Bad Name")
	if !ok || e.Problem == nil || !strings.HasPrefix(e.Problem.Error(), "rename "+path+" to harness-plugin-NAME, or remove it: ") {
		t.Errorf("it is %+v", e)
	}
	if w.n != 0 {
		t.Error("it was started")
	}
}

func TestAnExplicitFileThatCannotBeAPluginIsNamed(t *testing.T) {
	w := newWorld(t)
	text := w.put(t, "text", "x", 0o644)
	for arg, want := range map[string]string{
		"/nowhere/x":      "plugin /nowhere/x: no such file: give the path of a plugin's executable",
		"hash=/nowhere/x": "plugin /nowhere/x: no such file: give the path of a plugin's executable",
		text:              "plugin " + text + ": not an executable file: build it, or chmod +x it",
		w.root:            "plugin " + w.root + ": the folder has no plugin.json: give the path of the plugin's executable",
	} {
		if _, err := Open(Options{Explicit: []string{arg}}); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

func TestADescriptionIsAskedForOnceAndKeptByTheFilesDigest(t *testing.T) {
	w := newWorld(t)
	path := w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	for range 3 {
		p, err := w.open(t).Describe(context.Background(), "hash")
		if err != nil || p.Version != "1.2.3" || p.Benchmarks[0].Name != "b" {
			t.Fatalf("got %+v, %v", p, err)
		}
	}
	if w.n != 1 {
		t.Errorf("it was asked %d times, want once", w.n)
	}
	c := w.open(t)
	e, _ := c.Entry("hash")
	if _, ok := c.Known(e); !ok {
		t.Error("it is not known without being asked")
	}
	// Another program under the same name is another plugin.
	if err := os.WriteFile(path, []byte("hash\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	c = w.open(t)
	if _, ok := c.Known(e); ok {
		t.Error("a changed file is taken for the old one")
	}
	if _, err := c.Describe(context.Background(), "hash"); err != nil || w.n != 2 {
		t.Errorf("it was asked %d times: %v", w.n, err)
	}
}

func TestABrokenMemoryIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	for _, content := range []string{"", "not JSON", `{"name":"NOT A NAME"}`} {
		if _, err := w.open(t).Describe(context.Background(), "hash"); err != nil {
			t.Fatal(err)
		}
		kept, err := filepath.Glob(filepath.Join(w.root, "cache", "*"))
		if err != nil || len(kept) != 1 {
			t.Fatalf("kept %v, %v", kept, err)
		}
		if err := os.WriteFile(kept[0], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.open(t).Describe(context.Background(), "hash"); err != nil || w.n != 4 {
		t.Errorf("it was asked %d times, want 4: %v", w.n, err)
	}
}

func TestAPluginThatCallsItselfOtherwiseIsRefusedEveryTime(t *testing.T) {
	w := newWorld(t)
	path := w.put(t, "local/harness-plugin-hash", "digest", 0o755)
	want := "plugin " + path + ` calls itself "digest": rename the file to harness-plugin-digest, or run it with --plugin digest=` + path
	for range 2 {
		if _, err := w.open(t).Describe(context.Background(), "hash"); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	if _, err := w.open(t, "digest="+path).Describe(context.Background(), "digest"); err != nil {
		t.Error(err)
	}
}

func TestAPluginThatCannotBeAskedIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	w.fail = errors.New("plugin hash crashed")
	if _, err := w.open(t).Describe(context.Background(), "hash"); !errors.Is(err, w.fail) {
		t.Errorf("error is %v", err)
	}
	w.fail = nil
	if _, err := w.open(t).Describe(context.Background(), "hash"); err != nil {
		t.Error(err)
	}
	if _, err := w.open(t).Describe(context.Background(), "nobody"); err == nil || err.Error() != `no plugin "nobody"` {
		t.Errorf("error is %v", err)
	}
}

func TestABuiltInPluginIsKnownAndHasTheProgramsDigest(t *testing.T) {
	c := newWorld(t).open(t)
	e, _ := c.Entry("api")
	p, ok := c.Known(e)
	if !ok || p.Name != "api" || e.Where() != "built-in" {
		t.Errorf("got %+v, %v, %s", p, ok, e.Where())
	}
	d, err := c.Digest(e)
	if err != nil || !strings.HasPrefix(d, "sha256:") || len(d) != len("sha256:")+64 {
		t.Errorf("digest is %q, %v", d, err)
	}
}

func TestAPathOfTheConfigFileIsTakenIn(t *testing.T) {
	w := newWorld(t)
	path := w.put(t, "tools/digester", "hash", 0o755) // the file's name does not matter
	found := w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	c := w.open(t)
	for range 2 { // named twice is taken in once
		name, err := c.AddPath(context.Background(), path)
		if err != nil || name != "hash" {
			t.Fatalf("got %q, %v", name, err)
		}
	}
	e, _ := c.Entry("hash")
	if e.Path != path || e.Source != "config file" || !slices.Equal(e.Shadows, []string{found}) {
		t.Errorf("got %+v", e)
	}
	if got, want := c.Plugins(), []string{"vector", "api", "hash"}; !slices.Equal(got, want) {
		t.Errorf("the plugins are %q, want %q", got, want)
	}
	if _, err := c.Describe(context.Background(), "hash"); err != nil || w.n != 1 {
		t.Errorf("it was asked %d times: %v", w.n, err)
	}
}

func TestAPathOfTheConfigFileYieldsToAFlagOnly(t *testing.T) {
	w := newWorld(t)
	flag := w.put(t, "flag/harness-plugin-hash", "hash", 0o755)
	file := w.put(t, "file/harness-plugin-hash", "hash", 0o755)
	api := w.put(t, "file/api", "api", 0o755)
	c := w.open(t, flag)
	for _, path := range []string{file, api} {
		if _, err := c.AddPath(context.Background(), path); err != nil {
			t.Fatal(err)
		}
	}
	if e, _ := c.Entry("hash"); e.Path != flag || !slices.Equal(e.Shadows, []string{file}) {
		t.Errorf("got %+v", e)
	}
	if e, _ := c.Entry("api"); e.Path != api || !slices.Equal(e.Shadows, []string{"built-in"}) {
		t.Errorf("got %+v", e)
	}
}

func TestAPathOfTheConfigFileThatIsNoPluginIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	if _, err := c.AddPath(context.Background(), "/nowhere/x"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error is %v", err)
	}
	w.fail = errors.New("plugin digester gave no handshake")
	path := w.put(t, "digester", "hash", 0o755)
	if _, err := c.AddPath(context.Background(), path); !errors.Is(err, w.fail) {
		t.Errorf("error is %v", err)
	}
	if got := c.Plugins(); len(got) != 2 {
		t.Errorf("the plugins are %q", got)
	}
}
