package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// ParamType is the type of a parameter.
type ParamType string

// Types of a parameter. A duration is written as a Go duration ("250ms") or
// as a number of seconds.
const (
	String      ParamType = "string"
	Int         ParamType = "int"
	Number      ParamType = "number"
	Bool        ParamType = "bool"
	DurationP   ParamType = "duration"
	ObjectParam ParamType = "object" // has Fields
	MapParam    ParamType = "map"    // string keys; has Elem
	ListParam   ParamType = "list"   // has Elem
	AnyParam    ParamType = "any"
)

// Param describes one parameter of a benchmark.
type Param struct {
	Name     string          `json:"name"`
	Doc      string          `json:"doc,omitempty"`
	Type     ParamType       `json:"type"`
	Default  json.RawMessage `json:"default,omitempty"` // absent: the zero value
	Required bool            `json:"required,omitempty"`
	Min      *float64        `json:"min,omitempty"` // of Int, Number and, in seconds, DurationP
	Max      *float64        `json:"max,omitempty"`
	Enum     []string        `json:"enum,omitempty"`
	Fields   []Param         `json:"fields,omitempty"`
	Elem     *Param          `json:"elem,omitempty"`
}

// Duration is a parameter field that reads "250ms" or a number of seconds.
type Duration time.Duration

// D returns d as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String formats d as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes a Go duration string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a Go duration string or a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		s = string(b)
	}
	v, err := ParseDuration(s)
	if err == nil {
		*d = Duration(v)
	}
	return err
}

// ParseDuration reads a Go duration ("1m30s") or a number of seconds ("90").
// The result is not checked for its sign; it is at most 290 years.
func ParseDuration(s string) (time.Duration, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if ns := f * 1e9; ns > -9.2e18 && ns < 9.2e18 {
			return time.Duration(ns), nil
		}
		return 0, fmt.Errorf("duration %q is out of range", s)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("duration %q: want a Go duration such as 1m30s, or a number of seconds", s)
	}
	return d, nil
}

// ParamsOf derives parameters from a struct, whose field values are the
// defaults. Tags: json (the name), doc, min, max, enum (comma-separated) and
// required:"true". Fields may be strings, integers, floats, bools, [Duration],
// structs, slices, maps with string keys, and any. It panics on other types:
// that is a mistake of the author, seen when the binary starts.
func ParamsOf(defaults any) []Param {
	v := reflect.ValueOf(defaults)
	if v.Kind() != reflect.Struct {
		panic(fmt.Sprintf("sdk.ParamsOf: want a struct, got %T", defaults))
	}
	return structParams(v)
}

func structParams(v reflect.Value) []Param {
	var out []Param
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		p := typeParam(v.Field(i))
		p.Name, p.Doc, p.Required = name, f.Tag.Get("doc"), f.Tag.Get("required") == "true"
		p.Min, p.Max = bound(f, "min"), bound(f, "max")
		if e := f.Tag.Get("enum"); e != "" {
			p.Enum = strings.Split(e, ",")
		}
		if !v.Field(i).IsZero() {
			p.Default, _ = json.Marshal(v.Field(i).Interface())
		}
		out = append(out, p)
	}
	return out
}

func bound(f reflect.StructField, tag string) *float64 {
	s, ok := f.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(fmt.Sprintf("sdk.ParamsOf: field %s: tag %s:%q is not a number", f.Name, tag, s))
	}
	return &x
}

var durationType = reflect.TypeFor[Duration]()

func typeParam(v reflect.Value) Param {
	t := v.Type()
	switch {
	case t == durationType:
		return Param{Type: DurationP}
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return Param{Type: AnyParam}
	}
	switch t.Kind() {
	case reflect.String:
		return Param{Type: String}
	case reflect.Bool:
		return Param{Type: Bool}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Param{Type: Int}
	case reflect.Float32, reflect.Float64:
		return Param{Type: Number}
	case reflect.Struct:
		return Param{Type: ObjectParam, Fields: structParams(v)}
	case reflect.Pointer:
		return typeParam(reflect.New(t.Elem()).Elem())
	case reflect.Slice:
		e := typeParam(reflect.New(t.Elem()).Elem())
		return Param{Type: ListParam, Elem: &e}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			e := typeParam(reflect.New(t.Elem()).Elem())
			return Param{Type: MapParam, Elem: &e}
		}
	}
	panic(fmt.Sprintf("sdk.ParamsOf: type %s cannot be a parameter", t))
}
