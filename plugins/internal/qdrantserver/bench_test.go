package qdrantserver

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/benchharness/harness/plugins/internal/clustered"
)

// BenchmarkQuery is a whole query by Qdrant's client over loopback, of 20,000
// vectors of 128 components, by one user and by many.
func BenchmarkQuery(b *testing.B) {
	set, err := clustered.Generate(clustered.Spec{Seed: 1, N: 20_000, Queries: 1000, Dim: 128})
	if err != nil {
		b.Fatal(err)
	}
	c := start(b)
	create(b, c, "c", 128, qdrant.Distance_Cosine)
	for at := 0; at < len(set.Base); at += 1000 {
		req := make([]*qdrant.PointStruct, 1000)
		for i := range req {
			req[i] = &qdrant.PointStruct{Id: qdrant.NewIDNum(uint64(at + i)), Vectors: qdrant.NewVectorsDense(set.Base[at+i])}
		}
		upsert(b, c, "c", req...)
	}
	for green := false; !green; {
		info, err := c.GetCollectionInfo(b.Context(), "c")
		if err != nil {
			b.Fatal(err)
		}
		if green = info.GetStatus() == qdrant.CollectionStatus_Green; !green {
			<-time.After(time.Millisecond)
		}
	}
	ask := func(i int) error {
		_, err := c.Query(b.Context(), &qdrant.QueryPoints{CollectionName: "c", Query: qdrant.NewQueryDense(set.Queries[i%len(set.Queries)]),
			Params: &qdrant.SearchParams{HnswEf: qdrant.PtrOf(uint64(64))}})
		return err
	}
	b.Run("one user", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if err := ask(i); err != nil {
				b.Fatal(err)
			}
			i++
		}
		b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "queries/s")
	})
	b.Run("many users", func(b *testing.B) {
		var next atomic.Int64
		b.SetParallelism(50)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := ask(int(next.Add(1))); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
	})
}
