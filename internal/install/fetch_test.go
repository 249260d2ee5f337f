package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// site is a server with files; what is not in it is a 404.
type site struct {
	*httptest.Server
	files map[string]string
	asked []*http.Request
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{files: map[string]string{}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r)
		text, ok := s.files[r.URL.Path]
		if to, redirects := strings.CutPrefix(text, "-> "); redirects {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	trust(t, s.Server)
	return s
}

// trust has this test's clients believe a server's certificate.
func trust(t *testing.T, s *httptest.Server) {
	t.Helper()
	old := http.DefaultTransport.(*http.Transport).TLSClientConfig
	http.DefaultTransport.(*http.Transport).TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	t.Cleanup(func() { http.DefaultTransport.(*http.Transport).TLSClientConfig = old })
}

func (s *site) install(t *testing.T, dir, path string, change ...func(*Options)) (*Receipt, error) {
	t.Helper()
	src, err := ParseSource(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, Source: src}
	for _, c := range change {
		c(&o)
	}
	return Install(t.Context(), o)
}

func TestAnAddressIsInstalledIfItsDigestIsThere(t *testing.T) {
	archive := string(tarGz(t, plugin("hash", "1.2.0", script)...))
	sum := hexOf(archive)
	for _, tt := range []struct {
		what     string
		files    map[string]string
		sha256   string
		want     string // of the error; "" is none
		verified string
	}{
		{"a list beside it", map[string]string{"/d/SHA256SUMS": sum + "  x.tar.gz\n" + hexOf("y") + " *y\n"}, "", "", "SHA256SUMS"},
		{"a digest of its own", map[string]string{"/d/x.tar.gz.sha256": sum + "\n"}, "", "", "x.tar.gz.sha256"},
		{"a list as BSD writes it", map[string]string{"/d/checksums.txt": "SHA256 (dist/x.tar.gz) = " + strings.ToUpper(sum) + "\r\n"}, "", "", "checksums.txt"},
		{"a digest by hand", nil, sum, "", "--sha256"},
		{"both", map[string]string{"/d/SHA256SUMS": sum + "  x.tar.gz\n"}, sum, "", "SHA256SUMS, --sha256"},
		{"a page in place of a 404", map[string]string{"/d/SHA256SUMS": "<html>not found</html>"}, sum, "", "--sha256"},
		{"no digest", nil, "", "nothing says what x.tar.gz has to be", ""},
		{"a page and no digest", map[string]string{"/d/SHA256SUMS": "<html>not found</html>"}, "", "nothing says what x.tar.gz has to be: SHA256SUMS is no list of digests: line 1", ""},
		{"a list without it", map[string]string{"/d/SHA256SUMS": sum + "  other.tar.gz\n"}, "", "SHA256SUMS does not list x.tar.gz", ""},
		{"another digest in the list", map[string]string{"/d/SHA256SUMS": hexOf("y") + "  x.tar.gz\n"}, "", "and SHA256SUMS says " + hexOf("y"), ""},
		{"two digests in the list", map[string]string{"/d/SHA256SUMS": hexOf("y") + "  x.tar.gz\n" + sum + "  x.tar.gz\n"}, "", `SHA256SUMS is no list of digests: line 2 gives "x.tar.gz" a second digest; give its digest with --sha256`, ""},
		{"another digest by hand", map[string]string{"/d/SHA256SUMS": sum + "  x.tar.gz\n"}, hexOf("y"), "and --sha256 says", ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s := newSite(t)
			s.files = map[string]string{"/d/x.tar.gz": archive}
			for k, v := range tt.files {
				s.files[k] = v
			}
			dir := filepath.Join(t.TempDir(), "plugins")
			r, err := s.install(t, dir, "/d/x.tar.gz?key=secret", func(o *Options) { o.SHA256 = tt.sha256 })
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error is %v, want %q", err, tt.want)
				}
				clean(t, dir)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Verified != tt.verified || r.Source != s.URL+"/d/x.tar.gz" {
				t.Errorf("verified by %q from %q", r.Verified, r.Source)
			}
		})
	}
}

