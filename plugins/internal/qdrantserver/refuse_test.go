package qdrantserver

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
)

func TestBadRequestsAreRefusedByNameAndChangeNothing(t *testing.T) {
	c := cities(t)
	ctx := t.Context()
	raw, collections := c.GetPointsClient(), c.GetCollectionsClient()
	nan := float32(math.NaN())
	params := func(size uint64, d qdrant.Distance) *qdrant.VectorsConfig {
		return qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: size, Distance: d})
	}
	put := func(points ...*qdrant.PointStruct) func() error {
		return func() error {
			_, err := raw.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: "cities", Points: points})
			return err
		}
	}
	ask := func(q *qdrant.QueryPoints) func() error {
		return func() error {
			if q.CollectionName == "" {
				q.CollectionName = "cities"
			}
			_, err := raw.Query(ctx, q)
			return err
		}
	}
	create := func(req *qdrant.CreateCollection) func() error {
		return func() error { _, err := collections.Create(ctx, req); return err }
	}
	for _, tc := range []struct {
		name string
		call func() error
		code codes.Code
		text string
	}{
		{"a collection that is there", create(&qdrant.CreateCollection{CollectionName: "cities", VectorsConfig: params(2, 1)}), codes.AlreadyExists, "`cities` already exists"},
		{"a collection without a name", create(&qdrant.CreateCollection{VectorsConfig: params(2, 1)}), codes.InvalidArgument, "collection_name"},
		{"a collection named like a path", create(&qdrant.CreateCollection{CollectionName: "a/b", VectorsConfig: params(2, 1)}), codes.InvalidArgument, "a/b"},
		{"no vectors", create(&qdrant.CreateCollection{CollectionName: "x"}), codes.InvalidArgument, "vectors_config"},
		{"vectors of size 0", create(&qdrant.CreateCollection{CollectionName: "x", VectorsConfig: params(0, 1)}), codes.InvalidArgument, "size"},
		{"vectors too large", create(&qdrant.CreateCollection{CollectionName: "x", VectorsConfig: params(70000, 1)}), codes.InvalidArgument, "65536"},
		{"no distance", create(&qdrant.CreateCollection{CollectionName: "x", VectorsConfig: params(2, 0)}), codes.InvalidArgument, "distance"},
		{"Manhattan", create(&qdrant.CreateCollection{CollectionName: "x", VectorsConfig: params(2, 4)}), codes.Unimplemented, "Manhattan"},
		{"named vectors", create(&qdrant.CreateCollection{CollectionName: "x", VectorsConfig: qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{"a": {Size: 2, Distance: 1}})}), codes.Unimplemented, "named vectors"},
		{"quantization", create(&qdrant.CreateCollection{CollectionName: "x", VectorsConfig: params(2, 1), QuantizationConfig: qdrant.NewQuantizationBinary(&qdrant.BinaryQuantization{})}), codes.Unimplemented, "quantization"},
		{"m out of range", create(&qdrant.CreateCollection{CollectionName: "x", VectorsConfig: params(2, 1), HnswConfig: &qdrant.HnswConfigDiff{M: qdrant.PtrOf(uint64(5000))}}), codes.InvalidArgument, "m is 5000"},

		{"an unknown collection", ask(&qdrant.QueryPoints{CollectionName: "nowhere", Query: qdrant.NewQuery(1, 2)}), codes.NotFound, "Not found: Collection `nowhere` doesn't exist!"},
		{"a query of another dimension", ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, 2, 3)}), codes.InvalidArgument, "expected dim: 2, got 3"},
		{"a query of no dimension", ask(&qdrant.QueryPoints{Query: qdrant.NewQueryDense(nil)}), codes.InvalidArgument, "expected dim: 2, got 0"},
		{"a query with NaN", ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, nan)}), codes.InvalidArgument, "component 1 of the vector is NaN"},
		{"a query near an unknown point", ask(&qdrant.QueryPoints{Query: qdrant.NewQueryID(qdrant.NewIDNum(99))}), codes.NotFound, "No point with id 99 found"},
		{"a query for none", ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, 2), Limit: qdrant.PtrOf(uint64(0))}), codes.InvalidArgument, "limit"},
		{"a query by an unknown vector", ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, 2), Using: qdrant.PtrOf("image")}), codes.InvalidArgument, "image"},
		{"a prefetch", ask(&qdrant.QueryPoints{Prefetch: []*qdrant.PrefetchQuery{{}}}), codes.Unimplemented, "prefetch"},
		{"a sparse query", ask(&qdrant.QueryPoints{Query: qdrant.NewQuerySparse([]uint32{1}, []float32{1})}), codes.Unimplemented, "sparse"},
		{"a query by fusion", ask(&qdrant.QueryPoints{Query: qdrant.NewQueryFusion(qdrant.Fusion_RRF)}), codes.Unimplemented, "nearest"},
		{"a vector that is to come back by name", ask(&qdrant.QueryPoints{Query: qdrant.NewQuery(1, 2), WithVectors: qdrant.NewWithVectorsInclude("image")}), codes.InvalidArgument, "image"},

		{"a point without an id", put(&qdrant.PointStruct{Vectors: qdrant.NewVectors(1, 2)}), codes.InvalidArgument, "ID"},
		{"a point with a bad UUID", put(&qdrant.PointStruct{Id: qdrant.NewIDUUID("nope"), Vectors: qdrant.NewVectors(1, 2)}), codes.InvalidArgument, "nope"},
		{"a point without a vector", put(&qdrant.PointStruct{Id: qdrant.NewIDNum(50)}), codes.InvalidArgument, "no vector"},
		{"a point with another vector", put(&qdrant.PointStruct{Id: qdrant.NewIDNum(50), Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{"image": qdrant.NewVector(1, 2)})}), codes.InvalidArgument, "image"},
		{"one wrong point among right ones", put(
			&qdrant.PointStruct{Id: qdrant.NewIDNum(50), Vectors: qdrant.NewVectors(1, 2)},
			&qdrant.PointStruct{Id: qdrant.NewIDNum(51), Vectors: qdrant.NewVectors(1)}), codes.InvalidArgument, "expected dim: 2, got 1 (point 51)"},
		{"a point with an infinite component", put(&qdrant.PointStruct{Id: qdrant.NewIDNum(50), Vectors: qdrant.NewVectors(float32(math.Inf(-1)), 2)}), codes.InvalidArgument, "point 50"},
		{"a sparse point", put(&qdrant.PointStruct{Id: qdrant.NewIDNum(50), Vectors: qdrant.NewVectorsSparse([]uint32{1}, []float32{1})}), codes.Unimplemented, "sparse"},

		{"a deletion of nothing in particular", func() error { _, err := raw.Delete(ctx, &qdrant.DeletePoints{CollectionName: "cities"}); return err }, codes.InvalidArgument, "PointsSelector"},
		{"an index of no type", func() error {
			_, err := raw.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{CollectionName: "cities", FieldName: "a"})
			return err
		}, codes.InvalidArgument, "field_type"},
		{"scrolling in another order", func() error {
			_, err := raw.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: "cities", OrderBy: &qdrant.OrderBy{Key: "a"}})
			return err
		}, codes.Unimplemented, "order_by"},
		{"a method that is not there", func() error { _, err := raw.Recommend(ctx, &qdrant.RecommendPoints{}); return err }, codes.Unimplemented, "Recommend"},
		{"aliases", func() error { _, err := collections.ListAliases(ctx, &qdrant.ListAliasesRequest{}); return err }, codes.Unimplemented, "ListAliases"},
		{"snapshots", func() error {
			_, err := c.GetSnapshotsClient().ListFull(ctx, &qdrant.ListFullSnapshotsRequest{})
			return err
		}, codes.Unimplemented, "ListFull"},
	} {
		if err := tc.call(); status.Code(err) != tc.code || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want %v with %q", tc.name, err, tc.code, tc.text)
		}
	}
	if n, err := c.Count(ctx, &qdrant.CountPoints{CollectionName: "cities"}); err != nil || n != 4 {
		t.Errorf("after all that there are %d points, %v, want 4", n, err)
	}
	if names, err := c.ListCollections(ctx); err != nil || len(names) != 1 {
		t.Errorf("after all that the collections are %v, %v", names, err)
	}
}

