package qdrantserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func must(c ...*qdrant.Condition) *qdrant.Filter    { return &qdrant.Filter{Must: c} }
func mustNot(c ...*qdrant.Condition) *qdrant.Filter { return &qdrant.Filter{MustNot: c} }
func should(c ...*qdrant.Condition) *qdrant.Filter  { return &qdrant.Filter{Should: c} }

func field(f *qdrant.FieldCondition) *qdrant.Condition {
	return &qdrant.Condition{ConditionOneOf: &qdrant.Condition_Field{Field: f}}
}

func TestAFilterKeepsWhatItSays(t *testing.T) {
	c := cities(t)
	berlin, london := qdrant.NewMatch("city", "Berlin"), qdrant.NewMatch("city", "London")
	day := func(s string) *timestamppb.Timestamp {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return timestamppb.New(at)
	}
	u := someUUID
	for _, tc := range []struct {
		name   string
		filter *qdrant.Filter
		want   []string
	}{
		{"an empty filter keeps all", &qdrant.Filter{}, []string{"1", "2", "3", u}},
		{"keyword", must(berlin), []string{"1", "3"}},
		{"not keyword", mustNot(berlin), []string{"2", u}},
		{"any of", should(berlin, london), []string{"1", "2", "3"}},
		{"must and should", &qdrant.Filter{Must: []*qdrant.Condition{berlin}, Should: []*qdrant.Condition{qdrant.NewMatchInt("size", 10), london}}, []string{"1"}},
		{"min_should", &qdrant.Filter{MinShould: &qdrant.MinShould{MinCount: 2, Conditions: []*qdrant.Condition{berlin, qdrant.NewMatch("tags", "b"), qdrant.NewMatchBool("open", true)}}}, []string{"1", "3"}},
		{"keyword in a list", must(qdrant.NewMatch("tags", "a")), []string{"1"}},
		{"keywords", must(qdrant.NewMatchKeywords("city", "London", "Rome")), []string{"2"}},
		{"except keywords", must(qdrant.NewMatchExceptKeywords("city", "London")), []string{"1", "3"}},
		{"integer", must(qdrant.NewMatchInt("size", 10)), []string{"1"}},
		{"integers", must(qdrant.NewMatchInts("size", 10, 30)), []string{"1", "3"}},
		{"an integer is no keyword", must(qdrant.NewMatch("size", "10")), nil},
		{"boolean", must(qdrant.NewMatchBool("open", false)), []string{"2"}},
		{"text", must(qdrant.NewMatchText("city", "ondo")), []string{"2"}},
		{"range", must(qdrant.NewRange("size", &qdrant.Range{Gt: qdrant.PtrOf(10.), Lte: qdrant.PtrOf(30.)})), []string{"2", "3"}},
		{"range without its ends", must(qdrant.NewRange("size", &qdrant.Range{Gte: qdrant.PtrOf(10.), Lt: qdrant.PtrOf(20.5)})), []string{"1"}},
		{"dates", must(field(&qdrant.FieldCondition{Key: "at", DatetimeRange: &qdrant.DatetimeRange{Gt: day("2024-03-01"), Lte: day("2024-04-01")}})), []string{"1", "2"}},
		{"has_id", must(qdrant.NewHasID(qdrant.NewIDNum(2), qdrant.NewIDUUID(u), qdrant.NewIDNum(9))), []string{"2", u}},
		{"not has_id", mustNot(qdrant.NewHasID(qdrant.NewIDNum(2), qdrant.NewIDUUID(u))), []string{"1", "3"}},
		{"a filter in a filter", must(qdrant.NewFilterAsCondition(should(london, qdrant.NewMatchInt("size", 10)))), []string{"1", "2"}},
		{"is_empty", must(qdrant.NewIsEmpty("tags")), []string{"2", u}},
		{"is_empty of null", must(qdrant.NewIsEmpty("note")), []string{"1", "2", "3", u}},
		{"is_null", must(qdrant.NewIsNull("note")), []string{"3"}},
		{"is_null as a field condition", must(field(&qdrant.FieldCondition{Key: "note", IsNull: qdrant.PtrOf(false)})), []string{"1", "2", u}},
		{"values_count", must(qdrant.NewValuesCount("tags", &qdrant.ValuesCount{Gte: qdrant.PtrOf(uint64(1)), Lt: qdrant.PtrOf(uint64(2))})), []string{"3"}},
		{"a field of a field", must(qdrant.NewMatchInt("geo.zone.id", 7)), []string{"1"}},
		{"a field of each in a list", must(qdrant.NewMatchInt("rooms[].beds", 3)), []string{"1"}},
		{"a list is not gone through unasked", must(qdrant.NewMatchInt("rooms.beds", 3)), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			near, err := c.Query(t.Context(), &qdrant.QueryPoints{CollectionName: "cities", Query: qdrant.NewQuery(0, 0), Filter: tc.filter})
			if got := idsOf(near); err != nil || !slices.Equal(got, tc.want) && len(got)+len(tc.want) > 0 {
				t.Errorf("a query gave %v, %v, want %v", got, err, tc.want)
			}
			n, err := c.Count(t.Context(), &qdrant.CountPoints{CollectionName: "cities", Filter: tc.filter})
			if err != nil || n != uint64(len(tc.want)) {
				t.Errorf("a count gave %d, %v, want %d", n, err, len(tc.want))
			}
			page, err := c.Scroll(t.Context(), &qdrant.ScrollPoints{CollectionName: "cities", Filter: tc.filter})
			if err != nil || len(page) != len(tc.want) {
				t.Errorf("scrolling gave %d points, %v, want %d", len(page), err, len(tc.want))
			}
		})
	}
}

