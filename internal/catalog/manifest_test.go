package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

func hexDigest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// manifestOf is that of what declared says, with one program.
func manifestOf(name, kind, platform, file, digest string) string {
	return fmt.Sprintf(`{"schema": "harness.plugin/v1", "name": %q, "version": "1.2.3", "kind": %q, "protocol": {"min": 1, "max": 1},
		"benchmarks": [{"name": "b", "doc": "what it does"}], "platforms": {%q: {"file": %q, "sha256": %q}}}`, name, kind, platform, file, digest)
}

func TestAManifestIsReadAndItsPluginIsNotStarted(t *testing.T) {
	w := newWorld(t)
	program := w.put(t, "local/hash/bin", "hash", 0o755)
	w.put(t, "local/hash/plugin.json", manifestOf("hash", "exec", "any", "bin", hexDigest("hash")), 0o644)
	flat := w.put(t, "p1/harness-plugin-zip", "zip", 0o755)
	w.put(t, "p1/harness-plugin-zip-other", "zip", 0o755)
	text := strings.Replace(manifestOf("zip", "exec", manifest.Platform(), "harness-plugin-zip", ""),
		`"platforms": {`, `"platforms": {"plan9/mips": {"file": "harness-plugin-zip-other"}, `, 1)
	w.put(t, "p1/plugin.json", text, 0o644)
	plain := w.put(t, "p1/harness-plugin-plain", "plain", 0o755)
	module := w.put(t, "data/harness-plugin-sand.wasm", "sand", 0o644)
	inside := w.put(t, "data/folder/harness-plugin-deep", "deep", 0o755)

	c := w.open(t)
	if got, want := c.Plugins(), []string{"vector", "api", "deep", "hash", "plain", "sand", "zip"}; !slices.Equal(got, want) {
		t.Fatalf("found %q, want %q", got, want)
	}
	for name, want := range map[string]Entry{
		"hash":  {Path: program, Kind: manifest.Exec, SHA256: hexDigest("hash"), Platform: "any"},
		"zip":   {Path: flat, Kind: manifest.Exec, Platform: manifest.Platform()},
		"plain": {Path: plain, Kind: manifest.Exec},
		"sand":  {Path: module, Kind: manifest.WASM},
		"deep":  {Path: inside, Kind: manifest.Exec},
	} {
		e, _ := c.Entry(name)
		if e.Path != want.Path || e.Kind != want.Kind || e.SHA256 != want.SHA256 || e.Platform != want.Platform || e.Problem != nil {
			t.Errorf("%s is %+v, want %+v", name, e, want)
		}
		p, declared := c.Declared(e)
		if hasManifest := want.Platform != ""; declared != hasManifest {
			t.Errorf("%s: declared is %v", name, declared)
		} else if declared && (p.Version != "1.2.3" || p.Benchmarks[0].Doc != "what it does") {
			t.Errorf("%s declares %+v", name, p)
		}
	}
	if w.n != 0 {
		t.Errorf("%d plugins were started to be listed", w.n)
	}
	for _, name := range []string{"hash", "zip", "plain"} {
		if p, err := c.Describe(context.Background(), name); err != nil || p.Name != name {
			t.Errorf("%s describes itself as %+v, %v", name, p, err)
		}
	}
}