func TestAModuleBringsItsManifestIfTheListHasIt(t *testing.T) {
	const module = "\x00asm\x01\x00\x00\x00"
	text := strings.NewReplacer(`"exec"`, `"wasm"`).Replace(manifestText("sand", "3.1.0", "harness-plugin-sand.wasm", hexOf(module)))
	s := newSite(t)
	s.files = map[string]string{
		"/harness-plugin-sand-3.1.0.wasm": module, "/plugin.json": text,
		"/SHA256SUMS": hexOf(module) + "  harness-plugin-sand-3.1.0.wasm\n" + hexOf(text) + "  plugin.json\n",
	}
	dir := t.TempDir()
	r, err := s.install(t, dir, "/harness-plugin-sand-3.1.0.wasm")
	if err != nil || r.Version != "3.1.0" || r.Path != filepath.Join(dir, "sand", "harness-plugin-sand.wasm") {
		t.Fatalf("installed %+v, %v", r, err)
	}
	s.files["/plugin.json"] = text + " "
	if _, err := s.install(t, dir, "/harness-plugin-sand-3.1.0.wasm"); err == nil || !strings.Contains(err.Error(), "plugin.json has sha256") {
		t.Errorf("a manifest that is not as listed: %v", err)
	}
	delete(s.files, "/plugin.json")
	s.files["/SHA256SUMS"] = hexOf(module) + "  harness-plugin-sand-3.1.0.wasm\n"
	if r, err := s.install(t, dir, "/harness-plugin-sand-3.1.0.wasm"); err != nil || r.Name != "sand" || r.Version != "" {
		t.Errorf("without a manifest: %+v, %v", r, err)
	}
}

func TestOnlyHTTPSIsFollowed(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "-plugin-hash") {
			fmt.Fprint(w, script)
			return
		}
		http.NotFound(w, r)
	}))
	defer plain.Close()
	s := newSite(t)
	s.files = map[string]string{
		"/harness-plugin-hash": script,
		"/down":                "-> " + plain.URL + "/harness-plugin-hash",
		"/away":                "-> http://192.0.2.1/harness-plugin-hash",
		"/file":                "-> file:///etc/passwd",
		"/round":               "-> /round",
	}
	for path, want := range map[string]string{
		"/down": "it redirects from https to http", "/away": "it redirects from https to http",
		"/file": "it redirects from https to file", "/round": "it redirects more than 10 times",
	} {
		if _, err := s.install(t, t.TempDir(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", path, err, want)
		}
	}
	bySum := func(o *Options) { o.SHA256 = hexOf(script) }
	s.files["/elsewhere/harness-plugin-hash"] = "-> /harness-plugin-hash"
	if _, err := s.install(t, t.TempDir(), "/elsewhere/harness-plugin-hash", bySum); err != nil {
		t.Errorf("a redirect over https: %v", err)
	}
	// This machine may be asked over plain http, and may not send elsewhere.
	local := Options{Dir: t.TempDir(), Source: Source{URL: plain.URL + "/harness-plugin-hash"}, SHA256: hexOf(script)}
	if _, err := Install(t.Context(), local); err != nil {
		t.Errorf("plain http from this machine: %v", err)
	}
	away := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/harness-plugin-hash", http.StatusFound))
	defer away.Close()
	local.Source.URL = away.URL + "/harness-plugin-hash"
	if _, err := Install(t.Context(), local); err == nil || !strings.Contains(err.Error(), "plain http, which anybody on the way could change") {
		t.Errorf("plain http that leads away: %v", err)
	}
}

func TestSourcesAreToldApart(t *testing.T) {
	for text, want := range map[string]Source{
		"./x.tar.gz":                            {Path: "./x.tar.gz"},
		"hash@2":                                {Path: "hash@2"},
		"github.com/acme/hash":                  {Repo: "acme/hash"},
		"https://github.com/acme/hash.git":      {Repo: "acme/hash"},
		"github.com/acme/hash@v1.2.0":           {Repo: "acme/hash", Version: "v1.2.0"},
		"github.com/acme/hash@hash/v1":          {Repo: "acme/hash", Version: "hash/v1"},
		"https://example.com/a/x.zip":           {URL: "https://example.com/a/x.zip"},
		"http://127.0.0.1:1/x.zip":              {URL: "http://127.0.0.1:1/x.zip"},
		"http://[::1]:1/x.zip":                  {URL: "http://[::1]:1/x.zip"},
		"https://github.com/a/b/releases/x.zip": {URL: "https://github.com/a/b/releases/x.zip"},
	} {
		got, err := ParseSource(text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                                "the source is empty",
		"github.com/acme":                 "no repository",
		"github.com/acme/hash@../x":       "is no tag",
		"github.com/acme/hash@":           "is no tag",
		"http://example.com/x.zip":        "plain http, which anybody on the way could change: want https",
		"ftp://example.com/x.zip":         "not fetched over ftp",
		"file:///etc/passwd":              "malformed address",
		"https://":                        "malformed address",
		"https://example.com/":            "names no file",
		"https://me:pass@example.com/x":   "leave it out",
		"http://127.0.0.1.evil.org/x.zip": "plain http",
	} {
		if got, err := ParseSource(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%q is %+v, error %v, want %q", text, got, err, want)
		}
	}
}

func TestAServerThatMisbehavesIsNamedInWords(t *testing.T) {
	for what, tt := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"an error":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "the server answers 502 Bad Gateway"},
		"a refusal": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "access is refused (403)"},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "5000000") }, "more than the"},
		"endless":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, zero{}) }, "it is larger than what is taken"},
		"ends in mid-file": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "50")
			fmt.Fprint(w, "x")
		}, "the connection ended in the middle"},
		"says nothing": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "the server does not answer"},
		"stops sending": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "x")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "the server sends nothing any more"},
	} {
		t.Run(what, func(t *testing.T) {
			s := httptest.NewTLSServer(tt.serve)
			defer s.Close()
			trust(t, s)
			dir := filepath.Join(t.TempDir(), "plugins")
			_, err := Install(t.Context(), Options{
				Dir: dir, Source: Source{URL: s.URL + "/harness-plugin-hash"}, Network: Network{Stall: 300 * time.Millisecond, MaxSize: 1 << 20},
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "EOF") {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
			clean(t, dir)
		})
	}
	network := Network{}
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	if _, err := network.text(t.Context(), s.URL, nil, 10); err == nil || !strings.Contains(err.Error(), "its certificate is not trusted") || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("a certificate of nobody: %v", err)
	}
	if _, err := network.text(t.Context(), "https://127.0.0.1:1/", nil, 10); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := network.text(t.Context(), "https://nowhere.invalid/", nil, 10); err == nil || !strings.Contains(err.Error(), "the host nowhere.invalid is not found") {
		t.Errorf("a host that does not exist: %v", err)
	}
}

