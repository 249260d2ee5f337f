package suite

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/benchharness/harness/internal/cpus"
)

//go:generate go run ./gen

// SchemaFile is the name of the committed JSON Schema, in this folder.
const SchemaFile = "harness.schema.json"

// Schema returns the JSON Schema of the config file, generated from [File].
// What it cannot say is left to [Resolve]: which plugins, benchmarks, parameters
// and metrics there are, and what a load's model does not go with.
func Schema() ([]byte, error) {
	types := scalarSchemas()
	ready, err := jsonschema.For[ReadySpec](&jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		return nil, fmt.Errorf("generate the schema of the config file: %w", err)
	}
	withoutNull(ready)
	types[reflect.TypeFor[ReadySpec]()] = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, ready}}
	named, err := jsonschema.For[map[string]PluginSpec](&jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		return nil, fmt.Errorf("generate the schema of the config file: %w", err)
	}
	withoutNull(named)
	names := &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string"}, MinItems: ptr(1)}
	types[reflect.TypeFor[PluginsSpec]()] = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{names, named}}
	s, err := jsonschema.For[File](&jsonschema.ForOptions{TypeSchemas: types})
	if err != nil {
		return nil, fmt.Errorf("generate the schema of the config file: %w", err)
	}
	withoutNull(s)
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "harness config file"
	s.Description = "Targets, suites, budgets and load of the benchmark harness."
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema of the config file: %w", err)
	}
	return append(out, '\n'), nil
}

func scalarSchemas() map[reflect.Type]*jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern}
	}
	count := func(most float64) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "integer", Minimum: ptr(1.0), Maximum: ptr(most)}
	}
	or := func(of ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: of} }
	positive := func(least, most float64) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "number", Minimum: ptr(least), Maximum: ptr(most)}
	}
	return map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Version]():      {Type: "integer", Enum: []any{1}},
		reflect.TypeFor[Model]():        {Type: "string", Enum: anys(new(Model).allowed())},
		reflect.TypeFor[Format]():       {Type: "string", Enum: anys(Formats)},
		reflect.TypeFor[Capability]():   {Type: "string", Enum: anys(new(Capability).allowed())},
		reflect.TypeFor[Size]():         or(text(sizePattern), positive(minSize, maxSize)),
		reflect.TypeFor[Outcome]():      {Type: "string", Enum: anys(new(Outcome).allowed())},
		reflect.TypeFor[OtherMachine](): {Type: "string", Enum: anys(new(OtherMachine).allowed())},
		reflect.TypeFor[Duration]():     or(text(durationPattern), positive(minDuration.Seconds(), maxDuration.Seconds())),
		reflect.TypeFor[Warmup]():       or(text(durationPattern), positive(0, maxDuration.Seconds())),
		reflect.TypeFor[Rate]():         or(text(ratePattern), &jsonschema.Schema{Type: "number", ExclusiveMinimum: ptr(0.0), Maximum: ptr(float64(maxRate))}),
		reflect.TypeFor[StageRate]():    or(text(ratePattern), &jsonschema.Schema{Type: "number", Minimum: ptr(0.0), Maximum: ptr(float64(maxRate))}),
		reflect.TypeFor[Percent]():      text(percentPattern),
		reflect.TypeFor[Users]():        count(maxUsers),
		reflect.TypeFor[Rounds]():       count(maxRounds),
		reflect.TypeFor[Count]():        count(maxCount),
		reflect.TypeFor[MaxRounds]():    {Type: "integer", Minimum: ptr(float64(MinUntilRounds)), Maximum: ptr(float64(maxRounds))},
		reflect.TypeFor[CPUs]():         or(text(cpusPattern), &jsonschema.Schema{Type: "integer", Minimum: ptr(0.0), Maximum: ptr(float64(cpus.Most - 1))}),
		reflect.TypeFor[Concurrency]():  or(count(maxUsers), &jsonschema.Schema{Type: "string", Enum: []any{"full"}}),
		reflect.TypeFor[Secret]():       {Type: "string"},
		reflect.TypeFor[Quantity]():     or(text(quantityPattern), &jsonschema.Schema{Type: "number", Minimum: ptr(0.0)}),
		reflect.TypeFor[With]():         {Type: "object"},
	}
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// withoutNull takes back what the generator allows for Go's nil: a key of the
// config file without a value is a mistake. The same goes for empty lists and
// texts.
func withoutNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	var types []string
	for _, t := range s.Types {
		if t != "null" {
			types = append(types, t)
		}
	}
	s.Types = nil
	if len(types) == 1 {
		s.Type = types[0]
	} else if len(types) > 1 {
		s.Types = types
	}
	if s.Type == "array" {
		s.MinItems = ptr(1)
	}
	for _, p := range s.Properties {
		withoutNull(p)
	}
	withoutNull(s.Items)
	if s.AdditionalProperties != nil && s.AdditionalProperties.Not == nil {
		withoutNull(s.AdditionalProperties)
	}
}
