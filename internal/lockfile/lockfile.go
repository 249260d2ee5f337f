// Package lockfile is harness.lock: which plugins a project measures with,
// pinned by the digests of their programs. It is committed beside the config
// file.
//
// The package reads, writes and compares. It looks for no plugin and hashes no
// file; what it is told of a plugin, it holds against what is pinned.
package lockfile

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/store"
)

// Schema is the value of the field schema.
const Schema = "harness.lock/v1"

// FileName is the name of a lockfile.
const FileName = "harness.lock"

// MaxSize is the size in bytes of the largest lockfile that [Decode] reads.
const MaxSize = 1 << 20

// JSONSchema is the JSON Schema of [File].
//
//go:embed lock.schema.json
var JSONSchema []byte

// Local is the source of a plugin that harness did not install.
const Local = "local"

// File is the document harness.lock.
type File struct {
	Schema  string         `json:"schema"`  // always "harness.lock/v1"
	Plugins map[string]Pin `json:"plugins"` // by name
}

// Pin is one plugin as it has to be.
type Pin struct {
	Source  string        `json:"source"`            // github.com/owner/repo, an https URL, a path, or local
	Version string        `json:"version,omitempty"` // as the plugin says; empty when it does not without being run
	Kind    manifest.Kind `json:"kind"`              // exec or wasm
	// SHA256 are the digests of the programs in hexadecimal, by platform such
	// as linux/amd64, or any for one that runs everywhere.
	SHA256 map[string]string `json:"sha256"`
}

// Digest is the pinned digest for a platform, or for any.
func (p Pin) Digest(platform string) (string, bool) {
	for _, key := range []string{platform, manifest.AnyPlatform} {
		if d, ok := p.SHA256[key]; ok {
			return d, true
		}
	}
	return "", false
}

var (
	nameExpr     = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
	platformExpr = regexp.MustCompile(`^([a-z0-9]{1,20}/[a-z0-9]{1,20}|any)$`)
	digestExpr   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// maxText is the most bytes of a source or a version, maxPins the most plugins.
const (
	maxText = 500
	maxPins = 1000
)

// Validate reports the first thing that is wrong, in one line.
func (f *File) Validate() error {
	if f.Schema != Schema {
		return fmt.Errorf("schema is %s, want %s", show(f.Schema), Schema)
	}
	if len(f.Plugins) > maxPins {
		return fmt.Errorf("plugins has %d items, want up to %d", len(f.Plugins), maxPins)
	}
	for _, name := range sortedKeys(f.Plugins) {
		p := f.Plugins[name]
		switch {
		case !nameExpr.MatchString(name):
			return fmt.Errorf("plugins has the name %s, want lower-case letters, digits, '-' or '_', starting with a letter", show(name))
		case p.Source == "" || !printable(p.Source):
			return fmt.Errorf("plugins.%s.source is %s, want where it comes from, or local", name, show(p.Source))
		case !printable(p.Version):
			return fmt.Errorf("plugins.%s.version is %s, want printable text", name, show(p.Version))
		case !slices.Contains(manifest.Kinds(), p.Kind):
			return fmt.Errorf("plugins.%s.kind is %s, want exec or wasm", name, show(string(p.Kind)))
		case len(p.SHA256) == 0 || len(p.SHA256) > maxPins:
			return fmt.Errorf("plugins.%s.sha256 has %d digests, want 1 to %d", name, len(p.SHA256), maxPins)
		}
		for _, platform := range sortedKeys(p.SHA256) {
			switch d := p.SHA256[platform]; {
			case !platformExpr.MatchString(platform):
				return fmt.Errorf("plugins.%s.sha256 has the key %s, want one such as linux/amd64, or any", name, show(platform))
			case !digestExpr.MatchString(d):
				return fmt.Errorf("plugins.%s.sha256[%q] is %s, want 64 hexadecimal digits in lower case", name, platform, show(d))
			}
		}
	}
	return nil
}

func printable(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// show quotes a value for an error: on one line, and not endless.
func show(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// Decode reads a lockfile and checks all of it. A field that it does not know
// is a mistake: what it cannot read it cannot hold anybody to.
func Decode(r io.Reader) (*File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > MaxSize:
		return nil, fmt.Errorf("it is larger than %d MiB", MaxSize>>20)
	case strings.Contains(string(raw), "\n<<<<<<< "):
		return nil, errors.New("it holds the marks of a merge conflict; settle it, or run harness plugin lock again")
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("it is not the JSON of a lockfile: %w", err)
	}
	if head.Schema != Schema {
		if strings.HasPrefix(head.Schema, "harness.lock/") {
			return nil, fmt.Errorf("it is %s, this harness reads %s: upgrade harness", show(head.Schema), Schema)
		}
		return nil, fmt.Errorf("schema is %s, want %s", show(head.Schema), Schema)
	}
	if err := repeated(raw); err != nil {
		return nil, err
	}
	var f File
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("it is not the JSON of a lockfile: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return &f, nil
}

// repeated finds an object of valid JSON that has a name twice, of which
// encoding/json would take the last without a word: what a person reads and
// what is held to would differ.
func repeated(raw []byte) error {
	type level struct {
		names map[string]bool // nil in a list
		value bool            // a name has been read, its value comes next
	}
	var open []level
	dec := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("it is not the JSON of a lockfile: %w", err)
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open) - 1; n >= 0 && open[n].names != nil {
			if in := &open[n]; in.value {
				in.value = false
			} else {
				name, _ := token.(string)
				if in.names[name] {
					return fmt.Errorf("%s is in an object twice: remove one of them, or run harness plugin lock again", show(name))
				}
				in.names[name], in.value = true, true
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		}
	}
}

// Read reads the lockfile at a path. An absent one gives fs.ErrNotExist.
func Read(path string) (*File, error) {
	in, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would keep the reader waiting
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("read lockfile: %w", err)
	}
	defer in.Close()
	f, err := Decode(in)
	if err != nil {
		return nil, fmt.Errorf("read lockfile %s: %w", path, err)
	}
	return f, nil
}

// Write writes a lockfile whose bytes depend on nothing but its content. It is
// there as a whole or not at all.
func Write(path string, f *File) error {
	f.Schema = Schema
	if f.Plugins == nil {
		f.Plugins = map[string]Pin{}
	}
	if err := f.Validate(); err != nil {
		return fmt.Errorf("write lockfile %s: %w", path, err)
	}
	return store.WriteFile(path, 0o644, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(f)
	})
}
