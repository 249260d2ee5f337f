package suite

import (
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/benchharness/harness/sdk"
)

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// describe asks the catalog for a plugin's declaration, once.
func (l *loader) describe(name string) (sdk.Plugin, error) {
	if p, ok := l.described[name]; ok {
		return p, nil
	}
	p, err := l.in.Catalog.Describe(l.ctx, name)
	if err != nil {
		return sdk.Plugin{}, err
	}
	l.described[name] = p
	return p, nil
}

// plugin returns a plugin's declaration. An unknown one is a mistake at o; one
// that is known and cannot say what it is, is broken.
func (l *loader) plugin(name string, o origin) (sdk.Plugin, error) {
	p, err := l.describe(name)
	if err == nil {
		return p, nil
	}
	if l.ctx.Err() == nil && !slices.Contains(l.in.Catalog.Plugins(), name) {
		return p, o.errorf("names the plugin %s, which is unknown%s", show(name), didYouMean(name, l.in.Catalog.Plugins()))
	}
	return p, err // it names the plugin
}

// choosePlugins settles which plugins run: those of --plugins, or all.
func (l *loader) choosePlugins() error {
	if err := l.declaredPlugins(); err != nil {
		return err
	}
	text, given := l.in.Flags.text("plugins")
	o := origin{subject: "flag --plugins"}
	shown := Setting{"plugins", "all", o.String()}
	if !given {
		shown.Source = "default"
	}
	l.plan.Settings = append(l.plan.Settings, shown)
	if !given || strings.TrimSpace(text) == "all" {
		l.selected = l.in.Catalog.Plugins()
		return nil
	}
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return o.errorf("is %s, want all, or names with commas%s", show(text), didYouMean("", l.in.Catalog.Plugins()))
		case name == "all":
			return o.errorf("is %s; all stands alone", show(text))
		case slices.Contains(l.selected, name):
			continue
		}
		if _, err := l.plugin(name, o); err != nil {
			return err
		}
		l.selected = append(l.selected, name)
	}
	l.filtered = true
	l.plan.Settings[len(l.plan.Settings)-1].Value = strings.Join(l.selected, ",")
	return nil
}

// declaredPlugins makes sure that the plugins which the file says it needs are
// there, taking in those given by path.
func (l *loader) declaredPlugins() error {
	if l.file == nil {
		return nil
	}
	o := origin{file: l.fileName, line: l.file.Lines["plugins"], subject: "plugins"}
	for _, name := range l.file.Plugins {
		if !strings.ContainsAny(name, `/\`) {
			if !slices.Contains(l.in.Catalog.Plugins(), name) {
				if _, err := l.plugin(name, o); err != nil {
					return err
				}
			}
			continue
		}
		adder, ok := l.in.Catalog.(PathAdder)
		if !ok {
			return o.errorf("holds the path %s, but plugins are taken by name here", show(name))
		}
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(l.plan.ConfigFile), path)
		}
		if _, err := adder.AddPath(l.ctx, path); err != nil {
			return o.errorf("holds %s, which cannot be used: %v", show(name), err)
		}
	}
	return nil
}