type zero struct{}

func (zero) Read(b []byte) (int, error) { return len(b), nil }

func TestAnInterruptedDownloadLeavesNothing(t *testing.T) {
	started := make(chan struct{})
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "x")
		w.(http.Flusher).Flush()
		close(started)
		<-r.Context().Done()
	}))
	defer s.Close()
	trust(t, s)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-started
		cancel(errors.New("interrupted"))
	}()
	dir := filepath.Join(t.TempDir(), "plugins")
	if _, err := Install(ctx, Options{Dir: dir, Source: Source{URL: s.URL + "/harness-plugin-hash"}}); err == nil || !strings.HasSuffix(err.Error(), ": interrupted") {
		t.Errorf("error is %v", err)
	}
	clean(t, dir)
}

func TestTheProxyOfTheEnvironmentIsAsked(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	// The environment is read once per process: what reads it is what the
	// client has, and that is all there is to test here; a script tests the rest.
	if (Network{}).client().Transport.(*http.Transport).Proxy == nil {
		t.Fatal("the client asks no proxy")
	}
	old := http.DefaultTransport.(*http.Transport).Proxy
	http.DefaultTransport.(*http.Transport).Proxy = http.ProxyURL(u)
	defer func() { http.DefaultTransport.(*http.Transport).Proxy = old }()
	_, err = Network{}.text(t.Context(), "https://plugins.example.com/x", nil, 10)
	if err == nil || asked.Load() != "CONNECT plugins.example.com:443" {
		t.Errorf("asked %v, %v", asked.Load(), err)
	}
}

func TestListsOfDigestsAreReadAndRefused(t *testing.T) {
	one := hexOf("1")
	for text, want := range map[string]string{
		"# comment\n\n" + one + "  a b.tar.gz\n": "a b.tar.gz=" + one,
		one + " *dist/x\r\n":                     "x=" + one,
		"SHA256 (x) = " + strings.ToUpper(one):   "x=" + one,
		one + "\n":                               "only=" + one,
		"nothing":                                "line 1 is no sha256",
		one[:40] + "  x\n":                       "line 1 is no sha256",
		one + "  x\n" + hexOf("2") + "  x\n":     `line 2 gives "x" a second digest`,
		strings.Repeat("x", 100_000):             "a line that is too long",
	} {
		got, err := parseSums(strings.NewReader(text), "only")
		said := fmt.Sprint(err)
		for name, digest := range got {
			said = name + "=" + digest
		}
		if !strings.Contains(said, want) {
			t.Errorf("%.60q gives %s, want %s", text, said, want)
		}
	}
}

func FuzzParseSums(f *testing.F) {
	f.Add(hexOf("1") + "  x\n")
	f.Add("SHA256 (x) = " + hexOf("1"))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseSums(strings.NewReader(text), "x")
		for name, digest := range got {
			if err != nil || strings.Contains(name, "/") && name != "/" || !hexDigit.MatchString(digest) {
				t.Errorf("%q=%q, %v", name, digest, err)
			}
		}
	})
}
