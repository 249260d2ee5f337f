package hub

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/benchharness/harness/ci/hubtest"
)

const withRun = "repo: acme/search\nruns: [{id: 51, workflow: bench.yml, branch: main, sha: a, event: push}]\n"

func TestAnArtifactIsDownloadedWithoutTheTokenLeavingForAnotherHost(t *testing.T) {
	s := world(t, withRun)
	s.Upload("acme/search", 51, "results", hubtest.Zip(map[string]string{"b/head.json": "{}", "a.json": "[1]"}))
	watch := &spy{next: s.Transport("")}
	c := client(t, s, "ghs_job", func(o *Options) { o.HTTP = watch })
	list, err := c.Artifacts(t.Context(), acme, 51)
	if err != nil || len(list) != 1 || list[0].Name != "results" || list[0].RunID != 51 || list[0].Size == 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	files, err := c.Download(t.Context(), list[0], Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s", files); got != "[{a.json [1]} {b/head.json {}}]" {
		t.Errorf("files %s", got)
	}
	elsewhere := 0
	for _, r := range watch.seen {
		if strings.HasPrefix(s.URL(), "http://"+r.URL.Host) {
			continue
		}
		elsewhere++
		if len(r.Header["Authorization"]) > 0 || strings.Contains(fmt.Sprint(r.Header), "ghs_job") {
			t.Errorf("%s got the token", r.URL.Host)
		}
	}
	if elsewhere != 1 {
		t.Errorf("%d requests elsewhere, want 1", elsewhere)
	}
}

// spy keeps the requests that are really made.
type spy struct {
	next http.RoundTripper
	seen []*http.Request
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, r.Clone(r.Context()))
	return s.next.RoundTrip(r)
}

func TestADownloadThatFailsIsTriedAgainAndItsAddressKeptSecret(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := world(t, withRun)
		id := s.Upload("acme/search", 51, "results", hubtest.Zip(map[string]string{"a.json": "{}"}))
		a := Artifact{Repo: acme, ID: id, RunID: 51, Name: "results"}
		broken := &flaky{next: s.Transport(""), host: "blob", fail: 2}
		c := client(t, s, "ghs_job", func(o *Options) { o.HTTP = broken })
		if files, err := c.Download(t.Context(), a, Limits{}); err != nil || len(files) != 1 {
			t.Errorf("%v, %v", files, err)
		}
		broken.fail = 1 << 30
		_, err := c.Download(t.Context(), a, Limits{})
		var network *NetworkError
		if !errors.As(err, &network) || strings.Contains(err.Error(), "sig=") {
			t.Errorf("error %v", err)
		}
	})
}

// flaky fails some requests for a host.
type flaky struct {
	next http.RoundTripper
	host string
	fail int
}

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Host, f.host) && f.fail > 0 {
		f.fail--
		return nil, fmt.Errorf("reset while reading %s", r.URL.Path)
	}
	return f.next.RoundTrip(r)
}

func TestAnArtifactThatHasGoneOrLiesIsRefused(t *testing.T) {
	s := world(t, withRun)
	id := s.Upload("acme/search", 51, "results", hubtest.Zip(map[string]string{"a.json": "{}"}))
	noZip := s.Upload("acme/search", 51, "no zip", []byte("plain text"))
	c := client(t, s, "ghs_job")
	for _, tt := range []struct {
		name string
		a    Artifact
		l    Limits
		says string
	}{
		{"it has expired", Artifact{ID: id, Expired: true}, Limits{}, "expired"},
		{"it says that it is too large", Artifact{ID: id, Size: 65 << 20}, Limits{}, "of at most 67108864"},
		{"it is larger than it says", Artifact{ID: id, Size: 1}, Limits{Zip: 10}, "more than 10 bytes"},
		{"another digest", Artifact{ID: id, Digest: "sha256:00"}, Limits{}, "not what its digest says"},
		{"no zip file", Artifact{ID: noZip}, Limits{}, "no zip file"},
		{"not there", Artifact{ID: 1}, Limits{}, "404"},
	} {
		tt.a.Repo, tt.a.RunID, tt.a.Name = acme, 51, "results"
		if files, err := c.Download(t.Context(), tt.a, tt.l); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, %v; want %q", tt.name, files, err, tt.says)
		}
	}
}

