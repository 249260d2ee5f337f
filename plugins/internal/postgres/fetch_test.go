package postgres

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// smallTxz holds bin/initdb and bin/postgres (scripts of one line), lib/libx.so,
// a link to lib/libx.so.1, and share/postgres.bki with mode 0600.
//
//go:embed testdata/small.txz
var smallTxz []byte

func smallJar(t testing.TB) []byte {
	t.Helper()
	var jar bytes.Buffer
	writer := zip.NewWriter(&jar)
	for name, content := range map[string][]byte{"META-INF/MANIFEST.MF": []byte("x"), "postgres-test.txz": smallTxz} {
		entry, err := writer.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		entry.Write(content)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return jar.Bytes()
}

func archiveOf(jar []byte) archive {
	sum := sha256.Sum256(jar)
	return archive{platform: "test-any", sha256: hex.EncodeToString(sum[:]), size: int64(len(jar))}
}

func newFetcher(t testing.TB, repository string, a archive) fetcher {
	return fetcher{
		repository: repository, archive: a, cache: filepath.Join(t.TempDir(), "deep", "cache"), stall: time.Minute,
		progress: func(string) {}, journal: func(string, string, map[string]string) error { return nil },
	}
}

// serveJar is a repository with one file, and counts the requests.
func serveJar(t testing.TB, a archive, jar []byte) (repository string, requests *atomic.Int32) {
	t.Helper()
	requests = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.URL.Path != a.url("") {
			http.NotFound(w, r)
			return
		}
		w.Write(jar)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// entries are the names in a folder, which may be missing.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range found {
		names = append(names, entry.Name())
	}
	return names
}

