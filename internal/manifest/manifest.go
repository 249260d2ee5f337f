// Package manifest is plugin.json: what a plugin says of itself in a file
// beside its program, so that it can be listed, checked and pinned without
// being run.
//
// The package reads, checks and writes the document. It knows no search path,
// no lockfile and no process, and it believes nothing: whether the program has
// the digest that the manifest states is for the caller to find out.
package manifest

import (
	_ "embed"
	"runtime"

	"github.com/benchharness/harness/sdk"
)

// Schema is the value of the field schema.
const Schema = "harness.plugin/v1"

// FileName is the name of a manifest, which stands beside the plugin's program.
const FileName = "plugin.json"

// MaxSize is the size in bytes of the largest manifest that [Decode] reads.
const MaxSize = 1 << 20

// JSONSchema is the JSON Schema of [Manifest].
//
//go:embed plugin.schema.json
var JSONSchema []byte

// Kind is how a plugin runs.
type Kind string

// Kinds of plugins.
const (
	Exec Kind = "exec" // a program of its own: trusted code
	WASM Kind = "wasm" // a module in a sandbox
)

// Kinds returns every kind.
func Kinds() []Kind { return []Kind{Exec, WASM} }

// Capability is a kind of thing outside its sandbox that a WASM plugin asks to
// use. Which target, folder or database it gets is for the config file to say.
type Capability string

// Capabilities that a manifest may ask for.
const (
	Clock Capability = "clock" // the wall clock, instead of one that begins at a fixed time
	HTTP  Capability = "http"  // requests to the benchmark's target, made and timed by the host
	SQL   Capability = "sql"   // statements on the benchmark's target, made and timed by the host
	Blob  Capability = "blob"  // files of the folder that the config file names, to read
)

// Capabilities returns every capability, in the order in which they are shown.
func Capabilities() []Capability { return []Capability{Clock, HTTP, SQL, Blob} }

// Describe says in one line what a capability lets a plugin do.
func (c Capability) Describe() string {
	switch c {
	case Clock:
		return "read the wall clock"
	case HTTP:
		return "send HTTP requests to its benchmark's target"
	case SQL:
		return "run SQL statements on its benchmark's target"
	case Blob:
		return "read files of the folder named by blobs"
	}
	return ""
}

// AnyPlatform is the key of [Manifest.Platforms] for a program that runs
// everywhere, such as a WASM module or a script.
const AnyPlatform = "any"

// Manifest is the document plugin.json.
type Manifest struct {
	Schema  string `json:"schema"`            // always "harness.plugin/v1"
	Name    string `json:"name"`              // as in harness-plugin-NAME: lower-case letters, digits, - and _, starting with a letter
	Version string `json:"version"`           // of the plugin, such as 1.2.0
	Doc     string `json:"doc,omitempty"`     // one sentence for harness plugin list
	License string `json:"license,omitempty"` // SPDX identifier
	Kind    Kind   `json:"kind"`              // exec: a program, trusted code; wasm: a module in a sandbox
	// Protocol is the range of versions that the plugin speaks: of the plugin
	// protocol for exec, of the guest ABI for wasm.
	Protocol   Protocol    `json:"protocol"`
	Benchmarks []Benchmark `json:"benchmarks"` // what it measures; at least one
	// Capabilities are what a WASM plugin asks to use: clock, http, sql, blob.
	// It gets what the config file or --grant grants. An exec plugin has none:
	// nothing could hold it to them.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// Platforms are the programs by platform, such as linux/amd64, or any.
	Platforms map[string]Artifact `json:"platforms"`
}

// Protocol is a range of versions, both ends included.
type Protocol struct {
	Min int `json:"min"` // from 1
	Max int `json:"max"` // at least min
}

// Benchmark is one benchmark of a plugin, as far as lists show it.
type Benchmark struct {
	Name    string   `json:"name"`              // second part of use: plugin/name
	Doc     string   `json:"doc,omitempty"`     // one sentence
	Target  string   `json:"target,omitempty"`  // kind of target that it needs; none by default
	Presets []Preset `json:"presets,omitempty"` // named sets of parameters
}

// Preset is a named set of parameters of a benchmark.
type Preset struct {
	Name string `json:"name"`          // second part of the id
	Doc  string `json:"doc,omitempty"` // one sentence
}

// Artifact is the program for one platform.
type Artifact struct {
	File string `json:"file"` // in the manifest's folder, without a path
	// SHA256 is the digest of the file in hexadecimal. A file that has another
	// is not run. Empty states nothing, as while a plugin is being written.
	SHA256 string `json:"sha256,omitempty"`
}

// Platform returns the key of this machine in [Manifest.Platforms].
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// Artifact returns the program for a platform, and the key it stands under:
// the platform's own, or else any.
func (m *Manifest) Artifact(platform string) (a Artifact, key string, ok bool) {
	for _, key := range []string{platform, AnyPlatform} {
		if a, ok := m.Platforms[key]; ok {
			return a, key, true
		}
	}
	return Artifact{}, "", false
}

// PlatformKeys are the keys of Platforms, sorted.
func (m *Manifest) PlatformKeys() []string { return sortedKeys(m.Platforms) }

// Plugin is the declaration as far as the manifest holds it: without
// parameters and metrics.
func (m *Manifest) Plugin() sdk.Plugin {
	p := sdk.Plugin{Name: m.Name, Version: m.Version, Doc: m.Doc}
	for _, b := range m.Benchmarks {
		out := sdk.Benchmark{Name: b.Name, Doc: b.Doc, Target: b.Target}
		for _, s := range b.Presets {
			out.Presets = append(out.Presets, sdk.Preset{Name: s.Name, Doc: s.Doc})
		}
		p.Benchmarks = append(p.Benchmarks, out)
	}
	return p
}
