package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// nile is the yearly volume of the Nile at Aswan, 1871–1970, in 10⁸ m³ (Cobb,
// Biometrika 65, 1978): the change after 1898 is the textbook example.
var nile = []float64{1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
	1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
	831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759,
	781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890,
	744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740}

func steps(random *rand.Rand, sd float64, lengths []int, levels []float64) []float64 {
	var x []float64
	for i, n := range lengths {
		x = append(x, normals(random, n, levels[i], sd)...)
	}
	return x
}

func changes(t *testing.T, x []float64, o ChangeOptions) []ChangePoint {
	t.Helper()
	found, err := EDivisive(x, o)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEDivisiveFindsChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 11))
	for _, c := range []struct {
		name   string
		x      []float64
		want   []int
		within int
	}{
		{"the Nile changed in 1899", nile, []int{28}, 0},
		{"a step up and one down", steps(random, 1, []int{60, 50, 40}, []float64{10, 14, 10}), []int{60, 110}, 1},
		{"a small step in a long history", steps(random, 1, []int{300, 300}, []float64{0, 0.7}), []int{300}, 15},
		{"a step without noise", steps(random, 0, []int{7, 5}, []float64{2, 3}), []int{7}, 0},
		{"a step in the last points", steps(random, 0.1, []int{40, 5}, []float64{1, 2}), []int{40}, 0},
		{"a change of spread alone", append(normals(random, 150, 0, 0.2), normals(random, 150, 0, 2)...), []int{150}, 6},
		{"a constant has none", make([]float64, 50), nil, 0},
		{"too few points have none", []float64{1, 1, 9, 9, 9}, nil, 0},
		{"no points have none", nil, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := changes(t, c.x, ChangeOptions{Seed: 1})
			if len(found) != len(c.want) {
				t.Fatalf("found %+v, want changes at %v", found, c.want)
			}
			for i, f := range found {
				if f.Index < c.want[i]-c.within || f.Index > c.want[i]+c.within || f.P > 0.05 || f.P < 1.0/200 {
					t.Errorf("found %+v, want a change at %d ± %d", f, c.want[i], c.within)
				}
			}
		})
	}
}

func TestEDivisiveGivesMedianLevelsOfTheSegments(t *testing.T) {
	x := []float64{1, 1, 1, 50, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, -50, 3, 3, 3, 3, 3}
	found := changes(t, x, ChangeOptions{Seed: 1})
	if len(found) != 1 || found[0].Index != 10 || found[0].Before != 1 || found[0].After != 3 || found[0].Magnitude() != 2 {
		t.Errorf("a step from 1 to 3 between outliers is found as %+v", found)
	}
}

// The definition, in O(n³): Matteson & James 2014, equations 5 and 6.
func bestCutByDefinition(x []float64, smallest int) (cut int, q float64) {
	mean := func(a, b []float64) float64 {
		var sum float64
		for _, v := range a {
			for _, w := range b {
				sum += math.Abs(v - w)
			}
		}
		return sum
	}
	for c := smallest; c <= len(x)-smallest; c++ {
		l, r := x[:c], x[c:]
		m, k := float64(len(l)), float64(len(r))
		value := m * k / (m + k) * (2*mean(l, r)/(m*k) - mean(l, l)/(m*(m-1)) - mean(r, r)/(k*(k-1)))
		if value > q {
			cut, q = c, value
		}
	}
	if q < 1e-12 { // 0 but for rounding
		return 0, 0
	}
	return cut, q
}

func TestEnergyEqualsItsDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 12))
	for range 200 {
		x := normals(random, 4+random.IntN(40), 0, 1)
		for i := range x {
			if random.IntN(3) == 0 {
				x[i] = math.Round(x[i]) // ties
			}
		}
		x = unitScale(x)
		e := newEnergy(x)
		for range 2 { // a second time after the first has used the tree, and in another order
			cut, q := e.bestCut(2)
			wantCut, wantQ := bestCutByDefinition(x, 2)
			if cut != wantCut || !near(q, wantQ, 1e-12) {
				t.Fatalf("%v: the best cut is %d with %v, by definition %d with %v", x, cut, q, wantCut, wantQ)
			}
			e.shuffle(random)
			for i, rank := range e.rank {
				x[i] = e.sorted[rank] // unitScale made the smallest 0
			}
		}
	}
}

func TestEDivisiveSeldomFindsWhatIsNotThere(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 13))
	const histories = 200
	alarms := 0
	for i := range histories {
		if len(changes(t, normals(random, 60, 0, 1), ChangeOptions{Seed: uint64(i), Permutations: 99})) > 0 {
			alarms++
		}
	}
	checkNear(t, "the share of histories with a false change", float64(alarms)/histories, 0.05, 0.025)
}

func TestEDivisiveIsRepeatableAndBlindToUnits(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 14))
	x := steps(random, 1, []int{60, 60, 60}, []float64{0, 2, 5})
	found := changes(t, x, ChangeOptions{Seed: 3})
	if again := changes(t, x, ChangeOptions{Seed: 3}); !slices.Equal(again, found) {
		t.Errorf("the same seed finds %+v, then %+v", found, again)
	}
	index := func(cs []ChangePoint) (out []int) {
		for _, c := range cs {
			out = append(out, c.Index)
		}
		return out
	}
	for _, k := range []float64{1 << 20, -1, 0x1p-900, 0x1p+1020} {
		if scaled := changes(t, times(x, k), ChangeOptions{Seed: 3}); !slices.Equal(index(scaled), index(found)) {
			t.Errorf("times %v the changes are %v, were %v", k, index(scaled), index(found))
		}
	}
	if one := changes(t, x, ChangeOptions{Seed: 3, MaxChanges: 1}); len(one) != 1 {
		t.Errorf("at most one change gives %+v", one)
	}
}

func TestEDivisiveRefusesWhatMakesNoSense(t *testing.T) {
	var rang *RangeError
	for name, o := range map[string]ChangeOptions{
		"segments of one":           {MinSegment: 1},
		"negative permutations":     {Permutations: -1},
		"too few permutations":      {Permutations: 18},
		"alpha 1":                   {Alpha: 1},
		"alpha NaN":                 {Alpha: nan},
		"a negative number of them": {MaxChanges: -1},
	} {
		if _, err := EDivisive(nile, o); !errors.As(err, &rang) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	var notFinite *NotFiniteError
	if _, err := EDivisive([]float64{1, nan}, ChangeOptions{}); !errors.As(err, &notFinite) || notFinite.Index != 1 {
		t.Errorf("a NaN gives %v", err)
	}
}