func TestAKeyIsAskedForOfAllButHealth(t *testing.T) {
	l := listen(t)
	serve(t, Options{Listener: l, APIKey: "secret"})
	none, wrong, right := dial(t, l, ""), dial(t, l, "guess"), dial(t, l, "secret")
	if _, err := none.ListCollections(t.Context()); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "Must provide an API key") {
		t.Errorf("without a key: %v", err)
	}
	if _, err := wrong.ListCollections(t.Context()); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "Invalid API key") {
		t.Errorf("with a wrong key: %v", err)
	}
	if _, err := right.ListCollections(t.Context()); err != nil {
		t.Errorf("with the key: %v", err)
	}
	bearer := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer secret")
	if _, err := none.ListCollections(bearer); err != nil {
		t.Errorf("with the key as a bearer token: %v", err)
	}
	if _, err := none.HealthCheck(t.Context()); err != nil {
		t.Errorf("health without a key: %v", err)
	}
	if names, err := reflectedServices(t, l); status.Code(err) != codes.Unauthenticated {
		t.Errorf("reflection without a key: %v, %v", names, err)
	}
}

func TestReflectionNamesTheServices(t *testing.T) {
	l := listen(t)
	serve(t, Options{Listener: l})
	names, err := reflectedServices(t, l)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"qdrant.Collections", "qdrant.Points", "qdrant.Qdrant"} {
		if !strings.Contains(names, want) {
			t.Errorf("reflection names %s, want %s among them", names, want)
		}
	}
}

