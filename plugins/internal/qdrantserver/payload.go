package qdrantserver

import (
	"maps"
	"strings"

	"github.com/qdrant/go-client/qdrant"
)

type payload = map[string]*qdrant.Value

// payloadSelector reads a with_payload selector into a function that makes the
// payload of a reply from the one stored, without changing that one. absent is
// what holds without a selector.
func payloadSelector(sel *qdrant.WithPayloadSelector, absent bool) func(payload) payload {
	all := func(p payload) payload { return p }
	none := func(payload) payload { return nil }
	switch o := sel.GetSelectorOptions().(type) {
	case *qdrant.WithPayloadSelector_Enable:
		absent = o.Enable
	case *qdrant.WithPayloadSelector_Include:
		return func(p payload) payload {
			out := payload{}
			for _, path := range o.Include.GetFields() {
				include(out, p, strings.Split(path, "."))
			}
			return out
		}
	case *qdrant.WithPayloadSelector_Exclude:
		return func(p payload) payload {
			for _, path := range o.Exclude.GetFields() {
				p = exclude(p, strings.Split(path, "."))
			}
			return p
		}
	}
	if absent {
		return all
	}
	return none
}

// include copies what path leads to from src into dst. Structs on the way are
// made anew, so that dst never shares one that it changes.
func include(dst, src payload, path []string) {
	v, ok := src[path[0]]
	if !ok {
		return
	}
	if len(path) == 1 {
		dst[path[0]] = v
		return
	}
	inner := v.GetStructValue()
	if inner == nil {
		return
	}
	fields := payload{}
	if had := dst[path[0]].GetStructValue(); had != nil {
		fields = maps.Clone(had.GetFields())
	}
	include(fields, inner.GetFields(), path[1:])
	dst[path[0]] = structValue(fields)
}

// exclude gives p without what path leads to.
func exclude(p payload, path []string) payload {
	v, ok := p[path[0]]
	if !ok {
		return p
	}
	if len(path) == 1 {
		p = maps.Clone(p)
		delete(p, path[0])
		return p
	}
	if inner := v.GetStructValue(); inner != nil {
		p = maps.Clone(p)
		p[path[0]] = structValue(exclude(inner.GetFields(), path[1:]))
	}
	return p
}

func structValue(fields payload) *qdrant.Value {
	return &qdrant.Value{Kind: &qdrant.Value_StructValue{StructValue: &qdrant.Struct{Fields: fields}}}
}

// pathStep is one key on a way into a payload; each says that the value under
// it is a list to go through.
type pathStep struct {
	key  string
	each bool
}

// parsePath reads "a.b[].c".
func parsePath(path string) []pathStep {
	keys := strings.Split(path, ".")
	steps := make([]pathStep, len(keys))
	for i, key := range keys {
		steps[i].key, steps[i].each = strings.CutSuffix(key, "[]")
	}
	return steps
}

// anyValue says whether accept accepts one of the values that steps lead to. A
// list at the end stands for its elements.
func anyValue(p payload, steps []pathStep, accept func(*qdrant.Value) bool) bool {
	return anyLeaf(p, steps, func(v *qdrant.Value) bool {
		list := v.GetListValue()
		if list == nil {
			return accept(v)
		}
		for _, element := range list.GetValues() {
			if accept(element) {
				return true
			}
		}
		return false
	})
}

// anyLeaf is anyValue with a list at the end as one value.
func anyLeaf(p payload, steps []pathStep, accept func(*qdrant.Value) bool) bool {
	v, ok := p[steps[0].key]
	if !ok {
		return false
	}
	rest := steps[1:]
	if len(rest) == 0 {
		return accept(v)
	}
	if !steps[0].each {
		return anyLeaf(v.GetStructValue().GetFields(), rest, accept)
	}
	for _, element := range v.GetListValue().GetValues() {
		if anyLeaf(element.GetStructValue().GetFields(), rest, accept) {
			return true
		}
	}
	return false
}
