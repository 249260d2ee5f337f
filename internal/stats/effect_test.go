package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// sleep is the data of Student 1908: hours of sleep gained by ten patients with
// two drugs. R's documentation of t.test works through it.
var sleep = [2][]float64{
	{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0},
	{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4},
}

func effect(t *testing.T) func(Effect, error) Effect {
	return func(e Effect, err error) Effect {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
}

func TestPairedTAgreesWithWorkedExamples(t *testing.T) {
	// scipy 1.17.1: ttest_1samp(d, 0), alternative="greater", popmean=0.05, .confidence_interval(0.95)
	e := effect(t)(PairedT([]float64{0.12, 0.05, 0.09, -0.01, 0.11, 0.07}))
	checkNear(t, "the estimate", e.Estimate, 0.07166666666666667, 1e-15)
	checkNear(t, "the standard error", e.SE, 0.019393584277051807, 1e-15)
	checkNear(t, "the degrees of freedom", e.DF, 5, 0)
	checkNear(t, "p, two-sided", e.TwoSided(0), 0.01406674568394488, 1e-12)
	checkNear(t, "p, greater than 0", e.Greater(0), 0.00703337284197244, 1e-12)
	checkNear(t, "p, greater than 0.05", e.Greater(0.05), 0.15734693642286182, 1e-12)
	checkNear(t, "p, less than 0", e.Less(0), 1-0.00703337284197244, 1e-12)
	i := e.Interval(0.95)
	checkNear(t, "the lower end", i.Lo, 0.021813871196195267, 1e-12)
	checkNear(t, "the upper end", i.Hi, 0.12151946213713807, 1e-12)
	checkNear(t, "the one-sided lower bound", e.LowerBound(0.025), i.Lo, 1e-15)
	checkNear(t, "the one-sided upper bound", e.UpperBound(0.025), i.Hi, 1e-15)
	if e.Exact || e.N != 6 {
		t.Errorf("six varying pairs give %+v", e)
	}

	// R: t.test(extra ~ group, data = sleep, paired = TRUE): t = 4.0621, df = 9, p = 0.002833
	d, err := Differences(sleep[0], sleep[1])
	if err != nil {
		t.Fatal(err)
	}
	e = effect(t)(PairedT(d))
	checkNear(t, "t of the sleep data", e.Estimate/e.SE, 4.062127683382037, 1e-12)
	checkNear(t, "p of the sleep data", e.TwoSided(0), 0.002832890197384273, 1e-12)
}

func TestWelchAgreesWithWorkedExamples(t *testing.T) {
	// scipy 1.17.1: ttest_ind(head, base, equal_var=False), .confidence_interval(0.99)
	base, head := []float64{10.1, 10.4, 9.9, 10.0, 10.3}, []float64{10.9, 11.2, 10.4, 11.5, 10.8, 11.1}
	e := effect(t)(Welch(base, head))
	checkNear(t, "the estimate", e.Estimate, 0.8433333333333319, 1e-14)
	checkNear(t, "t", e.Estimate/e.SE, 4.698902281298188, 1e-11)
	checkNear(t, "the degrees of freedom", e.DF, 7.982001037141447, 1e-11)
	checkNear(t, "p, two-sided", e.TwoSided(0), 0.0015530781446403794, 1e-12)
	checkNear(t, "p, greater", e.Greater(0), 0.0007765390723201897, 1e-12)
	i := e.Interval(0.99)
	checkNear(t, "the lower end", i.Lo, 0.24073191889790269, 1e-11)
	checkNear(t, "the upper end", i.Hi, 1.4459347477687612, 1e-11)

	// R: t.test(extra ~ group, data = sleep): t = -1.8608, df = 17.776, p = 0.07939
	e = effect(t)(Welch(sleep[0], sleep[1]))
	checkNear(t, "df of the sleep data", e.DF, 17.776473516178488, 1e-12)
	checkNear(t, "p of the sleep data", e.TwoSided(0), 0.0793941401873583, 1e-12)
}

func TestZeroVarianceComparesExactly(t *testing.T) {
	same := []float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1}
	paired := effect(t)(PairedT(same))
	welch := effect(t)(Welch([]float64{2, 2}, []float64{2.1, 2.1, 2.1}))
	for name, e := range map[string]Effect{"paired": paired, "Welch": welch, "negated twice": paired.Negate().Negate()} {
		if !e.Exact || e.SE != 0 || e.DF != 0 {
			t.Errorf("%s: values without variance give %+v", name, e)
		}
		if e.Greater(0) != 0 || e.Less(0) != 1 || e.TwoSided(0) != 0 || e.Greater(e.Estimate) != 1 || e.TwoSided(e.Estimate) != 1 || e.Less(1) != 0 {
			t.Errorf("%s: p values are not those of exact numbers", name)
		}
		if i := e.Interval(0.95); i.Lo != e.Estimate || i.Hi != e.Estimate {
			t.Errorf("%s: the interval is %v", name, i)
		}
		if !math.IsNaN(e.Greater(nan)) || !math.IsNaN(e.LowerBound(0)) {
			t.Errorf("%s: a question that makes no sense gets an answer", name)
		}
	}
	if paired.Estimate != 0.1 {
		t.Errorf("the mean of equal values is rounded to %.17g", paired.Estimate)
	}
	// One side alone varies: that side's n−1 degrees of freedom.
	e := effect(t)(Welch([]float64{1, 1, 1}, []float64{1, 2, 3, 4}))
	if e.Exact || e.DF != 3 {
		t.Errorf("one varying side gives %+v, want 3 degrees of freedom", e)
	}
	e = effect(t)(Welch([]float64{0, 1e-170, 2e-170}, []float64{0, 3e-170, 1e-170}))
	if !(e.DF >= 2 && e.DF <= 4) && !e.Exact {
		t.Errorf("tiny variances give %+v", e)
	}
}

