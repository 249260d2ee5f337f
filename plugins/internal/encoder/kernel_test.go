package encoder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func randomFloats(random *rand.Rand, n int) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(random.NormFloat64())
	}
	return list
}

// near compares with what float64 gives, relative to the size of the terms.
func near(got float32, want, size float64) bool {
	return math.Abs(float64(got)-want) <= 1e-5*(1+size)
}

func TestBothKernelsAgreeWithDoublePrecision(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	shapes := []struct{ m, n, p int }{
		{1, 1, 1}, {1, 7, 3}, {3, 5, 1}, {4, 32, 8}, {5, 33, 31}, {13, 384, 12}, {64, 13, 32}, {300, 400, 2}, {700, 512, 64},
	}
	for name, k := range map[string]kernels{
		"portable": {matVec: portableMatVec, matMul: portableMatMul},
		"vek32":    {matVec: vekMatVec, matMul: vekMatMul},
	} {
		for _, s := range shapes {
			t.Run(fmt.Sprintf("%s %dx%d times %dx%d", name, s.m, s.n, s.n, s.p), func(t *testing.T) {
				a, b := randomFloats(random, s.m*s.n), randomFloats(random, s.n*s.p)
				product, vector := randomFloats(random, s.m*s.p), randomFloats(random, s.m)
				k.matMul(product, a, b, s.m, s.n, s.p)
				k.matVec(vector, a, b[:s.n])
				for i := range s.m {
					for j := range s.p {
						want, size := dot64(a[i*s.n:(i+1)*s.n], b[j:], s.p)
						if got := product[i*s.p+j]; !near(got, want, size) {
							t.Fatalf("product[%d,%d] = %v, want %v", i, j, got, want)
						}
					}
					want, size := dot64(a[i*s.n:(i+1)*s.n], b, 1)
					if !near(vector[i], want, size) {
						t.Fatalf("vector[%d] = %v, want %v", i, vector[i], want)
					}
				}
			})
		}
	}
}

func dot64(x, y []float32, stride int) (sum, size float64) {
	for i, v := range x {
		term := float64(v) * float64(y[i*stride])
		sum += term
		size += math.Abs(term)
	}
	return sum, size
}

func TestALinearLayerInRangesIsTheWholeLayer(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const tokens, in, out = 5, 1000, 37 // tiles of six rows, the last cut
	x, w, bias := randomFloats(random, tokens*in), randomFloats(random, out*in), randomFloats(random, out)
	k := pickKernels()
	dst := make([]float32, tokens*out)
	for _, edge := range [][2]int{{0, 1}, {1, 20}, {20, 37}} {
		k.linear(dst, x, w, bias, in, edge[0], edge[1])
	}
	for i := range tokens {
		for j := range out {
			want, size := dot64(x[i*in:(i+1)*in], w[j*in:], 1)
			if want += float64(bias[j]); !near(dst[i*out+j], want, size) {
				t.Fatalf("token %d, output %d is %v, want %v", i, j, dst[i*out+j], want)
			}
		}
	}
}

func TestGELUIsTheExactForm(t *testing.T) {
	var xs []float32
	for x := -30.0; x <= 30; x += 0.01 {
		xs = append(xs, float32(x))
	}
	xs = append(xs, 0, 1e-30, -1e-30, 1e6, -1e6)
	got := append([]float32{}, xs...)
	gelu(got, make([]float32, geluScratch(len(xs))))
	for i, x := range xs {
		v := float64(x)
		want := v * 0.5 * math.Erfc(-v/math.Sqrt2)
		if !(math.Abs(float64(got[i])-want) <= 5e-7*math.Max(1, math.Abs(v))) {
			t.Fatalf("gelu(%v) = %v, want %v", x, got[i], want)
		}
	}
}

func TestSoftmaxRowsSumToOneAndSurviveExtremes(t *testing.T) {
	p := []float32{1, 2, 3, 1000, -1000, 1000, -500, -500, -500}
	softmax(p, 3, 0.5)
	e := func(x float64) float64 { return math.Exp(x) }
	total := e(0.5) + e(1) + e(1.5)
	want := []float64{e(0.5) / total, e(1) / total, e(1.5) / total, 0.5, 0, 0.5, 1. / 3, 1. / 3, 1. / 3}
	for i := range p {
		if !near(p[i], want[i], 0) {
			t.Errorf("element %d is %v, want %v", i, p[i], want[i])
		}
	}
}

func TestScoresThatUnderflowGetNoWeight(t *testing.T) {
	for gap := float32(80); gap < 120; gap += 0.25 {
		p := []float32{0, -gap, 0, -gap, 0, -gap, 0, -gap}
		softmax(p, len(p), 1)
		for i := range p {
			if want := 0.25 * float64(1-i%2); !near(p[i], want, 0) {
				t.Fatalf("a score %v below the largest: element %d is %v, want %v", gap, i, p[i], want)
			}
		}
	}
}

func TestLayerNormCentresScalesAndShifts(t *testing.T) {
	row := []float32{1, 2, 3, 4}
	layerNorm(row, []float32{1, 1, 2, 2}, []float32{0, 0, 0, 10}, 1e-12)
	for i, want := range []float64{-1.3416407865, -0.4472135955, 0.894427191, 12.683281573} {
		if !near(row[i], want, 0) {
			t.Errorf("element %d is %v, want %v", i, row[i], want)
		}
	}
	flat := []float32{5, 5}
	layerNorm(flat, []float32{1, 1}, []float32{3, 4}, 1e-12)
	if flat[0] != 3 || flat[1] != 4 {
		t.Errorf("a row without variance gave %v, want its offsets", flat)
	}
}

func TestRandomWeightsAreTheSameBitsEverywhere(t *testing.T) {
	var got [6]float32
	fillNormal(got[:], 1)
	// Computed once by exact rational arithmetic, rounded to float32: any platform must give these bits.
	want := [6]uint32{0xbc4a58ca, 0x3cafb654, 0x3d02d87a, 0x3cc2aeb9, 0x3c2b6525, 0xbcaf4543}
	for i, v := range got {
		if math.Float32bits(v) != want[i] {
			t.Errorf("number %d is %#08x (%v), want %#08x", i, math.Float32bits(v), v, want[i])
		}
	}
}

func TestRandomWeightsHaveBERTsSpread(t *testing.T) {
	many := make([]float32, 1<<16)
	fillNormal(many, 42)
	var sum, squares float64
	for _, v := range many {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(many))
	if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 4e-4 || math.Abs(deviation-randomDeviation) > 4e-4 {
		t.Errorf("mean %v, standard deviation %v; want 0 and %v", mean, deviation, randomDeviation)
	}
}

// BenchmarkLinear is the layer that costs most in MiniLM's shape: 13 tokens, 384 in, 1,536 out.
func BenchmarkLinear(b *testing.B) {
	const tokens, in, out = 13, 384, 1536
	random := rand.New(rand.NewPCG(5, 6))
	x, w, bias := randomFloats(random, tokens*in), randomFloats(random, out*in), randomFloats(random, out)
	dst := make([]float32, tokens*out)
	for _, k := range []kernels{
		{name: "vek32", matVec: vekMatVec},
		{name: "portable", matVec: portableMatVec},
	} {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				k.linear(dst, x, w, bias, in, 0, out)
			}
			b.ReportMetric(float64(tokens*in*out)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmul/s")
		})
	}
}
