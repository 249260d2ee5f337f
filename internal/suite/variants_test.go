package suite

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

const twoVariants = `version: 1
targets:
  search: {url: http://127.0.0.1:1, api_key: "${KEY}"}
variants:
  go:
    build: make
    start: ./serve
    stop: ./down
    dir: svc
    ready: {url: "http://127.0.0.1:18080/health", timeout: 5s}
    env: {PORT: "18080", DSN: "${DSN:-none}"}
    targets: {search: {url: http://127.0.0.1:18080}}
  shell: {start: ./other, ready: ./probe}
suites:
  default:
    benchmarks: [{use: api/http, name: search, target: search, with: {path: /}}]
`

func variantPlan(t *testing.T, file string, f Flags) (Plan, error) {
	t.Helper()
	return plan(t, map[string]string{"harness.yaml": file}, f, "KEY=k-hunter2")
}

func TestAVariantIsPlannedAndItsTargetsHold(t *testing.T) {
	p, err := variantPlan(t, twoVariants, Flags{Variant: "go"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Variant{
		Name: "go", Build: "make", Start: "./serve", Stop: "./down", Dir: "svc", ReadyURL: "http://127.0.0.1:18080/health",
		ReadyTimeout: 5 * time.Second, Env: []string{"DSN=none", "PORT=18080"}, Source: "harness.yaml:6",
	}
	if !reflect.DeepEqual(p.Variant, want) {
		t.Errorf("the variant is %+v, want %+v", p.Variant, want)
	}
	if spec := p.Benchmarks[0].Target.Spec; spec.URL != "http://127.0.0.1:18080" || spec.APIKey != "k-hunter2" {
		t.Errorf("the target is %+v, want the variant's url and the file's key", spec)
	}
}

func TestWithoutAVariantTheTargetsOfTheFileHold(t *testing.T) {
	p, err := variantPlan(t, twoVariants, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Variant != nil || p.Benchmarks[0].Target.Spec.URL != "http://127.0.0.1:1" {
		t.Errorf("the variant is %+v, the url %s", p.Variant, p.Benchmarks[0].Target.Spec.URL)
	}
}

func TestReadyMayBeACommandAlone(t *testing.T) {
	p, err := variantPlan(t, twoVariants, Flags{Variant: "shell"})
	if err != nil {
		t.Fatal(err)
	}
	if v := p.Variant; v.ReadyCommand != "./probe" || v.ReadyURL != "" || v.ReadyTimeout != 30*time.Second {
		t.Errorf("the variant is %+v", v)
	}
}

func TestTheOnlyVariantNeedsNoName(t *testing.T) {
	one := strings.Replace(twoVariants, "  shell: {start: ./other, ready: ./probe}\n", "", 1)
	p, err := variantPlan(t, one, Flags{SoleVariant: true})
	if err != nil || p.Variant == nil || p.Variant.Name != "go" {
		t.Errorf("the variant is %+v, %v", p.Variant, err)
	}
}

func TestAVariantThatCannotBeChosenIsOneLine(t *testing.T) {
	for _, c := range []struct {
		name, file string
		flags      Flags
		want       string
	}{
		{"an unknown name", twoVariants, Flags{Variant: "shel"}, `variant is "shel", which is no variant of harness.yaml; did you mean shell?`},
		{"one of several", twoVariants, Flags{SoleVariant: true}, "variant is not named, and harness.yaml has several: go, shell"},
		{"none there", "version: 1\n", Flags{SoleVariant: true}, "variant is asked for, but harness.yaml has no variants"},
		{"the target is the reference", "version: 1\nvariants: {a: {start: x, ready: y, targets: {reference: {url: h:1}}}}\n", Flags{}, "takes a name that stands for the reference stack"},
		{"no environment variable", "version: 1\nvariants: {a: {start: x, ready: y, env: {A=B: c}}}\n", Flags{}, "variants.a.env.A=B is no environment variable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := variantPlan(t, c.file, c.flags)
			var config *ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestValuesUnderVariantsAreHiddenWhereTheyMayBeSecret(t *testing.T) {
	for path, hidden := range map[string]bool{
		"targets.x": true, "variants.a.targets.x": true, "variants.a.env": true, "variants.a.env.K": true, "variants.a.b.targets.x": true,
		"variants": false, "variants.a": false, "variants.a.ready": false, "suites.targets": false,
	} {
		if got := underTargets(path); got != hidden {
			t.Errorf("%s: hidden is %v, want %v", path, got, hidden)
		}
	}
}
