package install

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hub is GitHub's API as far as releases go, with the files of one.
type hub struct {
	*site
	release release
}

func newHub(t *testing.T, tag string, files map[string]string) *hub {
	t.Helper()
	h := &hub{site: newSite(t), release: release{Tag: tag}}
	for name, content := range files {
		h.files["/download/"+name] = content
		h.release.Assets = append(h.release.Assets, asset{Name: name, URL: h.URL + "/download/" + name, API: h.URL + "/api/assets/" + name})
		h.files["/api/assets/"+name] = content
	}
	h.publish(t)
	return h
}

func (h *hub) publish(t *testing.T) {
	t.Helper()
	b, err := json.Marshal(h.release)
	if err != nil {
		t.Fatal(err)
	}
	h.files["/api/repos/acme/hash/releases/latest"] = string(b)
	h.files["/api/repos/acme/hash/releases/tags/"+h.release.Tag] = string(b)
}

func (h *hub) options(t *testing.T, dir, version string) Options {
	return Options{Dir: dir, Source: Source{Repo: "acme/hash", Version: version}, Network: Network{API: h.URL + "/api/"}}
}

func TestTheAssetForThisPlatformIsChosen(t *testing.T) {
	assets := func(names ...string) *release {
		r := &release{Tag: "v1"}
		for _, n := range names {
			r.Assets = append(r.Assets, asset{Name: n})
		}
		return r
	}
	for _, tt := range []struct {
		what     string
		platform string
		assets   *release
		want     string
		err      string
	}{
		{"as goreleaser names them", "linux/amd64", assets("hash_1.0_linux_amd64.tar.gz", "hash_1.0_linux_arm64.tar.gz", "hash_1.0_darwin_arm64.tar.gz", "hash_1.0_checksums.txt"), "hash_1.0_linux_amd64.tar.gz", ""},
		{"as uname names them", "linux/amd64", assets("hash-Linux-x86_64.tar.gz", "hash-Linux-aarch64.tar.gz", "hash-Darwin-arm64.tar.gz"), "hash-Linux-x86_64.tar.gz", ""},
		{"macOS", "darwin/arm64", assets("hash-macos-aarch64.zip", "hash-linux-aarch64.zip"), "hash-macos-aarch64.zip", ""},
		{"a plain program", "linux/arm64", assets("harness-plugin-hash-linux-arm64", "harness-plugin-hash-linux-arm64.sha256", "harness-plugin-hash-linux-arm64.sigstore.json"), "harness-plugin-hash-linux-arm64", ""},
		{"one module for all", "linux/arm64", assets("harness-plugin-hash.wasm", "plugin.json", "SHA256SUMS"), "harness-plugin-hash.wasm", ""},
		{"the platform before all", "linux/arm64", assets("harness-plugin-hash.wasm", "hash_linux_arm64.zip"), "hash_linux_arm64.zip", ""},
		{"packed twice", "linux/arm64", assets("hash_linux_arm64.zip", "hash_linux_arm64.tar.gz", "hash_linux_arm64.deb"), "hash_linux_arm64.tar.gz", ""},
		{"nothing for this platform", "linux/arm64", assets("hash_linux_amd64.zip", "notes.md"), "", "has nothing for linux/arm64; it has: hash_linux_amd64.zip, notes.md"},
		{"nothing", "linux/arm64", assets(), "", "it has: no file at all"},
		{"two things", "linux/arm64", assets("hash_linux_arm64.zip", "mash_linux_arm64.zip"), "", "several files for linux/arm64 (hash_linux_arm64.zip, mash_linux_arm64.zip)"},
		{"a processor alone", "linux/arm64", assets("hash_arm64.zip"), "", "has nothing"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			a, err := tt.assets.choose(tt.platform)
			if a.Name != tt.want || tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("chose %q, %v", a.Name, err)
			}
		})
	}
}

