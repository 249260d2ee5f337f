package sdk

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
)

var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
	// A preset's name ends up in benchmark ids, tables and patterns of budgets.
	presetPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,79}$`)
)

// CheckName says what is wrong with the name of a plugin or benchmark: it is one
// to 40 lower-case letters, digits, '-' or '_', the first a letter.
func CheckName(name string) error {
	if !namePattern.MatchString(name) {
		return errors.New("malformed name: want lower-case letters, digits, '-' or '_', starting with a letter")
	}
	return nil
}

// Validate reports the first thing that is wrong with a plugin's declaration.
// Its functions may be nil: a declaration that came over the wire has none.
func (p Plugin) Validate() error {
	if err := CheckName(p.Name); err != nil {
		return fmt.Errorf("plugin %q: %w", p.Name, err)
	}
	if len(p.Benchmarks) == 0 {
		return fmt.Errorf("plugin %q declares no benchmark", p.Name)
	}
	seen := map[string]bool{}
	for _, b := range p.Benchmarks {
		if seen[b.Name] {
			return fmt.Errorf("plugin %q declares benchmark %q twice", p.Name, b.Name)
		}
		seen[b.Name] = true
		if err := b.validate(); err != nil {
			return fmt.Errorf("plugin %q: benchmark %q: %w", p.Name, b.Name, err)
		}
	}
	return nil
}

func (b Benchmark) validate() error {
	if err := CheckName(b.Name); err != nil {
		return err
	}
	if err := validateParams("", b.Params); err != nil {
		return err
	}
	metrics := map[string]bool{}
	for _, m := range b.Metrics {
		if err := m.Validate(); err != nil {
			return err
		}
		if metrics[m.Name] {
			return fmt.Errorf("metric %q is declared twice", m.Name)
		}
		metrics[m.Name] = true
	}
	presets := map[string]bool{}
	for _, s := range b.Presets {
		if !presetPattern.MatchString(s.Name) {
			return fmt.Errorf("preset name %q is malformed: want letters, digits and ._+-", s.Name)
		}
		if presets[s.Name] {
			return fmt.Errorf("preset %q is declared twice", s.Name)
		}
		presets[s.Name] = true
	}
	return b.Load.validate()
}

func (h LoadHint) validate() error {
	if !(h.Rate >= 0 && h.Rate <= 1e9) {
		return fmt.Errorf("load hint: rate %v, want 0 to 1e9 ops/s", h.Rate)
	}
	if !slices.Contains([]string{"", "iterations", "operations"}, h.CountedBy) {
		return fmt.Errorf("load hint: counted by %q, want iterations or operations", h.CountedBy)
	}
	return nil
}

var paramTypes = []ParamType{String, Int, Number, Bool, DurationP, ObjectParam, MapParam, ListParam, AnyParam}

func validateParams(path string, params []Param) error {
	seen := map[string]bool{}
	for _, p := range params {
		if p.Name == "" || seen[p.Name] {
			return fmt.Errorf("parameter name %q is empty or declared twice", path+p.Name)
		}
		seen[p.Name] = true
		if err := p.validate(path + p.Name); err != nil {
			return err
		}
	}
	return nil
}

// validate makes sure that [Param.check] can work with the description.
func (p Param) validate(path string) error {
	switch {
	case !slices.Contains(paramTypes, p.Type):
		return fmt.Errorf("parameter %q has the unknown type %q", path, p.Type)
	case (p.Type == ListParam || p.Type == MapParam) && p.Elem == nil:
		return fmt.Errorf("parameter %q is a %s without a type of its elements", path, p.Type)
	case !bounded(p.Min) || !bounded(p.Max) || p.Min != nil && p.Max != nil && *p.Min > *p.Max:
		return fmt.Errorf("parameter %q: no value is within its bounds", path)
	}
	if p.Elem != nil {
		if err := p.Elem.validate(path + "[]"); err != nil {
			return err
		}
	}
	return validateParams(path+".", p.Fields)
}

func bounded(x *float64) bool { return x == nil || !math.IsNaN(*x) }
