package suite

import (
	"net"
	"net/url"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// referenceTarget is the name by which the file can ask for the reference
// stack.
const referenceTarget = "reference"

// isReferenceKind says whether the reference stack has a component of a kind.
func isReferenceKind(kind string) bool {
	return kind == sdk.TargetPostgres || kind == sdk.TargetVector || kind == sdk.TargetService
}

func reference(kind string) Target {
	return Target{Kind: kind, Reference: true, Spec: sdk.Target{Name: referenceTarget, Kind: kind, Reference: true}}
}

// targetFlags are the --target flags by kind or name.
type targetFlags struct {
	values map[string]string
	used   map[string]bool
	seen   map[string]bool // what could have been named
}

func parseTargetFlags(flags []string) (targetFlags, error) {
	t := targetFlags{map[string]string{}, map[string]bool{}, map[string]bool{}}
	o := origin{subject: "flag --target"}
	for _, f := range flags {
		key, value, ok := strings.Cut(f, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !ok || key == "" || value == "":
			return t, o.errorf("is malformed; want KIND=URL, such as vector=http://127.0.0.1:6334")
		case t.values[key] != "":
			return t, o.errorf("gives %s twice", plain(key))
		}
		t.values[key] = value
	}
	return t, nil
}

// take returns the flag for a kind or name, if there is one.
func (t targetFlags) take(key string) (string, bool) {
	t.seen[key] = true
	v, ok := t.values[key]
	t.used[key] = t.used[key] || ok
	return v, ok
}

// checkTargetFlags reports a --target that no benchmark of the plan takes.
func (l *loader) checkTargetFlags() error {
	for _, key := range sortedKeys(l.targets.values) {
		if !l.targets.used[key] {
			known := sortedKeys(l.targets.seen)
			return origin{subject: "flag --target"}.errorf("names %s, which is no kind or name of a target in this run%s", show(key), didYouMean(key, known))
		}
	}
	return nil
}

// flagTarget is the target that --target KIND=URL gives.
func flagTarget(kind, value string) (Target, error) {
	t := Target{Kind: kind, Spec: sdk.Target{Name: kind, Kind: kind}}
	setAddress(&t.Spec, value)
	return t, checkTarget(t.Spec, origin{subject: "flag --target " + plain(kind)})
}

func setAddress(t *sdk.Target, value string) {
	if t.Kind == sdk.TargetPostgres || strings.HasPrefix(value, "postgres://") || strings.HasPrefix(value, "postgresql://") {
		t.DSN = value
		return
	}
	t.URL = value
}

// target resolves what a benchmark of the file is pointed at.
func (l *loader) target(b sdk.Benchmark, spec *BenchmarkSpec, path string) (Target, error) {
	line := spec.Lines["target"]
	if line == 0 {
		line = spec.Lines[""]
	}
	o := origin{file: l.fileName, line: line, subject: path + ".target"}
	switch {
	case b.Target == "" && spec.Target != nil:
		return Target{}, o.errorf("is %s, but %s takes no target; remove the key", show(*spec.Target), spec.Use)
	case b.Target == "":
		return Target{}, nil
	case spec.Target == nil || *spec.Target == referenceTarget:
		return l.unnamedTarget(b, spec, o)
	}
	name := *spec.Target
	t, ok := l.file.Targets[name]
	if !ok {
		return Target{}, o.errorf("is %s, which is not under targets%s", show(name), didYouMean(name, append(sortedKeys(l.file.Targets), referenceTarget)))
	}
	spec2 := t.resolve(name, b.Target)
	at := origin{file: l.fileName, line: t.Lines[""], subject: "targets." + name}
	if v, given := l.targets.take(name); given {
		spec2.URL, spec2.DSN = "", ""
		setAddress(&spec2, v)
		at = origin{subject: "flag --target " + plain(name)}
	}
	return Target{Kind: b.Target, Spec: spec2}, checkTarget(spec2, at)
}

// unnamedTarget is that of a benchmark whose file names none: the flag's, or
// the reference stack's.
func (l *loader) unnamedTarget(b sdk.Benchmark, spec *BenchmarkSpec, o origin) (Target, error) {
	if v, given := l.targets.take(b.Target); given {
		return flagTarget(b.Target, v)
	}
	if isReferenceKind(b.Target) {
		return reference(b.Target), nil
	}
	if spec.Target != nil {
		return Target{}, o.errorf("is reference, but the reference stack has nothing of kind %s; name one of targets", show(b.Target))
	}
	return Target{}, o.errorf("is missing: %s needs a target of kind %s; add target: NAME, and NAME under targets", spec.Use, show(b.Target))
}

func (t TargetSpec) resolve(name, kind string) sdk.Target {
	out := sdk.Target{Name: name, Kind: kind, URL: text(t.URL), GRPC: text(t.GRPC), DSN: text(t.DSN), APIKey: text(t.APIKey)}
	if len(t.Headers) > 0 {
		out.Headers = make(map[string]string, len(t.Headers))
		for k, v := range t.Headers {
			out.Headers[k] = string(v)
		}
	}
	return out
}

func text(s *Secret) string {
	if s == nil {
		return ""
	}
	return string(*s)
}

// checkTarget reports what a target of its kind lacks. It shows no value.
func checkTarget(t sdk.Target, o origin) error {
	switch {
	case t.Kind == sdk.TargetPostgres && t.DSN == "":
		return o.errorf("has no dsn, which a target of kind postgres needs, such as postgres://user@host:5432/db")
	case (t.Kind == sdk.TargetVector || t.Kind == sdk.TargetService) && t.URL == "":
		return o.errorf("has no url, which a target of kind %s needs, such as http://127.0.0.1:8080", t.Kind)
	case t.URL == "" && t.DSN == "" && t.GRPC == "":
		return o.errorf("has no address; give it a url, a grpc or a dsn")
	case t.URL != "" && !isAddress(t.URL, true):
		return o.errorf("has a malformed url; want http://host:port, https://host:port or host:port")
	case t.GRPC != "" && !isAddress(t.GRPC, false):
		return o.errorf("has a malformed grpc; want host:port")
	}
	return nil
}

// isAddress accepts host:port, and URLs of HTTP where those are allowed.
func isAddress(s string, urls bool) bool {
	if strings.ContainsAny(s, " \t\r\n") {
		return false
	}
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		return urls && err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
	}
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != ""
}