func TestAFilterThatMakesNoSenseIsRefused(t *testing.T) {
	deep := must(qdrant.NewMatch("a", "b"))
	for range 40 {
		deep = must(qdrant.NewFilterAsCondition(deep))
	}
	for name, tc := range map[string]struct {
		filter *qdrant.Filter
		want   codes.Code
	}{
		"an empty condition":       {must(&qdrant.Condition{}), codes.InvalidArgument},
		"no key":                   {must(qdrant.NewMatch("", "x")), codes.InvalidArgument},
		"a field asked nothing":    {should(field(&qdrant.FieldCondition{Key: "a"})), codes.InvalidArgument},
		"a match of nothing":       {mustNot(field(&qdrant.FieldCondition{Key: "a", Match: &qdrant.Match{}})), codes.InvalidArgument},
		"an id without a value":    {must(qdrant.NewHasID(&qdrant.PointId{})), codes.InvalidArgument},
		"too deep":                 {deep, codes.InvalidArgument},
		"geo":                      {must(qdrant.NewGeoRadius("a", 1, 2, 3)), codes.Unimplemented},
		"nested":                   {must(qdrant.NewNestedCondition("a", qdrant.NewMatch("b", "c"))), codes.Unimplemented},
		"phrase, and min_should":   {&qdrant.Filter{MinShould: &qdrant.MinShould{Conditions: []*qdrant.Condition{qdrant.NewMatchPhrase("a", "b")}}}, codes.Unimplemented},
		"has_vector":               {must(qdrant.NewHasVector("a")), codes.Unimplemented},
		"deep in a filter of ands": {must(qdrant.NewFilterAsCondition(must(&qdrant.Condition{}))), codes.InvalidArgument},
	} {
		if _, err := compileFilter(tc.filter); status.Code(err) != tc.want {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// TestAFieldIndexChangesNoAnswer asks the same of two collections, of which one
// has indexes, through a random history.
func TestAFieldIndexChangesNoAnswer(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	points := pointsService{server: s}
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"plain", "indexed"}
	for _, name := range names {
		if _, err := (collectionsService{server: s}).Create(t.Context(), &qdrant.CreateCollection{CollectionName: name,
			VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 3, Distance: qdrant.Distance_Euclid})}); err != nil {
			t.Fatal(err)
		}
	}
	index := func(name string, kind qdrant.FieldType) {
		if _, err := points.CreateFieldIndex(t.Context(), &qdrant.CreateFieldIndexCollection{CollectionName: "indexed", FieldName: name, FieldType: &kind}); err != nil {
			t.Fatal(err)
		}
	}
	index("word", qdrant.FieldType_FieldTypeKeyword)
	index("number", qdrant.FieldType_FieldTypeFloat) // of no help to a match
	filters := []*qdrant.Filter{
		must(qdrant.NewMatch("word", "w1")), must(qdrant.NewMatchKeywords("word", "w1", "w2", "w9")),
		must(qdrant.NewMatchInt("number", 2)), must(qdrant.NewMatchBool("flag", true), qdrant.NewMatch("word", "w0")),
		must(qdrant.NewMatchInt("word", 1)), must(qdrant.NewHasID(qdrant.NewIDNum(3), qdrant.NewIDNum(4)), qdrant.NewMatch("word", "w1")),
		{Must: []*qdrant.Condition{qdrant.NewMatch("word", "w1")}, MustNot: []*qdrant.Condition{qdrant.NewMatchInt("number", 1)}},
	}
	for step := range 600 {
		switch step {
		case 200:
			index("flag", qdrant.FieldType_FieldTypeBool)
		case 300:
			index("number", qdrant.FieldType_FieldTypeInteger)
		case 500:
			if _, err := points.DeleteFieldIndex(t.Context(), &qdrant.DeleteFieldIndexCollection{CollectionName: "indexed", FieldName: "word"}); err != nil {
				t.Fatal(err)
			}
		}
		change := randomChange(r, filters)
		var answers []string
		for _, name := range names {
			if err := change(points, name); err != nil {
				t.Fatal(err)
			}
			for _, f := range filters {
				resp, err := points.Query(t.Context(), &qdrant.QueryPoints{CollectionName: name, Query: qdrant.NewQuery(0, 0, 0), Filter: f,
					Params: &qdrant.SearchParams{Exact: qdrant.PtrOf(true)}})
				if err != nil {
					t.Fatal(err)
				}
				n, err := points.Count(t.Context(), &qdrant.CountPoints{CollectionName: name, Filter: f})
				if err != nil {
					t.Fatal(err)
				}
				answers = append(answers, fmt.Sprint(idsOf(resp.GetResult()), n.GetResult().GetCount()))
			}
		}
		if plain, indexed := answers[:len(filters)], answers[len(filters):]; !slices.Equal(plain, indexed) {
			t.Fatalf("after %d changes the plain collection answers %v and the indexed one %v", step+1, plain, indexed)
		}
	}
}

