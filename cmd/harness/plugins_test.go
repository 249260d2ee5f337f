package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/manifest"
)

// pluginVariables are what programs of a script see for installing plugins.
var pluginVariables = []string{"SSL_CERT_FILE", "HARNESS_GITHUB_API", "HTTPS_PROXY", "HARNESS_LOCKED", "HARNESS_PLUGIN_PATH"}

// cmdManifest writes a plugin.json beside a program: manifest FILE NAME
// VERSION BENCHMARKS [CAPABILITIES]. Its digest is the program's.
func cmdManifest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: manifest FILE NAME VERSION BENCHMARKS [CAPABILITIES]")
	}
	program := ts.MkAbs(args[0])
	b, err := os.ReadFile(program)
	ts.Check(err)
	m := manifest.Manifest{
		Name: args[1], Version: args[2], Kind: manifest.Exec, Protocol: manifest.Protocol{Min: 1, Max: 1}, Platforms: map[string]manifest.Artifact{},
	}
	key := manifest.Platform()
	if strings.HasSuffix(program, ".wasm") {
		m.Kind, key = manifest.WASM, manifest.AnyPlatform
	}
	m.Platforms[key] = manifest.Artifact{File: filepath.Base(program), SHA256: hexDigest(b)}
	for _, name := range strings.Split(args[3], ",") {
		m.Benchmarks = append(m.Benchmarks, manifest.Benchmark{Name: name, Doc: "What the manifest says."})
	}
	if len(args) > 4 {
		for _, c := range strings.Split(args[4], ",") {
			m.Capabilities = append(m.Capabilities, manifest.Capability(c))
		}
	}
	var out bytes.Buffer
	ts.Check(manifest.Encode(&out, &m))
	ts.Check(os.WriteFile(filepath.Join(filepath.Dir(program), manifest.FileName), out.Bytes(), 0o644))
}

func hexDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// cmdPack makes an archive: pack ARCHIVE NAME=FILE… or NAME->TARGET for a
// symbolic link. Names may be whatever an attacker likes.
func cmdPack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pack ARCHIVE NAME=FILE…")
	}
	var out bytes.Buffer
	add, finish := packTar(&out)
	if strings.HasSuffix(args[0], ".zip") {
		add, finish = packZip(&out)
	}
	for _, arg := range args[1:] {
		if name, target, link := strings.Cut(arg, "->"); link {
			ts.Check(add(name, target, nil))
			continue
		}
		name, file, _ := strings.Cut(arg, "=")
		b, err := os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		ts.Check(add(name, "", b))
	}
	ts.Check(finish())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o644))
}

type adder func(name, link string, content []byte) error

func packTar(to io.Writer) (adder, func() error) {
	z := gzip.NewWriter(to)
	w := tar.NewWriter(z)
	return func(name, link string, content []byte) error {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))}
		if link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, link
		}
		err := w.WriteHeader(h)
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}, func() error { return errors.Join(w.Close(), z.Close()) }
}

func packZip(to io.Writer) (adder, func() error) {
	w := zip.NewWriter(to)
	return func(name, link string, content []byte) error {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		if link != "" {
			h.SetMode(os.ModeSymlink | 0o777)
			content = []byte(link)
		}
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write(content)
		}
		return err
	}, w.Close
}

// cmdSite serves a folder over https on this machine: site NAME DIR. Its
// address goes into $NAME; programs trust its certificate, take what is below
// /api for GitHub's API, and reach it as https://example.com through
// $PROXY, which writes down in the file proxied what it was asked for.
func cmdSite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: site NAME DIR")
	}
	dir := ts.MkAbs(args[1])
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to, err := os.ReadFile(filepath.Join(dir, r.URL.Path+".redirect")); err == nil {
			http.Redirect(w, r, strings.TrimSpace(string(to)), http.StatusFound)
			return
		}
		http.FileServer(http.Dir(dir)).ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	ts.Defer(server.Close)
	certificate := ts.MkAbs(".certificate.pem")
	ts.Check(os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	proxy := httptest.NewServer(&tunnel{to: server.Listener.Addr().String(), log: ts.MkAbs("proxied")})
	ts.Defer(proxy.Close)
	ts.Setenv(args[0], server.URL)
	ts.Setenv("SSL_CERT_FILE", certificate)
	ts.Setenv("HARNESS_GITHUB_API", server.URL+"/api")
	ts.Setenv("PROXY", proxy.URL)
}

