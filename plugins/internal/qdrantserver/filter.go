package qdrantserver

import (
	"slices"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxFilterDepth is how deep filters may stand in filters.
const maxFilterDepth = 32

// predicate says whether a point passes a filter.
type predicate func(*point) bool

// compileFilter checks a filter once and gives its predicate; nil for none.
// Errors are statuses: InvalidArgument for what makes no sense, Unimplemented
// for conditions that this server does not know.
func compileFilter(f *qdrant.Filter) (predicate, error) {
	if f == nil {
		return nil, nil
	}
	return compileNested(f, 0)
}

func compileNested(f *qdrant.Filter, depth int) (predicate, error) {
	if depth > maxFilterDepth {
		return nil, status.Errorf(codes.InvalidArgument, "Wrong input: filters stand more than %d deep in each other", maxFilterDepth)
	}
	must, err := compileAll(f.GetMust(), depth)
	if err != nil {
		return nil, err
	}
	mustNot, err := compileAll(f.GetMustNot(), depth)
	if err != nil {
		return nil, err
	}
	should, err := compileAll(f.GetShould(), depth)
	if err != nil {
		return nil, err
	}
	atLeast, err := compileAll(f.GetMinShould().GetConditions(), depth)
	if err != nil {
		return nil, err
	}
	least := f.GetMinShould().GetMinCount()
	return func(p *point) bool {
		return matches(must, p) == len(must) &&
			matches(mustNot, p) == 0 &&
			(len(should) == 0 || slices.ContainsFunc(should, func(c predicate) bool { return c(p) })) &&
			uint64(matches(atLeast, p)) >= least
	}, nil
}

func matches(conditions []predicate, p *point) int {
	n := 0
	for _, c := range conditions {
		if c(p) {
			n++
		}
	}
	return n
}

func compileAll(conditions []*qdrant.Condition, depth int) ([]predicate, error) {
	out := make([]predicate, 0, len(conditions))
	for _, c := range conditions {
		p, err := compileCondition(c, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func compileCondition(c *qdrant.Condition, depth int) (predicate, error) {
	switch o := c.GetConditionOneOf().(type) {
	case *qdrant.Condition_Field:
		return compileField(o.Field)
	case *qdrant.Condition_IsEmpty:
		return isEmpty(o.IsEmpty.GetKey()), nil
	case *qdrant.Condition_IsNull:
		return isNull(o.IsNull.GetKey()), nil
	case *qdrant.Condition_HasId:
		ids, err := parseIDs(o.HasId.GetHasId())
		if err != nil {
			return nil, err
		}
		set := make(map[pointID]bool, len(ids))
		for _, id := range ids {
			set[id] = true
		}
		return func(p *point) bool { return set[p.id] }, nil
	case *qdrant.Condition_Filter:
		return compileNested(o.Filter, depth+1)
	case *qdrant.Condition_Nested:
		return nil, unimplemented("nested condition")
	case *qdrant.Condition_HasVector:
		return nil, unimplemented("has_vector condition")
	}
	return nil, status.Error(codes.InvalidArgument, "Wrong input: a condition of the filter is empty")
}

func compileField(f *qdrant.FieldCondition) (predicate, error) {
	if f.GetKey() == "" {
		return nil, status.Error(codes.InvalidArgument, "Wrong input: a field condition of the filter has no key")
	}
	steps := parsePath(f.GetKey())
	on := func(accept func(*qdrant.Value) bool) predicate {
		return func(p *point) bool { return anyValue(p.payload, steps, accept) }
	}
	switch {
	case f.Match != nil:
		accept, err := compileMatch(f.Match)
		if err != nil {
			return nil, err
		}
		return on(accept), nil
	case f.Range != nil:
		return on(func(v *qdrant.Value) bool { return inRange(v, f.Range) }), nil
	case f.DatetimeRange != nil:
		return on(func(v *qdrant.Value) bool { return inDates(v, f.DatetimeRange) }), nil
	case f.ValuesCount != nil:
		return func(p *point) bool {
			return anyLeaf(p.payload, steps, func(v *qdrant.Value) bool { return inCount(v, f.ValuesCount) })
		}, nil
	case f.IsEmpty != nil:
		return equals(isEmpty(f.Key), f.GetIsEmpty()), nil
	case f.IsNull != nil:
		return equals(isNull(f.Key), f.GetIsNull()), nil
	case f.GeoBoundingBox != nil, f.GeoRadius != nil, f.GeoPolygon != nil:
		return nil, unimplemented("geo conditions")
	}
	return nil, status.Errorf(codes.InvalidArgument, "Wrong input: the field condition on %q asks for nothing", f.GetKey())
}

func equals(c predicate, want bool) predicate {
	return func(p *point) bool { return c(p) == want }
}

func compileMatch(m *qdrant.Match) (func(*qdrant.Value) bool, error) {
	switch o := m.GetMatchValue().(type) {
	case *qdrant.Match_Keyword:
		return func(v *qdrant.Value) bool { s, ok := stringOf(v); return ok && s == o.Keyword }, nil
	case *qdrant.Match_Integer:
		return func(v *qdrant.Value) bool { n, ok := integerOf(v); return ok && n == o.Integer }, nil
	case *qdrant.Match_Boolean:
		return func(v *qdrant.Value) bool {
			b, ok := v.GetKind().(*qdrant.Value_BoolValue)
			return ok && b.BoolValue == o.Boolean
		}, nil
	case *qdrant.Match_Text:
		// Without a text index Qdrant looks for the text as it is.
		return func(v *qdrant.Value) bool { s, ok := stringOf(v); return ok && strings.Contains(s, o.Text) }, nil
	case *qdrant.Match_Keywords:
		return func(v *qdrant.Value) bool {
			s, ok := stringOf(v)
			return ok && slices.Contains(o.Keywords.GetStrings(), s)
		}, nil
	case *qdrant.Match_Integers:
		return func(v *qdrant.Value) bool {
			n, ok := integerOf(v)
			return ok && slices.Contains(o.Integers.GetIntegers(), n)
		}, nil
	case *qdrant.Match_ExceptKeywords:
		return func(v *qdrant.Value) bool {
			s, ok := stringOf(v)
			return !ok || !slices.Contains(o.ExceptKeywords.GetStrings(), s)
		}, nil
	case *qdrant.Match_ExceptIntegers:
		return func(v *qdrant.Value) bool {
			n, ok := integerOf(v)
			return !ok || !slices.Contains(o.ExceptIntegers.GetIntegers(), n)
		}, nil
	case nil:
		return nil, status.Error(codes.InvalidArgument, "Wrong input: a match condition of the filter has no value")
	}
	return nil, unimplemented("match by phrase or any text")
}

func stringOf(v *qdrant.Value) (string, bool) {
	s, ok := v.GetKind().(*qdrant.Value_StringValue)
	if !ok {
		return "", false
	}
	return s.StringValue, true
}

func integerOf(v *qdrant.Value) (int64, bool) {
	n, ok := v.GetKind().(*qdrant.Value_IntegerValue)
	if !ok {
		return 0, false
	}
	return n.IntegerValue, true
}

func inRange(v *qdrant.Value, r *qdrant.Range) bool {
	var x float64
	switch n := v.GetKind().(type) {
	case *qdrant.Value_IntegerValue:
		x = float64(n.IntegerValue)
	case *qdrant.Value_DoubleValue:
		x = n.DoubleValue
	default:
		return false
	}
	return (r.Lt == nil || x < *r.Lt) && (r.Lte == nil || x <= *r.Lte) &&
		(r.Gt == nil || x > *r.Gt) && (r.Gte == nil || x >= *r.Gte)
}

func inDates(v *qdrant.Value, r *qdrant.DatetimeRange) bool {
	s, ok := stringOf(v)
	if !ok {
		return false
	}
	var at time.Time
	var err error
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if at, err = time.Parse(layout, s); err == nil {
			break
		}
	}
	return err == nil &&
		(r.Lt == nil || at.Before(r.Lt.AsTime())) && (r.Lte == nil || !at.After(r.Lte.AsTime())) &&
		(r.Gt == nil || at.After(r.Gt.AsTime())) && (r.Gte == nil || !at.Before(r.Gte.AsTime()))
}

func inCount(v *qdrant.Value, r *qdrant.ValuesCount) bool {
	n := uint64(1)
	if list := v.GetListValue(); list != nil {
		n = uint64(len(list.GetValues()))
	}
	return (r.Lt == nil || n < *r.Lt) && (r.Lte == nil || n <= *r.Lte) &&
		(r.Gt == nil || n > *r.Gt) && (r.Gte == nil || n >= *r.Gte)
}

// isEmpty holds where the field is absent, null or a list without elements.
func isEmpty(key string) predicate {
	steps := parsePath(key)
	return func(p *point) bool {
		return !anyLeaf(p.payload, steps, func(v *qdrant.Value) bool {
			switch k := v.GetKind().(type) {
			case nil, *qdrant.Value_NullValue:
				return false
			case *qdrant.Value_ListValue:
				return len(k.ListValue.GetValues()) > 0
			}
			return true
		})
	}
}

// isNull holds where the field is there and null, or a list with a null in it.
func isNull(key string) predicate {
	steps := parsePath(key)
	return func(p *point) bool {
		return anyValue(p.payload, steps, func(v *qdrant.Value) bool {
			_, ok := v.GetKind().(*qdrant.Value_NullValue)
			return ok
		})
	}
}