// randomChange is an upsert, a deletion by id or a deletion by filter.
func randomChange(r *rand.Rand, filters []*qdrant.Filter) func(pointsService, string) error {
	id := qdrant.NewIDNum(r.Uint64N(60))
	selector := qdrant.NewPointsSelector(id)
	switch p := r.IntN(100); {
	case p < 75:
		words := []any{fmt.Sprint("w", r.IntN(4)), fmt.Sprint("w", r.IntN(4))}
		payload := qdrant.NewValueMap(map[string]any{"word": words, "number": r.IntN(4), "flag": r.IntN(2) == 0})
		point := &qdrant.PointStruct{Id: id, Payload: payload, Vectors: qdrant.NewVectors(r.Float32(), r.Float32(), r.Float32())}
		return func(s pointsService, name string) error {
			_, err := s.Upsert(context.Background(), &qdrant.UpsertPoints{CollectionName: name, Points: []*qdrant.PointStruct{point}})
			return err
		}
	case p < 78:
		selector = qdrant.NewPointsSelectorFilter(filters[r.IntN(len(filters))])
	}
	return func(s pointsService, name string) error {
		_, err := s.Delete(context.Background(), &qdrant.DeletePoints{CollectionName: name, Points: selector})
		return err
	}
}

// FuzzFilter feeds any filter and any payload to each other: nothing panics,
// narrowing changes nothing, and a filter says no exactly where its negation
// says yes.
func FuzzFilter(f *testing.F) {
	seed := func(filter *qdrant.Filter, payload map[string]any) {
		a, err := proto.Marshal(filter)
		if err != nil {
			f.Fatal(err)
		}
		b, err := proto.Marshal(&qdrant.PointStruct{Id: qdrant.NewIDNum(1), Payload: qdrant.NewValueMap(payload), Vectors: qdrant.NewVectors(1, 2)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a, b)
	}
	seed(must(qdrant.NewMatch("a", "b")), map[string]any{"a": "b"})
	seed(should(qdrant.NewRange("a.b[].c", &qdrant.Range{Lt: qdrant.PtrOf(3.)})), map[string]any{"a": map[string]any{"b": []any{map[string]any{"c": 1}}}})
	seed(mustNot(qdrant.NewIsEmpty("x"), qdrant.NewHasID(qdrant.NewIDUUID(someUUID))), nil)
	seed(&qdrant.Filter{MinShould: &qdrant.MinShould{MinCount: 1, Conditions: []*qdrant.Condition{qdrant.NewMatchExceptInts("n", 1)}}}, map[string]any{"n": []any{1, nil}})
	f.Fuzz(func(t *testing.T, rawFilter, rawPoint []byte) {
		filter, in := &qdrant.Filter{}, &qdrant.PointStruct{}
		if proto.Unmarshal(rawFilter, filter) != nil || proto.Unmarshal(rawPoint, in) != nil {
			return
		}
		s := New(Options{})
		defer s.Close()
		if _, err := (collectionsService{server: s}).Create(t.Context(), &qdrant.CreateCollection{CollectionName: "c",
			VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 2, Distance: qdrant.Distance_Cosine})}); err != nil {
			t.Fatal(err)
		}
		points := pointsService{server: s}
		if _, err := points.Upsert(t.Context(), &qdrant.UpsertPoints{CollectionName: "c", Points: []*qdrant.PointStruct{in}}); err != nil {
			if code := status.Code(err); code != codes.InvalidArgument && code != codes.Unimplemented {
				t.Fatalf("upsert: %v", err)
			}
			return
		}
		count := func(f *qdrant.Filter) uint64 {
			resp, err := points.Count(t.Context(), &qdrant.CountPoints{CollectionName: "c", Filter: f})
			if err != nil {
				if code := status.Code(err); code != codes.InvalidArgument && code != codes.Unimplemented {
					t.Fatalf("count: %v", err)
				}
				return 2
			}
			return resp.GetResult().GetCount()
		}
		yes := count(filter)
		no := count(mustNot(qdrant.NewFilterAsCondition(filter)))
		if yes < 2 && no < 2 && yes+no != 1 {
			t.Fatalf("the filter counts %d and its negation %d, of one point", yes, no)
		}
		resp, err := points.Query(t.Context(), &qdrant.QueryPoints{CollectionName: "c", Query: qdrant.NewQuery(1, 1), Filter: filter})
		if err == nil && uint64(len(resp.GetResult())) != yes {
			t.Fatalf("the filter counts %d and a query finds %d", yes, len(resp.GetResult()))
		}
	})
}

func FuzzUUID(f *testing.F) {
	f.Add(someUUID)
	f.Add("urn:uuid:" + someUUID)
	f.Add("{550e8400-e29b-41d4-a716-446655440000}")
	f.Add("550E8400E29B41D4A716446655440000")
	f.Add("550e8400-e29b-41d4-a716-44665544000g")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseUUID(s)
		if err != nil {
			return
		}
		again, err := parseUUID(id.String())
		if err != nil || again != id {
			t.Errorf("%q became %v, which became %v, %v", s, id, again, err)
		}
	})
}
