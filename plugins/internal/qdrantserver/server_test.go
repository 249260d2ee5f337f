package qdrantserver

import (
	"context"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/plugins/internal/clustered"
)

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve runs Serve until the test ends, and checks that it ends well.
func serve(t testing.TB, opts Options) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, opts) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func dial(t testing.TB, l net.Listener, key string) *qdrant.Client {
	t.Helper()
	addr := l.Addr().(*net.TCPAddr)
	c, err := qdrant.NewClient(&qdrant.Config{Host: "127.0.0.1", Port: addr.Port, APIKey: key, SkipCompatibilityCheck: true, PoolSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func start(t testing.TB) *qdrant.Client {
	t.Helper()
	l := listen(t)
	serve(t, Options{Listener: l})
	return dial(t, l, "")
}

func create(t testing.TB, c *qdrant.Client, name string, dim uint64, distance qdrant.Distance) {
	t.Helper()
	err := c.CreateCollection(t.Context(), &qdrant.CreateCollection{
		CollectionName: name,
		VectorsConfig:  qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: dim, Distance: distance}),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func upsert(t testing.TB, c *qdrant.Client, name string, points ...*qdrant.PointStruct) {
	t.Helper()
	if _, err := c.Upsert(t.Context(), &qdrant.UpsertPoints{CollectionName: name, Wait: qdrant.PtrOf(true), Points: points}); err != nil {
		t.Fatal(err)
	}
}

func idsOf(points []*qdrant.ScoredPoint) []string {
	out := make([]string, len(points))
	for i, p := range points {
		id, err := parseID(p.GetId())
		if err != nil {
			panic(err)
		}
		out[i] = id.String()
	}
	return out
}

const someUUID = "550e8400-e29b-41d4-a716-446655440000"

// cities is a collection with one point of each kind.
func cities(t testing.TB) *qdrant.Client {
	t.Helper()
	c := start(t)
	create(t, c, "cities", 2, qdrant.Distance_Euclid)
	upsert(t, c, "cities",
		&qdrant.PointStruct{Id: qdrant.NewIDNum(1), Vectors: qdrant.NewVectors(0, 0), Payload: qdrant.NewValueMap(map[string]any{
			"city": "Berlin", "size": 10, "open": true, "tags": []any{"a", "b"}, "at": "2024-03-01T10:00:00Z",
			"geo": map[string]any{"lat": 52.5, "zone": map[string]any{"id": 7}}, "rooms": []any{map[string]any{"beds": 1}, map[string]any{"beds": 3}}})},
		&qdrant.PointStruct{Id: qdrant.NewIDNum(2), Vectors: qdrant.NewVectors(0, 1), Payload: qdrant.NewValueMap(map[string]any{
			"city": "London", "size": 20.5, "open": false, "tags": []any{}, "at": "2024-04-01"})},
		&qdrant.PointStruct{Id: qdrant.NewIDNum(3), Vectors: qdrant.NewVectors(0, 3), Payload: qdrant.NewValueMap(map[string]any{
			"city": "Berlin", "size": 30, "tags": []any{"b"}, "note": nil})},
		&qdrant.PointStruct{Id: qdrant.NewIDUUID(someUUID), Vectors: qdrant.NewVectors(0, 7)},
	)
	return c
}

func TestHealthNamesTheReferenceAndNotQdrant(t *testing.T) {
	reply, err := start(t).HealthCheck(t.Context())
	if err != nil || reply.GetTitle() != "harness reference" || strings.Contains(strings.ToLower(reply.GetTitle()+reply.GetVersion()), "qdrant") {
		t.Errorf("health is %v, %v", reply, err)
	}
	if !qdrant.IsCompatible("v1.17.1", reply.GetVersion()) {
		t.Errorf("the client takes version %s for incompatible and would warn", reply.GetVersion())
	}
}

func TestACollectionComesAndGoes(t *testing.T) {
	c := start(t)
	ctx := t.Context()
	create(t, c, "one", 3, qdrant.Distance_Cosine)
	create(t, c, "two", 3, qdrant.Distance_Dot)
	if names, err := c.ListCollections(ctx); err != nil || !slices.Equal(names, []string{"one", "two"}) {
		t.Errorf("list is %v, %v", names, err)
	}
	info, err := c.GetCollectionInfo(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	params := info.GetConfig().GetParams().GetVectorsConfig().GetParams()
	if info.GetStatus() != qdrant.CollectionStatus_Green || params.GetSize() != 3 || params.GetDistance() != qdrant.Distance_Cosine || info.GetPointsCount() != 0 {
		t.Errorf("information on an empty collection is %v", info)
	}
	if h := info.GetConfig().GetHnswConfig(); h.GetM() != 16 || h.GetEfConstruct() != 100 {
		t.Errorf("the defaults of the graph are shown as %v", h)
	}
	if err := c.DeleteCollection(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if there, err := c.CollectionExists(ctx, "one"); err != nil || there {
		t.Errorf("a deleted collection exists: %v, %v", there, err)
	}
	if there, err := c.CollectionExists(ctx, "two"); err != nil || !there {
		t.Errorf("the other collection exists: %v, %v", there, err)
	}
}

func TestAQueryGivesTheNearestInOrder(t *testing.T) {
	c := cities(t)
	base := func() *qdrant.QueryPoints {
		return &qdrant.QueryPoints{CollectionName: "cities", Query: qdrant.NewQuery(0, 0.9)}
	}
	for _, tc := range []struct {
		name   string
		change func(*qdrant.QueryPoints)
		want   []string
	}{
		{"all", func(*qdrant.QueryPoints) {}, []string{"2", "1", "3", someUUID}},
		{"exact", func(q *qdrant.QueryPoints) { q.Params = &qdrant.SearchParams{Exact: qdrant.PtrOf(true)} }, []string{"2", "1", "3", someUUID}},
		{"limit", func(q *qdrant.QueryPoints) { q.Limit = qdrant.PtrOf(uint64(2)) }, []string{"2", "1"}},
		{"offset", func(q *qdrant.QueryPoints) { q.Limit, q.Offset = qdrant.PtrOf(uint64(2)), qdrant.PtrOf(uint64(1)) }, []string{"1", "3"}},
		{"offset past the end", func(q *qdrant.QueryPoints) { q.Offset = qdrant.PtrOf(uint64(math.MaxUint64)) }, []string{}},
		{"limit past the end", func(q *qdrant.QueryPoints) { q.Limit = qdrant.PtrOf(uint64(math.MaxUint64)) }, []string{"2", "1", "3", someUUID}},
		{"threshold", func(q *qdrant.QueryPoints) { q.ScoreThreshold = qdrant.PtrOf(float32(1)) }, []string{"2", "1"}},
		{"filter", func(q *qdrant.QueryPoints) {
			q.Filter = &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("city", "Berlin")}}
		}, []string{"1", "3"}},
		{"ef", func(q *qdrant.QueryPoints) { q.Params = &qdrant.SearchParams{HnswEf: qdrant.PtrOf(uint64(500))} }, []string{"2", "1", "3", someUUID}},
		{"by id, without that point", func(q *qdrant.QueryPoints) { q.Query = qdrant.NewQueryID(qdrant.NewIDNum(2)) }, []string{"1", "3", someUUID}},
		{"nothing in particular, by id", func(q *qdrant.QueryPoints) { q.Query, q.Limit = nil, qdrant.PtrOf(uint64(3)) }, []string{"1", "2", "3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := base()
			tc.change(q)
			got, err := c.Query(t.Context(), q)
			if err != nil || !slices.Equal(idsOf(got), tc.want) {
				t.Errorf("got %v, %v, want %v", idsOf(got), err, tc.want)
			}
		})
	}
	got, err := c.Query(t.Context(), base())
	if err != nil || math.Abs(float64(got[1].GetScore())-0.9) > 1e-6 {
		t.Errorf("the second scores %v, %v, want its distance 0.9", got[1].GetScore(), err)
	}
}

func TestBatchesAndTheOlderSearchAnswerAlike(t *testing.T) {
	c := cities(t)
	want := []string{"2", "1"}
	batch, err := c.QueryBatch(t.Context(), &qdrant.QueryBatchPoints{CollectionName: "cities", QueryPoints: []*qdrant.QueryPoints{
		{CollectionName: "cities", Query: qdrant.NewQuery(0, 0.9), Limit: qdrant.PtrOf(uint64(2))},
		{CollectionName: "cities", Query: qdrant.NewQuery(0, 9), Limit: qdrant.PtrOf(uint64(1))},
	}})
	if err != nil || len(batch) != 2 || !slices.Equal(idsOf(batch[0].GetResult()), want) || !slices.Equal(idsOf(batch[1].GetResult()), []string{someUUID}) {
		t.Errorf("query batch gave %v, %v", batch, err)
	}
	points := c.GetPointsClient()
	old := &qdrant.SearchPoints{CollectionName: "cities", Vector: []float32{0, 0.9}, Limit: 2}
	one, err := points.Search(t.Context(), old)
	if err != nil || !slices.Equal(idsOf(one.GetResult()), want) {
		t.Errorf("search gave %v, %v", one, err)
	}
	both, err := points.SearchBatch(t.Context(), &qdrant.SearchBatchPoints{CollectionName: "cities", SearchPoints: []*qdrant.SearchPoints{old, old}})
	if err != nil || len(both.GetResult()) != 2 || !slices.Equal(idsOf(both.GetResult()[1].GetResult()), want) {
		t.Errorf("search batch gave %v, %v", both, err)
	}
}

func TestReplacingAndDeletingPointsIsSeenAtOnce(t *testing.T) {
	c := cities(t)
	ctx := t.Context()
	upsert(t, c, "cities", &qdrant.PointStruct{Id: qdrant.NewIDNum(1), Vectors: qdrant.NewVectors(0, 100), Payload: qdrant.NewValueMap(map[string]any{"city": "Paris"})})
	got, err := c.Query(ctx, &qdrant.QueryPoints{CollectionName: "cities", Query: qdrant.NewQuery(0, 100), Limit: qdrant.PtrOf(uint64(1)), WithPayload: qdrant.NewWithPayload(true)})
	if err != nil || idsOf(got)[0] != "1" || got[0].GetPayload()["city"].GetStringValue() != "Paris" {
		t.Errorf("after replacing point 1: %v, %v", got, err)
	}
	if _, err := c.Delete(ctx, &qdrant.DeletePoints{CollectionName: "cities", Wait: qdrant.PtrOf(true),
		Points: qdrant.NewPointsSelector(qdrant.NewIDNum(1), qdrant.NewIDNum(1), qdrant.NewIDNum(77), qdrant.NewIDUUID(someUUID))}); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Query(ctx, &qdrant.QueryPoints{CollectionName: "cities", Query: qdrant.NewQuery(0, 100)}); err != nil || !slices.Equal(idsOf(got), []string{"3", "2"}) {
		t.Errorf("after deleting by ids: %v, %v", idsOf(got), err)
	}
	if _, err := c.Delete(ctx, &qdrant.DeletePoints{CollectionName: "cities",
		Points: qdrant.NewPointsSelectorFilter(&qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("city", "Berlin")}})}); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Count(ctx, &qdrant.CountPoints{CollectionName: "cities"}); err != nil || n != 1 {
		t.Errorf("after deleting by filter %d points are left, %v, want 1", n, err)
	}
}

func TestScrollPagesThroughAllIDsInOrder(t *testing.T) {
	c := start(t)
	create(t, c, "many", 1, qdrant.Distance_Dot)
	var want []string
	var points []*qdrant.PointStruct
	for i := range 23 {
		id := qdrant.NewIDNum(uint64(i * 7))
		if i >= 20 {
			id = qdrant.NewIDUUID(strings.Replace(someUUID, "5", string(rune('a'+i-20)), 1))
		}
		points = append(points, &qdrant.PointStruct{Id: id, Vectors: qdrant.NewVectors(1)})
		parsed, err := parseID(id)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, parsed.String())
	}
	slices.Reverse(points)
	upsert(t, c, "many", points...)
	var got []string
	var offset *qdrant.PointId
	for {
		page, next, err := c.ScrollAndOffset(t.Context(), &qdrant.ScrollPoints{CollectionName: "many", Limit: qdrant.PtrOf(uint32(5)), Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			id, _ := parseID(p.GetId())
			got = append(got, id.String())
		}
		if offset = next; offset == nil {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("scrolling gave %v, want %v", got, want)
	}
}

func TestSelectorsChooseWhatComesBack(t *testing.T) {
	c := cities(t)
	get := func(payload *qdrant.WithPayloadSelector) map[string]*qdrant.Value {
		t.Helper()
		got, err := c.Query(t.Context(), &qdrant.QueryPoints{CollectionName: "cities", Query: qdrant.NewQuery(0, 0), Limit: qdrant.PtrOf(uint64(1)), WithPayload: payload})
		if err != nil {
			t.Fatal(err)
		}
		return got[0].GetPayload()
	}
	if p := get(nil); len(p) != 0 {
		t.Errorf("without a selector the payload is %v", p)
	}
	if p := get(qdrant.NewWithPayload(true)); len(p) != 7 {
		t.Errorf("with payload it is %v", p)
	}
	p := get(qdrant.NewWithPayloadInclude("city", "geo.zone.id", "absent"))
	geo := p["geo"].GetStructValue().GetFields()
	if len(p) != 2 || len(geo) != 1 || geo["zone"].GetStructValue().GetFields()["id"].GetIntegerValue() != 7 {
		t.Errorf("included: %v", p)
	}
	p = get(qdrant.NewWithPayloadExclude("city", "geo.zone", "absent.too"))
	if geo := p["geo"].GetStructValue().GetFields(); len(p) != 6 || len(geo) != 1 || geo["lat"].GetDoubleValue() != 52.5 {
		t.Errorf("excluded: %v", p)
	}
	if p := get(qdrant.NewWithPayload(true)); len(p) != 7 || len(p["geo"].GetStructValue().GetFields()) != 2 {
		t.Errorf("the stored payload was changed: %v", p)
	}
	points, err := c.Get(t.Context(), &qdrant.GetPoints{CollectionName: "cities", Ids: []*qdrant.PointId{qdrant.NewIDNum(3)}, WithVectors: qdrant.NewWithVectors(true)})
	if err != nil || len(points) != 1 || !slices.Equal(points[0].GetVectors().GetVector().GetDense().GetData(), []float32{0, 3}) || len(points[0].GetPayload()) != 4 {
		t.Errorf("get gave %v, %v", points, err)
	}
}

// TestTheUnindexedTailIsFound holds back the linking, so that it is known what
// is linked and what is not.
func TestTheUnindexedTailIsFound(t *testing.T) {
	gate := make(chan struct{})
	s := New(Options{})
	s.beforeBuild = func(ctx context.Context) {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	defer s.Close()
	collections, points := collectionsService{server: s}, pointsService{server: s}
	set, err := clustered.Generate(clustered.Spec{Seed: 1, N: 3000, Queries: 20, Dim: 16})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := collections.Create(t.Context(), &qdrant.CreateCollection{CollectionName: "c",
		VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 16, Distance: qdrant.Distance_Cosine})}); err != nil {
		t.Fatal(err)
	}
	req := &qdrant.UpsertPoints{CollectionName: "c"}
	for i, v := range set.Base {
		req.Points = append(req.Points, &qdrant.PointStruct{Id: qdrant.NewIDNum(uint64(i)), Vectors: qdrant.NewVectors(v...)})
	}
	if _, err := points.Upsert(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	info := func() *qdrant.CollectionInfo {
		resp, err := collections.Get(t.Context(), &qdrant.GetCollectionInfoRequest{CollectionName: "c"})
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetResult()
	}
	if i := info(); i.GetStatus() != qdrant.CollectionStatus_Yellow || i.GetPointsCount() != 3000 || i.GetIndexedVectorsCount() != 0 {
		t.Errorf("before linking: %v", i)
	}
	agree := func(when string) {
		t.Helper()
		same := 0
		for _, v := range set.Queries {
			q := &qdrant.QueryPoints{CollectionName: "c", Query: qdrant.NewQuery(v...)}
			near, err := points.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			q.Params = &qdrant.SearchParams{Exact: qdrant.PtrOf(true)}
			exact, err := points.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range idsOf(exact.GetResult()) {
				if slices.Contains(idsOf(near.GetResult()), id) {
					same++
				}
			}
		}
		if same < 198 {
			t.Errorf("%s a search finds %d of the 200 nearest", when, same)
		}
	}
	agree("before linking")
	close(gate)
	deadline := time.After(time.Minute)
	for info().GetStatus() != qdrant.CollectionStatus_Green {
		select {
		case <-deadline:
			t.Fatal("the collection is not green after a minute")
		case <-time.After(time.Millisecond):
		}
	}
	if i := info(); i.GetIndexedVectorsCount() != 3000 {
		t.Errorf("after linking %d vectors are indexed, want 3000", i.GetIndexedVectorsCount())
	}
	agree("after linking")
}

func TestAStoppedServerAnswersNoMore(t *testing.T) {
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, Options{Listener: l}) }()
	c := dial(t, l, "")
	create(t, c, "c", 2, qdrant.Distance_Dot)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := c.ListCollections(t.Context()); status.Code(err) != codes.Unavailable {
		t.Errorf("a stopped server answers with %v", err)
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	if err := Serve(t.Context(), Options{}); err == nil {
		t.Error("served without a listener")
	}
	l := listen(t)
	_ = l.Close()
	if err := Serve(t.Context(), Options{Listener: l}); err == nil {
		t.Error("served on a closed listener")
	}
}
