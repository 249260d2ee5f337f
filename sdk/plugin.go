package sdk

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
)

// Plugin is a named set of benchmarks that ship and run together.
type Plugin struct {
	// Name is the first part of every benchmark id: lower-case letters,
	// digits, '-' and '_', starting with a letter, at most 40 bytes.
	Name string
	// Version is the plugin's own version, for provenance. Semantic
	// versioning is expected but not required.
	Version string
	// Doc is one sentence for `harness list`.
	Doc string
	// Table says how reports lay out this plugin's results. The zero value
	// gives Benchmark, Avg, P95, Throughput.
	Table Table
	// Benchmarks are what `use: plugin/benchmark` can name. At least one.
	Benchmarks []Benchmark
	// Clean removes objects that a dead process of this plugin journalled and
	// did not remove. It is nil when the plugin creates nothing outside its
	// scratch folder. It must not fail on an object that is already gone, and
	// it must touch nothing that is not in the request.
	Clean func(context.Context, CleanRequest) error
}

// CleanRequest lists objects that an earlier, dead process created.
type CleanRequest struct {
	Target  Target
	Objects []Object
}

// Table is the layout of a plugin's results in reports.
type Table struct {
	Title   string   // "Vector search"
	Subject string   // heading of the first column: "Collection"
	Columns []Column // the columns after it, in order
}

// Column is one column of a [Table]: a heading and the name of the metric
// (standard or declared) or of the resource (such as "gpu.util") under it.
type Column struct {
	Title  string
	Metric string
}

var registry struct {
	sync.Mutex
	plugins map[string]Plugin
}

// Register adds a plugin to those this binary can serve. It is called from
// init and panics on a plugin that is malformed or already registered: both
// are mistakes of the author, seen the first time the binary starts.
func Register(p Plugin) {
	if err := p.Validate(); err != nil {
		panic("sdk.Register: " + err.Error())
	}
	for _, b := range p.Benchmarks {
		if b.Setup == nil {
			panic(fmt.Sprintf("sdk.Register: benchmark %s/%s has no Setup", p.Name, b.Name))
		}
	}
	registry.Lock()
	defer registry.Unlock()
	if _, dup := registry.plugins[p.Name]; dup {
		panic(fmt.Sprintf("sdk.Register: plugin %q is registered twice", p.Name))
	}
	if registry.plugins == nil {
		registry.plugins = make(map[string]Plugin)
	}
	registry.plugins[p.Name] = p
}

// Registered returns the registered plugins, sorted by name.
func Registered() []Plugin {
	registry.Lock()
	defer registry.Unlock()
	out := make([]Plugin, 0, len(registry.plugins))
	for _, p := range registry.plugins {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Lookup returns the registered plugin of that name.
func Lookup(name string) (Plugin, bool) {
	registry.Lock()
	defer registry.Unlock()
	p, ok := registry.plugins[name]
	return p, ok
}

// Benchmark returns the benchmark of that name.
func (p Plugin) Benchmark(name string) (Benchmark, bool) {
	i := slices.IndexFunc(p.Benchmarks, func(b Benchmark) bool { return b.Name == name })
	if i < 0 {
		return Benchmark{}, false
	}
	return p.Benchmarks[i], true
}