func TestAReleaseIsInstalled(t *testing.T) {
	archive := string(tarGz(t, plugin("hash", "1.2.0", script)...))
	sums := hexOf(archive) + "  harness-plugin-hash.tar.gz\n"
	h := newHub(t, "v1.2.0", map[string]string{"harness-plugin-hash.tar.gz": archive, "SHA256SUMS": sums})
	for _, version := range []string{"", "v1.2.0", "1.2.0"} {
		dir := t.TempDir()
		r, err := Install(t.Context(), h.options(t, dir, version))
		if err != nil || r.Source != "github.com/acme/hash@v1.2.0" || r.Version != "1.2.0" || r.Verified != "SHA256SUMS" {
			t.Errorf("version %q installs %+v, %v", version, r, err)
		}
	}
	h.release.Assets[0].Digest, h.release.Assets[1].Digest = "", ""
	for i, a := range h.release.Assets {
		if a.Name == "harness-plugin-hash.tar.gz" {
			h.release.Assets[i].Digest = "sha256:" + hexOf("y")
		}
	}
	h.publish(t)
	if _, err := Install(t.Context(), h.options(t, t.TempDir(), "")); err == nil || !strings.Contains(err.Error(), "and GitHub says "+hexOf("y")) {
		t.Errorf("another digest at GitHub: %v", err)
	}
	for version, want := range map[string]string{"v9": "github.com/acme/hash has no release v9, or is private: check both names, or set GITHUB_TOKEN"} {
		if _, err := Install(t.Context(), h.options(t, t.TempDir(), version)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("version %s: %v", version, err)
		}
	}
	o := h.options(t, t.TempDir(), "")
	o.Source.Repo = "acme/none"
	if _, err := Install(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has no release, or is private") {
		t.Errorf("no repository: %v", err)
	}
}

func TestAReleaseWithoutAnyDigestIsRefused(t *testing.T) {
	h := newHub(t, "v1", map[string]string{"harness-plugin-hash": script})
	if _, err := Install(t.Context(), h.options(t, t.TempDir(), "")); err == nil || !strings.Contains(err.Error(), "nothing says what harness-plugin-hash has to be") {
		t.Errorf("error is %v", err)
	}
	h.release.Assets[0].Digest = "sha256:" + hexOf(script)
	h.publish(t)
	if r, err := Install(t.Context(), h.options(t, t.TempDir(), "")); err != nil || r.Verified != "GitHub's digest" || r.Version != "1" {
		t.Errorf("with GitHub's digest: %+v, %v", r, err)
	}
}

func TestATokenGoesToTheAPIAndNowhereElse(t *testing.T) {
	elsewhere := newSite(t)
	elsewhere.files["/harness-plugin-hash"] = script
	h := newHub(t, "v1", map[string]string{"harness-plugin-hash": script, "SHA256SUMS": hexOf(script) + "  harness-plugin-hash\n"})
	// GitHub redirects to where the file really is, which is another host.
	u, err := url.Parse(elsewhere.URL)
	if err != nil {
		t.Fatal(err)
	}
	h.files["/api/assets/harness-plugin-hash"] = "-> https://localhost:" + u.Port() + "/harness-plugin-hash"
	transport := http.DefaultTransport.(*http.Transport)
	transport.TLSClientConfig = transport.TLSClientConfig.Clone()
	transport.TLSClientConfig.ServerName = "example.com" // which both certificates are for
	o := h.options(t, t.TempDir(), "")
	o.Network.Token = "t-hunter2"
	if _, err := Install(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, r := range h.asked {
		if strings.HasPrefix(r.URL.Path, "/download/") {
			t.Errorf("with a token %s was asked for", r.URL.Path)
		}
		if r.Header.Get("Authorization") != "Bearer t-hunter2" {
			t.Errorf("%s was asked for without the token", r.URL.Path)
		}
	}
	if len(elsewhere.asked) != 1 || elsewhere.asked[0].Header.Get("Authorization") != "" {
		t.Errorf("elsewhere was asked %d times, with the token: %v", len(elsewhere.asked), elsewhere.asked[0].Header)
	}
}

func TestATokenGoesToNoOtherAddressThatTheAPINames(t *testing.T) {
	elsewhere := newSite(t)
	elsewhere.files["/harness-plugin-hash"] = script
	h := newHub(t, "v1", map[string]string{"harness-plugin-hash": script, "SHA256SUMS": hexOf(script) + "  harness-plugin-hash\n"})
	for i := range h.release.Assets {
		h.release.Assets[i].API = elsewhere.URL + "/harness-plugin-hash"
	}
	h.publish(t)
	o := h.options(t, t.TempDir(), "")
	o.Network.Token = "t-hunter2"
	if _, err := Install(t.Context(), o); err != nil {
		t.Error(err)
	}
	if len(elsewhere.asked) > 0 {
		t.Errorf("elsewhere was asked, with the header Authorization %q", elsewhere.asked[0].Header.Get("Authorization"))
	}
}

func TestQuestionsThatGitHubDoesNotAnswerAnyMoreHaveARemedy(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ratelimit-Remaining", "0")
		w.WriteHeader(http.StatusForbidden)
	}))
	defer s.Close()
	trust(t, s)
	_, err := Install(t.Context(), Options{Dir: t.TempDir(), Source: Source{Repo: "a/b"}, Network: Network{API: s.URL}})
	if err == nil || !strings.Contains(err.Error(), "set GITHUB_TOKEN, or try again later") {
		t.Errorf("error is %v", err)
	}
}

