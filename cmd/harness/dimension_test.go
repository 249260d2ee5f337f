package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/sdk"
)

func TestACollectionOfAnotherDimensionIsNotMeasured(t *testing.T) {
	p := newPlace(t)
	ref := p.reference(sdk.TargetVector)
	client := index(t, ref)
	wait := true
	err := client.CreateCollection(t.Context(), &qdrant.CreateCollection{
		CollectionName: "docs", VectorsConfig: qdrant.NewVectorsConfig(&qdrant.VectorParams{Size: 4, Distance: qdrant.Distance_Cosine}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var points []*qdrant.PointStruct
	for i := range 20 {
		points = append(points, &qdrant.PointStruct{Id: qdrant.NewIDNum(uint64(i)), Vectors: qdrant.NewVectors(1, float32(i), 2, 3)})
	}
	if _, err := client.Upsert(t.Context(), &qdrant.UpsertPoints{CollectionName: "docs", Points: points, Wait: &wait}); err != nil {
		t.Fatal(err)
	}
	p.write("harness.yaml", fmt.Sprintf(`version: 1
targets: {main: {url: "%s"}}
suites:
  default:
    load: {concurrent_users: 2, duration: 200ms, rounds: 2}
    benchmarks:
      - {use: vector/search, name: docs, target: main, with: {collection: docs, dim: 16}}
`, ref.Components[sdk.TargetVector].Target.URL))
	o := p.harness("run")
	line := o.stderr[strings.LastIndex(o.stderr, "harness: "):]
	for _, want := range []string{"vector/docs: ", "docs", "16", "4"} {
		if !strings.Contains(line, want) {
			t.Errorf("the line %q lacks %q", line, want)
		}
	}
	if o.code != exitUsage || strings.Contains(o.stdout, "Throughput") {
		t.Errorf("exit code %d, want %d, and no throughput", o.code, exitUsage)
	}
	if n, err := client.Count(t.Context(), &qdrant.CountPoints{CollectionName: "docs"}); err != nil || n != 20 {
		t.Errorf("the collection has %d points, %v; want the 20 that were in it", n, err)
	}
}
