package stats

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMannWhitneyAgreesWithWorkedExamples(t *testing.T) {
	count := func(from, n int, shift float64) (x []float64) {
		for i := range n {
			x = append(x, float64(from+i)+shift)
		}
		return x
	}
	for _, c := range []struct {
		name       string
		base, head []float64
		want       RankComparison
	}{
		// scipy 1.17.1: mannwhitneyu(head, base, method="exact"), then "asymptotic"
		{"exact", []float64{1.1, 2.3, 3.1, 4.8, 5.0}, []float64{2.9, 4.1, 5.3, 6.6, 7.2, 8.0}, RankComparison{25, 0.08225108225108226, true}},
		{"exact with many", count(30, 45, 0.5), count(40, 40, 0), RankComparison{1170, 0.017108170359587557, true}},
		{"approximate for ties", []float64{1, 2, 2, 3, 5, 5, 5, 8}, []float64{2, 4, 5, 6, 7, 9, 9}, RankComparison{41.5, 0.1272539397501806, false}},
		// 2/(10 over 5): why five rounds and Holm's correction find nothing
		{"the smallest p of five rounds", count(0, 5, 0), count(5, 5, 0), RankComparison{25, 0.007936507936507936, true}},
		{"equal values", []float64{3, 3}, []float64{3, 3, 3}, RankComparison{3, 1, false}},
		{"one value each", []float64{1}, []float64{2}, RankComparison{1, 1, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := MannWhitney(c.base, c.head)
			if err != nil || got.U != c.want.U || got.Exact != c.want.Exact {
				t.Fatalf("the result is %+v, %v, want %+v", got, err, c.want)
			}
			checkNear(t, "p", got.P, c.want.P, 1e-11)
		})
	}
	var few *TooFewError
	if _, err := MannWhitney(nil, []float64{1}); !errors.As(err, &few) {
		t.Errorf("an empty side gives %v", err)
	}
}

func TestMannWhitneyIsSymmetricAndKnowsOnlyRanks(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 17))
	for range 200 {
		a, b := normals(random, 1+random.IntN(60), 0, 1), normals(random, 1+random.IntN(60), 0.3, 1)
		before := slices.Clone(a)
		ab, err1 := MannWhitney(a, b)
		ba, err2 := MannWhitney(b, a)
		scaled, err3 := MannWhitney(times(a, 8), times(b, 8))
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		checkNear(t, "p of the sides swapped", ba.P, ab.P, 1e-12)
		checkNear(t, "U of both", ab.U+ba.U, float64(len(a)*len(b)), 0)
		if scaled != ab || !slices.Equal(a, before) {
			t.Errorf("in another unit %+v becomes %+v", ab, scaled)
		}
	}
}
