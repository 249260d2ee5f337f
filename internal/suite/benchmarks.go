package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// idName is the second part of a benchmark's id.
var idName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$`)

// configBenchmarks plans the benchmarks of the file's suite.
func (l *loader) configBenchmarks() error {
	ids := map[string]int{}
	for i := range l.suite.Benchmarks {
		spec := &l.suite.Benchmarks[i]
		path := fmt.Sprintf("%s.benchmarks[%d]", l.suitePath, i)
		plugin, use, id, err := l.identify(spec, path)
		if err != nil {
			return err
		}
		line := spec.Lines[""]
		if first, dup := ids[id]; dup {
			return l.at(line, "%s has the id %s, which is already used at line %d; give it another name", path, id, first)
		}
		ids[id] = line
		if l.filtered && !slices.Contains(l.selected, plugin) {
			continue
		}
		b, err := l.configBenchmark(spec, plugin, use, id, path)
		if err != nil {
			return err
		}
		if len(b.Scenarios) == 0 {
			continue // that was said
		}
		l.plan.Benchmarks = append(l.plan.Benchmarks, b)
	}
	if len(l.plan.Benchmarks) == 0 && l.in.Flags.FindCapacity {
		return origin{subject: "flag --find-capacity"}.errorf("leaves nothing of suite %s of %s to run: %s", l.plan.Suite, l.fileName, l.nothingToRun())
	}
	if len(l.plan.Benchmarks) == 0 {
		return origin{subject: "flag --plugins"}.errorf("leaves nothing of suite %s of %s to run; its benchmarks are: %s",
			l.plan.Suite, l.fileName, strings.Join(sortedKeys(ids), ", "))
	}
	l.plan.Benchmarks = gather(l.plan.Benchmarks)
	return nil
}

// gather puts the benchmarks of one plugin next to each other, plugins in the
// order of their first.
func gather(in []Benchmark) []Benchmark {
	out := make([]Benchmark, 0, len(in))
	done := map[string]bool{}
	for _, b := range in {
		if done[b.Plugin] {
			continue
		}
		done[b.Plugin] = true
		for _, c := range in {
			if c.Plugin == b.Plugin {
				out = append(out, c)
			}
		}
	}
	return out
}

// identify splits `use` and makes the id.
func (l *loader) identify(spec *BenchmarkSpec, path string) (plugin, use, id string, err error) {
	plugin, use, ok := strings.Cut(spec.Use, "/")
	if !ok || plugin == "" || use == "" || strings.Contains(use, "/") {
		return "", "", "", l.at(spec.Lines["use"], "%s.use is %s, want plugin/benchmark as harness list shows it", path, show(spec.Use))
	}
	name := use
	if spec.Name != nil {
		name = *spec.Name
		if !idName.MatchString(name) {
			return "", "", "", l.at(spec.Lines["name"], "%s.name is %s, want up to 80 letters, digits, '-', '_' or '.', a letter or digit first", path, show(name))
		}
	}
	return plugin, use, plugin + "/" + name, nil
}

func (l *loader) configBenchmark(spec *BenchmarkSpec, plugin, use, id, path string) (Benchmark, error) {
	o := origin{file: l.fileName, line: spec.Lines["use"], subject: path + ".use"}
	p, err := l.plugin(plugin, o)
	if err != nil {
		return Benchmark{}, err
	}
	decl, ok := p.Benchmark(use)
	if !ok {
		return Benchmark{}, o.errorf("is %s, but plugin %s has no such benchmark%s", show(spec.Use), plugin, didYouMean(use, benchmarkNames(p)))
	}
	b := Benchmark{ID: id, Plugin: plugin, Use: use, Doc: decl.Doc}
	if b.Params, err = l.configParams(decl, spec, path); err != nil {
		return b, err
	}
	if b.Target, err = l.target(decl, spec, path); err != nil {
		return b, err
	}
	l.planning = plugin
	b.Scenarios, err = l.scenarios(decl, spec.Load, path+".load")
	return b, err
}

func benchmarkNames(p sdk.Plugin) []string {
	names := make([]string, len(p.Benchmarks))
	for i, b := range p.Benchmarks {
		names[i] = b.Name
	}
	return names
}

// configParams checks `with` and places what is wrong at its line.
func (l *loader) configParams(decl sdk.Benchmark, spec *BenchmarkSpec, path string) (sdk.Params, error) {
	with := spec.With
	if with == nil {
		with = &With{}
	}
	params, err := sdk.CheckParams(decl.Params, with.Values)
	var bad *sdk.ParamError
	if !errors.As(err, &bad) {
		return params, err
	}
	line := with.line(bad.Param)
	if line == 0 {
		line = spec.Lines["with"]
	}
	if line == 0 {
		line = spec.Lines[""]
	}
	hint := ""
	if strings.HasPrefix(bad.Problem, "is unknown") {
		last := bad.Param[strings.LastIndex(bad.Param, ".")+1:]
		if near := Nearest(last, paramNames(decl.Params)); near != "" {
			hint = "; did you mean " + near + "?"
		}
	}
	return nil, l.at(line, "%s.with.%s %s%s", path, plain(bad.Param), oneLine(bad.Problem), hint)
}

// line finds the line of a parameter, or that of the nearest mapping around it.
func (w *With) line(path string) int {
	for path != "" {
		if n := w.lines[path]; n > 0 {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

func paramNames(params []sdk.Param) []string {
	var names []string
	for _, p := range params {
		names = append(names, p.Name)
		names = append(names, paramNames(p.Fields)...)
	}
	return names
}

// oneLine shortens a foreign message to a line.
func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

// defaultBenchmarks plans the suite that runs without a config file: the
// presets of every selected plugin, on the reference stack.
func (l *loader) defaultBenchmarks() error {
	l.plan.Suite = defaultSuite
	for _, name := range l.selected {
		p, err := l.plugin(name, origin{subject: "flag --plugins"})
		if err != nil {
			return err
		}
		seen, said := map[string]bool{}, len(l.plan.Warnings)
		for _, decl := range p.Benchmarks {
			target, ok, err := l.defaultTarget(decl)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := l.presets(name, decl, target, seen); err != nil {
				return err
			}
		}
		if len(seen) == 0 && len(l.plan.Warnings) == said {
			l.warnLeftOut(name, p)
		}
	}
	if len(l.plan.Benchmarks) == 0 {
		return origin{subject: "flag --plugins"}.errorf("leaves nothing to run: %s", l.nothingToRun())
	}
	return nil
}

func (l *loader) nothingToRun() string {
	if len(l.selected) == 0 {
		return "no plugin is installed"
	}
	if n := len(l.plan.Warnings); n > 0 {
		return l.plan.Warnings[n-1]
	}
	return "the plugins declare no benchmark"
}

// defaultTarget is the flag's or the reference stack's. Without either the
// benchmark is left out.
func (l *loader) defaultTarget(decl sdk.Benchmark) (Target, bool, error) {
	if decl.Target == "" {
		return Target{}, true, nil
	}
	if v, given := l.targets.take(decl.Target); given {
		t, err := flagTarget(decl.Target, v)
		return t, true, err
	}
	return reference(decl.Target), isReferenceKind(decl.Target), nil
}

// warnLeftOut says why nothing of a plugin is run. A plugin of which something
// is run may have more for those who name a target; that is in its
// description and no news in every run.
func (l *loader) warnLeftOut(plugin string, p sdk.Plugin) {
	for _, decl := range p.Benchmarks {
		l.warnf("%s/%s is left out: it needs a target of kind %s; pass --target %s=URL, or name one in harness.yaml",
			plugin, decl.Name, decl.Target, decl.Target)
	}
}

// presets plans each preset of a benchmark, or the benchmark itself when it
// has none.
func (l *loader) presets(plugin string, decl sdk.Benchmark, target Target, seen map[string]bool) error {
	presets := decl.Presets
	if len(presets) == 0 {
		presets = []sdk.Preset{{Name: decl.Name, Doc: decl.Doc}}
	}
	l.planning = plugin
	scenarios, err := l.scenarios(decl, nil, "")
	if err != nil || len(scenarios) == 0 {
		return err
	}
	for _, preset := range presets {
		id := plugin + "/" + preset.Name
		if seen[id] {
			l.warnf("plugin %s names two benchmarks %s; the second is left out", plugin, id)
			continue
		}
		seen[id] = true
		params, err := presetParams(decl, preset)
		if err != nil {
			return fmt.Errorf("plugin %s: preset %s: %w", plugin, preset.Name, err)
		}
		doc := preset.Doc
		if doc == "" {
			doc = decl.Doc
		}
		l.plan.Benchmarks = append(l.plan.Benchmarks, Benchmark{
			ID: id, Plugin: plugin, Use: decl.Name, Doc: doc, Params: params, Target: target, Scenarios: slices.Clone(scenarios),
		})
	}
	return nil
}

func presetParams(decl sdk.Benchmark, preset sdk.Preset) (sdk.Params, error) {
	values := make(map[string]json.RawMessage, len(preset.With))
	for k, v := range preset.With {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", k, err)
		}
		values[k] = raw
	}
	return sdk.CheckParams(decl.Params, values)
}