func TestAFetchedArchiveIsUnpackedAndCached(t *testing.T) {
	jar := smallJar(t)
	a := archiveOf(jar)
	repository, requests := serveJar(t, a, jar)
	f := newFetcher(t, repository+"/", a)
	for range 2 {
		found, err := f.binaries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := "fetched " + fetchedVersion + " sha256 " + a.sha256; found.source != want {
			t.Errorf("source = %q, want %q", found.source, want)
		}
		tree := filepath.Dir(found.dir)
		for name, mode := range map[string]os.FileMode{
			"bin/postgres": 0o755, "lib/libx.so": 0o644, "share/postgres.bki": 0o644, "share": 0o755, ".": 0o755,
		} {
			info, err := os.Stat(filepath.Join(tree, name))
			if err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v, want mode %v", name, info, err, mode)
			}
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	if names := entries(t, f.cache); len(names) != 2 {
		t.Errorf("the cache holds %v, want the archive and its tree", names)
	}

	t.Run("a lost tree is unpacked again without the network", func(t *testing.T) {
		found, _ := f.binaries(t.Context())
		if err := os.Remove(filepath.Join(found.dir, "postgres")); err != nil {
			t.Fatal(err)
		}
		if _, err := f.binaries(t.Context()); err != nil || !isProgram(filepath.Join(found.dir, "postgres")) || requests.Load() != 1 {
			t.Errorf("err %v, %d requests", err, requests.Load())
		}
	})
	t.Run("an altered archive in the cache is fetched again", func(t *testing.T) {
		found, _ := f.binaries(t.Context())
		cached := filepath.Join(f.cache, a.file())
		altered := bytes.Clone(jar)
		altered[len(altered)/2] ^= 1
		if err := errors.Join(os.WriteFile(cached, altered, 0o644), os.RemoveAll(filepath.Dir(found.dir))); err != nil {
			t.Fatal(err)
		}
		if _, err := f.binaries(t.Context()); err != nil || requests.Load() != 2 {
			t.Errorf("err %v, %d requests, want a second one", err, requests.Load())
		}
		if now, _ := os.ReadFile(cached); !bytes.Equal(now, jar) {
			t.Error("the cache still holds the altered archive")
		}
	})
}

func TestABadArchiveIsRefusedAndLeavesNothing(t *testing.T) {
	jar := smallJar(t)
	a := archiveOf(jar)
	altered := bytes.Clone(jar)
	altered[len(altered)-1] ^= 1
	for _, test := range []struct {
		name    string
		serve   http.HandlerFunc
		want    string
		digest  bool
		archive archive
	}{
		{"another digest", func(w http.ResponseWriter, _ *http.Request) { w.Write(altered) }, "refused", true, a},
		{"a longer file that starts with the right bytes", func(w http.ResponseWriter, _ *http.Request) { w.Write(append(bytes.Clone(jar), 'x')) }, "longer", true, a},
		{"not found", http.NotFound, "404", false, a},
		{"a server error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "503", false, a},
		{"a short body", func(w http.ResponseWriter, _ *http.Request) { w.Write(jar[:len(jar)/2]) }, "ends after", false, a},
		{"a connection cut in the body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			w.Write(jar[:10])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "unexpected EOF", false, a},
		{"the right digest of what is no zip", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "plain") }, "zip", false, archiveOf([]byte("plain"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer server.Close()
			f := newFetcher(t, server.URL, test.archive)
			_, err := f.binaries(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("binaries = %v, want an error with %q", err, test.want)
			}
			if wrong := (*WrongDigest)(nil); errors.As(err, &wrong) != test.digest {
				t.Errorf("%v: WrongDigest is %v, want %v", err, !test.digest, test.digest)
			}
			for _, name := range entries(t, f.cache) {
				if name != test.archive.file() || test.digest {
					t.Errorf("left in the cache: %s", name)
				}
			}
		})
	}
}

func TestACancelledFetchEndsAtOnceAndLeavesNothing(t *testing.T) {
	jar := smallJar(t)
	a := archiveOf(jar)
	for name, end := range map[string]struct {
		stall  time.Duration
		cancel bool
		want   string
	}{
		"by its context":                {time.Hour, true, "context canceled"},
		"by a server that says no more": {50 * time.Millisecond, false, "no data for 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			reached, release := make(chan struct{}), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Write(jar[:10])
				w.(http.Flusher).Flush()
				close(reached)
				<-release
			}))
			defer server.Close()
			defer close(release)
			f := newFetcher(t, server.URL, a)
			f.stall = end.stall
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if end.cancel {
				go func() { <-reached; cancel() }()
			}
			if _, err := f.binaries(ctx); err == nil || !strings.Contains(err.Error(), end.want) {
				t.Fatalf("binaries = %v, want %q", err, end.want)
			}
			if names := entries(t, f.cache); len(names) != 0 {
				t.Errorf("left in the cache: %v", names)
			}
		})
	}
}

func TestWithoutAnySourceTheServerIsUnavailable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	a := archiveOf(smallJar(t))
	none := func(context.Context) []string { return nil }
	for _, test := range []struct {
		name string
		opts Options
		want []string
	}{
		{"nothing installed, no network wanted", Options{candidates: none, NoFetch: true}, []string{"nothing is installed", "install PostgreSQL"}},
		{"nothing installed, not in the repository", Options{candidates: none, archive: &a, repository: server.URL}, []string{"404", EnvRepository}},
		{"an installation that lacks a program", Options{candidates: func(context.Context) []string { return []string{"/usr"} }, NoFetch: true}, []string{"/usr: has no program initdb"}},
		{"a given folder that is none", Options{BinDir: "/nonexistent"}, []string{"/nonexistent", "bin folder"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.opts.CacheDir, test.opts.Dir = baseFolder(t), baseFolder(t)
			_, err := Start(t.Context(), test.opts)
			var unavailable *Unavailable
			if !errors.As(err, &unavailable) || unavailable.Reason == "" || unavailable.Remedy == "" {
				t.Fatalf("Start = %v, want Unavailable with reason and remedy", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Start = %v, want it to say %q", err, want)
				}
			}
		})
	}
}