func TestOddInputOfComparisonsIsATypedError(t *testing.T) {
	var few *TooFewError
	var notFinite *NotFiniteError
	var length *LengthError
	var rang *RangeError
	paired := func(d ...float64) error { _, err := PairedT(d); return err }
	welch := func(b, h []float64) error { _, err := Welch(b, h); return err }
	ratios := func(b, h []float64) error { _, err := LogRatios(b, h); return err }
	predict := func(x ...float64) error { _, err := Predict(x); return err }
	for _, c := range []struct {
		name string
		err  error
		want any
	}{
		{"no pair", paired(), &few},
		{"one pair", paired(1), &few},
		{"NaN among pairs", paired(1, nan, 2), &notFinite},
		{"infinity among pairs", paired(1, 2, inf), &notFinite},
		{"one round on a side", welch([]float64{1}, []float64{1, 2}), &few},
		{"NaN on a side", welch([]float64{1, 2}, []float64{1, nan}), &notFinite},
		{"unequal lengths", ratios([]float64{1}, []float64{1, 2}), &length},
		{"a ratio to zero", ratios([]float64{0}, []float64{1}), &rang},
		{"a ratio of a negative", ratios([]float64{1}, []float64{-1}), &rang},
		{"four base runs", predict(1, 2, 3, 4), &few},
	} {
		if c.err == nil || !errors.As(c.err, c.want) {
			t.Errorf("%s: the error is %v, want a %T", c.name, c.err, c.want)
		}
	}
	if err := paired(1.7e308, -1.7e308); !errors.Is(err, ErrOverflow) {
		t.Errorf("a variance beyond float64 gives %v", err)
	}
	if d, err := LogRatios([]float64{5e-324, 3}, []float64{1.7e308, 3}); err != nil || math.IsInf(d[0], 0) || d[1] != 0 {
		t.Errorf("log ratios whose ratio overflows are %v, %v", d, err)
	}
}

// normals is n draws about a mean.
func normals(random *rand.Rand, n int, mean, sd float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean + sd*random.NormFloat64()
	}
	return x
}

