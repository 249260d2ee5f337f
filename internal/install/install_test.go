package install

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/manifest"
)

const script = "#!/bin/sh\nexit 7\n"

func hexOf(b string) string {
	sum := sha256.Sum256([]byte(b))
	return hex.EncodeToString(sum[:])
}

// manifestText is that of a plugin with one program for every platform.
func manifestText(name, version, file, digest string) string {
	return fmt.Sprintf(`{"schema": "harness.plugin/v1", "name": %q, "version": %q, "kind": "exec", "protocol": {"min": 1, "max": 1},
		"benchmarks": [{"name": "b"}], "platforms": {"any": {"file": %q, "sha256": %q}}}`, name, version, file, digest)
}

func put(t testing.TB, path string, content []byte, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// plugin is what a good archive holds.
func plugin(name, version, program string) []entry {
	return []entry{
		{name: "top/", kind: tar.TypeDir},
		{name: "top/plugin.json", content: manifestText(name, version, "run", hexOf(program)), mode: 0o644},
		{name: "top/run", content: program},
		{name: "top/data/words.txt", content: "words", mode: 0o644},
	}
}

func installPath(t testing.TB, dir, path string) (*Receipt, error) {
	t.Helper()
	return Install(t.Context(), Options{Dir: dir, Source: Source{Path: path}})
}

// clean fails if a plugins folder holds anything but what it should.
func clean(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the plugins folder holds %q, want %q", got, want)
	}
}

func TestAPluginIsInstalledFromEveryKindOfPath(t *testing.T) {
	src := t.TempDir()
	wasm := "\x00asm\x01\x00\x00\x00"
	folder := filepath.Join(src, "folder")
	put(t, filepath.Join(folder, "plugin.json"), []byte(manifestText("hash", "1.2.0", "run", "")), 0o644)
	put(t, filepath.Join(folder, "run"), []byte(script), 0o755)
	put(t, filepath.Join(folder, ".git", "config"), nil, 0o644)
	both := filepath.Join(src, "both")
	put(t, filepath.Join(both, "plugin.json"), []byte(manifestText("hash", "1.2.0", "harness-plugin-hash", hexOf(script))), 0o644)
	put(t, filepath.Join(both, "README"), nil, 0o644)
	for _, tt := range []struct {
		what, path, name, version, file string
		kind                            manifest.Kind
	}{
		{"a program", put(t, filepath.Join(src, "harness-plugin-hash"), []byte(script), 0o755), "hash", "", "harness-plugin-hash", manifest.Exec},
		{"a program as releases name it", put(t, filepath.Join(src, "harness-plugin-my-hash_1.2.0_linux_amd64"), []byte(script), 0o644), "my-hash", "", "harness-plugin-my-hash", manifest.Exec},
		{"a program beside its manifest", put(t, filepath.Join(both, "harness-plugin-hash"), []byte(script), 0o755), "hash", "1.2.0", "harness-plugin-hash", manifest.Exec},
		{"a module", put(t, filepath.Join(src, "harness-plugin-sand.wasm"), []byte(wasm), 0o644), "sand", "", "harness-plugin-sand.wasm", manifest.WASM},
		{"a folder", folder, "hash", "1.2.0", "run", manifest.Exec},
		{"a tar.gz", put(t, filepath.Join(src, "x.tar.gz"), tarGz(t, plugin("hash", "1.2.0", script)...), 0o644), "hash", "1.2.0", "run", manifest.Exec},
		{"a zip without rights", put(t, filepath.Join(src, "x.ZIP"), zipOf(t, plugin("hash", "1.2.0", script)[1:]...), 0o644), "hash", "1.2.0", "run", manifest.Exec},
	} {
		t.Run(tt.what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "plugins")
			r, err := installPath(t, dir, tt.path)
			if err != nil {
				t.Fatal(err)
			}
			want := filepath.Join(dir, tt.name, tt.file)
			if r.Name != tt.name || r.Version != tt.version || r.Kind != tt.kind || r.Path != want || r.Source != tt.path {
				t.Errorf("installed %+v, want %s %q at %s", r, tt.name, tt.version, want)
			}
			info, err := os.Stat(want)
			if err != nil || tt.kind == manifest.Exec && info.Mode().Perm()&0o111 == 0 {
				t.Errorf("its program: %v, %v", info, err)
			}
			b, _ := os.ReadFile(want)
			if r.SHA256 != hexOf(string(b)) {
				t.Errorf("its digest is %s", r.SHA256)
			}
			clean(t, dir, tt.name)
			list, err := List(dir)
			if err != nil || len(list) != 1 || list[0].Source != tt.path {
				t.Errorf("the list is %+v, %v", list, err)
			}
			if _, err := Remove(t.Context(), dir, tt.name); err != nil {
				t.Error(err)
			}
			clean(t, dir)
		})
	}
}

