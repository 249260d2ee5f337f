package vector

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"

	"github.com/benchharness/harness/plugins/internal/clustered"
)

func generate(t testing.TB, n, dim int) [][]float32 {
	t.Helper()
	set, err := clustered.Generate(clustered.Spec{Seed: 9, N: n, Dim: dim})
	if err != nil {
		t.Fatal(err)
	}
	return set.Base
}

// methods remembers the names of the methods that were called.
type methods struct {
	mu   sync.Mutex
	seen []string
}

func (m *methods) wrap(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	m.mu.Lock()
	m.seen = append(m.seen, info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:])
	m.mu.Unlock()
	return next(ctx, req)
}

func TestAnExistingCollectionIsOnlyRead(t *testing.T) {
	for _, distance := range []qdrant.Distance{qdrant.Distance_Cosine, qdrant.Distance_Dot, qdrant.Distance_Euclid} {
		var calls methods
		srv := start(t, "", calls.wrap)
		srv.fill(t, "docs", distance, pointsOf(generate(t, 1200, 12), nil)...)
		calls.seen = nil
		r := request(t, srv.target, map[string]any{"collection": "docs", "exact": true, "queries": 30})
		journal := &memory{}
		r.Journal = journal
		s, err := setup(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if got := meanRecall(t, s.(*session)); got != 1 {
			t.Errorf("%v: recall of the server's exact search is %v, want 1", distance, got)
		}
		info := describe(t, s)
		if p := info.Provenance; p["points"] != "1200" || p["dim"] != "12" || p["distance"] != strings.ToLower(distance.String()) || p["data"] != "existing collection, only read" {
			t.Errorf("provenance is %v", p)
		}
		closeSession(t, s)
		for _, m := range calls.seen {
			if !slices.Contains([]string{"HealthCheck", "Get", "Count", "Scroll", "Query"}, m) {
				t.Errorf("%v: method %s was called", distance, m)
			}
		}
		if len(journal.seen()) > 0 {
			t.Errorf("the journal saw %v", journal.seen())
		}
		if n, err := srv.client.Count(t.Context(), &qdrant.CountPoints{CollectionName: "docs"}); err != nil || n != 1200 {
			t.Errorf("%v: %d points are left, %v", distance, n, err)
		}
	}
}

func TestQueriesOfAnExistingCollectionFollowTheSeed(t *testing.T) {
	srv := start(t, "", nil)
	vectors := generate(t, 300, 12)
	srv.fill(t, "docs", qdrant.Distance_Dot, pointsOf(vectors, nil)...)
	queries := func(seed uint64) [][]float32 {
		r := request(t, srv.target, map[string]any{"collection": "docs", "queries": 8})
		r.Seed = seed
		return prepare(t, r).queries
	}
	same := func(a, b [][]float32) bool { return slices.EqualFunc(a, b, slices.Equal[[]float32]) }
	first := queries(1)
	if !same(first, queries(1)) || same(first, queries(2)) {
		t.Error("queries do not follow the seed")
	}
	for i, q := range first {
		nearest := math.Inf(1)
		for _, v := range vectors {
			nearest = min(nearest, 1+farness(qdrant.Distance_Cosine, q, v))
		}
		if nearest == 0 || nearest > 0.3 {
			t.Errorf("query %d is %v from the nearest stored vector, want it near and not the same", i, nearest)
		}
	}
}

func TestMoreQueriesThanPointsAreMade(t *testing.T) {
	srv := start(t, "", nil)
	srv.fill(t, "docs", qdrant.Distance_Cosine, pointsOf(generate(t, 3, 6), nil)...)
	s := prepare(t, request(t, srv.target, map[string]any{"collection": "docs", "queries": 10}))
	if got := meanRecall(t, s); got != 1 || len(s.queries) != 10 {
		t.Errorf("recall is %v over %d queries, want 1 over 10", got, len(s.queries))
	}
}

func TestPointsWithUUIDsAreRecognised(t *testing.T) {
	srv := start(t, "", nil)
	points := pointsOf(generate(t, 60, 6), nil)
	for i := range points {
		if i%2 == 0 {
			points[i].Id = qdrant.NewIDUUID(strings.ToUpper(uuid(i)))
		}
	}
	srv.fill(t, "docs", qdrant.Distance_Euclid, points...)
	s := prepare(t, request(t, srv.target, map[string]any{"collection": "docs", "exact": true}))
	if got := meanRecall(t, s); got != 1 {
		t.Errorf("recall is %v, want 1", got)
	}
}

func TestAFilterOnAnExistingCollectionUsesItsPayload(t *testing.T) {
	srv := start(t, "", nil)
	srv.fill(t, "docs", qdrant.Distance_Cosine, pointsOf(generate(t, 200, 8), func(i int) map[string]any {
		return map[string]any{"lang": []string{"en", "de", "fr", "es"}[i%4]}
	})...)
	s := prepare(t, request(t, srv.target, map[string]any{"collection": "docs", "exact": true, "filter": map[string]any{"field": "lang", "value": "de"}}))
	if got := meanRecall(t, s); got != 1 || s.matching != 50 {
		t.Errorf("recall is %v among %d points, want 1 among 50", got, s.matching)
	}
	_, err := setup(t.Context(), request(t, srv.target, map[string]any{"collection": "docs", "filter": map[string]any{"field": "lang", "value": "xx"}}))
	wantParamError(t, err, "filter", `matches none of the 200 points of collection "docs"`)
}

func TestWithoutExactAnswersRecallIsNotMeasured(t *testing.T) {
	srv := start(t, "", nil)
	srv.fill(t, "docs", qdrant.Distance_Cosine, pointsOf(generate(t, 200, 8), nil)...)
	for _, limit := range []int{0, 199} {
		s := prepare(t, request(t, srv.target, map[string]any{"collection": "docs", "ground_truth_limit": limit}))
		got, err := do(t.Context(), workerOf(t, s, 0), 0)
		if _, ok := got[metricRecall]; err != nil || ok {
			t.Errorf("limit %d: the op recorded %v, %v, want no recall", limit, got, err)
		}
		p := describe(t, s).Provenance
		if !strings.HasPrefix(p["ground_truth"], "none, recall is not measured: 200 points") || p["recall_target"] != "" {
			t.Errorf("limit %d: provenance is %v", limit, p)
		}
	}
}

func TestACollectionThatDoesNotFitIsNamed(t *testing.T) {
	srv := start(t, "", nil)
	_, err := setup(t.Context(), request(t, srv.target, map[string]any{"collection": "docs"}))
	wantParamError(t, err, "collection", "has no collections")
	srv.fill(t, "docs", qdrant.Distance_Cosine, pointsOf(generate(t, 20, 8), nil)...)
	srv.fill(t, "images", qdrant.Distance_Dot)
	for _, c := range []struct {
		name  string
		with  map[string]any
		param string
		text  string
	}{
		{"an unknown one", map[string]any{"collection": "dcos"}, "collection", `the nearest of its 2 is "docs"`},
		{"another dimension", map[string]any{"collection": "docs", "dim": 384}, "dim", `is 384, and collection "docs" holds vectors of 8`},
		{"another distance", map[string]any{"collection": "docs", "distance": "euclid"}, "distance", `compares by cosine`},
		{"an unknown vector", map[string]any{"collection": "docs", "vector": "title"}, "vector", `is "title"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := setup(t.Context(), request(t, srv.target, c.with))
			wantParamError(t, err, c.param, c.text)
		})
	}
	_, err = setup(t.Context(), request(t, srv.target, map[string]any{"collection": "images"}))
	wantTargetError(t, err, `collection "images" is empty`)
	s := prepare(t, request(t, srv.target, map[string]any{"collection": "docs", "dim": 8, "distance": "cosine"}))
	if s.dim != 8 {
		t.Errorf("dim is %d, want 8", s.dim)
	}
}

func TestAVectorIsChosenAmongTheNamedOnes(t *testing.T) {
	one, other := &qdrant.VectorParams{Size: 3}, &qdrant.VectorParams{Size: 5}
	several := qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{"title": one, "body": other})
	for _, c := range []struct {
		name   string
		asked  string
		config *qdrant.VectorsConfig
		want   string
		size   uint64
		err    string
	}{
		{"the only one, without a name", "", qdrant.NewVectorsConfig(one), "", 3, ""},
		{"the only one, with a name", "", qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{"body": other}), "body", 5, ""},
		{"the one asked for", "title", several, "title", 3, ""},
		{"none asked for", "", several, "", 0, `name one of: "body", "title"`},
		{"one that is not there", "image", several, "", 0, `it has: "body", "title"`},
		{"sparse vectors only", "", nil, "", 0, "no dense vectors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name, p, err := chooseVector(c.asked, c.config)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || name != c.want || p.GetSize() != c.size {
				t.Errorf("got %q of %d, %v, want %q of %d", name, p.GetSize(), err, c.want, c.size)
			}
		})
	}
}

func TestAVectorIsReadInAnyFormOfTheProtocol(t *testing.T) {
	dense := &qdrant.VectorOutput{Vector: &qdrant.VectorOutput_Dense{Dense: &qdrant.DenseVector{Data: []float32{1, 2}}}}
	former := &qdrant.VectorOutput{Data: []float32{1, 2}} //nolint:staticcheck // the former field is what is tested
	sparse := &qdrant.VectorOutput{Vector: &qdrant.VectorOutput_Sparse{Sparse: &qdrant.SparseVector{Values: []float32{1}}}}
	unnamed := func(v *qdrant.VectorOutput) *qdrant.VectorsOutput {
		return &qdrant.VectorsOutput{VectorsOptions: &qdrant.VectorsOutput_Vector{Vector: v}}
	}
	named := func(v *qdrant.VectorOutput) *qdrant.VectorsOutput {
		return &qdrant.VectorsOutput{VectorsOptions: &qdrant.VectorsOutput_Vectors{
			Vectors: &qdrant.NamedVectorsOutput{Vectors: map[string]*qdrant.VectorOutput{"title": v}},
		}}
	}
	for _, c := range []struct {
		form   string
		vector *qdrant.VectorsOutput
		name   string
		ok     bool
	}{
		{"dense", unnamed(dense), "", true},
		{"the former field", unnamed(former), "", true},
		{"named", named(dense), "title", true},
		{"named, the former field", named(former), "title", true},
		{"named, and not there", named(dense), "body", false},
		{"sparse", unnamed(sparse), "", false},
		{"none", nil, "", false},
	} {
		v, err := denseVector(c.vector, c.name)
		if (err == nil) != c.ok || c.ok && !slices.Equal(v, []float32{1, 2}) {
			t.Errorf("%s: got %v, %v", c.form, v, err)
		}
	}
}

func TestACollectionThatChangesMeanwhileIsAnError(t *testing.T) {
	srv := start(t, "", func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		resp, err := next(ctx, req)
		if r, ok := resp.(*qdrant.CountResponse); ok {
			r.Result.Count++ // as if one was deleted right after
		}
		return resp, err
	})
	srv.fill(t, "docs", qdrant.Distance_Cosine, pointsOf(generate(t, 20, 8), nil)...)
	_, err := setup(t.Context(), request(t, srv.target, map[string]any{"collection": "docs"}))
	wantTargetError(t, err, "is being changed: 21 points were counted and 20 read")
}
