package suite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/sdk"
)

// fakeCatalog offers one plugin of every habit that matters to a plan.
type fakeCatalog struct {
	plugins []sdk.Plugin
	asked   []string // plugins that were described, in order
	broken  string   // a plugin that is known and cannot be described
	paths   []string
}

func (c *fakeCatalog) Plugins() []string {
	var names []string
	for _, p := range c.plugins {
		names = append(names, p.Name)
	}
	return names
}

func (c *fakeCatalog) Describe(_ context.Context, name string) (sdk.Plugin, error) {
	c.asked = append(c.asked, name)
	for _, p := range c.plugins {
		if p.Name == name && name != c.broken {
			return p, nil
		}
	}
	return sdk.Plugin{}, errors.New("cannot be described")
}

func (c *fakeCatalog) AddPath(_ context.Context, path string) (string, error) {
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("no such file")
	}
	c.paths = append(c.paths, path)
	return filepath.Base(path), nil
}

type httpParams struct {
	Method string               `json:"method" enum:"GET,POST"`
	Path   string               `json:"path" required:"true" doc:"path and query"`
	Expect struct{ Status int } `json:"expect"`
}

type searchParams struct {
	Collection string `json:"collection"`
	K          int    `json:"k" min:"1" max:"1000"`
}

func newCatalog() *fakeCatalog {
	return &fakeCatalog{plugins: []sdk.Plugin{
		{Name: "embedding", Benchmarks: []sdk.Benchmark{{
			Name: "encode", Doc: "Encodes texts.", Load: sdk.LoadHint{Solo: true, CountedBy: "iterations"},
			Presets: []sdk.Preset{{Name: "minilm"}, {Name: "e5-small"}},
			Metrics: []sdk.Metric{{Name: "tokens", Unit: "1/s"}},
		}, {
			Name: "openai", Target: "embeddings",
		}}},
		{Name: "vector", Benchmarks: []sdk.Benchmark{{
			Name: "search", Target: sdk.TargetVector, Load: sdk.LoadHint{Solo: true},
			Params:  sdk.ParamsOf(searchParams{Collection: "docs", K: 10}),
			Presets: []sdk.Preset{{Name: "minilm_general", Doc: "384 wide.", With: map[string]any{"collection": "minilm", "k": 5}}},
			Metrics: []sdk.Metric{{Name: "recall", Unit: "ratio", Scale: sdk.Absolute}},
		}}},
		{Name: "api", Benchmarks: []sdk.Benchmark{{
			Name: "http", Target: sdk.TargetService,
			Params:  sdk.ParamsOf(httpParams{Method: "GET"}),
			Presets: []sdk.Preset{{Name: "search", With: map[string]any{"path": "/search"}}},
		}}},
		{Name: "db", Benchmarks: []sdk.Benchmark{{
			Name: "select", Target: sdk.TargetPostgres, Load: sdk.LoadHint{CountedBy: "operations"},
		}, {
			Name: "load", Target: sdk.TargetPostgres, Load: sdk.LoadHint{Serial: true, CountedBy: "operations", MaxOps: 4},
		}}},
		{Name: "system", Benchmarks: []sdk.Benchmark{{
			Name: "monitor", Load: sdk.LoadHint{Monitor: true, Rate: 10},
		}, {
			Name: "paced", Load: sdk.LoadHint{Rate: 50},
		}}},
	}}
}

// plan resolves the inputs in a folder that holds files.
func plan(t *testing.T, files map[string]string, flags Flags, environ ...string) (Plan, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Resolve(context.Background(), Inputs{Flags: flags, Environ: environ, Dir: dir, Catalog: newCatalog(), CPUs: cpus.Set{0, 1, 2, 3}})
}

func mustPlan(t *testing.T, files map[string]string, flags Flags, environ ...string) Plan {
	t.Helper()
	p, err := plan(t, files, flags, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// flagsOf makes flags from pairs of name and text.
func flagsOf(t *testing.T, pairs ...string) Flags {
	t.Helper()
	var f Flags
	for i := 0; i+1 < len(pairs); i += 2 {
		switch pairs[i] {
		case "target":
			f.Targets = append(f.Targets, pairs[i+1])
		case "grant":
			f.Grants = append(f.Grants, pairs[i+1])
		case "no-cleanup":
			f.NoCleanup = true
		default:
			if err := f.Set(pairs[i], pairs[i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func benchmark(t *testing.T, p Plan, id string) Benchmark {
	t.Helper()
	for _, b := range p.Benchmarks {
		if b.ID == id {
			return b
		}
	}
	t.Fatalf("the plan lacks %s", id)
	return Benchmark{}
}

func setting(t *testing.T, p Plan, name string) Setting {
	t.Helper()
	for _, s := range p.Settings {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("the plan lacks setting %s", name)
	return Setting{}
}
