package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/perf/benchmath"
)

// peers hands out pairs of samples of many sizes, as they are and for the peer.
func peers(t *testing.T, seed uint64, draw func(*rand.Rand) float64, compare func(t *testing.T, a, b []float64, pa, pb *benchmath.Sample)) {
	random := rand.New(rand.NewPCG(seed, 18))
	for _, sizes := range [][2]int{{2, 2}, {3, 5}, {5, 5}, {10, 10}, {12, 9}, {25, 25}, {49, 50}, {51, 60}, {200, 150}} {
		for range 5 {
			a, b := make([]float64, sizes[0]), make([]float64, sizes[1])
			for i := range a {
				a[i] = draw(random)
			}
			for i := range b {
				b[i] = draw(random) * 1.02
			}
			compare(t, a, b, benchmath.NewSample(slices.Clone(a), &benchmath.DefaultThresholds), benchmath.NewSample(slices.Clone(b), &benchmath.DefaultThresholds))
		}
	}
}

func latency(random *rand.Rand) float64 { return math.Exp(0.05 * random.NormFloat64()) }

func TestAgreesWithBenchmath(t *testing.T) {
	peers(t, 1, latency, func(t *testing.T, a, b []float64, pa, pb *benchmath.Sample) {
		welch := effect(t)(Welch(a, b))
		checkNear(t, "Welch's p", welch.TwoSided(0), benchmath.AssumeNormal.Compare(pa, pb).P, 1e-9)

		mean := benchmath.AssumeNormal.Summary(pa, 0.95)
		interval := effect(t)(PairedT(a)).Interval(0.95)
		checkNear(t, "the mean", Mean(a), mean.Center, 1e-13)
		checkNear(t, "the lower end", interval.Lo, mean.Lo, 1e-7)
		checkNear(t, "the upper end", interval.Hi, mean.Hi, 1e-7)

		ranks, err := MannWhitney(a, b)
		if err != nil {
			t.Fatal(err)
		}
		checkNear(t, "Mann–Whitney's p", ranks.P, benchmath.AssumeNothing.Compare(pa, pb).P, 1e-9)

		checkMedian(t, a, benchmath.AssumeNothing.Summary(pa, 0.95))
	})
}

// checkMedian compares the median and its interval. The peer gives the shortest
// ranks around the median that cover, ours give each tail half of the error, so
// ours may be one rank wider, never narrower.
func checkMedian(t *testing.T, a []float64, peer benchmath.Summary) {
	t.Helper()
	checkNear(t, "the median", Median(a), peer.Center, 1e-13)
	ours, ok := QuantileIntervalSorted(slices.Sorted(slices.Values(a)), 0.5, 0.95)
	if infinite := math.IsInf(peer.Lo, 0) || math.IsInf(peer.Hi, 0); ok == infinite {
		t.Errorf("%d values: our interval is %+v, %v, the peer's %+v", len(a), ours, ok, peer)
	}
	if ok && (ours.Lo > peer.Lo || ours.Hi < peer.Hi || ours.ActualConfidence < peer.Confidence-1e-12) {
		t.Errorf("%d values: our interval is %+v, the peer's %+v", len(a), ours, peer)
	}
}

func TestAgreesWithBenchmathOnTies(t *testing.T) {
	coarse := func(random *rand.Rand) float64 { return math.Round(10 * latency(random)) }
	peers(t, 2, coarse, func(t *testing.T, a, b []float64, pa, pb *benchmath.Sample) {
		if len(a) <= 25 || len(b) <= 25 {
			return // the peer counts exactly here, ours approximates
		}
		for i := range b {
			b[i] = math.Round(b[i])
		}
		ranks, err := MannWhitney(a, b)
		if err != nil {
			t.Fatal(err)
		}
		peer := benchmath.AssumeNothing.Compare(pa, benchmath.NewSample(slices.Clone(b), &benchmath.DefaultThresholds))
		checkNear(t, "Mann–Whitney's p with ties", ranks.P, peer.P, 1e-9)
	})
}