func TestComparisonsAreSymmetricAndBlindToUnits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		n := 2 + random.IntN(20)
		base, head := make([]float64, n), make([]float64, n)
		for i := range base {
			base[i], head[i] = math.Exp(random.NormFloat64()), math.Exp(0.1+random.NormFloat64())
		}
		for name, compare := range map[string]func(b, h []float64) Effect{
			"paired": func(b, h []float64) Effect {
				d, err := LogRatios(b, h)
				if err != nil {
					t.Fatal(err)
				}
				return effect(t)(PairedT(d))
			},
			"Welch": func(b, h []float64) Effect {
				lb, err1 := Logs(b)
				lh, err2 := Logs(h)
				if err := errors.Join(err1, err2); err != nil {
					t.Fatal(err)
				}
				return effect(t)(Welch(lb, lh))
			},
		} {
			e, swapped := compare(base, head), compare(head, base)
			checkNear(t, name+" swapped: the estimate", swapped.Estimate, -e.Estimate, 1e-12)
			checkNear(t, name+" swapped: p", swapped.Less(0), e.Greater(0), 1e-11)
			checkNear(t, name+" negated: p", e.Negate().Less(-0.1), e.Greater(0.1), 1e-14)
			checkNear(t, name+" negated: the bound", e.Negate().UpperBound(0.01), -e.LowerBound(0.01), 1e-14)
			scaled := compare(times(base, 1e6), times(head, 1e6))
			checkNear(t, name+" in another unit: the estimate", scaled.Estimate, e.Estimate, 1e-11)
			checkNear(t, name+" in another unit: p", scaled.TwoSided(0), e.TwoSided(0), 1e-9)
			if (e.LowerBound(0.01) > 0) != (e.Greater(0) < 0.01) {
				t.Errorf("%s: the bound %v and p %v disagree", name, e.LowerBound(0.01), e.Greater(0))
			}
		}
	}
}

func times(x []float64, k float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * k
	}
	return out
}

func TestPairedTErrsAsOftenAsItSays(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	const repetitions = 10_000
	wrong, missed := 0, 0
	for range repetitions {
		e := effect(t)(PairedT(normals(random, 6, 0.1, 0.3)))
		if e.Greater(0.1) < 0.05 {
			wrong++
		}
		if i := e.Interval(0.9); i.Lo > 0.1 || i.Hi < 0.1 {
			missed++
		}
	}
	checkNear(t, "false alarms at 0.05", float64(wrong)/repetitions, 0.05, 0.006)
	checkNear(t, "intervals that miss at 90%", float64(missed)/repetitions, 0.1, 0.01)
}

func TestPredictionHoldsTheNextRun(t *testing.T) {
	// scipy 1.17.1: mean ± t.ppf(0.975, 5)*se with se = std(ddof=1)*sqrt(1+1/6); t.sf((10.9-mean)/se, 5)
	p, err := Predict([]float64{10.2, 9.8, 10.1, 10.4, 9.9, 10.0})
	if err != nil {
		t.Fatal(err)
	}
	checkNear(t, "the standard error", p.SE, 0.23333333333333314, 1e-12)
	i := p.Interval(0.95)
	checkNear(t, "the lower end", i.Lo, 9.46686424, 1e-8)
	checkNear(t, "the upper end", i.Hi, 10.66646909, 1e-8)
	e := effect(t)(p.Effect(10.9))
	checkNear(t, "p, above", e.Greater(0), 0.008009722570175314, 1e-11)

	exact, err := Predict([]float64{3, 3, 3, 3, 3})
	if err != nil || !exact.Exact {
		t.Fatalf("equal base runs give %+v, %v", exact, err)
	}
	if e := effect(t)(exact.Effect(3)); e.Greater(0) != 1 {
		t.Errorf("the same value again has p %v", e.Greater(0))
	}
	if e := effect(t)(exact.Effect(3.1)); e.Greater(0) != 0 {
		t.Errorf("another value after equal ones has p %v", e.Greater(0))
	}
	if _, err := p.Effect(inf); err == nil {
		t.Error("an infinite run is accepted")
	}

	random := rand.New(rand.NewPCG(3, 3))
	inside := 0
	const repetitions = 10_000
	for range repetitions {
		runs := normals(random, 6, 5, 2)
		p, err := Predict(runs[:5])
		if err != nil {
			t.Fatal(err)
		}
		if i := p.Interval(0.9); i.Lo <= runs[5] && runs[5] <= i.Hi {
			inside++
		}
	}
	checkNear(t, "the share of next runs inside 90%", float64(inside)/repetitions, 0.9, 0.01)
}

func TestErrorsNameTheMethodTheThingAndTheRemedy(t *testing.T) {
	_, few := PairedT([]float64{1})
	_, notFinite := PairedT([]float64{1, nan})
	_, length := LogRatios([]float64{1}, nil)
	_, rang := LogRatios([]float64{0}, []float64{1})
	for _, c := range []struct {
		err  error
		want string
	}{
		{few, "paired t: 1 values, at least 2 are needed"},
		{notFinite, "paired t: value 1 is NaN: leave out rounds without a value"},
		{length, "log ratios: 1 base values and 0 head values: rounds come in pairs"},
		{rang, "log ratios: base value is 0, it must be finite and above 0"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("the error reads %v, want %s", c.err, c.want)
		}
	}
}
