package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// autoregressive is a stationary series whose neighbours correlate by phi, with
// mean 10 and standard deviation 1.
func autoregressive(random *rand.Rand, n int, phi float64) []float64 {
	x := make([]float64, n)
	state := random.NormFloat64()
	for i := range x {
		x[i] = 10 + state
		state = phi*state + math.Sqrt(1-phi*phi)*random.NormFloat64()
	}
	return x
}

func TestBlockBootstrapCoversTheMean(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	const repetitions = 300
	for _, c := range []struct {
		name      string
		n         int
		phi       float64
		block     int
		low, high float64
	}{
		{"independent values", 100, 0, 0, 0.92, 0.98},
		{"the median autocorrelation of benchmark iterations", 200, 0.26, 0, 0.91, 0.98},
		{"strong correlation with the default block covers too little", 200, 0.67, 0, 0.84, 0.92},
		{"strong correlation with longer blocks", 400, 0.67, 20, 0.90, 0.97},
	} {
		covered, naive := 0, 0
		for i := range repetitions {
			x := autoregressive(random, c.n, c.phi)
			b, err := BlockBootstrap(x, BootstrapOptions{Block: c.block, Resamples: 499, Seed: uint64(i)})
			if err != nil {
				t.Fatal(err)
			}
			if b.Interval.Lo <= 10 && 10 <= b.Interval.Hi {
				covered++
			}
			if e := effect(t)(PairedT(x)).Interval(0.95); e.Lo <= 10 && 10 <= e.Hi {
				naive++
			}
		}
		share := float64(covered) / repetitions
		t.Logf("%s: %.3f covered, a t interval that ignores the correlation %.3f", c.name, share, float64(naive)/repetitions)
		if share < c.low || share > c.high {
			t.Errorf("%s: %.3f of 95%% intervals cover the mean, want %v to %v", c.name, share, c.low, c.high)
		}
		if c.phi > 0 && naive >= covered {
			t.Errorf("%s: an interval that ignores the correlation covers as often", c.name)
		}
	}
}

func TestBlockBootstrapIsRepeatable(t *testing.T) {
	x := autoregressive(rand.New(rand.NewPCG(9, 9)), 100, 0.3)
	run := func(o BootstrapOptions) Bootstrapped {
		b, err := BlockBootstrap(x, o)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if a, b := run(BootstrapOptions{Seed: 1}), run(BootstrapOptions{Seed: 1}); a != b {
		t.Errorf("the same seed gives %+v and %+v", a, b)
	}
	a, b := run(BootstrapOptions{Seed: 1}), run(BootstrapOptions{Seed: 2})
	if a.Interval == b.Interval {
		t.Error("another seed draws the same resamples")
	}
	if a.Block != 5 || a.Estimate != Mean(x) {
		t.Errorf("100 values give %+v, want blocks of 5", a)
	}
	wide := run(BootstrapOptions{Seed: 1, Level: 0.99})
	if wide.Interval.Lo >= a.Interval.Lo || wide.Interval.Hi <= a.Interval.Hi {
		t.Errorf("99%% is %v, 95%% %v", wide.Interval, a.Interval)
	}
	scaled, err := BlockBootstrap(times(x, 1024), BootstrapOptions{Seed: 1})
	if err != nil || !near(scaled.Interval.Lo, 1024*a.Interval.Lo, 1e-12) {
		t.Errorf("in another unit the interval is %v, %v, was %v", scaled.Interval, err, a.Interval)
	}
}

func TestBlockLengthIsTheCubeRoot(t *testing.T) {
	for n, want := range map[int]int{-1: 1, 0: 1, 1: 1, 8: 2, 9: 3, 27: 3, 1000: 10, 1001: 11, 1 << 60: 1 << 20} {
		if got := BlockLength(n); got != want {
			t.Errorf("%d values get blocks of %d, want %d", n, got, want)
		}
	}
}

func TestBlockBootstrapAtTheEdges(t *testing.T) {
	x := autoregressive(rand.New(rand.NewPCG(10, 10)), 50, 0)
	b, err := BlockBootstrap(slices.Repeat([]float64{3}, 15), BootstrapOptions{})
	if err != nil || !b.Exact || b.Interval != (Interval{Lo: 3, Hi: 3, Level: 0.95}) {
		t.Errorf("equal values give %+v, %v", b, err)
	}
	var few *TooFewError
	var notFinite *NotFiniteError
	var rang *RangeError
	for _, c := range []struct {
		name string
		x    []float64
		o    BootstrapOptions
		want any
	}{
		{"no values", nil, BootstrapOptions{}, &few},
		{"fewer than five blocks", x, BootstrapOptions{Block: 11}, &few},
		{"blocks of any size", x, BootstrapOptions{Block: math.MaxInt}, &few},
		{"a NaN", append([]float64{nan}, x...), BootstrapOptions{}, &notFinite},
		{"a negative block", x, BootstrapOptions{Block: -1}, &rang},
		{"a level of 1", x, BootstrapOptions{Level: 1}, &rang},
		{"too few resamples for the level", x, BootstrapOptions{Resamples: 19, Level: 0.99}, &rang},
		{"more resamples than memory", x, BootstrapOptions{Resamples: math.MaxInt}, &rang},
	} {
		if _, err := BlockBootstrap(c.x, c.o); err == nil || !errors.As(err, c.want) {
			t.Errorf("%s gives %v, want a %T", c.name, err, c.want)
		}
	}
}
