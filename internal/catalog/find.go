package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/wire"
)

// GuestABI is the version of the guest ABI that this harness hosts.
const GuestABI = 1

// ModuleSuffix ends the file name of a WASM plugin.
const ModuleSuffix = ".wasm"

// nameOf is the name that a program's file name gives it.
func nameOf(file string) string {
	return strings.TrimSuffix(strings.TrimPrefix(file, Prefix), ModuleSuffix)
}

// FileEntry is the plugin in a file, whatever a manifest beside it says.
func FileEntry(path string) (Entry, error) {
	e := Entry{Name: nameOf(filepath.Base(path)), Path: path, Source: "file", Kind: kindOf(path)}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return e, fmt.Errorf("plugin %s: %w", path, errors.Unwrap(err))
	case !usable(info):
		return e, fmt.Errorf("plugin %s is no executable file: give the path of a plugin's program or module", path)
	}
	if err := sdk.CheckName(e.Name); err != nil {
		return e, fmt.Errorf("plugin %s: name the file %sNAME: %w", path, Prefix, err)
	}
	return e, nil
}

func kindOf(file string) manifest.Kind {
	if strings.HasSuffix(file, ModuleSuffix) {
		return manifest.WASM
	}
	return manifest.Exec
}

// usable says whether a file can be a plugin: a module is read, a program has
// to be executable.
func usable(info os.FileInfo) bool {
	return info.Mode().IsRegular() && (kindOf(info.Name()) == manifest.WASM || info.Mode()&0o111 != 0)
}

// folder is a folder with plugins in it, and its manifest if it has one.
type folder struct {
	dir      string
	manifest *manifest.Manifest
	problem  error // of a manifest that cannot be used
}

func openFolder(dir string) folder {
	f := folder{dir: dir}
	m, err := manifest.Read(filepath.Join(dir, manifest.FileName))
	var foreign *manifest.ForeignError
	switch {
	case err == nil:
		f.manifest = m
	case !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &foreign): // other programs have a plugin.json, too
		f.problem = err
	}
	return f
}

// program is the plugin in a file of the folder. It is no plugin if it is the
// program for another platform.
func (f folder) program(file, source string) (Entry, bool) {
	e := Entry{Name: nameOf(file), Path: filepath.Join(f.dir, file), Source: source, Kind: kindOf(file), Problem: f.problem}
	m := f.manifest
	if m == nil {
		if err := sdk.CheckName(e.Name); err != nil && e.Problem == nil {
			e.Problem = fmt.Errorf("rename %s to %sNAME, or remove it: %w", e.Path, Prefix, err)
		}
		return e, true
	}
	a, key, has := m.Artifact(manifest.Platform())
	switch {
	case has && a.File == file:
		e.Name, e.Kind, e.Manifest, e.SHA256 = m.Name, m.Kind, m, a.SHA256
		e.Platform, e.Problem = key, speaks(m)
	case foreignProgram(m, file):
		return e, false
	case e.Name == m.Name && has:
		e.Problem = fmt.Errorf("the manifest beside %s says that the program is %s: remove one of them", e.Path, a.File)
	case e.Name == m.Name:
		e.Problem = noProgram(m)
	}
	return e, true
}

func foreignProgram(m *manifest.Manifest, file string) bool {
	for _, a := range m.Platforms {
		if a.File == file {
			return true
		}
	}
	return false
}

func noProgram(m *manifest.Manifest) error {
	return fmt.Errorf("its manifest has no program for %s, only for %s", manifest.Platform(), strings.Join(m.PlatformKeys(), ", "))
}

// speaks says whether this harness speaks a version of what the plugin speaks.
func speaks(m *manifest.Manifest) error {
	what, mine := "plugin protocol", wire.ProtocolVersion
	if m.Kind == manifest.WASM {
		what, mine = "guest ABI", GuestABI
	}
	if mine < m.Protocol.Min || mine > m.Protocol.Max {
		return fmt.Errorf("its manifest says that it speaks %s %d to %d, this harness speaks %d: %s",
			what, m.Protocol.Min, m.Protocol.Max, mine, "use a version of the plugin that was made for it")
	}
	return nil
}