func TestAPluginThatIsNotWhatItsManifestSaysIsRefusedByName(t *testing.T) {
	fine := manifestOf("hash", "exec", "any", "harness-plugin-hash", hexDigest("hash"))
	for _, tt := range []struct {
		what, manifest, program string
		want                    []string
	}{
		{"all is as it says", fine, "hash", nil},
		{"another digest", fine, "hash\n", []string{"plugin hash is refused", "its manifest says that", hexDigest("hash")[:12], hexDigest("hash\n")[:12]}},
		{"another version", strings.Replace(fine, "1.2.3", "1.2.4", 1), "hash", []string{`says that it is version "1.2.3"`, `"1.2.4"`}},
		{"another benchmark", strings.Replace(fine, `"b"`, `"other"`, 1), "hash", []string{"has the benchmarks b", "its manifest says other"}},
		{"another protocol", strings.Replace(fine, `"min": 1, "max": 1`, `"min": 7, "max": 9`, 1), "hash", []string{"plugin hash cannot be used", "plugin protocol 7 to 9, this harness speaks 1"}},
		{"a malformed manifest", strings.Replace(fine, `"exec"`, `"docker"`, 1), "hash", []string{"plugin hash cannot be used", "plugin.json", `kind is "docker"`}},
		{"no program for this platform", strings.Replace(fine, `"any": {"file": "harness-plugin-hash"`, `"plan9/mips": {"file": "x"`, 1), "hash", []string{"no program for " + manifest.Platform() + ", only for plan9/mips"}},
		{"another program", strings.Replace(fine, `"harness-plugin-hash"`, `"gone"`, 1), "hash", []string{"plugin hash cannot be used", "gone"}},
		{"another name", strings.Replace(fine, `"name": "hash"`, `"name": "mash"`, 1), "hash", nil},
		{"another program's plugin.json", `{"id": "grafana-panel"}`, "hash", nil},
	} {
		t.Run(tt.what, func(t *testing.T) {
			for _, dir := range []string{"local", "local/hash"} {
				w := newWorld(t)
				w.put(t, dir+"/harness-plugin-hash", tt.program, 0o755)
				w.put(t, dir+"/plugin.json", tt.manifest, 0o644)
				c := w.open(t)
				name := c.Plugins()[2]
				_, err := c.Describe(context.Background(), name)
				if tt.want == nil {
					if name == "mash" { // which the manifest calls it, and it itself does not
						tt.want = []string{`calls itself "hash"`}
					} else if err != nil {
						t.Errorf("in %s: %v", dir, err)
					}
				}
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
						t.Errorf("in %s: error is %v, want %q in it", dir, err, want)
					}
				}
				if name == "mash" {
					tt.want = nil
				}
				if e, _ := c.Entry(name); e.Problem != nil {
					if _, ok := c.Declared(e); ok {
						t.Errorf("in %s: it is listed as if nothing were wrong", dir)
					}
				}
			}
		})
	}
}

func TestAFolderCanBeNamedInPlaceOfTheProgram(t *testing.T) {
	w := newWorld(t)
	w.put(t, "mine/bin", "hash", 0o755)
	w.put(t, "mine/plugin.json", manifestOf("hash", "exec", "any", "bin", ""), 0o644)
	dir := filepath.Join(w.root, "mine")
	c := w.open(t, dir)
	if e, ok := c.Entry("hash"); !ok || e.Path != filepath.Join(dir, "bin") || e.Problem != nil {
		t.Errorf("got %+v", e)
	}
	// By its manifest a plugin has a name before it is asked.
	c = w.open(t)
	if name, err := c.AddPath(context.Background(), dir); err != nil || name != "hash" || w.n != 0 {
		t.Errorf("got %q after it was asked %d times, %v", name, w.n, err)
	}
	c = w.open(t, "other="+dir)
	if _, err := c.Describe(context.Background(), "other"); err == nil || !strings.Contains(err.Error(), `calls itself "hash"`) {
		t.Errorf("under another name: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, "bin"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.open(t, dir).Describe(context.Background(), "hash"); err == nil || !strings.Contains(err.Error(), "chmod +x") {
		t.Errorf("without the right to execute it: %v", err)
	}
}

func locked(t *testing.T, w *world, pins map[string]string) *Catalog {
	t.Helper()
	c := w.open(t)
	lock := &lockfile.File{Plugins: map[string]lockfile.Pin{}}
	for name, content := range pins {
		lock.Plugins[name] = lockfile.Pin{Kind: manifest.Exec, SHA256: map[string]string{"any": hexDigest(content)}}
	}
	c.opts.Lock, c.opts.LockPath = lock, "harness.lock"
	return c
}

func TestWithALockOnlyWhatIsPinnedIsStarted(t *testing.T) {
	w := newWorld(t)
	path := w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	odd := w.put(t, "tools/digester", "mash", 0o755)
	ctx := context.Background()
	if _, err := locked(t, w, map[string]string{"hash": "hash"}).Describe(ctx, "hash"); err != nil {
		t.Errorf("as pinned: %v", err)
	}
	if name, err := locked(t, w, map[string]string{"mash": "mash"}).AddPath(ctx, odd); err != nil || name != "mash" {
		t.Errorf("a path is pinned by digest: %q, %v", name, err)
	}
	if _, err := locked(t, w, nil).Describe(ctx, "api"); err != nil {
		t.Errorf("a built-in plugin: %v", err)
	}
	w.n = 0
	if err := os.RemoveAll(filepath.Join(w.root, "cache")); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]*Catalog{
		"is not pinned in harness.lock": locked(t, w, nil),
		"differs from harness.lock":     locked(t, w, map[string]string{"hash": "another"}),
	} {
		var mismatch *lockfile.MismatchError
		if _, err := c.Describe(ctx, "hash"); !errors.As(err, &mismatch) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), path) {
			t.Errorf("error is %v, want %q", err, what)
		}
		if _, err := c.AddPath(ctx, odd); !errors.As(err, &mismatch) {
			t.Errorf("a path that is not pinned: %v", err)
		}
	}
	if w.n != 0 {
		t.Errorf("%d plugins were started that are not pinned", w.n)
	}
}