// tunnel is a proxy for https that leads everybody to one server.
type tunnel struct {
	to, log string
	mu      sync.Mutex
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	f, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		fmt.Fprintln(f, r.Method, r.Host)
		f.Close()
	}
	p.mu.Unlock()
	there, err := net.Dial("tcp", p.to)
	if err != nil || r.Method != http.MethodConnect {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	fmt.Fprint(here, "HTTP/1.1 200 OK\r\n\r\n")
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(there, here)
		_ = there.(*net.TCPConn).CloseWrite() // the other side may be gone
		close(done)
	}()
	_, _ = io.Copy(here, there)
	_ = here.Close() // ends the copy to the other side
	<-done
}

// cmdRelease publishes files as a release of github.com/acme/hash on a site:
// release $NAME DIR TAG FILE…, with a list of their digests.
func cmdRelease(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: release ADDRESS DIR TAG FILE…")
	}
	address, dir, tag := args[0], ts.MkAbs(args[1]), args[2]
	type asset struct {
		Name string `json:"name"`
		URL  string `json:"browser_download_url"`
	}
	release := struct {
		Tag    string  `json:"tag_name"`
		Assets []asset `json:"assets"`
	}{Tag: tag}
	publish := func(name string, b []byte) {
		at := path.Join("download", tag, name)
		writeDeep(ts, filepath.Join(dir, at), b)
		release.Assets = append(release.Assets, asset{name, address + "/" + at})
	}
	sums := ""
	for _, file := range args[3:] {
		b, err := os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		publish(filepath.Base(file), b)
		sums += hexDigest(b) + "  " + filepath.Base(file) + "\n"
	}
	publish("SHA256SUMS", []byte(sums))
	b, err := json.Marshal(release)
	ts.Check(err)
	for _, name := range []string{"latest", "tags/" + tag} {
		writeDeep(ts, filepath.Join(dir, "api/repos/acme/hash/releases", name), b)
	}
}

func writeDeep(ts *testscript.TestScript, file string, b []byte) {
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	ts.Check(os.WriteFile(file, b, 0o644))
}

// cmdDigest puts the digest of a file into a variable: digest NAME FILE.
func cmdDigest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: digest NAME FILE")
	}
	b, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv(args[0], hexDigest(b))
}

// BenchmarkPluginList lists two hundred plugins that have manifests.
func BenchmarkPluginList(b *testing.B) {
	dir := b.TempDir()
	for i := range 200 {
		name := fmt.Sprintf("p%03d", i)
		program := make([]byte, 1<<20)
		m := manifest.Manifest{
			Name: name, Version: "1.0.0", Kind: manifest.Exec, Protocol: manifest.Protocol{Min: 1, Max: 1}, Benchmarks: []manifest.Benchmark{{Name: "b"}},
			Platforms: map[string]manifest.Artifact{manifest.Platform(): {File: catalog.Prefix + name, SHA256: hexDigest(program)}},
		}
		var text bytes.Buffer
		folder := filepath.Join(dir, ".harness", "plugins", name)
		if err := errors.Join(manifest.Encode(&text, &m), os.MkdirAll(folder, 0o755),
			os.WriteFile(filepath.Join(folder, catalog.Prefix+name), program, 0o755),
			os.WriteFile(filepath.Join(folder, manifest.FileName), text.Bytes(), 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	exe, err := filepath.Abs(binary)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cmd := exec.Command(exe, "plugin", "list")
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "TMPDIR=" + dir}
		out, err := cmd.Output()
		if err != nil || bytes.Count(out, []byte("1.0.0")) != 200 {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}
