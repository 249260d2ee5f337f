package conform

import (
	"encoding/json"
	"fmt"
	"maps"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// parameters checks that what a benchmark declares of its parameters holds.
func (s *suite) parameters(t T, b sdk.Benchmark) {
	t.Run("declares defaults and presets that pass its own checks", func(t T) {
		for _, p := range b.Params {
			if p.Default == nil {
				continue
			}
			if _, err := sdk.CheckParams([]sdk.Param{p}, sdk.Params{p.Name: p.Default}); err != nil {
				t.Errorf("default of %s: %v", p.Name, err)
			}
		}
		for _, p := range b.Presets {
			with, err := encode(p.With)
			if err == nil {
				_, err = sdk.CheckParams(b.Params, with)
			}
			if err != nil {
				t.Errorf("preset %s: %v", p.Name, err)
			}
		}
	})
	for _, m := range mistakes(b.Params) {
		t.Run("refuses "+m.what, func(t T) {
			preset := sdk.Preset{}
			if len(b.Presets) > 0 {
				preset = b.Presets[0]
			}
			r, err := s.request(t, b, preset)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range b.Params {
				if _, given := r.Params[p.Name]; p.Required && !given {
					r.Params[p.Name] = sample(p)
				}
			}
			if r.Params[m.param] = m.value; m.value == nil {
				delete(r.Params, m.param)
			}
			session := s.session()
			_, err = s.prepare(t, session, b.Name, r)
			if err == nil {
				_ = s.teardown(session) // the failure is that there is something to tear down
			}
			wantProblem(t, err, m.param)
		})
	}
}

// wantProblem fails unless err says which parameter is wrong.
func wantProblem(t T, err error, param string) {
	t.Helper()
	wantCode(t, err, codes.InvalidArgument)
	for _, d := range status.Convert(err).Details() {
		p, ok := d.(*pluginv1.Problem)
		if !ok {
			continue
		}
		if p.GetKind() != pluginv1.Problem_KIND_PARAM || p.GetSubject() != param || p.GetMessage() == "" {
			t.Errorf("the problem is %v, want %v with subject %q and a message", p, pluginv1.Problem_KIND_PARAM, param)
		}
		return
	}
	t.Error("the status carries no Problem")
}

// mistake is a wrong value of one parameter; nil leaves it out.
type mistake struct {
	what, param string
	value       json.RawMessage
}

// mistakes are all that a declaration rules out.
func mistakes(params []sdk.Param) []mistake {
	out := []mistake{{"an unknown parameter", "no_such_parameter", json.RawMessage("1")}}
	for _, p := range params {
		if p.Required {
			out = append(out, mistake{"to go without " + p.Name, p.Name, nil})
		}
		if v := wrongType(p); v != nil {
			out = append(out, mistake{p.Name + " of the wrong type", p.Name, v})
		}
		if len(p.Enum) > 0 {
			out = append(out, mistake{"a choice of " + p.Name + " that is none", p.Name, json.RawMessage(`"none of these"`)})
		}
		if p.Min != nil && *p.Min-1 < *p.Min {
			out = append(out, mistake{p.Name + " below its least value", p.Name, number(*p.Min - 1)})
		}
		if p.Max != nil && *p.Max+1 > *p.Max {
			out = append(out, mistake{p.Name + " above its greatest value", p.Name, number(*p.Max + 1)})
		}
	}
	return out
}

func wrongType(p sdk.Param) json.RawMessage {
	switch p.Type {
	case sdk.Int, sdk.Number, sdk.DurationP, sdk.Bool:
		return json.RawMessage(`"three apples"`)
	case sdk.String, sdk.ListParam, sdk.ObjectParam, sdk.MapParam:
		return json.RawMessage(`7`)
	default:
		return nil
	}
}

// sample is a value that a declaration allows.
func sample(p sdk.Param) json.RawMessage {
	switch {
	case p.Default != nil:
		return p.Default
	case len(p.Enum) > 0:
		return quoted(p.Enum[0])
	}
	switch p.Type {
	case sdk.String:
		return quoted("x")
	case sdk.Int, sdk.Number, sdk.DurationP:
		x := 1.0
		if p.Min != nil {
			x = max(x, *p.Min)
		}
		if p.Max != nil {
			x = min(x, *p.Max)
		}
		return number(x)
	case sdk.Bool:
		return json.RawMessage("true")
	case sdk.ListParam:
		return json.RawMessage("[]")
	case sdk.ObjectParam:
		fields := map[string]json.RawMessage{}
		for _, f := range p.Fields {
			if f.Required {
				fields[f.Name] = sample(f)
			}
		}
		b, _ := json.Marshal(fields) // cannot fail: the values are JSON
		return b
	default:
		return json.RawMessage("{}")
	}
}

func number(x float64) json.RawMessage {
	b, err := json.Marshal(x)
	if err != nil { // not finite: no declaration may have such a bound
		return json.RawMessage("null")
	}
	return b
}

func quoted(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string cannot fail
	return b
}

// encode turns the values of a preset into those of a request.
func encode(with map[string]any) (sdk.Params, error) {
	out := sdk.Params{}
	for name := range maps.Keys(with) {
		b, err := json.Marshal(with[name])
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		out[name] = b
	}
	return out, nil
}