func reflectedServices(t *testing.T, l net.Listener) (string, error) {
	t.Helper()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return "", err
	}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err) // EOF: the server has refused already, and Recv says why
	}
	resp, err := stream.Recv()
	if err != nil {
		return "", err
	}
	var names []string
	for _, s := range resp.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return strings.Join(names, " "), nil
}

func TestAMessageOverTheLimitIsRefusedAndALargeOneIsNot(t *testing.T) {
	c := start(t)
	create(t, c, "wide", 65536, qdrant.Distance_Dot)
	batch := func(n int) *qdrant.UpsertPoints {
		req := &qdrant.UpsertPoints{CollectionName: "wide"}
		for i := range n {
			req.Points = append(req.Points, &qdrant.PointStruct{Id: qdrant.NewIDNum(uint64(i)), Vectors: qdrant.NewVectors(make([]float32, 65536)...)})
		}
		return req
	}
	// A vector of 65,536 components takes a quarter of a MiB.
	if _, err := c.Upsert(t.Context(), batch(250)); err != nil {
		t.Errorf("62.5 MiB: %v", err)
	}
	if _, err := c.Upsert(t.Context(), batch(260)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("65 MiB: %v, want %v", err, codes.ResourceExhausted)
	}
}

// TestEverythingAtOnce is for the race detector: clients that write, delete,
// search, scroll, look and make and drop collections.
func TestEverythingAtOnce(t *testing.T) {
	c := start(t)
	ctx := t.Context()
	create(t, c, "busy", 4, qdrant.Distance_Cosine)
	if _, err := c.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{CollectionName: "busy", FieldName: "k", FieldType: qdrant.FieldType_FieldTypeInteger.Enum()}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(60) {
				id := qdrant.NewIDNum(i % 20 * (w%2 + 1))
				_, err := c.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: "busy", Points: []*qdrant.PointStruct{{
					Id: id, Vectors: qdrant.NewVectors(float32(i), float32(w), 1, 2), Payload: qdrant.NewValueMap(map[string]any{"k": i % 3})}}})
				if err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					if _, err := c.Delete(ctx, &qdrant.DeletePoints{CollectionName: "busy", Points: qdrant.NewPointsSelector(id)}); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Go(func() {
			for range 60 {
				got, err := c.Query(ctx, &qdrant.QueryPoints{CollectionName: "busy", Query: qdrant.NewQuery(1, 2, 3, 4),
					Filter: must(qdrant.NewMatchInt("k", 1)), WithPayload: qdrant.NewWithPayload(true), WithVectors: qdrant.NewWithVectors(true)})
				if err != nil {
					t.Error(err)
				}
				for _, p := range got {
					if p.GetPayload()["k"].GetIntegerValue() != 1 || len(p.GetVectors().GetVector().GetDense().GetData()) != 4 {
						t.Errorf("a hit is %v", p)
					}
				}
				if _, err := c.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: "busy"}); err != nil {
					t.Error(err)
				}
				if _, err := c.GetCollectionInfo(ctx, "busy"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			if err := c.CreateCollection(ctx, &qdrant.CreateCollection{CollectionName: "brief",
				VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 2, Distance: qdrant.Distance_Dot})}); err != nil {
				t.Error(err)
			}
			if err := c.DeleteCollection(ctx, "brief"); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	n, err := c.Count(ctx, &qdrant.CountPoints{CollectionName: "busy"})
	if err != nil {
		t.Fatal(err)
	}
	info, err := c.GetCollectionInfo(ctx, "busy")
	if err != nil || info.GetPointsCount() != n || info.GetPayloadSchema()["k"].GetPoints() != n {
		t.Errorf("%d points are counted, and the information says %v, %v", n, info, err)
	}
}
