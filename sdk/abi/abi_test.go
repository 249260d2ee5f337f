package abi

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func TestADescriptionComesBackAsItWas(t *testing.T) {
	one := 1.0
	p := sdk.Plugin{
		Name: "hash", Version: "0.1.0", Doc: "Digests.", Table: sdk.Table{Title: "T", Subject: "S", Columns: []sdk.Column{{Title: "C", Metric: "m"}}},
		Benchmarks: []sdk.Benchmark{{
			Name: "sha256", Doc: "D.", Target: sdk.TargetService,
			Params:  []sdk.Param{{Name: "n", Type: sdk.Int, Default: json.RawMessage("3"), Min: &one}},
			Metrics: []sdk.Metric{{Name: "m", Unit: "B", Doc: "M.", Better: sdk.Higher, Scale: sdk.Absolute, Aggregate: sdk.Rate, Gate: true}},
			Presets: []sdk.Preset{{Name: "p", Doc: "P.", With: map[string]any{"n": 4.0}}},
			Load:    sdk.LoadHint{Solo: true, Serial: true, Rate: 5, Monitor: true, CountedBy: "operations", MaxOps: 6},
		}},
	}
	text, err := Describing(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Described(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p) {
		t.Errorf("%s came back as\n%+v, want\n%+v", text, got, p)
	}
}

func TestAProblemComesBackAsTheErrorItWas(t *testing.T) {
	for _, want := range []error{
		errors.New("boom"), sdk.BadParam("n", "is %d", 3), sdk.NotMeasured("no data", "get some"), sdk.TargetDown("db", errors.New("refused"), "start it"),
	} {
		got := ProblemOf(fmt.Errorf("set up: %w", want)).Err()
		if _, plain := want.(interface{ Unwrap() error }); !plain && fmt.Sprintf("%T", want) == "*errors.errorString" {
			want = fmt.Errorf("set up: %w", want)
		} else if reflect.TypeOf(got) != reflect.TypeOf(want) {
			t.Errorf("%T came back as %T", want, got)
		}
		if got.Error() != want.Error() {
			t.Errorf("%q came back as %q", want, got)
		}
	}
}

func TestEveryImportIsNamedOnceAndNeedsAKnownCapability(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range Imports {
		if seen[i.Name] {
			t.Errorf("%s is there twice", i.Name)
		}
		seen[i.Name] = true
		switch i.Capability {
		case "", HTTP, SQL, Blob:
		default:
			t.Errorf("%s needs %q", i.Name, i.Capability)
		}
	}
}

func FuzzDescribed(f *testing.F) {
	f.Add([]byte(`{"name":"hash","version":"1","benchmarks":[{"name":"a","params":[{"name":"n","type":"list","elem":{"name":"","type":"int"}}]}]}`))
	f.Add([]byte(`{"name":"hash","table":{"columns":[{}]},"benchmarks":[{"name":"a","load":{"rate":1e9},"presets":[{"name":"p","with":{}}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Described(text)
		if err != nil {
			return
		}
		if err := p.Validate(); err != nil {
			t.Errorf("what was taken is not valid: %v", err)
		}
		if _, err := Describing(p); err != nil {
			t.Errorf("what was taken cannot be described: %v", err)
		}
	})
}
