package install

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is one thing in an archive.
type entry struct {
	name, content string
	kind          byte // of tar; 0 is a file
	link          string
	mode          int64
}

func tarGz(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: e.mode, Size: int64(len(e.content))}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if e.mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o644)
		content := e.content
		if e.kind == tar.TypeSymlink {
			h.SetMode(fs.ModeSymlink | 0o777)
			content = e.link
		}
		out, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArchivesThatAttackAreRefused has one case for each way out of a folder.
func TestArchivesThatAttackAreRefused(t *testing.T) {
	good := plugin("hash", "1.2.0", script)
	with := func(e ...entry) []entry { return append(append([]entry{}, good...), e...) }
	long := strings.Repeat("d/", maxDepth+2)
	for _, tt := range []struct {
		what    string
		entries []entry
		want    string
		tarOnly bool
	}{
		{"a path up", with(entry{name: "../evil", content: "x"}), "leads out of it", false},
		{"a path up in the middle", with(entry{name: "top/../../evil", content: "x"}), "leads out of it", false},
		{"an absolute path", with(entry{name: "/tmp/evil", content: "x"}), "the absolute path", false},
		{"a drive", with(entry{name: "C:/evil", content: "x"}), "the absolute path", false},
		{"a backslash", with(entry{name: `top\..\evil`, content: "x"}), "with a backslash", false},
		{"a link out", with(entry{name: "top/link", kind: tar.TypeSymlink, link: "/etc"}), "links are not unpacked", false},
		{"a link and a file behind it", with(entry{name: "top/link", kind: tar.TypeSymlink, link: "/tmp"}, entry{name: "top/link/evil", content: "x"}), "links are not unpacked", false},
		{"a hard link", with(entry{name: "top/hard", kind: tar.TypeLink, link: "/etc/passwd"}), "links are not unpacked", true},
		{"a device", with(entry{name: "top/null", kind: tar.TypeChar}), "neither a file nor a folder", true},
		{"a pipe", with(entry{name: "top/pipe", kind: tar.TypeFifo}), "neither a file nor a folder", true},
		{"a file twice", with(entry{name: "top/run", content: "#!/bin/sh\nevil\n"}), `"top/run" twice`, false},
		{"a folder as a file", with(entry{name: "top/run/x", content: "x"}), "", false},
		{"a name with an escape sequence", with(entry{name: "top/\x1b[2J", content: "x"}), "not printable", false},
		{"a name that is no UTF-8", with(entry{name: "top/\xff", content: "x"}), "not printable", false},
		{"a deep path", with(entry{name: long + "x", content: "x"}), "deeper than", false},
		{"nothing", nil, "there is no plugin in it", false},
		{"a manifest alone", good[1:2], "names the program run, which is not in it", false},
		{"a manifest that lies", []entry{good[1], {name: "top/run", content: script + "#"}}, "its manifest says that run has sha256 " + hexOf(script)[:12], false},
		{"a malformed manifest", []entry{{name: "plugin.json", content: `{"schema": "harness.plugin/v1"}`}}, "read manifest plugin.json: version is missing", false},
	} {
		packed := map[string][]byte{"x.tar.gz": tarGz(t, tt.entries...)}
		if !tt.tarOnly {
			packed["x.zip"] = zipOf(t, tt.entries...)
		}
		for name, content := range packed {
			t.Run(tt.what+" in "+name, func(t *testing.T) {
				root := t.TempDir()
				dir := filepath.Join(root, "a", "plugins")
				_, err := installPath(t, dir, put(t, filepath.Join(root, name), content, 0o644))
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\n\x1b") {
					t.Errorf("error is %v, want one printable line with %q", err, tt.want)
				}
				clean(t, dir)
				_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, _ error) error {
					if strings.Contains(path, "evil") || d.Type()&fs.ModeSymlink != 0 {
						t.Errorf("it left %s", path)
					}
					return nil
				})
			})
		}
	}
}

