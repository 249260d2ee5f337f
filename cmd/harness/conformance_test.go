package main

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/benchharness/harness/internal/stack"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/sdktest"
)

// TestEveryBuiltInPluginConforms runs the sdk's own suite against each plugin
// of this binary, as the harness starts it, on the reference stack.
func TestEveryBuiltInPluginConforms(t *testing.T) {
	for _, p := range sdk.Registered() {
		t.Run(p.Name, func(t *testing.T) {
			var opts []sdktest.Option
			for _, kind := range kinds(p) {
				opts = append(opts, sdktest.WithTarget(component(t, kind)))
			}
			if p.Name == "embedding" { // the reference service speaks the protocols of embedding servers
				server := component(t, sdk.TargetService)
				server.Kind = "embedding"
				opts = append(opts, sdktest.WithTarget(server), sdktest.WithParams("endpoint", map[string]any{"model": "all-MiniLM-L6-v2"}))
			}
			sdktest.Binary(t, []string{binary, "plugin", "serve", p.Name}, opts...)
		})
	}
}

// kinds are what a plugin's benchmarks need of the reference stack. Rounds of
// those that need something else are skipped by the suite, with the reason.
func kinds(p sdk.Plugin) []string {
	var out []string
	for _, kind := range []string{sdk.TargetVector, sdk.TargetService, sdk.TargetPostgres} {
		if slices.ContainsFunc(p.Benchmarks, func(b sdk.Benchmark) bool { return b.Target == kind }) {
			out = append(out, kind)
		}
	}
	return out
}

// component starts a part of the reference stack for the length of a test. It
// skips the test where that cannot be had.
func component(t *testing.T, kind string) sdk.Target {
	t.Helper()
	s, err := stack.Start(t.Context(), stack.Options{
		Exe: binary, Args: []string{"reference", "up", "--announce", "--components", kind}, Kind: kind,
	})
	var absent *sdk.NotMeasuredError
	if errors.As(err, &absent) && os.Getenv("HARNESS_REQUIRE_PEERS") != "1" {
		t.Skip(absent)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s.Spec()
}