// The real archive of this platform, in a local repository of the usual layout.
func TestTheRealArchiveServes(t *testing.T) {
	real, err := pinnedFor(platform())
	if err != nil {
		t.Skip(err)
	}
	home, _ := os.UserHomeDir()
	path := filepath.Join(home, ".m2", "repository", filepath.FromSlash(real.url("")))
	jar, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("needs %s; get it with: mvn dependency:get -Dtransitive=false -Dartifact=io.zonky.test.postgres:embedded-postgres-binaries-%s:%s",
			path, real.platform, fetchedVersion)
	}
	repository, requests := serveJar(t, real, jar)
	t.Setenv(EnvRepository, repository)
	t.Setenv("PATH", "")
	opts := Options{
		Dir: baseFolder(t), CacheDir: baseFolder(t),
		candidates: func(context.Context) []string { return nil },
	}
	for range 2 {
		server, err := Start(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(server.Version(), "17.5") || !strings.Contains(server.Source(), real.sha256) {
			t.Errorf("version %q from %q", server.Version(), server.Source())
		}
		if err := server.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestTheDefaultRepositoryIsTheLibrarys(t *testing.T) {
	t.Setenv(EnvRepository, "")
	at, err := url.Parse(defaultRepository())
	if err != nil || at.Scheme != "https" || at.Host == "" {
		t.Fatalf("repository = %v, %v: embedded-postgres keeps its address elsewhere now", at, err)
	}
	t.Setenv(EnvRepository, "http://mirror.example")
	if got := defaultRepository(); got != "http://mirror.example" {
		t.Errorf("with a mirror the repository is %q", got)
	}
}

func TestEveryPlatformWeReleaseForIsPinned(t *testing.T) {
	for _, name := range []string{"linux-amd64", "linux-arm64v8", "darwin-amd64", "darwin-arm64v8"} {
		a, err := pinnedFor(name)
		if err != nil || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(a.sha256) || a.size < 1e6 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if _, err := pinnedFor("plan9-mips"); err == nil {
		t.Error("plan9-mips is pinned")
	}
}

func tarOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	for _, header := range headers {
		content := bytes.Repeat([]byte("x"), int(header.Size))
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		writer.Write(content)
	}
	writer.Close()
	return out.Bytes()
}

func TestATarballCannotLeaveItsFolder(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []tar.Header
	}{
		{"a path upwards", []tar.Header{{Name: "../out", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}}},
		{"an absolute path", []tar.Header{{Name: "/out", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}}},
		{"a link upwards", []tar.Header{{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "../../out"}}},
		{"an absolute link", []tar.Header{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}}},
		{"a hard link", []tar.Header{{Name: "l", Typeflag: tar.TypeLink, Linkname: "x"}}},
		{"a device", []tar.Header{{Name: "d", Typeflag: tar.TypeChar}}},
		{"the same file twice", []tar.Header{{Name: "f", Typeflag: tar.TypeReg, Size: 1}, {Name: "f", Typeflag: tar.TypeReg, Size: 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := t.TempDir()
			tree := filepath.Join(base, "tree")
			if err := unpackInto(t.Context(), bytes.NewReader(tarOf(t, test.headers...)), tree); err == nil {
				t.Fatal("it was unpacked")
			}
			if left, _ := os.ReadDir(base); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func FuzzUnpackTar(f *testing.F) {
	f.Add(tarOf(f, tar.Header{Name: "bin/x", Typeflag: tar.TypeReg, Mode: 0o755, Size: 3}))
	f.Add(tarOf(f, tar.Header{Name: "../x", Typeflag: tar.TypeReg, Size: 1}))
	f.Add(tarOf(f, tar.Header{Name: "d", Typeflag: tar.TypeSymlink, Linkname: "e"}, tar.Header{Name: "d/x", Typeflag: tar.TypeReg, Size: 1}))
	f.Add([]byte("no tarball"))
	f.Fuzz(func(t *testing.T, tarball []byte) {
		base := t.TempDir()
		_ = unpackInto(t.Context(), bytes.NewReader(tarball), filepath.Join(base, "tree"))
		for _, name := range entries(t, base) {
			if name != "tree" {
				t.Errorf("left beside the tree: %s", name)
			}
		}
	})
}