func TestDamagedArchivesAreNamed(t *testing.T) {
	good := tarGz(t, plugin("hash", "1.2.0", script)...)
	zipped := zipOf(t, plugin("hash", "1.2.0", script)[1:]...)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 0xff
	for what, tt := range map[string]struct {
		name    string
		content []byte
	}{
		"a tar cut off":        {"x.tgz", good[:len(good)/2]},
		"a tar with a flaw":    {"x.tgz", flipped},
		"no tar at all":        {"x.tar.gz", []byte("hello")},
		"an empty tar":         {"x.tar.gz", nil},
		"a zip cut off":        {"x.zip", zipped[:len(zipped)-10]},
		"a zip with a flaw":    {"x.zip", append(append([]byte{}, zipped[:60]...), zipped[70:]...)},
		"a tar named as a zip": {"x.zip", good},
	} {
		t.Run(what, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "plugins")
			_, err := installPath(t, dir, put(t, filepath.Join(root, tt.name), tt.content, 0o644))
			if err == nil || !strings.Contains(err.Error(), "unpack "+tt.name) || strings.Contains(err.Error(), "EOF") {
				t.Errorf("error is %v", err)
			}
			clean(t, dir)
		})
	}
}

// zeros is a tar.gz whose files have that many bytes when it is unpacked.
func zeros(t testing.TB, files int, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	w := tar.NewWriter(z)
	block := make([]byte, 1<<20)
	for i := range files {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("f%d", i), Typeflag: tar.TypeReg, Mode: 0o644, Size: size}); err != nil {
			t.Fatal(err)
		}
		for left := size; left > 0; left -= int64(len(block)) {
			if _, err := w.Write(block[:min(left, int64(len(block)))]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestABombIsStoppedAtTheLimits(t *testing.T) {
	dir := t.TempDir()
	bomb := put(t, filepath.Join(dir, "x.tar.gz"), zeros(t, 3, 1<<20), 0o644)
	in, err := newBasket(filepath.Join(dir, "small"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	in.left = 2 << 20
	if err := in.tar(bomb); err == nil || !strings.Contains(err.Error(), "it unpacks to more than") {
		t.Errorf("3 MiB into 2: %v", err)
	}
	many := put(t, filepath.Join(dir, "many.tar.gz"), zeros(t, maxFiles+1, 0), 0o644)
	if err := unpack(many, "many.tar.gz", filepath.Join(dir, "many")); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("too many files: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(tarGz(f, plugin("hash", "1.0.0", script)...), true)
	f.Add(tarGz(f, entry{name: "../x", content: "x"}, entry{name: "l", kind: tar.TypeSymlink, link: "/"}), true)
	f.Add(zipOf(f, plugin("hash", "1.0.0", script)[1:]...), false)
	f.Fuzz(func(t *testing.T, b []byte, gz bool) {
		root := t.TempDir()
		name := map[bool]string{true: "x.tgz", false: "x.zip"}[gz]
		archive := put(t, filepath.Join(root, name), b, 0o644)
		_ = unpack(archive, name, filepath.Join(root, "to"))
		entries, err := os.ReadDir(root)
		if err != nil || len(entries) > 2 {
			t.Fatalf("beside the folder there is %v, %v", entries, err)
		}
		_ = filepath.WalkDir(filepath.Join(root, "to"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !d.Type().IsRegular() {
				t.Errorf("%s is a %v", path, d.Type())
			}
			return nil
		})
	})
}

// TestAnIndexThatIsABombIsNotRead has an archive that is nothing but the
// index of more files than memory should be spent on.
func TestAnIndexThatIsABombIsNotRead(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	remark := strings.Repeat("x", 60_000)
	for i := range 2 * maxIndex / len(remark) {
		if _, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Comment: remark}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	_, err := installPath(t, filepath.Join(root, "plugins"), put(t, filepath.Join(root, "x.zip"), b.Bytes(), 0o644))
	if err == nil || !strings.Contains(err.Error(), "unpack x.zip: it holds more than 10000 files, or long remarks") {
		t.Errorf("error is %v", err)
	}
}
