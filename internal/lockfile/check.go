package lockfile

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/benchharness/harness/internal/manifest"
)

// Found is a plugin as it is on this machine.
type Found struct {
	Name     string
	Path     string
	Kind     manifest.Kind
	Digest   string // in hexadecimal
	Platform string // of this machine
}

// MismatchError says how a plugin differs from what is pinned.
type MismatchError struct {
	Name    string
	Problem string
	Remedy  string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("plugin %s %s; %s", e.Name, e.Problem, e.Remedy)
}

// Check holds a plugin against the lockfile, which was read from path. Its
// errors are [*MismatchError].
func (f *File) Check(path string, p Found) error {
	fail := func(remedy, problem string, args ...any) error {
		return &MismatchError{Name: p.Name, Problem: fmt.Sprintf(problem, args...), Remedy: remedy}
	}
	pin, ok := f.Plugins[p.Name]
	if !ok {
		return fail(fmt.Sprintf("pin it with harness plugin lock %s, or remove %s", p.Name, p.Path), "is not pinned in %s", path)
	}
	if pin.Kind != p.Kind {
		return fail("install the pinned one with harness plugin update --locked, or pin this one with harness plugin lock "+p.Name,
			"is of kind %s, and %s pins one of kind %s", p.Kind, path, pin.Kind)
	}
	want, ok := pin.Digest(p.Platform)
	if !ok {
		return fail("pin it on this platform with harness plugin lock "+p.Name, "has no digest for %s in %s", p.Platform, path)
	}
	if want != p.Digest {
		return fail("install the pinned one with harness plugin update --locked, or, if the change is meant, run harness plugin lock "+p.Name,
			"differs from %s: %s has sha256 %s…, pinned is %s…", path, p.Path, short(p.Digest), short(want))
	}
	return nil
}

// short is enough of a digest to tell two apart.
func short(digest string) string { return digest[:min(12, len(digest))] }

// NameOf returns the name under which a digest is pinned for a platform.
func (f *File) NameOf(digest, platform string) (string, bool) {
	for _, name := range sortedKeys(f.Plugins) {
		if d, ok := f.Plugins[name].Digest(platform); ok && d == digest {
			return name, true
		}
	}
	return "", false
}

// Pin takes in a plugin as it is found. Digests for other platforms stay if
// source, version and kind are the same; other adds more of them, and those of
// the platform itself are p's. It says whether anything changed.
func (f *File) Pin(p Found, source, version string, other map[string]string) (changed bool) {
	old, had := f.Plugins[p.Name]
	now := Pin{Source: source, Version: version, Kind: p.Kind, SHA256: map[string]string{}}
	key := p.Platform
	if _, everywhere := other[manifest.AnyPlatform]; everywhere || p.Kind == manifest.WASM {
		key = manifest.AnyPlatform // and no other: it would hide this one
	} else {
		if had && old.Source == source && old.Version == version && old.Kind == p.Kind {
			maps.Copy(now.SHA256, old.SHA256)
			delete(now.SHA256, manifest.AnyPlatform)
		}
		maps.Copy(now.SHA256, other)
	}
	now.SHA256[key] = p.Digest
	if f.Plugins == nil {
		f.Plugins = map[string]Pin{}
	}
	f.Plugins[p.Name] = now
	return !had || !reflect.DeepEqual(old, now)
}
