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
	if err := l.grants(); err != nil {
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
	if l.file == nil || l.file.Plugins == nil || l.in.Catalog == nil {
		return nil
	}
	at := func(line int, subject string) origin { return origin{file: l.fileName, line: line, subject: subject} }
	for _, name := range l.file.Plugins.Needed {
		o := at(l.file.Lines["plugins"], "plugins")
		if !strings.ContainsAny(name, `/\`) {
			if err := l.needPlugin(name, o); err != nil {
				return err
			}
		} else if _, err := l.addPath(name, o); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(l.file.Plugins.ByName) {
		p := l.file.Plugins.ByName[name]
		if p.Path == nil {
			if err := l.needPlugin(name, at(p.Lines[""], "plugins")); err != nil {
				return err
			}
			continue
		}
		o := at(p.Lines["path"], "plugins."+plain(name)+".path")
		is, err := l.addPath(*p.Path, o)
		if err != nil {
			return err
		}
		if is != name {
			return o.errorf("holds %s, which calls itself %s: name it so", show(*p.Path), plain(is))
		}
	}
	return nil
}

func (l *loader) needPlugin(name string, o origin) error {
	if slices.Contains(l.in.Catalog.Plugins(), name) {
		return nil
	}
	_, err := l.plugin(name, o)
	return err
}

// addPath has the catalog take in a plugin and returns what it calls itself.
func (l *loader) addPath(path string, o origin) (string, error) {
	adder, ok := l.in.Catalog.(PathAdder)
	if !ok {
		return "", o.errorf("holds the path %s, but plugins are taken by name here", show(path))
	}
	name, err := adder.AddPath(l.ctx, l.besideFile(path))
	if err != nil {
		return "", o.errorf("holds %s, which cannot be used: %v", show(path), err)
	}
	return name, nil
}

// besideFile is a path that the config file gives relative to its own folder.
func (l *loader) besideFile(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(l.plan.ConfigFile), path)
}
