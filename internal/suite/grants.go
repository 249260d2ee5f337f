package suite

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/manifest"
)

// PluginsSpec are the plugins that the file needs: a list of them, or by name
// with what they may do.
type PluginsSpec struct {
	Needed []string
	ByName map[string]PluginSpec
}

// PluginSpec is where a plugin is and what it may do.
type PluginSpec struct {
	Path   *string       `json:"path,omitempty" jsonschema:"its program, its module or the folder with its plugin.json, relative to the config file; one that is installed needs none"`
	Grant  []Capability  `json:"grant,omitempty" jsonschema:"what a WASM plugin may do beyond computing"`
	Blobs  *string       `json:"blobs,omitempty" jsonschema:"folder that the capability blob reads from, relative to the config file"`
	Limits *PluginLimits `json:"limits,omitempty" jsonschema:"limits of a WASM plugin"`
	Lines  Lines         `json:"-"`
}

// PluginLimits are limits of a WASM plugin.
type PluginLimits struct {
	Memory    *Size     `json:"memory,omitempty" jsonschema:"memory of one instance, of which every user has one; 64MiB by default"`
	OpTime    *Duration `json:"op_time,omitempty" jsonschema:"time inside the plugin in one op; 1s by default"`
	RoundTime *Duration `json:"round_time,omitempty" jsonschema:"time inside the plugin in all ops of a round; 10m by default"`
	SetUpTime *Duration `json:"set_up_time,omitempty" jsonschema:"time inside the plugin to describe itself, set up or tear down; 10s by default"`
	Log       *Size     `json:"log,omitempty" jsonschema:"what it may log; 1MiB by default"`
	Result    *Size     `json:"result,omitempty" jsonschema:"one reply or answer; 1MiB by default"`
	Lines     Lines     `json:"-"`
}

// Grant is what a plugin in a sandbox may do.
type Grant struct {
	Capabilities []manifest.Capability // in the order of [manifest.Capabilities]
	Blobs        string                // absolute path of the folder; "" without the capability blob
	Limits       Limits
	Source       string // "harness.yaml:12", "flag --grant"
}

// Limits bound a plugin in a sandbox; 0 is the sandbox's default.
type Limits struct {
	Memory, Log, Result          int64 // bytes
	OpTime, RoundTime, SetUpTime time.Duration
}

// flag is the grant as --grant takes it.
func (g Grant) flag(plugin string) string {
	words := make([]string, len(g.Capabilities))
	for i, c := range g.Capabilities {
		if words[i] = string(c); c == manifest.Blob {
			words[i] += ":" + g.Blobs
		}
	}
	return plugin + "=" + strings.Join(words, ",")
}

// String is the limits that were set.
func (l Limits) String() string {
	var words []string
	add := func(key, value string, set bool) {
		if set {
			words = append(words, key+" "+value)
		}
	}
	add("memory", sizeText(l.Memory), l.Memory > 0)
	add("op_time", l.OpTime.String(), l.OpTime > 0)
	add("round_time", l.RoundTime.String(), l.RoundTime > 0)
	add("set_up_time", l.SetUpTime.String(), l.SetUpTime > 0)
	add("log", sizeText(l.Log), l.Log > 0)
	add("result", sizeText(l.Result), l.Result > 0)
	return strings.Join(words, ", ")
}

