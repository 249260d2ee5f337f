package api

import (
	"slices"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func TestThePluginIsDeclaredAsReportsAndSuitesExpect(t *testing.T) {
	p := Plugin()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range p.Benchmarks {
		if b.Target != sdk.TargetService {
			t.Errorf("%s: target %q, want %q", b.Name, b.Target, sdk.TargetService)
		}
		for _, preset := range b.Presets {
			names = append(names, preset.Name)
		}
	}
	if want := []string{"embed", "search", "collections", "graphql", "grpc_search"}; !slices.Equal(names, want) {
		t.Errorf("presets %v, want %v", names, want)
	}
	if _, ok := sdk.Lookup("api"); !ok {
		t.Error("the plugin is not registered")
	}
}

func TestEveryPresetRunsAgainstTheReferenceService(t *testing.T) {
	target := reference(t)
	for _, b := range Plugin().Benchmarks {
		for _, preset := range b.Presets {
			t.Run(preset.Name, func(t *testing.T) {
				s := mustSetup(t, b.Name, target, preset.With)
				for n := range 2 {
					w := worker(t, s, n)
					for i := range uint64(10) {
						if err := do(t, w, i); err != nil {
							t.Errorf("op %d of worker %d: %v", i, n, err)
						}
					}
				}
			})
		}
	}
}

func TestTheHTTPPresetsRunOverCleartextHTTP2(t *testing.T) {
	target := reference(t)
	b, _ := Plugin().Benchmark("http")
	for _, preset := range b.Presets {
		with := map[string]any{"http_version": 2}
		for k, v := range preset.With {
			with[k] = v
		}
		s := mustSetup(t, "http", target, with)
		if err := do(t, worker(t, s, 0), 0); err != nil {
			t.Errorf("%s: %v", preset.Name, err)
		}
		if v := s.(sdk.Describer).Describe().Provenance["http_version"]; v != "HTTP/2.0" {
			t.Errorf("%s: http_version %q, want HTTP/2.0", preset.Name, v)
		}
	}
}
