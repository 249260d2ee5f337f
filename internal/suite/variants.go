package suite

import (
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// VariantSpec is one way to build and serve the system under test.
type VariantSpec struct {
	Build   *string               `json:"build,omitempty" jsonschema:"shell command that builds it, once, before the first round"`
	Start   string                `json:"start" jsonschema:"shell command that serves it, started before every round; it keeps running, or ends with status 0 and leaves the serving to another"`
	Ready   ReadySpec             `json:"ready" jsonschema:"when a round can begin: url or command, asked until it succeeds; a text is a shell command"`
	Stop    *string               `json:"stop,omitempty" jsonschema:"shell command that stops it after every round, before what is left of start is ended"`
	Dir     *string               `json:"dir,omitempty" jsonschema:"folder the commands run in, relative to the config file; its own folder by default"`
	Env     map[string]Secret     `json:"env,omitempty" jsonschema:"environment variables of the commands; ${NAME} and ${NAME:-default} take values from the environment"`
	Targets map[string]TargetSpec `json:"targets,omitempty" jsonschema:"targets by name that hold while the variant is measured; a key that is absent comes from the target of that name"`
	Lines   Lines                 `json:"-"`
}

// ReadySpec says how to tell that a variant serves.
type ReadySpec struct {
	URL     *string   `json:"url,omitempty" jsonschema:"http(s) address that answers with a status from 200 to 399"`
	Command *string   `json:"command,omitempty" jsonschema:"shell command that ends with status 0"`
	Timeout *Duration `json:"timeout,omitempty" jsonschema:"longest that it may take, 30s by default"`
	Lines   Lines     `json:"-"`
}

// readyTimeout is how long a variant may take to be ready when it does not say.
const readyTimeout = 30 * time.Second

// Variant is one way to build and serve the system under test. Commands are
// for `sh -c`; "" is none.
type Variant struct {
	Name         string
	Build        string
	Start        string
	Stop         string
	ReadyURL     string // or
	ReadyCommand string
	ReadyTimeout time.Duration
	Dir          string   // relative to the config file's folder
	Env          []string // NAME=VALUE, sorted; may be secret
	Source       string   // "file:line"
}

// variant settles which variant the plan is for and has its targets hold. All
// variants of the file are checked.
func (l *loader) variant() error {
	var all map[string]VariantSpec
	if l.file != nil {
		all = l.file.Variants
	}
	for _, name := range sortedKeys(all) {
		if err := l.checkVariant(name, all[name]); err != nil {
			return err
		}
	}
	name, sole := l.in.Flags.Variant, l.in.Flags.SoleVariant
	if name == "" && !sole {
		return nil
	}
	where := "the config file"
	if l.file != nil {
		where = l.fileName
	}
	o := origin{subject: "variant"}
	switch {
	case len(all) == 0:
		return o.errorf("is asked for, but %s has no variants", where)
	case name == "" && len(all) > 1:
		return o.errorf("is not named, and %s has several: %s", where, strings.Join(sortedKeys(all), ", "))
	case name == "":
		name = sortedKeys(all)[0]
	}
	v, ok := all[name]
	if !ok {
		return o.errorf("is %s, which is no variant of %s%s", show(name), where, didYouMean(name, sortedKeys(all)))
	}
	l.overlay(v.Targets)
	l.plan.Variant = v.resolve(name)
	l.plan.Variant.Source = origin{file: l.fileName, line: v.Lines[""]}.String()
	return nil
}

func (l *loader) checkVariant(name string, v VariantSpec) error {
	path := "variants." + name
	if t, taken := v.Targets[referenceTarget]; taken {
		return l.at(t.Lines[""], "%s.targets.%s takes a name that stands for the reference stack; choose another", path, referenceTarget)
	}
	r := v.Ready
	if (r.URL == nil) == (r.Command == nil) {
		return l.at(v.Lines["ready"], "%s.ready wants url or command, one of them", path)
	}
	if r.URL != nil {
		u, err := url.Parse(*r.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
			return l.at(r.Lines["url"], "%s.ready.url is malformed; want http://host:port/path", path)
		}
	}
	if v.Dir != nil && filepath.IsAbs(*v.Dir) {
		return l.at(v.Lines["dir"], "%s.dir is %s, want a folder relative to the config file", path, show(*v.Dir))
	}
	for _, k := range sortedKeys(v.Env) {
		if strings.ContainsAny(k, "=\x00") || strings.ContainsRune(string(v.Env[k]), 0) {
			return l.at(v.Lines["env"], "%s.env.%s is no environment variable", path, plain(k))
		}
	}
	return nil
}

// overlay has the keys of targets hold in place of the file's.
func (l *loader) overlay(targets map[string]TargetSpec) {
	merged := maps.Clone(l.file.Targets)
	if merged == nil {
		merged = map[string]TargetSpec{}
	}
	for name, over := range targets {
		t := merged[name]
		for _, f := range []struct{ to, from **Secret }{
			{&t.URL, &over.URL}, {&t.GRPC, &over.GRPC}, {&t.DSN, &over.DSN}, {&t.APIKey, &over.APIKey},
		} {
			if *f.from != nil {
				*f.to = *f.from
			}
		}
		if over.Headers != nil {
			t.Headers = over.Headers
		}
		t.Lines = over.Lines
		merged[name] = t
	}
	l.file.Targets = merged
}

func (v VariantSpec) resolve(name string) *Variant {
	or := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	out := &Variant{
		Name: name, Build: or(v.Build), Start: v.Start, Stop: or(v.Stop), Dir: or(v.Dir),
		ReadyURL: or(v.Ready.URL), ReadyCommand: or(v.Ready.Command), ReadyTimeout: readyTimeout,
	}
	if v.Ready.Timeout != nil {
		out.ReadyTimeout = time.Duration(*v.Ready.Timeout)
	}
	for k, value := range v.Env {
		out.Env = append(out.Env, k+"="+string(value))
	}
	slices.Sort(out.Env)
	return out
}
