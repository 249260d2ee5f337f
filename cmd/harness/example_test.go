package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/sdk/sdktest"
)

// buildExample builds the example plugin into a folder.
func buildExample(t *testing.T, dir string) string {
	return buildPlugin(t, dir, "hash", "../../examples/plugins/hash")
}

// buildPlugin builds the plugin of a package into a folder.
func buildPlugin(t *testing.T, dir, name, pkg string) string {
	t.Helper()
	path := filepath.Join(dir, "harness-plugin-"+name)
	if out, err := exec.Command("go", "build", "-o", path, "./"+pkg).CombinedOutput(); err != nil {
		t.Fatalf("build the plugin %s: %v\n%s", name, err, out)
	}
	return path
}

func TestTheExampleIsWrittenInTwentyLines(t *testing.T) {
	b, err := os.ReadFile("../../examples/plugins/hash/main.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "//") {
			n++
		}
	}
	if n > 20 {
		t.Errorf("without its doc comment it has %d lines, want at most 20", n)
	}
}

func TestTheExampleConforms(t *testing.T) {
	sdktest.Binary(t, []string{buildExample(t, t.TempDir())})
}

// mark makes a plugin that says when it is started: a script that makes a
// file and becomes the plugin.
func mark(t *testing.T, plugin, dir string) (path, marker string) {
	t.Helper()
	marker = filepath.Join(t.TempDir(), "started")
	path = filepath.Join(dir, "harness-plugin-hash")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho started >>'%s'\nexec '%s'\n", marker, plugin)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path, marker
}

func TestTheExampleRunsFromEveryPlaceThatIsSearched(t *testing.T) {
	plugin := buildExample(t, t.TempDir())
	for _, tt := range []struct {
		name, source string
		// place puts the plugin there, and returns the flags that name it.
		place func(t *testing.T, p *place) (path, marker string, flags []string)
	}{
		{"--plugin PATH", "--plugin", func(t *testing.T, p *place) (string, string, []string) {
			path, marker := mark(t, plugin, t.TempDir())
			return path, marker, []string{"--plugin", path}
		}},
		{"HARNESS_PLUGIN_PATH", "HARNESS_PLUGIN_PATH", func(t *testing.T, p *place) (string, string, []string) {
			dir := t.TempDir()
			path, marker := mark(t, plugin, dir)
			p.env = append(p.env, "HARNESS_PLUGIN_PATH="+p.tmp+":"+dir)
			return path, marker, nil
		}},
		{"the working directory", "./.harness/plugins", func(t *testing.T, p *place) (string, string, []string) {
			path, marker := mark(t, plugin, filepath.Join(p.dir, ".harness", "plugins"))
			return path, marker, nil
		}},
		{"the data folder", "data/harness/plugins", func(t *testing.T, p *place) (string, string, []string) {
			data := filepath.Join(p.home, "data")
			p.env = append(p.env, "XDG_DATA_HOME="+data)
			path, marker := mark(t, plugin, filepath.Join(data, "harness", "plugins"))
			return path, marker, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			path, marker, flags := tt.place(t, p)
			harness := func(args ...string) string {
				t.Helper()
				return p.must(append(args, flags...)...).stdout
			}

			wantLine(t, harness("list"), "hash/…", "not asked yet")
			wantLine(t, harness("plugin", "list"), "hash", "not asked yet", tt.source, path)
			if _, err := os.Stat(marker); err == nil {
				t.Error("a list started the plugin")
			}

			wantLine(t, harness("plugin", "describe", "hash"), "hash 0.1.0: Digests.")
			wantLine(t, harness("plugin", "describe", "hash"), "hash/sha256: SHA-256 of 64 KiB.")
			wantLine(t, harness("list"), "hash/sha256", "none", "SHA-256 of 64 KiB.")
			wantLine(t, harness("plugin", "list"), "hash", "0.1.0", tt.source, path)
			if b, err := os.ReadFile(marker); err != nil || strings.Count(string(b), "started") != 1 {
				t.Errorf("it was started %d times to be described and listed, want once, and then remembered: %v", strings.Count(string(b), "started"), err)
			}

			out := harness("run", "--plugins", "hash", "--duration", "200ms", "--warmup", "0s", "--rounds", "2", "--report", "json")
			wantLine(t, out, "sha256")
			checkRun(t, p, path)
			if left := entries(t, p.tmp); len(left) > 0 {
				t.Errorf("the run left %v behind", left)
			}
		})
	}
}

