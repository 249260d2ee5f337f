package main

import (
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/sdk/sdktest"
)

// buildGuest builds a Go package as a WASM plugin.
func buildGuest(t testing.TB, dir, name, pkg string) string {
	t.Helper()
	path := filepath.Join(dir, "harness-plugin-"+name+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the guest %s: %v\n%s", name, err, out)
	}
	return path
}

// guests are built once for all tests of WASM plugins, and compiled once.
type guests struct{ hash, guest, cache string }

// place is one in which what any of the tests has compiled is compiled.
func (g guests) place(t *testing.T) *place {
	p := newPlace(t)
	p.env = append(p.env, "XDG_CACHE_HOME="+g.cache)
	return p
}

func TestWASMPlugins(t *testing.T) {
	dir := t.TempDir()
	g := guests{
		hash: buildGuest(t, dir, "hash", exampleDir), guest: buildGuest(t, dir, "guest", "./testdata/guest"), cache: filepath.Join(dir, "cache"),
	}
	t.Run("the example is a module from the same source", g.example)
	t.Run("the module of the example conforms", g.conforms)
	t.Run("the module is verified, and one that loops is found out", g.verified)
	t.Run("a guest that does not end is ended and harms nobody", g.attacked)
	t.Run("a guest in Go reaches nothing of the machine", g.confined)
	t.Run("a guest in Go that breaks is told in one line", g.broken)
	t.Run("a guest in Go is measured on its target", g.target)
	t.Run("two guests at once do not meet", g.two)
	t.Run("a guest that loops ends with a harness that is killed", g.orphaned)
	t.Run("the example in AssemblyScript", g.assemblyScript)
}

const exampleDir = "../../examples/plugins/hash"

func (g guests) example(t *testing.T) {
	p, path := g.place(t), g.hash
	wantLine(t, p.must("plugin", "describe", "hash", "--plugin", path).stdout, "hash/sha256: SHA-256 of 64 KiB.")
	wantLine(t, p.must("run", "--plugin", path, "--plugins", "hash", "--duration", "300ms", "--warmup", "0s", "--rounds", "2", "--report", "json").stdout, "sha256")
	checkRun(t, p, path)
	run := readRun(t, p)
	if s := run.Benchmarks[0].Provenance["sandbox"]; !strings.Contains(s, "compiled by wazero") || !strings.Contains(s, "granted: nothing") {
		t.Errorf("the sandbox is %q", s)
	}
	if left := entries(t, p.tmp); len(left) > 0 {
		t.Errorf("the run left %v behind", left)
	}
}

func (g guests) conforms(t *testing.T) {
	sdktest.Binary(t, []string{binary, "plugin", "serve-wasm", "--name", "hash", "--cache", filepath.Join(g.cache, "harness", "wasm"), g.hash})
}