// cosign makes a program that stands for cosign and writes down its arguments.
func cosign(t *testing.T, script string) (program, args string) {
	t.Helper()
	dir := t.TempDir()
	args = filepath.Join(dir, "args")
	program = put(t, filepath.Join(dir, "cosign"), []byte("#!/bin/sh\necho \"$@\" > "+args+"\n"+script+"\n"), 0o755)
	return program, args
}

func TestASignatureIsCheckedByCosign(t *testing.T) {
	sums := hexOf(script) + "  harness-plugin-hash\n"
	files := map[string]string{"harness-plugin-hash": script, "SHA256SUMS": sums, "SHA256SUMS.sigstore.json": "{}"}
	good, args := cosign(t, "exit 0")
	bad, _ := cosign(t, "echo 'Error: none of the expected identities matched' >&2; exit 1")
	for _, tt := range []struct {
		what     string
		change   func(*Options, *hub)
		want     string
		verified string
		said     string
	}{
		{"a good one", func(o *Options, _ *hub) { o.Cosign = good }, "", "SHA256SUMS, the signature SHA256SUMS.sigstore.json", ""},
		{"a bad one", func(o *Options, _ *hub) { o.Cosign = bad }, `not one of a workflow of github.com/acme/hash: cosign says "Error: none of the expected`, "", ""},
		{"nobody to check it", func(*Options, *hub) {}, "", "SHA256SUMS", "the signature was not checked: the program cosign is not installed"},
		{"nobody, and it is required", func(o *Options, _ *hub) { o.RequireSignature = true }, "the program cosign is not installed", "", ""},
		{"none, and it is required", func(o *Options, h *hub) {
			o.RequireSignature, o.Cosign = true, good
			h.release.Assets = h.release.Assets[:0]
			for _, name := range []string{"harness-plugin-hash", "SHA256SUMS"} {
				h.release.Assets = append(h.release.Assets, asset{Name: name, URL: h.URL + "/download/" + name})
			}
			h.publish(t)
		}, "has no sigstore bundle of harness-plugin-hash", "", ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Setenv("PATH", t.TempDir()+":/bin:/usr/bin")
			h := newHub(t, "v1", files)
			o := h.options(t, t.TempDir(), "")
			var said string
			o.Say = func(format string, args ...any) { said += fmt.Sprintf(format, args...) }
			tt.change(&o, h)
			r, err := Install(t.Context(), o)
			switch {
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error is %v, want %q", err, tt.want)
			case tt.want == "" && (err != nil || r.Verified != tt.verified):
				t.Errorf("verified by %+v, %v", r, err)
			}
			if !strings.Contains(said, tt.said) || tt.said == "" && said != "" {
				t.Errorf("said %q, want %q", said, tt.said)
			}
		})
	}
	b, err := os.ReadFile(args)
	if want := `^https://github\.com/acme/hash/\.github/workflows/`; err != nil || !strings.Contains(string(b), want) || !strings.Contains(string(b), actionsIssuer) {
		t.Errorf("cosign was called with %s, %v", b, err)
	}
	for _, s := range []Source{{Path: "x"}, {URL: "https://127.0.0.1:1/harness-plugin-x"}} {
		if _, err := Install(t.Context(), Options{Dir: t.TempDir(), Source: s, RequireSignature: true}); err == nil {
			t.Errorf("%s has a signature", s)
		}
	}
}