// Grants returns what the config file and the flags grant plugins, without
// making a plan. Without a catalog it grants to whatever name is there.
func Grants(ctx context.Context, in Inputs) (map[string]Grant, error) {
	l, err := newLoader(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := l.declaredPlugins(); err != nil {
		return nil, err
	}
	if err := l.grants(); err != nil {
		return nil, err
	}
	return l.plan.Grants, nil
}

// plugins reads the key plugins, which has two forms.
func (d *decoder) plugins(n *node, dst *PluginsSpec, path string) error {
	switch {
	case n.isMap():
		return d.mapping(n, reflect.ValueOf(&dst.ByName).Elem(), path)
	case n.isList():
		return d.list(n, reflect.ValueOf(&dst.Needed).Elem(), path)
	}
	return d.errorf(n.line, path, "is %s, want a list of names and paths, or a mapping of names to what they may do", n.what(true))
}

// grants settles what plugins may do. A flag replaces the file's capabilities
// of that plugin, and leaves its limits alone.
func (l *loader) grants() error {
	l.plan.Grants = map[string]Grant{}
	if l.file != nil && l.file.Plugins != nil {
		for _, name := range sortedKeys(l.file.Plugins.ByName) {
			if err := l.grantByFile(name, l.file.Plugins.ByName[name]); err != nil {
				return err
			}
		}
	}
	seen := map[string]bool{}
	for _, text := range l.in.Flags.Grants {
		if err := l.grantByFlag(text, seen); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(l.plan.Grants) {
		g := l.plan.Grants[name]
		if !slices.Contains(g.Capabilities, manifest.Blob) {
			g.Blobs = ""
			l.plan.Grants[name] = g
		}
		l.plan.Settings = append(l.plan.Settings, Setting{"grant", g.flag(name), g.Source})
		if g.Limits != (Limits{}) { // which only the file has
			o := origin{file: l.fileName, line: l.file.Plugins.ByName[name].Lines["limits"]}
			l.plan.Settings = append(l.plan.Settings, Setting{"limits", name + ": " + g.Limits.String(), o.String()})
		}
	}
	return nil
}

func (l *loader) grantByFile(name string, p PluginSpec) error {
	path := "plugins." + plain(name)
	if p.Grant == nil && p.Blobs == nil && p.Limits == nil {
		return nil
	}
	g := Grant{Source: origin{file: l.fileName, line: p.Lines[""]}.String()}
	for i, c := range p.Grant {
		if slices.Contains(p.Grant[:i], c) {
			return l.at(p.Lines["grant"], "%s.grant names %s twice", path, c)
		}
		g.Capabilities = append(g.Capabilities, manifest.Capability(c))
	}
	sortCapabilities(g.Capabilities)
	granted := slices.Contains(g.Capabilities, manifest.Blob)
	switch {
	case granted && p.Blobs == nil:
		return l.at(p.Lines["grant"], "%s.grant names blob, and no folder: add blobs: FOLDER", path)
	case p.Blobs != nil:
		// Without the grant it is the folder of a --grant NAME=blob.
		o := origin{file: l.fileName, line: p.Lines["blobs"], subject: path + ".blobs"}
		var err error
		if g.Blobs, err = blobFolder(l.besideFile(*p.Blobs), *p.Blobs, o); err != nil {
			return err
		}
	}
	g.Limits = p.Limits.resolve()
	l.plan.Grants[name] = g
	return nil
}

func blobFolder(path, shown string, o origin) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", o.errorf("is %s, which cannot be read: %s; want a folder", show(shown), reason(err))
	}
	if !info.IsDir() {
		return "", o.errorf("is %s, which is a file; want a folder", show(shown))
	}
	return filepath.Clean(path), nil
}

func (s *PluginLimits) resolve() Limits {
	if s == nil {
		return Limits{}
	}
	size := func(v *Size) int64 {
		if v == nil {
			return 0
		}
		return int64(*v)
	}
	span := func(v *Duration) time.Duration {
		if v == nil {
			return 0
		}
		return time.Duration(*v)
	}
	return Limits{
		Memory: size(s.Memory), Log: size(s.Log), Result: size(s.Result),
		OpTime: span(s.OpTime), RoundTime: span(s.RoundTime), SetUpTime: span(s.SetUpTime),
	}
}

func sortCapabilities(list []manifest.Capability) {
	all := manifest.Capabilities()
	slices.SortFunc(list, func(a, b manifest.Capability) int {
		return cmp.Compare(slices.Index(all, a), slices.Index(all, b))
	})
}

// grantByFlag reads PLUGIN=CAPABILITY,…; blob may have its folder with it, as
// in blob:./data. Nothing behind the = grants nothing.
func (l *loader) grantByFlag(text string, seen map[string]bool) error {
	o := origin{subject: "flag --grant"}
	name, list, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return o.errorf("is %s, want PLUGIN=CAPABILITIES with commas, such as hash=http,blob", show(text))
	}
	if seen[name] {
		return o.errorf("names the plugin %s twice; give it once, with commas", show(name))
	}
	seen[name] = true
	if l.in.Catalog != nil && !slices.Contains(l.in.Catalog.Plugins(), name) {
		return o.errorf("names the plugin %s, which is unknown%s", show(name), didYouMean(name, l.in.Catalog.Plugins()))
	}
	g := l.plan.Grants[name]
	folder := g.Blobs
	g.Capabilities, g.Blobs, g.Source = nil, "", o.String()
	for _, word := range strings.Split(list, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		word, dir, hasDir := strings.Cut(word, ":")
		c := manifest.Capability(word)
		switch {
		case !slices.Contains(manifest.Capabilities(), c):
			return o.errorf("names the capability %s, want one of: %s", show(word), manifest.Join(manifest.Capabilities()))
		case hasDir && c != manifest.Blob:
			return o.errorf("gives %s a folder, which only blob takes", word)
		case slices.Contains(g.Capabilities, c):
			return o.errorf("names %s twice", word)
		}
		if hasDir {
			path := dir
			if !filepath.IsAbs(path) {
				path = filepath.Join(l.in.Dir, path)
			}
			var err error
			if folder, err = blobFolder(path, dir, o); err != nil {
				return err
			}
		}
		g.Capabilities = append(g.Capabilities, c)
	}
	if slices.Contains(g.Capabilities, manifest.Blob) {
		if folder == "" {
			return o.errorf("grants %s blob, and no folder: write %s=blob:FOLDER, or name it by plugins.%[1]s.blobs in the config file", plain(name), plain(name))
		}
		g.Blobs = folder
	}
	sortCapabilities(g.Capabilities)
	l.plan.Grants[name] = g
	return nil
}
