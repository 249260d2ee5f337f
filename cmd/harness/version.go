package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/wire"
)

// version and commit are set by the release build, which leaves out what Go
// stamps of version control: it depends on the tags that a clone has.
var (
	version = "0.1.0-dev"
	commit  string
)

// identity says which harness this is.
func identity() result.Harness {
	h := result.Harness{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Commit: commit}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && commit == "" {
				h.Commit = s.Value
			}
		}
	}
	return h
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Version of harness, its plugin protocol and its documents",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			h := identity()
			_, err := fmt.Fprintf(a.stdout, "harness %s (%s, %s/%s)\nplugin protocol %d\nrun document %s\n",
				h.Version, h.Go, h.OS, h.Arch, wire.ProtocolVersion, result.Schema)
			return err
		},
	}
}
