package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

var looks = []int{6, 12, 24}

func TestLookAlphasAgreeWithOtherNumerics(t *testing.T) {
	// scipy 1.17.1: solved for each bound in turn with multivariate_normal.cdf, whose own
	// error is about 1e-7, on correlations √(tᵢ/tⱼ) at t = 1/4, 1/2, 1.
	for _, c := range []struct {
		name  string
		alpha float64
		spend Spending
		want  []float64
	}{
		{"O'Brien–Fleming, 0.01", 0.01, OBrienFleming, []float64{2.5819272972327324e-07, 0.00026961887929105084, 0.009907549245675624}},
		{"O'Brien–Fleming, 0.05", 0.05, OBrienFleming, []float64{8.857543832140377e-05, 0.0055435335701768665, 0.04823993290841819}},
		{"Pocock, 0.01", 0.01, Pocock, []float64{0.003573740195087882, 0.0033788803279857058, 0.004852476269821731}},
		{"Pocock, 0.05", 0.05, Pocock, []float64{0.01786870097543941, 0.018914082817151033, 0.027861339809015583}},
	} {
		got, err := LookAlphas(c.alpha, looks, c.spend)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.want {
			checkNear(t, c.name, got[i]/c.want[i], 1, 1e-4)
		}
	}
	// Five equal looks at one-sided 0.025 are the textbook case (Lan & DeMets 1983, table 1;
	// Jennison & Turnbull, chapter 7): 4.88, 3.36, 2.68, 2.29, 2.03.
	got, err := LookAlphas(0.025, []int{1, 2, 3, 4, 5}, OBrienFleming)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{4.877, 3.357, 2.680, 2.290, 2.031} {
		checkNear(t, "the textbook bound", normalQuantileUpper(got[i]), want, 6e-4)
	}
	// Without looks before the end nothing is to be paid for.
	if got, err := LookAlphas(0.01, []int{24}, Pocock); err != nil || !near(got[0], 0.01, 1e-12) {
		t.Errorf("a single look gets %v, %v", got, err)
	}
}

// falseAlarms simulates rounds without any effect and counts how often a series
// of looks says there is one.
func falseAlarms(t *testing.T, seed uint64, repetitions int, spend Spending, p func(d []float64) float64) float64 {
	t.Helper()
	alphas, err := LookAlphas(0.01, looks, spend)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 6))
	alarms := 0
	for range repetitions {
		d := normals(random, 24, 0, 1)
		for k, n := range looks {
			if p(d[:n]) < alphas[k] {
				alarms++
				break
			}
		}
	}
	return float64(alarms) / float64(repetitions)
}

func TestLooksTogetherErrAsOftenAsAllowed(t *testing.T) {
	known := func(d []float64) float64 { return normalUpper(Mean(d) * math.Sqrt(float64(len(d)))) }
	student := func(d []float64) float64 { return effect(t)(PairedT(d)).Greater(0) }
	for _, c := range []struct {
		name        string
		spend       Spending
		p           func([]float64) float64
		repetitions int // 100,000 have a standard error of 0.00031, 40,000 of 0.0005
	}{
		{"O'Brien–Fleming with known variance", OBrienFleming, known, 100_000},
		{"Pocock with known variance", Pocock, known, 100_000},
		{"O'Brien–Fleming on t statistics", OBrienFleming, student, 40_000},
		{"Pocock on t statistics", Pocock, student, 40_000},
	} {
		rate := falseAlarms(t, 7, c.repetitions, c.spend, c.p)
		t.Logf("%s: %.4f", c.name, rate)
		if tolerance := 0.001; math.Abs(rate-0.01) > tolerance {
			t.Errorf("%s: %.4f false alarms, want 0.01 ± %v", c.name, rate, tolerance)
		}
	}
}

func TestLookAlphasRefuseWhatMakesNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		alpha float64
		looks []int
		spend Spending
	}{
		"alpha 0":               {0, looks, Pocock},
		"alpha NaN":             {nan, looks, Pocock},
		"no look":               {0.01, nil, Pocock},
		"a look at nothing":     {0.01, []int{0, 6}, Pocock},
		"looks that go back":    {0.01, []int{6, 6}, Pocock},
		"spending too much":     {0.01, looks, func(alpha, t float64) float64 { return 2 * alpha }},
		"spending that shrinks": {0.01, looks, func(alpha, t float64) float64 { return alpha * (1 - t) }},
		"spending NaN":          {0.01, looks, func(alpha, t float64) float64 { return nan }},
	} {
		var few *TooFewError
		var rang *RangeError
		if got, err := LookAlphas(c.alpha, c.looks, c.spend); !errors.As(err, &few) && !errors.As(err, &rang) {
			t.Errorf("%s gives %v, %v", name, got, err)
		}
	}
	// A look that may spend nothing is never passed.
	got, err := LookAlphas(0.01, []int{1, 2}, func(alpha, t float64) float64 { return alpha * math.Floor(t) })
	if err != nil || got[0] > 1e-300 || !near(got[1], 0.01, 1e-9) {
		t.Errorf("a look that may spend nothing gets %v, %v", got, err)
	}
}
