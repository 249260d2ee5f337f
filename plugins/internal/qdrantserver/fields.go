package qdrantserver

import (
	"maps"
	"slices"

	"github.com/qdrant/go-client/qdrant"
)

// fieldValue is a value that a field index finds points by.
type fieldValue struct {
	kind   qdrant.PayloadSchemaType
	text   string
	number int64
}

// fieldIndex knows which points have which value in a payload field: keywords,
// integers and booleans. Of the other types it only counts the points.
type fieldIndex struct {
	steps    []pathStep
	schema   qdrant.PayloadSchemaType
	params   *qdrant.PayloadIndexParams
	slots    map[fieldValue]map[uint64]struct{}
	occupied map[uint64]struct{}
}

func newFieldIndex(name string, schema qdrant.PayloadSchemaType, params *qdrant.PayloadIndexParams) *fieldIndex {
	return &fieldIndex{
		steps: parsePath(name), schema: schema, params: params,
		slots: map[fieldValue]map[uint64]struct{}{}, occupied: map[uint64]struct{}{},
	}
}

// each calls visit with every value of p that the index holds.
func (f *fieldIndex) each(p payload, visit func(fieldValue)) {
	anyValue(p, f.steps, func(v *qdrant.Value) bool {
		if value, ok := f.value(v); ok {
			visit(value)
		}
		return false
	})
}

// value is what v is found by, if v has the type of the index.
func (f *fieldIndex) value(v *qdrant.Value) (fieldValue, bool) {
	out := fieldValue{kind: f.schema}
	ok := false
	switch f.schema {
	case qdrant.PayloadSchemaType_Keyword, qdrant.PayloadSchemaType_Uuid:
		out.kind = qdrant.PayloadSchemaType_Keyword
		out.text, ok = stringOf(v)
	case qdrant.PayloadSchemaType_Text, qdrant.PayloadSchemaType_Datetime:
		_, ok = stringOf(v)
	case qdrant.PayloadSchemaType_Integer:
		out.number, ok = integerOf(v)
	case qdrant.PayloadSchemaType_Bool:
		var b *qdrant.Value_BoolValue
		if b, ok = v.GetKind().(*qdrant.Value_BoolValue); ok {
			out.number = boolNumber(b.BoolValue)
		}
	case qdrant.PayloadSchemaType_Float:
		if _, ok = integerOf(v); !ok {
			_, ok = v.GetKind().(*qdrant.Value_DoubleValue)
		}
	case qdrant.PayloadSchemaType_Geo:
		ok = v.GetStructValue() != nil
	}
	return out, ok
}

func boolNumber(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (f *fieldIndex) add(slot uint64, p payload) {
	f.each(p, func(v fieldValue) {
		set := f.slots[v]
		if set == nil {
			set = map[uint64]struct{}{}
			f.slots[v] = set
		}
		set[slot] = struct{}{}
		f.occupied[slot] = struct{}{}
	})
}

func (f *fieldIndex) remove(slot uint64, p payload) {
	f.each(p, func(v fieldValue) {
		if set := f.slots[v]; set != nil {
			if delete(set, slot); len(set) == 0 {
				delete(f.slots, v)
			}
		}
	})
	delete(f.occupied, slot)
}

func (f *fieldIndex) info() *qdrant.PayloadSchemaInfo {
	n := uint64(len(f.occupied))
	return &qdrant.PayloadSchemaInfo{DataType: f.schema, Params: f.params, Points: &n}
}

// narrow gives slots, in order, of which every point that passes f is one, if a
// condition that must hold is on an indexed field or on ids and leaves no more
// than limit.
func (c *collection) narrow(f *qdrant.Filter, limit int) ([]uint64, bool) {
	var list func() []uint64
	for _, condition := range f.GetMust() {
		if n, slots := c.candidates(condition); slots != nil && n <= limit {
			list, limit = slots, n
		}
	}
	if list == nil {
		return nil, false
	}
	slots := list()
	slices.Sort(slots)
	return slices.Compact(slots), true
}

// candidates says how many slots, with repetitions, a condition leaves, and how
// to list them; nil if it cannot tell without looking at every point.
func (c *collection) candidates(condition *qdrant.Condition) (int, func() []uint64) {
	switch o := condition.GetConditionOneOf().(type) {
	case *qdrant.Condition_HasId:
		return len(o.HasId.GetHasId()), func() []uint64 { return c.slotsOf(o.HasId.GetHasId()) }
	case *qdrant.Condition_Field:
		index := c.fields[o.Field.GetKey()]
		values, ok := index.asked(o.Field.GetMatch())
		if !ok {
			return 0, nil
		}
		n := 0
		for _, v := range values {
			n += len(index.slots[v])
		}
		return n, func() []uint64 {
			slots := make([]uint64, 0, n)
			for _, v := range values {
				slots = slices.AppendSeq(slots, maps.Keys(index.slots[v]))
			}
			return slots
		}
	}
	return 0, nil
}

// slotsOf passes over ids that are not there; the filter was checked before.
func (c *collection) slotsOf(ids []*qdrant.PointId) []uint64 {
	var slots []uint64
	for _, raw := range ids {
		if id, err := parseID(raw); err == nil {
			if slot, ok := c.slots[id]; ok {
				slots = append(slots, slot)
			}
		}
	}
	return slots
}

// asked gives the values that m accepts, if f finds points by that kind.
func (f *fieldIndex) asked(m *qdrant.Match) ([]fieldValue, bool) {
	if f == nil {
		return nil, false
	}
	var values []fieldValue
	kind := qdrant.PayloadSchemaType_Keyword
	switch o := m.GetMatchValue().(type) {
	case *qdrant.Match_Keyword:
		values = append(values, fieldValue{kind: kind, text: o.Keyword})
	case *qdrant.Match_Keywords:
		for _, s := range o.Keywords.GetStrings() {
			values = append(values, fieldValue{kind: kind, text: s})
		}
	case *qdrant.Match_Integer:
		kind = qdrant.PayloadSchemaType_Integer
		values = append(values, fieldValue{kind: kind, number: o.Integer})
	case *qdrant.Match_Integers:
		kind = qdrant.PayloadSchemaType_Integer
		for _, n := range o.Integers.GetIntegers() {
			values = append(values, fieldValue{kind: kind, number: n})
		}
	case *qdrant.Match_Boolean:
		kind = qdrant.PayloadSchemaType_Bool
		values = append(values, fieldValue{kind: kind, number: boolNumber(o.Boolean)})
	default:
		return nil, false
	}
	own := f.schema
	if own == qdrant.PayloadSchemaType_Uuid {
		own = qdrant.PayloadSchemaType_Keyword
	}
	return values, own == kind
}
