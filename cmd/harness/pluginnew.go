package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/scaffold"
	"github.com/benchharness/harness/sdk"
)

type newOptions struct {
	kind, dir, sdkPath, module string
}

func newPluginNew(a *app) *cobra.Command {
	o := &newOptions{}
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write the project of a new plugin: a benchmark that works, tests, Makefile, workflow",
		Long: `Write the project of a new plugin into the folder harness-plugin-NAME: a benchmark
that works, its tests, a Makefile, a README and a workflow for GitHub. It conforms
as it is: cd into it and run make test.

  harness plugin new ranking --kind go
  harness plugin new ranking --kind wasm --sdk-path ~/src/harness`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("harness plugin new takes the name of one plugin")
			}
			return o.run(a, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.kind, "kind", scaffold.Go, "`KIND` of project: "+strings.Join(scaffold.Kinds(), ", "))
	f.StringVar(&o.dir, "dir", "", "`FOLDER` of the project; default harness-plugin-NAME")
	f.StringVar(&o.sdkPath, "sdk-path", "", "`FOLDER` of a checkout of harness to build against, in place of its release")
	f.StringVar(&o.module, "module", "", "`PATH` of the Go module; default example.com/harness-plugin-NAME")
	return cmd
}

func (o *newOptions) run(a *app, name string) error {
	if err := sdk.CheckName(name); err != nil {
		return usage("plugin %q: %v", name, err)
	}
	if slices.Contains(areas, name) {
		return usage("plugin %q: harness has one of that name; choose another", name)
	}
	if !slices.Contains(scaffold.Kinds(), o.kind) {
		return usage("--kind %s: want one of: %s", o.kind, strings.Join(scaffold.Kinds(), ", "))
	}
	p := scaffold.Project{Name: name, Kind: o.kind, GoPath: o.module, Version: strings.TrimSuffix(version, "-dev")}
	if o.sdkPath != "" {
		sdkPath, err := checkout(o.sdkPath)
		if err != nil {
			return err
		}
		p.SDK = sdkPath
	} else if strings.HasSuffix(version, "-dev") && o.kind != scaffold.Python {
		return usage("harness %s is a development build, whose sdk has no release: give the folder of its checkout with --sdk-path", version)
	}
	dir := o.dir
	if dir == "" {
		dir = "harness-plugin-" + name
	}
	files, err := scaffold.Write(dir, p)
	if err != nil {
		return &exit{exitUsage, err}
	}
	for _, f := range files {
		fmt.Fprintln(a.stdout, filepath.Join(dir, f))
	}
	a.say("next: cd %s && make test", dir)
	return nil
}

// checkout is the absolute path of a checkout of harness.
func checkout(dir string) (string, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	mod, err := os.ReadFile(filepath.Join(path, "go.mod"))
	if err != nil {
		return "", usage("--sdk-path %s: no checkout of harness: %v", dir, err)
	}
	if first, _, _ := bytes.Cut(mod, []byte("\n")); string(first) != "module "+scaffold.Module {
		return "", usage("--sdk-path %s: no checkout of harness: its go.mod begins with %q", dir, first)
	}
	return path, nil
}