// entry is a file of a zip file that no tool would make.
type entry struct {
	name string
	mode fs.FileMode
	text string
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode | 0o644)
		f, err := w.CreateHeader(h)
		if err == nil && !strings.HasSuffix(e.name, "/") {
			_, err = f.Write([]byte(e.text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnpackTakesOnlyPlainFilesBelow(t *testing.T) {
	l := Limits{Total: 100, File: 60, Files: 3}.orDefault()
	for _, tt := range []struct {
		name    string
		entries []entry
		want    string // names, or a part of the error
	}{
		{"files and a folder", []entry{{"d/", fs.ModeDir, ""}, {"d/b", 0, "2"}, {"a", 0, "1"}}, "a d/b"},
		{"nothing", nil, ""},
		{"upwards", []entry{{"../a", 0, ""}}, "error: leads elsewhere"},
		{"upwards in between", []entry{{"a/../../b", 0, ""}}, "error: leads elsewhere"},
		{"from the root", []entry{{"/etc/passwd", 0, ""}}, "error: leads elsewhere"},
		{"a drive", []entry{{"C:evil", 0, ""}}, "error: leads elsewhere"},
		{"backslashes", []entry{{`..\a`, 0, ""}}, "error: leads elsewhere"},
		{"a device's name is a file here", []entry{{"nul", 0, ""}}, "nul"},
		{"a link", []entry{{"l", fs.ModeSymlink, "/etc/passwd"}}, "error: no file but L"},
		{"a device", []entry{{"l", fs.ModeDevice, ""}}, "error: no file but D"},
		{"a folder that says it is a link", []entry{{"l/", fs.ModeSymlink, ""}, {"l/a", 0, ""}}, "l/a"},
		{"twice", []entry{{"a", 0, ""}, {"a", 0, ""}}, "error: twice"},
		{"twice in other letters", []entry{{"a", 0, ""}, {"A", 0, ""}}, "error: twice"},
		{"too many", []entry{{"a", 0, ""}, {"b", 0, ""}, {"c", 0, ""}, {"d", 0, ""}}, "error: 4 files, of at most 3"},
		{"a large one", []entry{{"a", 0, strings.Repeat("0", 61)}}, "error: up to 60 bytes: too large"},
		{"as large as may be", []entry{{"a", 0, strings.Repeat("0", 60)}, {"b", 0, strings.Repeat("0", 40)}}, "a b"},
		{"large together", []entry{{"a", 0, strings.Repeat("0", 60)}, {"b", 0, strings.Repeat("0", 41)}}, "error: up to 40 bytes: too large"},
		{"a bomb", []entry{{"a", 0, strings.Repeat("0", 10<<20)}}, "error: up to 60 bytes: too large"},
		{"a name with a bell", []entry{{"a\x07/../../b", 0, ""}}, "error: leads elsewhere"},
	} {
		files, err := unpack(zipOf(t, tt.entries...), l)
		var names []string
		for _, f := range files {
			names = append(names, f.Name)
		}
		got := strings.Join(names, " ")
		if says, fails := strings.CutPrefix(tt.want, "error: "); fails {
			if err == nil || !strings.Contains(err.Error(), says) || strings.ContainsAny(err.Error(), "\n\x07") {
				t.Errorf("%s: %q, %v; want %q", tt.name, got, err, says)
			}
		} else if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(zipOf(f, entry{"a/b.json", 0, "{}"}, entry{"c", 0, "x"}))
	f.Add(zipOf(f, entry{"../x", 0, "y"}))
	f.Add(zipOf(f, entry{"l", fs.ModeSymlink, "/"}))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := Limits{Total: 1000, File: 600, Files: 5}.orDefault()
		files, err := unpack(raw, l)
		if err != nil {
			return
		}
		total := 0
		for _, file := range files {
			total += len(file.Data)
			if !fs.ValidPath(file.Name) || strings.Contains(file.Name, "\\") || len(file.Data) > 600 {
				t.Errorf("%q with %d bytes", file.Name, len(file.Data))
			}
		}
		if total > 1000 || len(files) > 5 {
			t.Errorf("%d bytes in %d files", total, len(files))
		}
	})
}