func readRun(t *testing.T, p *place) *result.Run {
	t.Helper()
	run, err := store.ReadRun(filepath.Join(p.dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// guestConfig runs benchmarks of the guest in testdata. They fail or are made
// to fail, so nothing is said of budgets.
const guestConfig = `version: 1
plugins:
  guest: {path: %s, grant: [http, sql, blob], blobs: ./blobs, limits: {memory: 32MiB, op_time: 4s}}
suites:
  default:
    load: {model: closed, concurrent_users: 1, operations: 3, warmup: 0s, rounds: 1}
    benchmarks:
%s`

// run runs what the guest is to do, one benchmark each, and returns them
// by their name.
func (g guests) run(t *testing.T, p *place, benchmarks ...string) (map[string]result.Benchmark, outcome) {
	t.Helper()
	var list strings.Builder
	for _, b := range benchmarks {
		fmt.Fprintf(&list, "      - %s\n", b)
	}
	p.write("harness.yaml", fmt.Sprintf(guestConfig, g.guest, list.String()))
	o := p.harness("run", "--report", "json")
	out := map[string]result.Benchmark{}
	if _, err := os.Stat(filepath.Join(p.dir, "run.json")); err == nil {
		for _, b := range readRun(t, p).Benchmarks {
			_, name, _ := strings.Cut(b.ID, "/")
			out[name] = b
		}
	}
	return out, o
}

func (g guests) confined(t *testing.T) {
	p := g.place(t)
	outside := filepath.Join(p.home, "secret")
	blobs := filepath.Join(p.dir, "blobs")
	for _, err := range []error{
		os.WriteFile(outside, []byte("secret"), 0o644), os.Mkdir(blobs, 0o755), os.WriteFile(filepath.Join(blobs, "inside"), []byte("12345"), 0o644),
		os.Symlink(outside, filepath.Join(blobs, "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const ok = ""
	cases := []struct{ name, with, class, sample string }{
		{"nothing", "{do: nothing}", ok, ""},
		{"environment", "{do: environment}", ok, ""},
		{"panic", "{do: panic}", "panic", "panic: at the op"},
		{"file", "{do: read, what: /etc/passwd}", "error", "open /etc/passwd: "},
		{"relative", "{do: read, what: ../../../../etc/passwd}", "error", "passwd: "},
		{"proc", "{do: read, what: /proc/self/environ}", "error", "environ: "},
		{"write", "{do: write, what: /tmp/harness-was-here}", "error", "harness-was-here: "},
		{"dial", "{do: dial, what: \"127.0.0.1:1\"}", "error", "dial tcp"},
		{"blob", "{do: blob, what: inside}", ok, ""},
		{"blob-absent", "{do: blob, what: absent}", "absent", "file does not exist"},
		{"blob-link", "{do: blob, what: link}", "error", `blob "link" cannot be opened`},
		{"blob-up", "{do: blob, what: ../../h/secret}", "error", "cannot be opened"},
	}
	var list []string
	for _, c := range cases {
		list = append(list, fmt.Sprintf("{use: guest/plain, name: %s, with: %s}", c.name, c.with))
	}
	got, o := g.run(t, p, list...)
	for _, c := range cases {
		b, found := got[c.name]
		if !found || len(b.Rounds) != 1 {
			t.Errorf("%s: there is no round\n%s", c.name, o.stderr)
			continue
		}
		r := b.Rounds[0]
		if c.class == ok && r.Counts.OK != 3 || c.class != ok && (r.Counts.Failed != 3 || r.Errors[c.class] != 3) {
			t.Errorf("%s: counts %+v, errors %v, samples %q; want 3 of class %q", c.name, r.Counts, r.Errors, r.Samples, c.class)
		}
		if !strings.Contains(strings.Join(r.Samples, " "), c.sample) {
			t.Errorf("%s: samples are %q, want %q", c.name, r.Samples, c.sample)
		}
	}
	if _, err := os.Stat("/tmp/harness-was-here"); err == nil {
		t.Error("the guest has written a file")
	}
	if left := entries(t, p.tmp); len(left) > 0 {
		t.Errorf("the run left %v behind", left)
	}
}

func (g guests) broken(t *testing.T) {
	for what, want := range map[string]string{
		"hoard":   `fatal error: out of memory`,
		"recurse": `fatal error: `,
		"exit":    "worker 0, op 0: the guest exited with code 7",
		"set up":  `parameter "what" is ""`,
		"loop":    "plugin guest did not end op 0 of worker 0 within its limit of 4s; it was killed",
	} {
		t.Run(what, func(t *testing.T) {
			p := g.place(t)
			if err := os.Mkdir(filepath.Join(p.dir, "blobs"), 0o755); err != nil {
				t.Fatal(err)
			}
			_, o := g.run(t, p, fmt.Sprintf("{use: guest/plain, name: it, with: {do: %s}}", what))
			wantLine(t, o.stderr, want)
			if o.code == exitPass {
				t.Error("the run passed")
			}
		})
	}
}

func (g guests) target(t *testing.T) {
	p := g.place(t)
	if err := os.Mkdir(filepath.Join(p.dir, "blobs"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, o := g.run(t, p,
		`{use: guest/web, name: web, with: {do: http, what: "/healthz"}}`,
		`{use: guest/web, name: lost, with: {do: http, what: "/not/there"}}`,
		`{use: guest/table, name: table, with: {do: sql, what: "select $1::int + 1"}}`,
		`{use: guest/table, name: wrong, with: {do: sql, what: "select $1::int from nowhere"}}`,
		`{use: guest/table, name: vast, with: {do: sql, what: "select repeat('x', 200000000 + $1::int)"}}`)
	for name, want := range map[string]struct{ class, sample string }{
		"web": {"", ""}, "lost": {"http_404", "not what was expected"}, "table": {"", ""}, "wrong": {"error", `relation "nowhere" does not exist (SQLSTATE 42P01)`},
		"vast": {"limit", "more than the limit of 1048576 bytes"},
	} {
		b, found := got[name]
		if !found || len(b.Rounds) != 1 {
			t.Errorf("%s: there is no round\n%s", name, o.stderr)
			continue
		}
		r := b.Rounds[0]
		if want.class == "" && r.Counts.OK != 3 || want.class != "" && r.Errors[want.class] != 3 {
			t.Errorf("%s: counts %+v, errors %v, samples %q", name, r.Counts, r.Errors, r.Samples)
		}
		if !strings.Contains(strings.Join(r.Samples, " "), want.sample) {
			t.Errorf("%s: samples are %q, want %q", name, r.Samples, want.sample)
		}
	}
}

func (g guests) two(t *testing.T) {
	p, other := g.place(t), g.place(t)
	p.write("harness.yaml", fmt.Sprintf(`version: 1
plugins: {guest: {path: %s, grant: [http, sql, blob], blobs: .}, hash: {path: %s}}
suites:
  default:
    load: {model: closed, concurrent_users: 4, duration: 300ms, warmup: 0s, rounds: 2}
    benchmarks:
      - {use: guest/plain, name: sleep, with: {do: sleep}}
      - {use: hash/sha256, name: sha256}
`, g.guest, g.hash))
	second := other.command("run", "--plugin", g.hash, "--plugins", "hash", "--duration", "300ms", "--warmup", "0s", "--rounds", "2", "--report", "json")
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	p.must("run", "--report", "json")
	if err := second.Wait(); err != nil {
		t.Errorf("the second run: %v", err)
	}
	for _, where := range []*place{p, other} {
		for _, b := range readRun(t, where).Benchmarks {
			for _, r := range b.Rounds {
				if !r.Counts.Balanced() || r.Counts.OK == 0 || r.Counts.Failed > 0 {
					t.Errorf("%s: %+v", b.ID, r.Counts)
				}
				if mean := r.Clocks.Service.Mean; b.ID == "guest/sleep" && (mean == nil || *mean < 0.005) {
					t.Errorf("a sleep of 5 ms takes %v s", mean)
				}
			}
		}
	}
}

// assemblyScript compiles the example as its package.json does.
func (g guests) assemblyScript(t *testing.T) {
	p := g.place(t)
	path := filepath.Join(p.dir, "harness-plugin-crc.wasm")
	asc, err := filepath.Abs("../../.build/js-assemblyscript/node_modules/.bin/asc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(asc); err != nil {
		const reason = "needs npm and the AssemblyScript compiler: run make test-tools"
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	build := exec.Command(asc, "assembly/index.ts", "--config", "asconfig.json", "--target", "release", "--outFile", path)
	build.Dir = "../../examples/plugins/assemblyscript"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("asc: %v\n%s", err, out)
	}
	wantLine(t, p.must("plugin", "describe", "crc", "--plugin", path).stdout, "with size: int", "= 16384", "bytes of the block")
	p.write("harness.yaml", fmt.Sprintf(`version: 1
plugins: [%s]
suites:
  default:
    load: {model: closed, concurrent_users: 2, operations: 50, warmup: 0s, rounds: 2}
    benchmarks:
      - {use: crc/crc32, name: zeros, with: {size: 1000}}
`, path))
	p.must("run", "--report", "json")
	b := readRun(t, p).Benchmarks[0]
	if want := fmt.Sprintf("%x", crc32.ChecksumIEEE(make([]byte, 1000))); b.Provenance["sum"] != want {
		t.Errorf("the sum is %q, want %s", b.Provenance["sum"], want)
	}
	for _, r := range b.Rounds {
		if r.Counts.OK != 25 || r.Values["bytes"].Sum != 25*1000 {
			t.Errorf("counts %+v, bytes %+v; want 25 ops of 1000 bytes", r.Counts, r.Values["bytes"])
		}
	}
	p.write("harness.yaml", strings.Replace(string(must(os.ReadFile(filepath.Join(p.dir, "harness.yaml")))), "1000", "0", 1))
	if o := p.harness("run"); o.code != exitUsage || !strings.Contains(o.stderr, "size") {
		t.Errorf("a size of 0: exit code %d\n%s", o.code, o.stderr)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
