package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/wire"
)

type manifestOptions struct {
	capabilities []string
	license, out string
}

func newPluginManifest(a *app) *cobra.Command {
	o := &manifestOptions{}
	cmd := &cobra.Command{
		Use:   "manifest FILE [PLATFORM=FILE …]",
		Short: "Write plugin.json for a plugin: what it is, and the digests of its files",
		Long: `Write plugin.json beside a plugin, so that it can be listed, installed and pinned
without being run. The first file is asked what it measures, so it has to run on
this machine; those of other platforms are only digested.

  harness plugin manifest ./harness-plugin-mine
  harness plugin manifest dist/harness-plugin-mine darwin/arm64=dist/harness-plugin-mine-darwin
  harness plugin manifest ./harness-plugin-mine.wasm --capabilities http,blob`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("harness plugin manifest takes the file of a plugin")
			}
			return o.run(cmd.Context(), a, args)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.capabilities, "capabilities", nil, "`CAPABILITIES` that a WASM plugin asks for: "+manifest.Join(manifest.Capabilities()))
	f.StringVar(&o.license, "license", "", "`SPDX` identifier of the plugin's license")
	f.StringVar(&o.out, "out", "", "`FILE` to write; default plugin.json in the folder of the plugin")
	return cmd
}

func (o *manifestOptions) run(ctx context.Context, a *app, files []string) error {
	path, err := filepath.Abs(files[0])
	if err != nil {
		return err
	}
	e, err := catalog.FileEntry(path)
	if err != nil {
		return &exit{exitUsage, err}
	}
	platform, protocol := manifest.Platform(), wire.ProtocolVersion
	if e.Kind == manifest.WASM {
		platform, protocol = manifest.AnyPlatform, catalog.GuestABI
	}
	d, err := a.ask(ctx, e)
	if err != nil {
		return err
	}
	p, err := wire.DescribeFromProto(d)
	if err != nil {
		return fmt.Errorf("plugin %s: %w", e.Name, err)
	}
	m := declared(p)
	m.Kind, m.License, m.Protocol = e.Kind, o.license, manifest.Protocol{Min: protocol, Max: protocol}
	for _, c := range o.capabilities {
		m.Capabilities = append(m.Capabilities, manifest.Capability(c))
	}
	out := o.out
	if out == "" {
		out = filepath.Join(filepath.Dir(e.Path), manifest.FileName)
	}
	for _, file := range append([]string{platform + "=" + files[0]}, files[1:]...) {
		if err := addFile(m, file, filepath.Dir(out)); err != nil {
			return err
		}
	}
	err = store.WriteFile(out, 0o644, func(w io.Writer) error { return manifest.Encode(w, m) })
	if err != nil {
		return err
	}
	a.say("wrote %s", out)
	return nil
}

// declared is what a manifest says of a plugin's declaration.
func declared(p sdk.Plugin) *manifest.Manifest {
	m := &manifest.Manifest{Schema: manifest.Schema, Name: p.Name, Version: p.Version, Doc: p.Doc, Platforms: map[string]manifest.Artifact{}}
	for _, b := range p.Benchmarks {
		out := manifest.Benchmark{Name: b.Name, Doc: b.Doc, Target: b.Target}
		for _, s := range b.Presets {
			out.Presets = append(out.Presets, manifest.Preset{Name: s.Name, Doc: s.Doc})
		}
		m.Benchmarks = append(m.Benchmarks, out)
	}
	return m
}

// addFile adds the file of a platform, "linux/arm64=FILE".
func addFile(m *manifest.Manifest, text, dir string) error {
	platform, file, ok := strings.Cut(text, "=")
	if !ok {
		return usage("%s: want PLATFORM=FILE, such as darwin/arm64=dist/%s", text, filepath.Base(text))
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if folder, err := filepath.Abs(dir); err != nil || filepath.Dir(path) != folder {
		return usage("%s: a manifest names files of its own folder only, which is %s", file, dir)
	}
	sum, err := catalog.SHA256(path)
	if err != nil {
		return usage("plugin %s: %w", file, err)
	}
	m.Platforms[platform] = manifest.Artifact{File: filepath.Base(path), SHA256: sum}
	return nil
}