// whole is the plugin that a folder holds: the program that its manifest names.
func (f folder) whole(source string) Entry {
	if f.problem != nil {
		return Entry{Name: filepath.Base(f.dir), Path: filepath.Join(f.dir, manifest.FileName), Source: source, Kind: manifest.Exec, Problem: f.problem}
	}
	a, _, ok := f.manifest.Artifact(manifest.Platform())
	if !ok {
		return Entry{Name: f.manifest.Name, Path: filepath.Join(f.dir, manifest.FileName), Source: source, Kind: f.manifest.Kind, Manifest: f.manifest, Problem: noProgram(f.manifest)}
	}
	e, _ := f.program(a.File, source)
	info, err := os.Stat(e.Path)
	switch {
	case e.Problem != nil:
	case errors.Is(err, fs.ErrNotExist):
		e.Problem = fmt.Errorf("its manifest names the program %s, which is not there", e.Path)
	case err != nil:
		e.Problem = err
	case !usable(info):
		e.Problem = fmt.Errorf("%s is not an executable file: chmod +x it", e.Path)
	}
	return e
}

// addFolder adds the plugins of a folder, in the order of their names: the
// programs in it, and those in folders of their own below it.
func (c *Catalog) addFolder(dir, source string) {
	if dir == "" {
		return
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return // an absent folder holds no plugin
	}
	flat := openFolder(dir)
	for _, f := range files {
		switch isDir, isFile := typeOf(dir, f); {
		case strings.HasPrefix(f.Name(), "."): // of an installation that is going on
		case isDir:
			c.addSubfolder(filepath.Join(dir, f.Name()), source)
		case isFile && (strings.HasPrefix(f.Name(), Prefix) || flat.names(f.Name())):
			c.addFile(flat, f.Name(), source)
		}
	}
}

// names says whether the folder's manifest names a file as this platform's program.
func (f folder) names(file string) bool {
	if f.manifest == nil {
		return false
	}
	a, _, ok := f.manifest.Artifact(manifest.Platform())
	return ok && a.File == file
}

func (c *Catalog) addSubfolder(dir, source string) {
	f := openFolder(dir)
	if f.manifest != nil || f.problem != nil {
		c.add(f.whole(source))
		return
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, file := range files {
		if _, isFile := typeOf(dir, file); isFile && strings.HasPrefix(file.Name(), Prefix) {
			c.addFile(f, file.Name(), source)
		}
	}
}

func (c *Catalog) addFile(in folder, file, source string) {
	info, err := os.Stat(filepath.Join(in.dir, file))
	if err != nil || !usable(info) {
		return
	}
	if e, ok := in.program(file, source); ok {
		c.add(e)
	}
}

// typeOf says what a folder's entry is, following a link.
func typeOf(dir string, f fs.DirEntry) (isDir, isFile bool) {
	mode := f.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := os.Stat(filepath.Join(dir, f.Name()))
		if err != nil {
			return false, false
		}
		mode = info.Mode()
	}
	return mode.IsDir(), mode.IsRegular()
}

// explicit is the plugin at a path that somebody named: of its program, or of
// the folder with its manifest. name is "" if only the path was given.
func explicit(name, path, source string) (Entry, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Entry{}, fmt.Errorf("plugin %s: %w", path, err)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Entry{}, fmt.Errorf("plugin %s: no such file: give the path of a plugin's executable", path)
	case err != nil:
		return Entry{}, fmt.Errorf("plugin %s: %w", path, err)
	case !info.IsDir() && !usable(info):
		return Entry{}, fmt.Errorf("plugin %s: not an executable file: build it, or chmod +x it", path)
	}
	var e Entry
	if !info.IsDir() {
		in, ok := openFolder(filepath.Dir(abs)), false
		if e, ok = in.program(filepath.Base(abs), source); !ok {
			e.Problem = noProgram(in.manifest)
		}
	} else if in := openFolder(abs); in.manifest == nil && in.problem == nil {
		return Entry{}, fmt.Errorf("plugin %s: the folder has no %s: give the path of the plugin's executable", path, manifest.FileName)
	} else {
		e = in.whole(source)
	}
	if own := e.Name; name != "" {
		if e.Name = name; e.Manifest != nil && own != name {
			e.Problem = cmp.Or(e.Problem, callsItself(e, own))
		}
	}
	return e, nil
}

func callsItself(e Entry, name string) error {
	return fmt.Errorf("plugin %s calls itself %q: rename the file to %s%s, or run it with --plugin %s=%s",
		e.Path, name, Prefix, name, name, e.Path)
}