func TestAFileThatChangesUnderARunIsRefused(t *testing.T) {
	w := newWorld(t)
	path := w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	c := w.open(t)
	e, _ := c.Entry("hash")
	still, err := c.Admit(e)
	if err != nil || still() != nil {
		t.Fatalf("an unchanged file: %v, %v", err, still())
	}
	same := w.put(t, "same", "hash", 0o755)
	if err := os.Rename(same, path); err != nil {
		t.Fatal(err)
	}
	if err := still(); err == nil || !strings.Contains(err.Error(), "plugin hash is refused: its file changed while it was started") {
		t.Errorf("a file that was replaced between the look and the start: %v", err)
	}
	if still, err = c.Admit(e); err != nil || still() != nil {
		t.Errorf("the same bytes in another file: %v", err)
	}
	w.put(t, "local/harness-plugin-hash", "mash", 0o755)
	if still() == nil {
		t.Error("a file that was written to between the look and the start is not noticed")
	}
	if _, err := c.Admit(e); err == nil || !strings.Contains(err.Error(), "changed since this command looked at it first") {
		t.Errorf("other bytes: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Admit(e); err == nil {
		t.Error("a file that is gone is admitted")
	}
}

func TestAFileThatChangesWhileItIsAskedIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	path := w.put(t, "local/harness-plugin-hash", "hash", 0o755)
	c := w.open(t)
	ask := c.opts.Ask
	c.opts.Ask = func(ctx context.Context, e Entry) (*pluginv1.DescribeResponse, error) {
		if err := os.Rename(w.put(t, "same", "hash", 0o755), path); err != nil {
			return nil, err
		}
		return ask(ctx, e)
	}
	if _, err := c.Describe(context.Background(), "hash"); err == nil || !strings.Contains(err.Error(), "changed while it was started") {
		t.Errorf("error is %v", err)
	}
	if kept, _ := filepath.Glob(filepath.Join(w.root, "cache", "*")); len(kept) > 0 {
		t.Errorf("kept %v", kept)
	}
}

// BenchmarkList reads two hundred manifests.
func BenchmarkList(b *testing.B) {
	root := b.TempDir()
	for i := range 200 {
		dir := filepath.Join(root, fmt.Sprintf("p%03d", i))
		name := fmt.Sprintf("p%03d", i)
		if err := errors.Join(os.Mkdir(dir, 0o755),
			os.WriteFile(filepath.Join(dir, "bin"), make([]byte, 1<<20), 0o755),
			os.WriteFile(filepath.Join(dir, "plugin.json"), []byte(manifestOf(name, "exec", "any", "bin", hexDigest(name))), 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		c, err := Open(Options{Local: root})
		if err != nil || len(c.Entries()) != 200 {
			b.Fatalf("found %d plugins, %v", len(c.Entries()), err)
		}
		for _, e := range c.Entries() {
			if _, ok := c.Declared(e); !ok {
				b.Fatalf("%s declares nothing: %v", e.Name, e.Problem)
			}
		}
	}
}
