package actiontest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

const releasedVersion = "9.8.7"

// releases is where releases are: files by path, and how often one was asked
// for.
type releases struct {
	*httptest.Server
	files map[string][]byte
	asked atomic.Int64
}

// newReleases serves a release whose program hands on to the one under test.
func newReleases(t *testing.T) *releases {
	t.Helper()
	r := &releases{files: map[string][]byte{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		b, ok := r.files[req.URL.Path]
		if !ok {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(r.Close)
	name := fmt.Sprintf("harness_%s_%s_%s", releasedVersion, runtime.GOOS, runtime.GOARCH)
	archive := packed(t, name, "#!/bin/sh\nexec '"+binary+"' \"$@\"\n")
	r.files["/v"+releasedVersion+"/"+name+".tar.gz"] = archive
	r.files["/v"+releasedVersion+"/SHA256SUMS"] = fmt.Appendf(nil, "%x  harness_%s_other.tar.gz\n%x  %s.tar.gz\n", sha256.Sum256(nil), releasedVersion, sha256.Sum256(archive), name)
	return r
}

func (r *releases) sums() string {
	return fmt.Sprintf("%x", sha256.Sum256(r.files["/v"+releasedVersion+"/SHA256SUMS"]))
}

func (r *releases) damage() {
	for path := range r.files {
		if strings.HasSuffix(path, ".tar.gz") {
			r.files[path] = append(bytes.Clone(r.files[path]), 0)
		}
	}
}

func packed(t *testing.T, name, program string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: name + "/harness", Mode: 0o755, Size: int64(len(program))})
	if err == nil {
		_, err = w.Write([]byte(program))
	}
	for _, c := range []func() error{w.Close, z.Close} {
		if err == nil {
			err = c()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newRunner is a machine with an empty workspace, of the system and processor
// that the tests run on.
func newRunner(t *testing.T) *runner {
	t.Helper()
	peers(t, "git", "bash", "curl", "tar")
	dir := short(t)
	abs, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, action: readAction(t), inputs: map[string]string{}, github: map[string]string{"token": "the-token", "event_name": "push", "repository": "o/r", "actor": "ann"},
		workspace: filepath.Join(dir, "workspace"), temp: filepath.Join(dir, "temp")}
	for _, d := range []string{"workspace", "temp", "tools", "home"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	system := map[string]string{"linux": "Linux", "darwin": "macOS"}[runtime.GOOS]
	processor := map[string]string{"amd64": "X64", "arm64": "ARM64"}[runtime.GOARCH]
	r.env = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": filepath.Join(dir, "home"), "TMPDIR": r.temp, "CI": "true", "GITHUB_ACTIONS": "true",
		"GITHUB_ACTION_PATH": abs, "GITHUB_WORKSPACE": r.workspace,
		"RUNNER_OS": system, "RUNNER_ARCH": processor, "RUNNER_TEMP": r.temp, "RUNNER_TOOL_CACHE": filepath.Join(dir, "tools"),
	}
	return r
}

func TestAReleaseIsInstalledByVersionAndChecksum(t *testing.T) {
	rel := newReleases(t)
	r := newRunner(t)
	r.inputs = map[string]string{"mode": "install", "version": "v" + releasedVersion, "sha256sums": rel.sums(), "releases": rel.URL}
	outputs := r.act()
	if r.failed || len(r.path) != 1 || outputs["harness"] != filepath.Join(r.path[0], "harness") || !strings.Contains(r.log.String(), "plugin protocol") {
		t.Fatalf("failed %v, path %q, outputs %v\n%s", r.failed, r.path, outputs, r.log.String())
	}
	asked := rel.asked.Load()
	if r.act(); r.failed || rel.asked.Load() != asked {
		t.Errorf("a second job on the machine asked for %d files; want none, they are in the tool cache\n%s", rel.asked.Load()-asked, r.log.String())
	}
}

func TestWhatIsNotTheReleaseIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*releases, *runner)
		want   string
	}{
		{"an archive with one byte more", func(rel *releases, _ *runner) { rel.damage() }, "is not the file that the SHA256SUMS of 9.8.7 names"},
		{"another release's checksums", func(_ *releases, r *runner) { r.inputs["sha256sums"] = strings.Repeat("0", 64) }, "but sha256sums says 000"},
		{"an archive that SHA256SUMS does not name", func(rel *releases, _ *runner) {
			rel.files["/v9.8.7/SHA256SUMS"] = []byte("00  x\n")
		}, "is not the file that the SHA256SUMS of 9.8.7 names"},
		{"a release that is not there", func(_ *releases, r *runner) { r.inputs["version"] = "9.9.9" }, "could not be fetched: does release 9.9.9 exist"},
		{"no version", func(_ *releases, r *runner) { r.inputs["version"] = "" }, "or set harness-path"},
		{"a version that leads elsewhere", func(_ *releases, r *runner) { r.inputs["version"] = "../../evil" }, "want a release such as"},
		{"another system", func(_ *releases, r *runner) { r.env["RUNNER_OS"] = "Windows" }, "use a Linux or macOS runner"},
		{"a path to nothing", func(_ *releases, r *runner) { r.inputs["harness-path"] = "nowhere/harness" }, "build it in an earlier step"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rel := newReleases(t)
			r := newRunner(t)
			r.inputs = map[string]string{"mode": "install", "version": releasedVersion, "releases": rel.URL}
			tt.change(rel, r)
			if r.act(); !r.failed || len(r.path) > 0 || !strings.Contains(r.log.String(), "::error title=harness was not installed::") || !strings.Contains(r.log.String(), tt.want) {
				t.Errorf("failed %v, path %q\n%s", r.failed, r.path, r.log.String())
			}
		})
	}
}

func TestAnArchiveInTheToolCacheIsCheckedAgain(t *testing.T) {
	rel := newReleases(t)
	r := newRunner(t)
	r.inputs = map[string]string{"mode": "install", "version": releasedVersion, "sha256sums": rel.sums(), "releases": rel.URL}
	if r.act(); r.failed {
		t.Fatal(r.log.String())
	}
	found, err := filepath.Glob(filepath.Join(r.env["RUNNER_TOOL_CACHE"], "harness", releasedVersion, "*.tar.gz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the tool cache holds %q, %v", found, err)
	}
	write(t, found[0], "something else")
	if r.act(); !r.failed {
		t.Error("an archive that was changed in the cache was used")
	}
	if r.act(); r.failed {
		t.Errorf("the job after that failed, too\n%s", r.log.String())
	}
}