func TestWhatCannotRunHereIsRefused(t *testing.T) {
	elf := func(machine byte) []byte {
		b := make([]byte, 64)
		copy(b, "\x7fELF")
		b[18] = machine
		return b
	}
	foreign := elf(183)
	if strings.HasSuffix(manifest.Platform(), "arm64") {
		foreign = elf(62)
	}
	src := t.TempDir()
	for what, tt := range map[string]struct {
		path string
		want string
	}{
		"a program for another processor": {put(t, filepath.Join(src, "1/harness-plugin-x"), foreign, 0o755), "this machine is " + manifest.Platform()},
		"a program for Windows":           {put(t, filepath.Join(src, "2/harness-plugin-x"), []byte("MZ\x00\x00"), 0o755), "is for windows"},
		"a module that is none":           {put(t, filepath.Join(src, "3/harness-plugin-x.wasm"), []byte(script), 0o755), "is no WASM module"},
		"a module as a program":           {put(t, filepath.Join(src, "4/harness-plugin-x"), []byte("\x00asm\x01\x00\x00\x00"), 0o755), "is a WASM module, and its kind is exec"},
		"an empty file":                   {put(t, filepath.Join(src, "5/harness-plugin-x"), nil, 0o755), "is empty"},
		"a name that is none":             {put(t, filepath.Join(src, "6/harness-plugin-X"), []byte(script), 0o755), "want harness-plugin-NAME"},
		"some other file":                 {put(t, filepath.Join(src, "7/notes"), []byte(script), 0o644), "there is no plugin in it"},
		"nothing":                         {filepath.Join(src, "8"), "there is no such file"},
		"two programs":                    {filepath.Dir(put(t, filepath.Join(src, "9/harness-plugin-x"), []byte(script), 0o755)), "several programs"},
		"a built-in plugin's name":        {put(t, filepath.Join(src, "10/harness-plugin-vector"), []byte(script), 0o755), "a built-in plugin that would always win"},
	} {
		t.Run(what, func(t *testing.T) {
			put(t, filepath.Join(src, "9/harness-plugin-y"), []byte(script), 0o755)
			dir := filepath.Join(t.TempDir(), "plugins")
			_, err := Install(t.Context(), Options{Dir: dir, Source: Source{Path: tt.path}, Reserved: []string{"vector"}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
			clean(t, dir)
		})
	}
}

func TestADigestOfAPathIsChecked(t *testing.T) {
	src := t.TempDir()
	program := put(t, filepath.Join(src, "harness-plugin-hash"), []byte(script), 0o755)
	archive := put(t, filepath.Join(src, "a", "x.tar.gz"), tarGz(t, plugin("hash", "1", script)...), 0o644)
	archived, err := digestOf(archive)
	if err != nil {
		t.Fatal(err)
	}
	for path, digest := range map[string]string{program: hexOf(script), archive: archived} {
		dir := t.TempDir()
		r, err := Install(t.Context(), Options{Dir: dir, Source: Source{Path: path}, SHA256: digest})
		if err != nil || r.Verified != "--sha256" {
			t.Errorf("%s with its digest: %+v, %v", filepath.Base(path), r, err)
		}
		_, err = Install(t.Context(), Options{Dir: dir, Source: Source{Path: path}, SHA256: hexOf("other")})
		if err == nil || !strings.Contains(err.Error(), "by --sha256") && !strings.Contains(err.Error(), "--sha256 says") {
			t.Errorf("%s with another digest: %v", filepath.Base(path), err)
		}
	}
	put(t, filepath.Join(src, "SHA256SUMS"), []byte(hexOf("other")+"  harness-plugin-hash\n"), 0o644)
	if _, err := installPath(t, t.TempDir(), program); err == nil || !strings.Contains(err.Error(), "SHA256SUMS says "+hexOf("other")) {
		t.Errorf("a list beside it that says otherwise: %v", err)
	}
}

func TestThePinnedPluginIsTheOnlyOneThatIsInstalled(t *testing.T) {
	src := put(t, filepath.Join(t.TempDir(), "harness-plugin-hash"), []byte(script), 0o755)
	pin := func(content string) *lockfile.Pin {
		return &lockfile.Pin{Source: src, Kind: manifest.Exec, SHA256: map[string]string{"any": hexOf(content)}}
	}
	dir := t.TempDir()
	o := Options{Dir: dir, Source: Source{Path: src}, Name: "hash", Pin: pin(script)}
	if _, err := Install(t.Context(), o); err != nil {
		t.Error(err)
	}
	o.Pin = pin("other")
	var mismatch *lockfile.MismatchError
	if _, err := Install(t.Context(), o); !errors.As(err, &mismatch) {
		t.Errorf("another digest: %v", err)
	}
	o.Pin, o.Name = pin(script), "mash"
	if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "it calls itself hash, want mash") {
		t.Errorf("another name: %v", err)
	}
}

func TestAnInstalledPluginIsReplacedInOneStep(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	one := put(t, filepath.Join(src, "1.tar.gz"), tarGz(t, plugin("hash", "1.0.0", script)...), 0o644)
	two := put(t, filepath.Join(src, "2.tar.gz"), tarGz(t, plugin("hash", "2.0.0", script+"#")[1:3]...), 0o644)
	if _, err := installPath(t, dir, one); err != nil {
		t.Fatal(err)
	}
	seen := make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	go func() { // somebody runs it meanwhile
		for ctx.Err() == nil {
			b, err := os.ReadFile(filepath.Join(dir, "hash", "run"))
			if err != nil || len(b) == 0 {
				seen <- fmt.Errorf("the program is not whole: %w", err)
				return
			}
		}
		seen <- nil
	}()
	for i := range 20 {
		from := []string{two, one}[i%2]
		r, err := installPath(t, dir, from)
		if err != nil || r.Replaced == nil || r.Replaced.Version == r.Version {
			t.Fatalf("replaced %+v, %v", r, err)
		}
	}
	stop()
	if err := <-seen; err != nil {
		t.Error(err)
	}
	clean(t, dir, "hash")
	if r, err := installPath(t, dir, two); err != nil || r.Version != "2.0.0" {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "hash", "data")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of the old version is left: %v", err)
	}
}