// checkRun looks at the document of a run of the example.
func checkRun(t *testing.T, p *place, path string) {
	t.Helper()
	run, err := store.ReadRun(filepath.Join(p.dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !run.Complete || len(run.Plugins) != 1 || len(run.Benchmarks) != 1 {
		t.Fatalf("complete %v, %d plugins, %d benchmarks; want one of each", run.Complete, len(run.Plugins), len(run.Benchmarks))
	}
	if pl := run.Plugins[0]; pl.Name != "hash" || pl.Version != "0.1.0" || pl.Path != path || !strings.HasPrefix(pl.Digest, "sha256:") {
		t.Errorf("the plugin is %+v", pl)
	}
	b := run.Benchmarks[0]
	if b.ID != "hash/sha256" || len(b.Rounds) != 2 {
		t.Fatalf("benchmark %s has %d rounds, want 2 of hash/sha256", b.ID, len(b.Rounds))
	}
	for _, r := range b.Rounds {
		if !r.Counts.Balanced() || r.Counts.OK == 0 || r.Counts.Failed > 0 || r.PluginProcess == 0 {
			t.Errorf("round: %+v by process %d", r.Counts, r.PluginProcess)
		}
	}
}

func TestAPluginThatIsGoneIsAMistakeOfUsage(t *testing.T) {
	p := newPlace(t)
	o := p.harness("run", "--plugin", "./harness-plugin-hash", "--plugins", "hash")
	want := "harness: plugin ./harness-plugin-hash: no such file: give the path of a plugin's executable\n"
	if o.code != exitUsage || o.stderr != want || o.stdout != "" {
		t.Errorf("exit code %d, stdout %q, stderr\n%s, want code %d and\n%s", o.code, o.stdout, o.stderr, exitUsage, want)
	}
}

func TestAProgramThatIsNoPluginCannotRun(t *testing.T) {
	p := newPlace(t)
	path := filepath.Join(p.dir, "harness-plugin-hash")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho Hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	o := p.harness("run", "--plugin", path, "--plugins", "hash")
	wantLine(t, o.stderr, "plugin hash", `printed "Hello" to stdout before the handshake; stdout carries the handshake: print to stderr instead`)
	if o.code != exitNotRun {
		t.Errorf("exit code %d, want %d", o.code, exitNotRun)
	}
}

func TestAConfigFileMayNameAPluginsFile(t *testing.T) {
	p := newPlace(t)
	buildExample(t, p.dir)
	p.write("harness.yaml", `version: 1
plugins: [./harness-plugin-hash]
suites:
  default:
    load: {model: closed, concurrent_users: 1, duration: 200ms, warmup: 0s, rounds: 2}
    benchmarks:
      - {use: hash/sha256, name: sha256}
`)
	wantLine(t, p.must("run", "--report", "json").stdout, "sha256")
	checkRun(t, p, filepath.Join(p.dir, "harness-plugin-hash"))
}

// wantLine fails unless some line of the text holds all the words.
func wantLine(t *testing.T, text string, words ...string) {
	t.Helper()
	for line := range strings.Lines(text) {
		n := 0
		for _, w := range words {
			if strings.Contains(line, w) {
				n++
			}
		}
		if n == len(words) {
			return
		}
	}
	t.Errorf("no line holds all of %q:\n%s", words, text)
}
