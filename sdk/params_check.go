package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// Params are the values of a scenario's parameters, checked and with the
// defaults filled in.
type Params map[string]json.RawMessage

// Decode stores the parameters in the struct that v points to. The struct is
// the one given to [ParamsOf]; fields without a value keep theirs.
func (p Params) Decode(v any) error {
	b, err := json.Marshal(map[string]json.RawMessage(p))
	if err != nil {
		return fmt.Errorf("decode parameters: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("decode parameters: %w", err)
	}
	return nil
}

// CheckParams checks values against their descriptions and fills in the
// defaults. The error is a [*ParamError] that names the parameter, what it
// is and what is allowed.
func CheckParams(params []Param, values map[string]json.RawMessage) (Params, error) {
	out := Params{}
	if err := checkFields("", params, values, out); err != nil {
		return nil, err
	}
	return out, nil
}

func checkFields(path string, params []Param, values map[string]json.RawMessage, out Params) error {
	names := make([]string, 0, len(params))
	for _, p := range params {
		names = append(names, p.Name)
	}
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if !slices.Contains(names, k) {
			return BadParam(path+k, "is unknown; known are: %s", strings.Join(names, ", "))
		}
	}
	for _, p := range params {
		raw, ok := values[p.Name]
		if !ok || string(raw) == "null" {
			if p.Required {
				return BadParam(path+p.Name, "is required: %s", p.Doc)
			}
			if p.Default != nil && out != nil {
				out[p.Name] = p.Default
			}
			continue
		}
		if err := p.check(path+p.Name, raw); err != nil {
			return err
		}
		if out != nil {
			out[p.Name] = raw
		}
	}
	return nil
}

func (p Param) check(path string, raw json.RawMessage) error {
	switch p.Type {
	case String:
		return p.checkString(path, raw)
	case Bool:
		var b bool
		if json.Unmarshal(raw, &b) != nil {
			return BadParam(path, "is %s, want true or false", raw)
		}
	case Int, Number, DurationP:
		return p.checkNumber(path, raw)
	case ListParam:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return BadParam(path, "is %s, want a list", raw)
		}
		for i, e := range list {
			if err := p.Elem.check(fmt.Sprintf("%s[%d]", path, i), e); err != nil {
				return err
			}
		}
	case ObjectParam, MapParam:
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil {
			return BadParam(path, "is %s, want a mapping", raw)
		}
		if p.Type == ObjectParam {
			return checkFields(path+".", p.Fields, m, nil)
		}
		for k, e := range m {
			if err := p.Elem.check(path+"."+k, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p Param) checkString(path string, raw json.RawMessage) error {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return BadParam(path, "is %s, want a string", raw)
	}
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, s) {
		return BadParam(path, "is %q, want one of: %s", s, strings.Join(p.Enum, ", "))
	}
	return nil
}

func (p Param) checkNumber(path string, raw json.RawMessage) error {
	var x float64
	switch p.Type {
	case DurationP:
		var d Duration
		if err := d.UnmarshalJSON(raw); err != nil {
			return BadParam(path, "is %s, want a duration such as 250ms", raw)
		}
		x = d.D().Seconds()
	default:
		if json.Unmarshal(raw, &x) != nil {
			return BadParam(path, "is %s, want a number", raw)
		}
		if p.Type == Int && x != math.Trunc(x) {
			return BadParam(path, "is %s, want a whole number", raw)
		}
	}
	if p.Min != nil && x < *p.Min {
		return BadParam(path, "is %s, want %v or more", raw, *p.Min)
	}
	if p.Max != nil && x > *p.Max {
		return BadParam(path, "is %s, want %v or less", raw, *p.Max)
	}
	return nil
}