func TestAFileSystemThatCannotExchangeStillReplaces(t *testing.T) {
	root := t.TempDir()
	a, b := filepath.Join(root, "a"), filepath.Join(root, "b")
	put(t, filepath.Join(a, "new"), nil, 0o644)
	put(t, filepath.Join(b, "old"), nil, 0o644)
	if err := exchangeInSteps(a, b); err != nil {
		t.Fatal(err)
	}
	clean(t, b, "new")
	clean(t, a, "old")
	if err := exchangeInSteps(filepath.Join(root, "none"), b); err == nil {
		t.Error("nothing takes the place of something")
	}
	clean(t, b, "new")
}

func TestManyInstallationsAtOnceLeaveOneWholePlugin(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	var wg sync.WaitGroup
	for i := range 8 {
		path := put(t, filepath.Join(src, fmt.Sprintf("%d.tar.gz", i)), tarGz(t, plugin("hash", fmt.Sprintf("%d.0.0", i), script)...), 0o644)
		wg.Go(func() {
			if _, err := installPath(t, dir, path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	clean(t, dir, "hash")
	list, err := List(dir)
	if err != nil || len(list) != 1 {
		t.Fatalf("the list is %v, %v", list, err)
	}
	m, err := manifest.Read(filepath.Join(dir, "hash", manifest.FileName))
	if err != nil || m.Version != list[0].Version {
		t.Errorf("the manifest is of %v, the receipt of %s: %v", m, list[0].Version, err)
	}
}

func TestWhatHarnessDidNotInstallIsLeftAlone(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	archive := put(t, filepath.Join(src, "x.tar.gz"), tarGz(t, plugin("hash", "1.0.0", script)...), 0o644)
	mine := put(t, filepath.Join(dir, "hash", "mine"), []byte("precious"), 0o644)
	if _, err := installPath(t, dir, archive); err == nil || !strings.Contains(err.Error(), "was not installed by harness") {
		t.Errorf("installing over it: %v", err)
	}
	if _, err := Remove(t.Context(), dir, "hash"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("removing it: %v", err)
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "precious" {
		t.Errorf("the file is %q, %v", b, err)
	}
	put(t, filepath.Join(dir, "hash", receiptName), []byte(`{"name": "other"}`), 0o644)
	if _, err := Remove(t.Context(), dir, "hash"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("removing what has another's receipt: %v", err)
	}
}

func TestWhatAKilledInstallationLeftIsSweptAndNeverFound(t *testing.T) {
	src, dir := t.TempDir(), t.TempDir()
	put(t, filepath.Join(dir, staging+"dead", "plugin", "run"), []byte(script), 0o755)
	archive := put(t, filepath.Join(src, "x.tar.gz"), tarGz(t, plugin("hash", "1.0.0", script)...), 0o644)
	if _, err := installPath(t, dir, archive); err != nil {
		t.Fatal(err)
	}
	clean(t, dir, "hash")
}

func TestAnInstallationThatIsInterruptedLeavesNothing(t *testing.T) {
	src, dir := t.TempDir(), filepath.Join(t.TempDir(), "plugins")
	archive := put(t, filepath.Join(src, "x.tar.gz"), tarGz(t, plugin("hash", "1.0.0", script)...), 0o644)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	if _, err := Install(ctx, Options{Dir: dir, Source: Source{Path: archive}}); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("error is %v", err)
	}
	clean(t, dir)
}
