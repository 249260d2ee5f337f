// Package scaffold writes the project of a new plugin: a benchmark that works,
// its tests, a Makefile, a README and a workflow.
//
// The files are templates in the folder files: those of the kind, and those
// that all kinds share. The package runs nothing and fetches nothing; what the
// project needs, its Makefile gets.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/python"
)

//go:embed all:files
var files embed.FS

// Module is the path of harness's Go module.
const Module = "github.com/benchharness/harness"

// GoVersion is the version of Go that a project asks for.
const GoVersion = "1.26.0"

// goPath is what paths of Go modules are made of.
var goPath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$`)

// Kinds of projects.
const (
	Go     = "go"
	WASM   = "wasm"
	Python = "python"
)

// Kinds returns every kind.
func Kinds() []string { return []string{Go, WASM, Python} }

// Project is what to write.
type Project struct {
	Name    string // of the plugin
	Kind    string
	GoPath  string // path of the Go module; "" is example.com/harness-plugin-NAME
	SDK     string // folder of a checkout of harness to build against; "" is the released one
	Version string // of harness, "0.1.0"
}

// Write writes the project into a folder that does not exist yet or is empty,
// and returns the files it wrote, in order. A folder that holds something is an
// error, and nothing is written.
func Write(dir string, p Project) ([]string, error) {
	if p.GoPath == "" {
		p.GoPath = "example.com/harness-plugin-" + p.Name
	}
	if !goPath.MatchString(p.GoPath) || path.Clean(p.GoPath) != p.GoPath {
		return nil, fmt.Errorf("%q is no path of a Go module, want one such as example.com/harness-plugin-%s", p.GoPath, p.Name)
	}
	made, err := p.render()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("make a project in %s: %w", dir, err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("the folder %s is not empty (%s): name another one", dir, entries[0].Name())
	}
	var names []string
	for _, f := range made {
		path := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return names, fmt.Errorf("make a project in %s: %w", dir, err)
		}
		if err := os.WriteFile(path, f.text, 0o644); err != nil {
			return names, fmt.Errorf("make a project in %s: %w", dir, err)
		}
		names = append(names, f.name)
	}
	return names, nil
}

// file is one of a project, with / in its name.
type file struct {
	name string
	text []byte
}

func (p Project) render() ([]file, error) {
	var out []file
	for _, folder := range []string{"all", p.Kind} {
		err := fs.WalkDir(files, path.Join("files", folder), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			f, err := p.fill(name)
			f.name = strings.TrimPrefix(name, "files/"+folder+"/")
			f.name = strings.TrimSuffix(f.name, ".tmpl")
			out = append(out, f)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("project of kind %s: %w", p.Kind, err)
		}
	}
	if p.Kind != Python {
		return out, nil
	}
	out = append(out, file{"proto/harness/plugin/v1/plugin.proto", pluginv1.Source})
	err := fs.WalkDir(python.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := python.Files.ReadFile(name)
		out = append(out, file{name, text})
		return err
	})
	return out, err
}

// fill fills in a template. Its marks are those that no Makefile and no
// workflow uses.
func (p Project) fill(name string) (file, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	t, err := template.New(name).Delims("@{", "}@").Option("missingkey=error").Parse(string(text))
	if err != nil {
		return file{}, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{
		"Name": p.Name, "Kind": p.Kind, "GoPath": p.GoPath, "SDK": p.SDK, "Version": p.Version,
		"Module": Module, "GoVersion": GoVersion,
	})
	return file{text: b.Bytes()}, err
}
