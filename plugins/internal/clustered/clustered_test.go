package clustered

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"strings"
	"testing"
)

func digest(t *testing.T, set Set) uint64 {
	t.Helper()
	h := fnv.New64a()
	var b [4]byte
	for _, part := range [][][]float32{set.Base, set.Queries} {
		for _, row := range part {
			if len(row) != set.Dim {
				t.Fatalf("a row has %d components, want %d", len(row), set.Dim)
			}
			for _, v := range row {
				binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
				h.Write(b[:])
			}
		}
	}
	return h.Sum64()
}

func TestTheSameSpecGivesTheSameBitsOnEveryPlatform(t *testing.T) {
	spec := Spec{Seed: 7, N: 300, Queries: 40, Dim: 33, Clusters: 5, Spread: 0.3}
	set, err := Generate(spec)
	if err != nil {
		t.Fatal(err)
	}
	const want = 0x49b7200e473eec41
	if got := digest(t, set); got != want {
		t.Errorf("digest of the vectors is %#x, want %#x", got, uint64(want))
	}
}

func TestAnotherSeedGivesOtherVectors(t *testing.T) {
	a, _ := Generate(Spec{Seed: 1, N: 10, Dim: 4})
	b, _ := Generate(Spec{Seed: 2, N: 10, Dim: 4})
	if digest(t, a) == digest(t, b) {
		t.Error("seeds 1 and 2 gave the same vectors")
	}
}

func TestQueriesAreNotAmongTheBaseVectors(t *testing.T) {
	set, err := Generate(Spec{Seed: 3, N: 500, Queries: 500, Dim: 8})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[8]float32]bool{}
	for _, row := range set.Base {
		seen[[8]float32(row)] = true
	}
	if len(seen) != 500 {
		t.Errorf("%d distinct base vectors, want 500", len(seen))
	}
	for i, q := range set.Queries {
		if seen[[8]float32(q)] {
			t.Errorf("query %d is a base vector", i)
		}
	}
}

func TestNoiseHasTheSpreadThatWasAskedFor(t *testing.T) {
	const spread = 0.25
	set, err := Generate(Spec{Seed: 11, N: 4000, Dim: 16, Clusters: 1, Spread: spread})
	if err != nil {
		t.Fatal(err)
	}
	for d := range set.Dim {
		var sum, squares float64
		for _, row := range set.Base {
			sum += float64(row[d])
			squares += float64(row[d]) * float64(row[d])
		}
		mean := sum / 4000
		if sd := math.Sqrt(squares/4000 - mean*mean); math.Abs(sd-spread) > 0.02 {
			t.Errorf("component %d has standard deviation %.4f, want %.2f ± 0.02", d, sd, spread)
		}
	}
}

func TestVectorsOfOneClusterAreNearerThanThoseOfTwo(t *testing.T) {
	set, err := Generate(Spec{Seed: 5, N: 400, Dim: 64, Clusters: 4, Spread: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	// With a spread of 0.1 two vectors of a cluster are about 0.1·√(2·64) = 1.1
	// apart and two of different clusters about √(2·64) = 11.
	near := 0
	for i := range 400 {
		for j := range i {
			var d float64
			for c, v := range set.Base[i] {
				x := float64(v - set.Base[j][c])
				d += x * x
			}
			switch d = math.Sqrt(d); {
			case d < 3:
				near++
			case d < 6:
				t.Fatalf("vectors %d and %d are %.2f apart: neither one cluster nor two", i, j, d)
			}
		}
	}
	if share := float64(near) / (400 * 399 / 2); share < 0.2 || share > 0.35 {
		t.Errorf("%.2f of all pairs share a cluster, want about a quarter", share)
	}
}

func TestASpecOutOfRangeIsRefusedByName(t *testing.T) {
	for _, tc := range []struct {
		name string
		spec Spec
	}{
		{"n", Spec{N: 0, Dim: 1}},
		{"dim", Spec{N: 1, Dim: 0}},
		{"queries", Spec{N: 1, Dim: 1, Queries: -1}},
		{"clusters", Spec{N: 1, Dim: 1, Clusters: -1}},
		{"spread", Spec{N: 1, Dim: 1, Spread: math.NaN()}},
	} {
		if _, err := Generate(tc.spec); err == nil || !strings.Contains(err.Error(), tc.name) {
			t.Errorf("%s out of range: error is %v, want one naming it", tc.name, err)
		}
	}
}

func BenchmarkGenerate3000x4096(b *testing.B) {
	for b.Loop() {
		if _, err := Generate(Spec{Seed: 1, N: 3000, Queries: 100, Dim: 4096}); err != nil {
			b.Fatal(err)
		}
	}
}
