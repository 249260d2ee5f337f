package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func TestStudentsTIsExactInTheTails(t *testing.T) {
	// scipy 1.17.1: t.sf(x, df) and t.isf(p, df)
	for _, c := range [][3]float64{
		{30, 5, 3.8593243102480265e-07}, {2.5, 3.7, 0.03591101145591339}, {12, 11, 5.8164202513095616e-08},
		{-1, 2, 0.7886751345948129}, {0.001, 1e6, 0.4996010578858246}, {200, 1, 0.0015915361682059693},
	} {
		checkNear(t, "the ratio to the tail", tUpper(c[0], c[1])/c[2], 1, 2e-8)
	}
	for _, c := range [][3]float64{
		{1e-7, 5, 39.341819616899585}, {0.005, 2.3, 8.003745266871093}, {0.025, 1e6, 1.9599663568141072},
		{1e-12, 11, 33.507191552725054}, {0.4, 1, 0.32491969623290634},
	} {
		checkNear(t, "the quantile", tQuantileUpper(c[0], c[1]), c[2], 1e-9)
	}
}

func TestStudentsTQuantileInvertsItsTail(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 19))
	settled := 0
	const repetitions = 4_000
	for range repetitions {
		df := math.Exp(10*random.Float64()) * 0.8
		alpha := 0.5 * math.Exp(-30*random.Float64()*random.Float64())
		q := tQuantileUpper(alpha, df)
		if back := tUpper(q, df) / alpha; math.Abs(back-1) > 1e-8 {
			t.Fatalf("P(T > %v) with %v degrees of freedom is %v times %v", q, df, back, alpha)
		}
		if lower := tQuantileUpper(1-alpha, df); alpha > 1e-6 && !near(lower, -q, 1e-6) {
			t.Errorf("the lower quantile of %v is %v, the upper %v", alpha, lower, q)
		}
		if _, ok := tQuantileNewton(alpha, df); ok {
			settled++
		}
		if slow := -(distuv.StudentsT{Sigma: 1, Nu: df}).Quantile(alpha); alpha > 1e-6 && !near(q, slow, 1e-6) {
			t.Errorf("the quantile of %v with %v degrees of freedom is %v, by the general inverse %v", alpha, df, q, slow)
		}
	}
	if settled < repetitions*99/100 {
		t.Errorf("the fast way settles in %d of %d cases only", settled, repetitions)
	}
}
