// Package scripts tests the scripts beside it. It has no code of its own.
package scripts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/store"
)

func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).Output()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// needs skips where there is no commit to build a release of, or nothing to
// build it with.
func needs(t *testing.T) {
	t.Helper()
	why := ""
	if runtime.GOOS != "linux" {
		why = "releases are built on Linux"
	} else if err := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD").Run(); err != nil {
		why = "needs git and a checkout"
	}
	if why != "" && os.Getenv("HARNESS_REQUIRE_PEERS") == "1" && runtime.GOOS == "linux" {
		t.Fatal(why)
	}
	if why != "" {
		t.Skip(why)
	}
}

// release builds the archive of this platform and returns its folder.
func release(t *testing.T, commit string) string {
	t.Helper()
	temp := t.TempDir()
	out := filepath.Join(temp, "dist")
	cmd := exec.CommandContext(t.Context(), "./release", "v0.0.1-test", out)
	cmd.Env = append(os.Environ(), "COMMIT="+commit, "TMPDIR="+temp, "PLATFORMS=linux/"+runtime.GOARCH, "GOFLAGS=-v", "GOAMD64=v3")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("release: %v\n%s", err, b)
	}
	return out
}

// All platforms, and an empty build cache, are for make release-check.
func TestTwoBuildsInTwoFoldersAreTheSameBytes(t *testing.T) {
	needs(t)
	commit := output(t, "git", "rev-parse", "HEAD")
	a, b := release(t, commit), release(t, commit)
	name := "harness_0.0.1-test_linux_" + runtime.GOARCH
	archive := readFile(t, filepath.Join(a, name+".tar.gz"))
	if !bytes.Equal(archive, readFile(t, filepath.Join(b, name+".tar.gz"))) {
		t.Error("the archives differ")
	}
	check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = a
	if out, err := check.CombinedOutput(); err != nil || !strings.Contains(string(out), name) {
		t.Errorf("SHA256SUMS: %v\n%s", err, out)
	}
	dir := t.TempDir()
	unpack(t, archive, dir, commit)
	program := filepath.Join(dir, name, "harness")
	if v := output(t, program, "version"); !strings.HasPrefix(v, "harness 0.0.1-test ") {
		t.Errorf("harness version says %q", v)
	}
	cmd := exec.CommandContext(t.Context(), program, "run", "--plugins", "system", "--duration", "50ms", "--monitor-duration", "50ms", "--rounds", "1")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME=", "XDG_DATA_HOME=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("harness run: %v\n%s", err, out)
	}
	doc, err := store.ReadRun(filepath.Join(dir, "run.json"))
	if err != nil || doc.Harness.Commit != commit {
		t.Errorf("the run document says commit %v, %v; want %s", doc, err, commit)
	}
}

// unpack checks what is in an archive, and writes it.
func unpack(t *testing.T, archive []byte, dir, commit string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if z.Name != "" || !z.ModTime.IsZero() {
		t.Errorf("gzip's header has name %q and time %v", z.Name, z.ModTime)
	}
	when, err := strconv.ParseInt(output(t, "git", "log", "-1", "--format=%ct", commit), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Base(h.Name))
		mode := int64(0o644)
		if h.Typeflag == tar.TypeDir || filepath.Base(h.Name) == "harness" {
			mode = 0o755
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname+h.Gname != "" || h.ModTime.Unix() != when || h.Mode != mode {
			t.Errorf("%s: owner %d:%d %q %q, time %v, mode %o", h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime, h.Mode)
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(path, 0o755)
		} else if b, e := io.ReadAll(r); e == nil {
			err = os.WriteFile(path, b, os.FileMode(h.Mode))
		} else {
			err = e
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(names[1:], " "); got != "LICENSE README.md harness" {
		t.Errorf("the archive holds %s", got)
	}
}

func TestAReleaseNeedsAVersion(t *testing.T) {
	needs(t)
	for _, version := range []string{"", "1", "v1.2", "1.2.3 -X main.x=y", "latest"} {
		cmd := exec.CommandContext(t.Context(), "./release", version, t.TempDir())
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "make release VERSION=") {
			t.Errorf("version %q: %v\n%s", version, err, out)
		}
	}
}

func TestWithoutACompilerForNVMLAReleaseThatNeedsOneIsRefused(t *testing.T) {
	needs(t)
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	bin := t.TempDir() // everything but C compilers
	for _, name := range []string{"bash", "cat", "dirname", "git", "go", "grep", "mkdir", "mktemp", "rm", "tar", "uname"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(bin, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "./release", "1.2.3", t.TempDir())
	cmd.Env = append(os.Environ(), "PATH="+bin, "REQUIRE_CGO=1", "PLATFORMS=linux/"+other)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "no C compiler: apt-get install") {
		t.Errorf("release: %v\n%s", err, out)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
